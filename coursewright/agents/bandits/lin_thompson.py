"""Linear Thompson sampling (Agrawal & Goyal, ICML 2013): theta ~ N(A^-1 b, v^2 A^-1) anew at every choice.

Arms have models of their own, and each meets one context a turn: so theta' x ~ N(x' A^-1 b, v^2 x' A^-1 x)
is drawn itself.  Their theory's v = R sqrt(9 d ln(t / delta)) explores far too much; .05 to 1 are in use.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursewright.agents.bandits.linear import LinearRule, Plan, train
from coursewright.agents.bandits.linear_policy import LinearPolicy
from coursewright.agents.options import at_least, not_negative, positive, shares
from coursewright.agents.rule import Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, hash_pair, normal

NAME = "lin_thompson"


@kernel
def _draw(fate: Keys, turn: Ints, seed: int, out: Floats) -> None:
    for i in range(out.shape[0]):
        key = hash_pair(fate[i], seed)
        for k in range(out.shape[1]):
            out[i, k] = normal(key, turn[i], POLICY + 2 * k)


@dataclass(frozen=True)
class Draw:
    """A normal draw times v times the spread of an arm."""

    v: float
    seed: int

    def __call__(self, seen: Seen, spread: Floats) -> Floats:
        """`[batch, skills]`."""
        out = np.empty_like(spread)
        _draw(seen.fate, seen.turn, self.seed, out)
        return self.v * spread * out


@dataclass(frozen=True)
class LinThompson:
    """Linear Thompson sampling across learners, with a linear model per skill (see `linear.py`).

    Learns over `learners` training learners, `batch` of them at a time, and updates once a batch; then it
    chooses by its estimates alone and learns no more.  A pull is paid by the step's reward, and later rewards
    count `discount` to the power of the steps between.  `ridge` is the weight of the prior A = ridge I.
    Raises `InputError` for options out of range.
    """

    v: float = 0.25
    ridge: float = 1.0
    discount: float = 0.5
    learners: int = 5000
    batch: int = 250

    def __post_init__(self) -> None:
        not_negative(v=self.v)
        positive(ridge=self.ridge)
        shares(discount=self.discount)
        at_least(1, learners=self.learners, batch=self.batch)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> LinearPolicy:
        """Train on training learners of this seed.  Raises `InputError` where the task lacks `goal`."""
        task.layout.require(NAME, *LinearRule.needs)
        plan = Plan(self.learners, self.batch, self.discount, self.ridge)
        model, steps = train(task, plan, Draw(self.v, seed), seed, tracker)
        return LinearPolicy.of(NAME, self, task, model, seed, steps)

    def load(self, path: str | Path, task: Task) -> LinearPolicy:
        """The policy of such an agent from its file (see `LinearPolicy.load`)."""
        return LinearPolicy.load(path, NAME, self, task)
