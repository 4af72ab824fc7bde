"""AFM, PFA and Best-LR as published, from their weights: `counting.Logistic` with the other columns at 0."""

from collections.abc import Sequence

import numpy as np

from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.worth import COLUMNS


def afm(course: Course, easiness: Sequence[float], opportunity: Sequence[float], spread: float) -> Logistic:
    """Additive factors: log odds rise by `opportunity [skills]` with each practice, right or wrong."""
    return Logistic(course, _columns(easiness=easiness, opportunity=opportunity), spread, raw=True)


def pfa(
    course: Course,
    easiness: Sequence[float],
    success: Sequence[float],
    failure: Sequence[float],
    spread: float = 0.0,
    raw: bool = False,
) -> Logistic:
    """Performance factors `[skills]`: gamma (`success`) and rho (`failure`) of Pavlik et al."""
    return Logistic(course, _columns(easiness=easiness, success=success, failure=failure), spread, raw)


def best_lr(
    course: Course,
    skill: Sequence[Sequence[float]],
    item: Sequence[Sequence[float]],
    total: Sequence[float],
    spread: float = 0.0,
) -> Logistic:
    """Best-LR: easiness, success, failure of each skill, `[skills, 3]`; the last two of each item and of all.

    Item difficulties are the course's.
    """
    counted = np.vstack([np.asarray(item, np.float64).reshape(-1, 2), np.asarray(total, np.float64)])
    own = np.column_stack([np.zeros(len(counted)), counted])
    easiness, success, failure = np.vstack([np.asarray(skill, np.float64), own]).T
    return Logistic(course, _columns(easiness=easiness, success=success, failure=failure), spread)


def _columns(**given: Sequence[float]) -> Floats:
    return np.stack(
        [np.asarray(given.get(name, np.zeros(len(given["easiness"])))) for name in COLUMNS], axis=1
    )
