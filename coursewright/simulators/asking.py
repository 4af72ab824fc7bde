"""What learner models share that only compute a chance: draw the answer, average chances over items."""

from collections.abc import Callable

import numpy as np

from coursewright.simulators.arrays import Floats, Ints, Mastery
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import ANSWER, Keys, Luck, uniform
from coursewright.simulators.protocol import Response


@inlined
def sigmoid(z: float) -> float:
    """The logistic function, 1 / (1 + e^-z); e^710 and beyond give 0 without a complaint."""
    return float(1.0 / (1.0 + np.exp(min(-z, 700.0))))


@kernel
def _answer(
    p: Floats,
    item: Ints,
    fate: Keys,
    step: Ints,
    minutes_of: Floats,
    correct: Ints,
    grade: Ints,
    minutes: Floats,
) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            correct[i] = 1 if uniform(fate[i], step[i], ANSWER) < p[i] else 0
            grade[i] = correct[i]
            minutes[i] = minutes_of[item[i]]


def answer(p: Floats, item: Ints, luck: Luck, minutes: Floats, out: Response) -> None:
    """Draw the answers of rows with an item, right with chance `p [batch]`; `minutes [items]`."""
    _answer(p, item, luck.fate, luck.step, minutes, out.correct, out.grade, out.minutes)


@kernel
def _mean_by_skill(p: Floats, start: Ints, items: Ints, out: Mastery) -> None:
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            total = 0.0
            for j in range(start[k], start[k + 1]):
                total += p[i, items[j]]
            out[i, k] = total / max(start[k + 1] - start[k], 1)


def mean_by_skill(chances: Callable[[Ints, Floats], None], course: Course, out: Mastery) -> None:
    """Mean P(correct) over the items of each skill, `[batch, skills]`; 0 for a skill without items.

    `chances` fills P(correct) `[batch, items]`, given which items to ask in each row, of the same shape.
    """
    item = np.tile(np.arange(course.n_items), (len(out), 1))
    p = np.empty(item.shape)
    chances(item, p)
    _mean_by_skill(p, *course.items_of, out)
