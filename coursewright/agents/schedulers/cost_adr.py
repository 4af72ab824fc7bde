"""Cost-ADR: the desired retention of FSRS adapts to stability and difficulty, and to the price of time.

Read as facts in open-spaced-repetition/fsrs-rs, `cost_adr.rs` (BSD-3).  With S and D after a review:

    DR = .30 + .695 sigma(a phi - softplus(b phi) z - softplus(c phi) z^2),    phi = (1, x, y, x y, x^2)
    x = ln(S / .001) / ln(36500 / .001),    y = (D - 1) / 9,    z = ln(1 + price) / ln 1025

for a price of a minute in [0, 1024]; retention can only fall with it.  A constant one is the special case
a0 = logit((DR - .3) / .695), b0 = c0 = -40, all else 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursewright.agents.options import heads_of, switches
from coursewright.agents.rule import RulePolicy
from coursewright.agents.schedulers.by_memory import RecallPlan, check_order, fsrs_memory, recall_policy
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.branch_free import exp, log
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.memory.answered import Memory
from coursewright.simulators.memory.fsrs import LONGEST_INTERVAL

HEADS = (  # coefficients of phi: a, b and c
    (-0.202, 9.14, -0.0978, 0.226, -5.31),
    (-7.44, 24.1, -0.375, 1.81, -22.9),
    (-5.82, 22.3, 1.72, -1.99, -19.4),
)
PRICES = (0, 1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)  # of a minute, in use there
LEAST_S, MOST_PRICE = 0.001, 1024.0
LOWEST_RETENTION, RANGE = 0.30, 0.695


@inlined
def _softplus(x: float) -> float:
    return float(max(x, 0.0) + log(1.0 + exp(-abs(x))))


@kernel
def adr_retentions(stability: Floats, difficulty: Floats, heads: Floats, price: float, out: Floats) -> None:
    """Write the desired retention `[batch]` for stabilities and difficulties `[batch]`; `heads [3, 5]`."""
    z, span = log(1.0 + price) / log(1.0 + MOST_PRICE), log(LONGEST_INTERVAL / LEAST_S)
    for i in range(out.shape[0]):
        x = log(max(stability[i], LEAST_S) / LEAST_S) / span
        y = (difficulty[i] - 1.0) / 9.0
        a, b, c = 0.0, 0.0, 0.0
        for place in range(heads.shape[1]):
            phi = 1.0 if place == 0 else (x if place == 1 else (y if place == 2 else x * y))
            phi = x * x if place == 4 else phi
            a += heads[0, place] * phi
            b += heads[1, place] * phi
            c += heads[2, place] * phi
        raised = a - _softplus(b) * z - _softplus(c) * z * z
        out[i] = LOWEST_RETENTION + RANGE / (1.0 + exp(-raised))


def check_price(price: object, at: str) -> None:
    """Refuse a price that Cost-ADR does not know."""
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0.0 <= price <= MOST_PRICE:
        raise reject(at, price, f"a number in [0, {MOST_PRICE:g}]")


@dataclass(frozen=True, eq=False)
class Adaptive:
    """The retention of an item by its S and D."""

    price: float
    heads: Sequence[Sequence[float]]

    def __call__(self, memory: Memory, learners: Any, item: Ints) -> Floats:
        """See `Aim`."""
        rows, out = np.arange(len(item)), np.empty(len(item))
        known, hard = learners.stability[rows, item], learners.difficulty[rows, item]
        adr_retentions(known, hard, np.array(self.heads, np.float64), self.price, out)
        return out


@dataclass(frozen=True)
class CostAdr:
    """FSRS at the retention of Cost-ADR, for a `price` of a minute of work and the published coefficients.

    `order` is that of `FsrsRetention`.
    Raises `InputError` for a price out of [0, 1024], and for `heads` that are not three times five numbers.
    """

    price: float = 32.0
    heads: Sequence[Sequence[float]] = HEADS
    new_first: bool = True
    order: str = "day"

    def __post_init__(self) -> None:
        check_price(self.price, "agent.price")
        switches(new_first=self.new_first)
        check_order(self.order)
        object.__setattr__(self, "heads", heads_of(self.heads, len(HEADS), len(HEADS[0])))

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` for a tutor that thinks by another model than FSRS."""
        plan = RecallPlan(fsrs_memory("cost_adr", task), Adaptive(float(self.price), self.heads))
        return recall_policy("cost_adr", task, plan, self.new_first, self.order)
