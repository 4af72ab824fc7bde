"""Planning on the belief by tree search: UCB1 over items in a tree of answers, the base rule beyond it."""

from dataclasses import dataclass, field

import numpy as np

from coursewright.agents.base_rule import refuse_no_rule, rule_of
from coursewright.agents.options import at_least, not_negative
from coursewright.agents.planners.imagined import Imagination, Planning, refuse_unimaginable
from coursewright.agents.planners.on_belief import BeliefPlanner
from coursewright.agents.planners.playing_on import (
    Branch,
    Branches,
    above_doubt,
    kept_by,
    returns,
)
from coursewright.agents.planners.proof import proved
from coursewright.agents.planners.tree import Tree
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuned_rule import TunedRule
from coursewright.agents.tuning import Agent
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats, Ints

Into = tuple[Tree, Floats]
"""The trees, and what the base rule returns in the same simulation, `[rows]`."""


@dataclass(frozen=True, eq=False)
class BeliefSearchRule(BeliefPlanner):
    """The item whose simulations gain most over the base rule, if that is clearly more than nothing.

    A simulation imagines a learner and descends the tree by UCB1: a node's choices are the rule's own there
    and the `candidates` of most expected gain now.  A first visit adds a node, and the rule plays on.  The
    gain is over the rule with the same learner and fate, and clear above `z` of its standard errors.
    """

    tries: int
    c: float
    z: float

    @property
    def lives(self) -> int:
        """As `BeliefPlanner.lives`."""
        return self.tries

    @property
    def simulations(self) -> int:
        """As `BeliefPlanner.simulations`: a life is lived once."""
        return self.tries

    def best(self, seen: Seen, after: Planning, tried: Branches, branch: Branch) -> Ints:
        """As `BeliefPlanner.best`, after all simulations."""
        rule = tried._replace(action=tried.action[:, :1])
        known = returns(self.base, seen, after.base, rule, branch)[:, 0]
        tree = Tree.of(len(tried.rows), tried.action.shape[1], self.simulations + 1)
        for n in range(self.simulations):
            copies = branch(tried.rows, np.ascontiguousarray(tried.fate[:, n]))
            self._simulate(seen, after, tried, copies, (tree, known[:, n]))
        mean, doubt = tree.root()
        return above_doubt(tried.action, mean[:, 1:], doubt[:, 1:], self.z)

    def _simulate(self, seen: Seen, memory: Planning, tried: Branches, copies: Episodes, into: Into) -> None:
        """One simulation of every learner, by `copies` of them, counted in the trees."""
        tree, known = into
        own, node, inside = tried.action[:, 0], np.zeros(copies.batch, np.int64), np.ones(copies.batch, bool)
        kept, returned = kept_by(copies, seen, memory.base, tried.rows, own), np.zeros(copies.batch)
        path: list[tuple[Ints, Ints, Ints]] = []
        while True:
            action, rows = own.copy(), np.flatnonzero(inside & ~copies.over)
            if len(rows):
                choices = np.column_stack([own[rows], tried.action[rows, 1:]])
                open_ = copies.mask[rows[:, None], choices] & (choices != choices[:, :1])
                open_[:, 0] = True
                path.append((rows, node[rows], tree.select(rows, node[rows], open_, self.c)))
                action[rows] = choices[np.arange(len(rows)), path[-1][2]]
            active = ~copies.over
            reward = copies.advance(action)
            returned += np.where(active, reward, 0.0)
            if len(rows):
                node[rows], new = tree.descend(*path[-1], copies.response.correct[rows])
                inside[rows[new]] = False
            if copies.over.all():
                break
            kept = kept._replace(item=seen.task.item_of(action))
            own, kept = self.base.predict(copies.observation, kept, None, True, copies.mask)
        tree.back_up(path, returned - known)


@dataclass(frozen=True)
class BeliefSearch:
    """The gated tree search on the tutor's belief, over the `base` rule (POMCP, Silver & Veness 2010).

    Each of the `simulations` at a decision draws a learner from the tutor's belief, descends a tree of items
    and answers by UCB1, adds a node, and plays on under the base rule to the end of the budget (`tree`).  At
    each node the choices are the rule's own and the `candidates` items of most expected gain now.  `c` is
    UCB1's, in units of the range of gains so far.  An item replaces the rule's choice where its gain over the
    rule, with the same learners and fates, is above `z` standard errors.  On `proof` tuning learners planning
    has to be above the rule; otherwise the rule itself is the policy (`proof`).

    Raises `InputError` for options out of range.
    """

    base: Agent = field(default_factory=TunedRule)
    simulations: int = 96
    candidates: int = 3
    c: float = 1.0
    z: float = 2.0
    proof: int = 100

    def __post_init__(self) -> None:
        at_least(0, proof=self.proof)
        at_least(1, candidates=self.candidates)
        at_least(2 * (self.candidates + 1), simulations=self.simulations)
        not_negative(c=self.c, z=self.z)

    def refuse(self, task: Task) -> None:
        """Refuse a base that is no rule, and learners who cannot be imagined, before a rule is tuned."""
        refuse_no_rule(self.base, "agent.base")
        refuse_unimaginable(task)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the base is no rule, or no learner can be imagined."""
        base = rule_of(self.base, task, seed, tracker, "agent.base")
        imagination = Imagination.of(task, base)
        rule = BeliefSearchRule(base, imagination, self.candidates, self.simulations, self.c, self.z)
        planner = RulePolicy("belief_search", imagination.seen, rule, tuned=base.tuned)
        return proved(planner, base, task, self.proof)
