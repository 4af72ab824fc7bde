"""The model that knows nothing of the learner: every item has its difficulty, and nobody learns.

It is what every other model has to beat, and as a simulator the null hypothesis of every check: learners
who neither learn nor forget.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from coursewright.data.log import codes
from coursewright.errors import reject
from coursewright.fitting.course import course_of
from coursewright.fitting.model import Estimates
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.course import Course
from coursewright.simulators.luck import ANSWER, Luck, uniforms
from coursewright.simulators.protocol import Response


class NoState(NamedTuple):
    """Learners without a past: `met [batch]` counts the items they have met, and nobody reads it."""

    met: Ints


@dataclass(frozen=True, eq=False)
class FixedItems:
    """Learners who answer item i right with probability `p [items]`, today as ever."""

    course: Course
    p: Floats

    def empty(self, batch: int) -> NoState:
        """Learners, all alike."""
        return NoState(np.zeros(batch, np.int64))

    def enrol(self, state: NoState, rows: Ints, luck: Luck) -> None:
        """New learners are like the old ones."""
        state.met[rows] = 0

    def p_correct(self, state: NoState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` of `item [batch]`."""
        asked = item >= 0
        out[asked] = self.p[item[asked]]

    def practise(self, state: NoState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer; there is nothing to learn."""
        draw = np.empty(len(item))
        uniforms(luck.fate, luck.step, ANSWER, draw)
        asked = np.flatnonzero(item >= 0)
        state.met[asked] += 1
        out.correct[asked] = draw[asked] < self.p[item[asked]]
        out.grade[asked] = out.correct[asked]
        out.minutes[asked] = self.course.minutes[item[asked]]

    def elapse(self, state: NoState, days: Floats, luck: Luck) -> None:
        """Nothing is forgotten."""

    def mastery(self, state: NoState, out: Mastery) -> None:
        """The mean over each skill's items of P(correct), the same for everybody."""
        needed = self.course.q_matrix
        out[:] = (self.p @ needed) / needed.sum(axis=0)


@dataclass(frozen=True)
class ItemDifficulty:
    """One-hot logistic regression on the item, L2 penalty (`strength` is its inverse)."""

    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.strength < np.inf:
            raise reject("item_difficulty.strength", self.strength, "above 0 and finite")

    @property
    def name(self) -> str:
        """What tables call it."""
        return "item_difficulty"

    def fit(self, table: pa.Table) -> "FittedItems":
        """Fit to the rows of `table` that asked something."""
        asked = table.take(pa.array(np.flatnonzero(table["correct"].to_numpy() >= 0)))
        _, items = codes(asked["item"])
        place = {name: k for k, name in enumerate(items)}
        model = LogisticRegression(C=self.strength, max_iter=1000)
        model.fit(one_hot(asked, place), asked["correct"].to_numpy())
        return FittedItems(items, place, model, course_of(table))


@dataclass(frozen=True, eq=False)
class FittedItems:
    """A fitted item-difficulty model; an item that was never asked gets the intercept alone."""

    items: tuple[str, ...]
    place: dict[str, int]
    model: LogisticRegression
    course: Course

    def estimates(self) -> Estimates:
        """The intercept and each item's easiness, as logits."""
        names = ("intercept", *(f"easiness[{item}]" for item in self.items))
        return Estimates(names, np.append(self.model.intercept_, self.model.coef_[0]))

    def warnings(self) -> Sequence[str]:
        """None: the penalty identifies every item."""
        return []

    def predict(self, table: pa.Table) -> Floats:
        """P(correct) `[rows]` from the item alone."""
        return np.asarray(self.model.predict_proba(one_hot(table, self.place))[:, 1])

    def simulator(self) -> FixedItems:
        """Learners who answer with the items' probabilities and never change."""
        logit = np.full(self.course.n_items, self.model.intercept_[0])
        known = np.array([self.place.get(item, -1) for item in self.course.items])
        logit[known >= 0] += self.model.coef_[0, known[known >= 0]]
        return FixedItems(self.course, 1.0 / (1.0 + np.exp(-logit)))

    def write(self, folder: Path) -> None:
        """Write `parameters.csv`: item, p_correct."""
        fixed = self.simulator()
        table = pd.DataFrame({"item": fixed.course.items, "p_correct": fixed.p})
        table.to_csv(folder / "parameters.csv", index=False, float_format="%.6g", lineterminator="\n")


def one_hot(table: pa.Table, place: dict[str, int]) -> csr_matrix:
    """Which item each row is about, `[rows, items]`; rows of unknown items are empty."""
    at = np.array([place.get(name, -1) for name in table["item"].to_pylist()])
    rows = np.flatnonzero(at >= 0)
    return csr_matrix((np.ones(len(rows)), (rows, at[rows])), shape=(len(at), len(place)))
