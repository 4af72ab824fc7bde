"""LinUCB, disjoint (Li, Chu, Langford & Schapire, WWW 2010): theta' x + alpha sqrt(x' A^-1 x).

Their theory's alpha = 1 + sqrt(ln(2 / delta) / 2) explores much; .1 to 2 are in use.
"""

from dataclasses import dataclass
from pathlib import Path

from coursewright.agents.bandits.linear import LinearRule, Plan, train
from coursewright.agents.bandits.linear_policy import LinearPolicy
from coursewright.agents.options import at_least, not_negative, positive, shares
from coursewright.agents.rule import Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Floats

NAME = "lin_ucb"


@dataclass(frozen=True)
class Bonus:
    """alpha times the spread of an arm."""

    alpha: float

    def __call__(self, seen: Seen, spread: Floats) -> Floats:
        """`[batch, skills]`."""
        return self.alpha * spread


@dataclass(frozen=True)
class LinUcb:
    """LinUCB across learners, with a linear model per skill (see `linear.py`).

    Learns over `learners` training learners, `batch` of them at a time, and updates once a batch; then it
    chooses by its estimates alone and learns no more.  A pull is paid by the step's reward, and later rewards
    count `discount` to the power of the steps between.  `ridge` is the weight of the prior A = ridge I.
    Raises `InputError` for options out of range.
    """

    alpha: float = 0.5
    ridge: float = 1.0
    discount: float = 0.5
    learners: int = 5000
    batch: int = 250

    def __post_init__(self) -> None:
        not_negative(alpha=self.alpha)
        positive(ridge=self.ridge)
        shares(discount=self.discount)
        at_least(1, learners=self.learners, batch=self.batch)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> LinearPolicy:
        """Train on training learners of this seed.  Raises `InputError` where the task lacks `goal`."""
        task.layout.require(NAME, *LinearRule.needs)
        plan = Plan(self.learners, self.batch, self.discount, self.ridge)
        model, steps = train(task, plan, Bonus(self.alpha), seed, tracker)
        return LinearPolicy.of(NAME, self, task, model, seed, steps)

    def load(self, path: str | Path, task: Task) -> LinearPolicy:
        """The policy of such an agent from its file (see `LinearPolicy.load`)."""
        return LinearPolicy.load(path, NAME, self, task)
