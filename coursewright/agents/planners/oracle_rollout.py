"""The oracle by rollouts: copies of the learners play on under a base rule, after each of a few items.

The base rule is left only for an item that gains clearly more than its own choice, so that the oracle is, but
for noise, never below the rule (a plain argmax over noisy rollouts is far below it).  The copies live through
fates of their own: the oracle knows the learner and the rule, and not what will happen.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coursewright.agents.base_rule import refuse_no_rule, rule_of
from coursewright.agents.options import at_least, not_negative
from coursewright.agents.planners.copies import other_fates
from coursewright.agents.planners.oracle_copies import CopiesRule
from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.planners.playing_on import (
    Branches,
    clearly_best,
    returns,
    with_best,
)
from coursewright.agents.portions import bytes_of, parts
from coursewright.agents.rule import OraclePolicy, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuned_rule import TunedRule
from coursewright.agents.tuning import Agent
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Ints
from coursewright.simulators.luck import Luck

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RolloutRule:
    """The item after which the base rule is expected to reach most, if that is clearly more than its own.

    Clearly: by more than `z` standard errors of the paired gain over `copies` fates.  The items tried are the
    best `candidates` one step ahead.
    """

    base: RulePolicy
    ahead: CopiesRule
    copies: int
    candidates: int
    z: float

    @property
    def needs(self) -> tuple[str, ...]:
        """The features that the base rule reads."""
        return tuple(self.base.rule.needs)

    def begin(self, luck: Luck) -> Any:
        """The base rule's memory."""
        return self.base.rule.begin(luck)

    def choose(self, seen: Seen, memory: Any) -> tuple[Ints, Any]:
        """Actions `[batch]`."""
        episodes = seen.episodes
        action, after = self.base.rule.choose(seen, memory)
        seen.drawn.otherwise = bool(seen.drawn.among)  # a draw of the rule's may not be the last word
        worth = self.ahead.worth(episodes, seen.allowed)
        branches = with_best(action, worth, self.candidates)
        chosen = action.copy()
        each = 2 * branches.shape[1] * self.copies * (bytes_of(episodes.snapshot()) // episodes.batch)
        for rows in parts(np.flatnonzero(~episodes.over), each):
            fate = other_fates(episodes.luck, rows, self.copies)
            tried = Branches(rows, branches[rows], fate.reshape(len(rows), self.copies))
            returned = returns(self.base, seen, after, tried, episodes.branch)
            chosen[rows] = clearly_best(tried, returned, self.z)
        return chosen, after


@dataclass(frozen=True)
class OracleRollout:
    """The gated rollout over the `base` rule: by default never clearly below the tuned rule.

    For the base rule's choice, and for each of the `candidates` best items one step ahead (`OracleGreedy`),
    `copies` of the true state and of the tutor's record play on under the base rule to the end of the budget.
    An item replaces the rule's choice where its paired gain is above `z` standard errors.  It is costly: an
    episode of T steps takes T^2 / 2 x (candidates + 1) x copies of them for each learner.

    Raises `InputError` for options out of range.
    """

    base: Agent = field(default_factory=TunedRule)
    copies: int = 16
    candidates: int = 5
    z: float = 2.0

    def __post_init__(self) -> None:
        at_least(2, copies=self.copies)
        at_least(1, candidates=self.candidates)
        not_negative(z=self.z)

    def refuse(self, task: Task) -> None:
        """Refuse a base that is no rule, before one is tuned."""
        refuse_no_rule(self.base, "agent.base")

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> OraclePolicy:
        """The policy.  Raises `InputError` where the base cannot do the task, or is no rule."""
        base = rule_of(self.base, task, seed, tracker, "agent.base")
        steps = task.horizon * (task.horizon + 1) // 2 * (self.candidates + 1) * self.copies
        log.info("oracle_rollout: up to %s steps are tried out for each learner", f"{steps:,}")
        ahead = OracleGreedy().by_copies(task).rule
        assert isinstance(ahead, CopiesRule)
        rule = RolloutRule(base, ahead, self.copies, self.candidates, self.z)
        return OraclePolicy(RulePolicy("oracle_rollout", base.task, rule, tuned=base.tuned))
