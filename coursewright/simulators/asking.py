"""The parts that learner models share: the answer is drawn from P(correct), mastery is a mean over items."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from coursewright.simulators.arrays import Floats, Ints, Mastery
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import ANSWER, Keys, Luck, uniform
from coursewright.simulators.protocol import Response, Simulator

S = TypeVar("S")


@inlined
def sigmoid(z: float) -> float:
    """The logistic function, 1 / (1 + e^-z); e^710 and beyond give 0 without a complaint."""
    return float(1.0 / (1.0 + np.exp(min(-z, 700.0))))


class Answers(NamedTuple):
    """The keys of one step's answers, and the arrays to which a kernel writes these, `[batch]` each."""

    step: Ints
    fate: Keys
    correct: Ints
    minutes: Floats
    grade: Ints


def answers(luck: Luck, out: Response) -> Answers:
    """The answers that this luck decides, written into `out`."""
    return Answers(luck.step, luck.fate, out.correct, out.minutes, out.grade)


def told(luck: Luck, out: Response) -> tuple[Any, ...]:
    """The same without the names, which a kernel gives back: `Answers(*told)`; a call costs less so."""
    return (luck.step, luck.fate, out.correct, out.minutes, out.grade)


@inlined
def respond(i: int, p: float, minutes: float, out: Answers) -> int:
    """Row i answers, right with chance `p`; 1 or 0, which is the grade as well."""
    right = 1 if uniform(out.fate[i], out.step[i], ANSWER) < p else 0
    out.correct[i] = right
    out.minutes[i] = minutes
    out.grade[i] = right
    return right


@kernel
def _answer(p: Floats, item: Ints, minutes: Floats, out: Answers) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            respond(i, p[i], minutes[item[i]], out)


def answer(simulator: Simulator[S], state: S, item: Ints, luck: Luck, out: Response) -> None:
    """Draw the answers to `item [batch]` (-1: none), right with P(correct) as it is now.

    The minutes are those of the item in the course.
    """
    p = np.empty(len(item))
    simulator.p_correct(state, item, p)
    _answer(p, item, simulator.course.minutes, answers(luck, out))


@kernel
def _mean_by_skill(p: Floats, items_of: Lists, out: Mastery) -> None:
    start, items = items_of
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            total = 0.0
            for j in range(start[k], start[k + 1]):
                total += p[i, items[j]]
            out[i, k] = total / max(start[k + 1] - start[k], 1)


def mean_of_items(p: Floats, course: Course, out: Mastery) -> None:
    """Mean of `p [batch, items]` over the items of each skill; 0 for a skill without items."""
    if course.one_to_one:
        out[:] = p
    else:
        _mean_by_skill(p, course.items_of, out)


def mean_by_skill(fill: Callable[[Any], None], course: Course, out: Mastery) -> None:
    """The same of what `fill` writes, `[batch, items]`; where items are skills it writes into `out`."""
    if course.one_to_one:
        fill(out)
        return
    p = np.empty((len(out), course.n_items))
    fill(p)
    mean_of_items(p, course, out)
