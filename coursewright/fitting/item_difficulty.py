"""The model that knows nothing of the learner: every item has its difficulty, and nobody learns.

It is what every other model has to beat, and as a simulator the null hypothesis of every check.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
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
    """One-hot logistic regression on the item, L2 penalty (`strength` is its inverse)."""

    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.strength < np.inf:
            raise reject("model.strength", self.strength, "above 0 and finite")

    @property
    def name(self) -> str:
        """What tables call it."""
        return "item_difficulty"

    def fit(self, log: Coded) -> "FittedItems":
        """Fit to the rows of `log` that asked something."""
        asked = log.take(np.flatnonzero(log.correct >= 0))
        model = LogisticRegression(C=self.strength, max_iter=1000)
        model.fit(one_hot(asked, asked.items), asked.correct)
        return FittedItems(asked.items, model, course_of(log))


@dataclass(frozen=True, eq=False)
class FittedItems:
    """A fitted item-difficulty model; an item that was never asked gets the intercept alone."""

    items: tuple[str, ...]
    model: LogisticRegression
    course: Course

    @property
    def teaching(self) -> Teaching:
        """Nobody learns: whatever a policy gains on these learners is a fault of the comparison."""
        return Teaching(task="mastery", simulator="item_difficulty")

    def estimates(self) -> Estimates:
        """The intercept and each item's easiness, as logits."""
        names = ("intercept", *(f"easiness[{item}]" for item in self.items))
        return Estimates(names, np.append(self.model.intercept_, self.model.coef_[0]))

    def warnings(self) -> Sequence[str]:
        """None: the penalty identifies every item."""
        return []

    def undetermined(self) -> Sequence[str]:
        """The assumption."""
        return ["Nobody learns, forgets, or differs from others, by assumption."]

    def predict(self, log: Coded) -> Floats:
        """P(correct) `[rows]` from the item alone."""
        return np.asarray(self.model.predict_proba(one_hot(log, self.items))[:, 1])

    def simulator(self) -> FixedItems:
        """Learners who answer with the items' probabilities and never change."""
        logit = np.full(self.course.n_items, self.model.intercept_[0])
        at = places(self.course.items, self.items)
        known = at < len(self.items)
        logit[known] += self.model.coef_[0, at[known]]
        return FixedItems(self.course, rounded(1.0 / (1.0 + np.exp(-logit)), DIGITS))

    def write(self, folder: Path) -> None:
        """Write what `read_fixed_items` reads."""
        write_fixed_items(folder, self.simulator())


def one_hot(log: Coded, items: Sequence[str]) -> csr_matrix:
    """Which of `items` each row is about, `[rows, items]`; rows of other items are empty."""
    at = places(log.items, items)[log.item]
    rows = np.flatnonzero(at < len(items))
    return csr_matrix((np.ones(len(rows)), (rows, at[rows])), shape=(log.rows, len(items)))
