"""Linear bandits across learners: they differ in the bonus of an arm in training, and in nothing else.

"ucb": theta' x + width sqrt(x' A^-1 x), LinUCB with disjoint models (Li, Chu, Langford & Schapire, WWW 2010).
Its width is their alpha: 1 + sqrt(ln(2 / delta) / 2) in theory, which explores much; .1 to 2 are in use.

"thompson": theta ~ N(A^-1 b, width^2 A^-1) anew at every choice (Agrawal & Goyal, ICML 2013).  Arms have
models of their own, and each meets one context a turn: so theta' x ~ N(x' A^-1 b, width^2 x' A^-1 x) is drawn
itself.  Its width is their v: R sqrt(9 d ln(t / delta)) in theory, far too much; .05 to 1 are in use.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from coursewright.agents.bandits.linear import Explores, LinearRule, Plan, train
from coursewright.agents.bandits.linear_policy import LinearPolicy
from coursewright.agents.options import at_least, not_negative, positive, shares
from coursewright.agents.rule import Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import unknown
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Keys, hash_pair, normal

Bonus = Literal["ucb", "thompson"]


@kernel
def _draw(fate: Keys, turn: Ints, seed: int, out: Floats) -> None:
    for i in range(out.shape[0]):
        key = hash_pair(fate[i], seed)
        for k in range(out.shape[1]):
            out[i, k] = normal(key, turn[i], POLICY + 2 * k)


@dataclass(frozen=True)
class Bound:
    """The width times the spread of an arm."""

    width: float

    def __call__(self, seen: Seen, spread: Floats) -> Floats:
        """`[batch, skills]`."""
        return self.width * spread


@dataclass(frozen=True)
class Draw:
    """A normal draw times the width times the spread of an arm."""

    width: float
    seed: int

    def __call__(self, seen: Seen, spread: Floats) -> Floats:
        """`[batch, skills]`."""
        out = np.empty_like(spread)
        _draw(seen.fate, seen.turn, self.seed, out)
        return self.width * spread * out


@dataclass(frozen=True)
class LinearBandit:
    """A linear bandit across learners, with a linear model per skill (see `linear.py`).

    Learns over `learners` training learners, `batch` of them at a time, and updates once a batch; then it
    chooses by its estimates alone and learns no more.  `bonus` and `width` say how it tries arms meanwhile.
    A pull is paid by the step's reward, and later rewards count `discount` to the power of the steps between.
    `ridge` is the weight of the prior A = ridge I.  Raises `InputError` for options out of range.
    """

    bonus: Bonus = "ucb"
    width: float = 0.5
    ridge: float = 1.0
    discount: float = 0.5
    learners: int = 5000
    batch: int = 250

    def __post_init__(self) -> None:
        if self.bonus not in get_args(Bonus):
            raise unknown("agent.bonus", self.bonus, get_args(Bonus))
        not_negative(width=self.width)
        positive(ridge=self.ridge)
        shares(discount=self.discount)
        at_least(1, learners=self.learners, batch=self.batch)

    @property
    def name(self) -> str:
        """The agent's name in messages and files."""
        return f"lin_{self.bonus}"

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> LinearPolicy:
        """Train on training learners of this seed.  Raises `InputError` where the task lacks `goal`."""
        task.layout.require(self.name, *LinearRule.needs)
        plan = Plan(self.learners, self.batch, self.discount, self.ridge)
        explores: Explores = Bound(self.width) if self.bonus == "ucb" else Draw(self.width, seed)
        model, steps = train(task, plan, explores, seed, tracker)
        return LinearPolicy.of(self.name, self, task, model, seed, steps)

    def load(self, path: str | Path, task: Task) -> LinearPolicy:
        """The policy of such an agent from its file (see `LinearPolicy.load`)."""
        return LinearPolicy.load(path, self.name, self, task)
