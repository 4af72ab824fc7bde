"""The model that knows nothing of the learner: every item has its difficulty, and nobody learns.

It is the model that every other one has to beat, and as a simulator the null hypothesis of every check.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from coursewright.errors import reject
from coursewright.fitting.coded import Coded, places
from coursewright.fitting.course import course_of
from coursewright.fitting.model import Estimates, Teaching
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.folders import rounded
from coursewright.simulators.logistic.fixed_items import DIGITS, FixedItems
from coursewright.simulators.logistic.tables import write_fixed_items


@dataclass(frozen=True)
class ItemDifficultyModel:
    """One-hot logistic regression on the item, L2 penalty (`strength` is its inverse).

    What a pooled item stands for deviates from it, under the same penalty; it keeps their mean over answers.
    """

    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.strength < np.inf:
            raise reject("model.strength", self.strength, "above 0 and finite")

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "item_difficulty"

    def fit(self, log: Coded) -> "FittedItems":
        """Fit to the rows of `log` that asked something."""
        asked = log.take(np.flatnonzero(log.correct >= 0))
        code, names = asked.finest
        solver = "newton-cg" if asked.hidden.any() else "lbfgs"  # two levels: a long valley for L-BFGS
        model = LogisticRegression(C=self.strength, max_iter=1000, solver=solver)
        model.fit(one_hot(asked, names), asked.correct)
        easiness, n = model.coef_[0].copy(), len(asked.items)
        pool = np.zeros(len(names), np.int64)
        pool[code] = asked.item
        own, answers = easiness[n:], np.bincount(code, minlength=len(names))[n:]
        total = np.bincount(pool[n:], answers, minlength=n)
        mean = np.bincount(pool[n:], answers * own, minlength=n) / np.maximum(total, 1)
        easiness[:n] += mean
        easiness[n:] -= mean[pool[n:]]
        return FittedItems(asked.items, names, float(model.intercept_[0]), easiness, course_of(log))


@dataclass(frozen=True, eq=False)
class FittedItems:
    """A fitted item-difficulty model; an item that was never asked gets the intercept alone.

    `easiness [names]` is of `items`, and then of what pooled ones stand for, as deviations from them.
    """

    items: tuple[str, ...]
    names: tuple[str, ...]
    intercept: float
    easiness: Floats
    course: Course

    @property
    def teaching(self) -> Teaching:
        """Nobody learns, so that any gain of a policy on these learners is a fault of the comparison."""
        return Teaching(task="mastery", simulator="item_difficulty")

    def estimates(self) -> Estimates:
        """The intercept and each item's easiness, as logits."""
        names = ("intercept", *(f"easiness[{item}]" for item in self.items))
        return Estimates(names, np.append(self.intercept, self.easiness[: len(self.items)]))

    def warnings(self) -> Sequence[str]:
        """None: the penalty identifies every item."""
        return []

    def undetermined(self) -> Sequence[str]:
        """The assumption."""
        return ["Nobody learns, forgets, or differs from others, by assumption."]

    def predict(self, log: Coded) -> Floats:
        """P(correct) `[rows]` from the item alone."""
        return np.asarray(expit(self.intercept + one_hot(log, self.names) @ self.easiness))

    def simulator(self) -> FixedItems:
        """Learners who answer with the items' probabilities and never change."""
        logit = np.full(self.course.n_items, self.intercept)
        at = places(self.course.items, self.items)
        known = at < len(self.items)
        logit[known] += self.easiness[at[known]]
        return FixedItems(self.course, rounded(1.0 / (1.0 + np.exp(-logit)), DIGITS))

    def write(self, folder: Path) -> None:
        """Write the tables that `read_fixed_items` reads."""
        write_fixed_items(folder, self.simulator())


def one_hot(log: Coded, names: Sequence[str]) -> csr_matrix:
    """The item of each row, and the one that hides in it, as ones among `names`, `[rows, names]`."""
    code, own = log.finest
    at = places(own, names)
    row = np.append(np.arange(log.rows), np.flatnonzero(log.hidden))
    column = np.append(at[log.item], at[code[log.hidden]])
    known = column < len(names)
    return csr_matrix((np.ones(known.sum()), (row[known], column[known])), shape=(log.rows, len(names)))
