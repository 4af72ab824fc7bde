"""Planning on the belief by rollouts: imagined learners play on under a base rule, after each item."""

from dataclasses import dataclass, field

from coursewright.agents.base_rule import refuse_no_rule, rule_of
from coursewright.agents.options import at_least, not_negative
from coursewright.agents.planners.imagined import Imagination, Planning, refuse_unimaginable
from coursewright.agents.planners.on_belief import BeliefPlanner
from coursewright.agents.planners.playing_on import (
    Branch,
    Branches,
    clearly_best,
    returns,
)
from coursewright.agents.planners.proof import proved
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuned_rule import TunedRule
from coursewright.agents.tuning import Agent
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Ints


@dataclass(frozen=True, eq=False)
class BeliefRolloutRule(BeliefPlanner):
    """The item after which the base rule is expected to reach most, if that is clearly more than its own.

    Clearly: by more than `z` standard errors of the paired gain over `copies` imagined learners.
    """

    copies: int
    z: float

    @property
    def lives(self) -> int:
        """As `BeliefPlanner.lives`: every item is tried with the same ones."""
        return self.copies

    @property
    def simulations(self) -> int:
        """As `BeliefPlanner.simulations`."""
        return (self.candidates + 1) * self.copies

    def best(self, seen: Seen, after: Planning, tried: Branches, branch: Branch) -> Ints:
        """As `BeliefPlanner.best`."""
        return clearly_best(tried, returns(self.base, seen, after.base, tried, branch), self.z)


@dataclass(frozen=True)
class BeliefRollout:
    """The gated rollout on the tutor's belief, over the `base` rule.

    At each decision learners are drawn from the tutor's belief: of its mind, or of its table of BKT where it
    has none.  For the base rule's choice, and for each of the `candidates` items of most expected gain, they
    play on under the base rule to the end of the budget, in the tutor's fitted model and with copies of the
    tutor's records.  An item replaces the rule's choice where its paired gain is above `z` standard errors.
    `simulations` of such episodes are spent at a decision, equally many after each choice.

    The gate holds noise off, and no error of the model.  So planning has to be above the rule on `proof`
    tuning learners; otherwise the rule itself is the policy (`proof`).

    Raises `InputError` for options out of range.
    """

    base: Agent = field(default_factory=TunedRule)
    simulations: int = 96
    candidates: int = 5
    z: float = 2.0
    proof: int = 100

    def __post_init__(self) -> None:
        at_least(0, proof=self.proof)
        at_least(1, candidates=self.candidates)
        at_least(2 * (self.candidates + 1), simulations=self.simulations)
        not_negative(z=self.z)

    def refuse(self, task: Task) -> None:
        """Refuse a base that is no rule, and learners who cannot be imagined, before a rule is tuned."""
        refuse_no_rule(self.base, "agent.base")
        refuse_unimaginable(task)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the base is no rule, or no learner can be imagined."""
        base = rule_of(self.base, task, seed, tracker, "agent.base")
        imagination = Imagination.of(task, base)
        copies = self.simulations // (self.candidates + 1)
        rule = BeliefRolloutRule(base, imagination, self.candidates, copies, self.z)
        planner = RulePolicy("belief_rollout", imagination.seen, rule, tuned=base.tuned)
        return proved(planner, base, task, self.proof)
