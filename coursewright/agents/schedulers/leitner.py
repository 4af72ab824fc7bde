"""Leitner boxes: a right answer moves an item up, where it is asked less often.  The goal plays no part."""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import LEARNERS, Tuning, check_learners, check_tuned_chance, tuned_option
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Luck, uniforms

ARRIVALS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
UNSEEN = 0  # the box of items that were never answered


class Boxes(NamedTuple):
    """Leitner's record `[batch, items]`: an item's box (0: unseen), and the turn when it came there."""

    box: Ints
    since: Ints


@kernel
def _move(last: Last, turn: Ints, boxes: Boxes) -> None:
    """Put the last item a box up or down; from box 1 and from the unseen, down is box 1.

    An item that asked nothing goes to the end of its own box's queue.
    """
    for i in range(turn.shape[0]):
        a = last.item[i]
        if a < 0:
            continue
        if last.asked[i]:
            boxes.box[i, a] = boxes.box[i, a] + 1 if last.right[i] else max(1, boxes.box[i, a] - 1)
        boxes.since[i, a] = turn[i]


@kernel
def _draw_box(
    boxes: Boxes, arrival: float, u_new: Floats, u_box: Floats, allowed: Bools, oldest: Ints, out: Ints
) -> None:
    """Draw a box, then take the item that has been in it for longest.

    `u_new`, `u_box [batch]` are the draws; `oldest` is scratch space for one item a box.
    """
    for i in range(out.shape[0]):
        top = 0
        for k in range(oldest.shape[0]):
            oldest[k] = -1
        for a in range(boxes.box.shape[1]):
            k = boxes.box[i, a]
            if allowed[i, a] and (oldest[k] < 0 or boxes.since[i, a] < boxes.since[i, oldest[k]]):
                oldest[k] = a
                top = max(top, k)
        total = 0.0
        for k in range(1, top + 1):
            total += 1.0 / np.sqrt(k) if oldest[k] >= 0 else 0.0
        out[i] = max(oldest[UNSEEN], 0)
        if oldest[UNSEEN] >= 0 and (total == 0.0 or u_new[i] < arrival):
            continue
        left = u_box[i] * total
        for k in range(1, top + 1):
            if oldest[k] >= 0:
                out[i] = oldest[k]
                left -= 1.0 / np.sqrt(k)
                if left < 0.0:
                    break


@dataclass(frozen=True, eq=False)
class LeitnerRule:
    """deeptutor's Leitner system: an endless queue of boxes (Reddy, Levine & Dragan 2017).

    With the chance `arrival` an unseen item; else from box k with a chance proportional to 1/sqrt(k),
    first in, first out.  A right answer moves the item up by one box, a wrong one down to box 1 at
    the lowest.
    """

    course: Course
    arrival: float
    needs: ClassVar[tuple[str, ...]] = ("last_correct",)

    def begin(self, luck: Luck) -> Boxes:
        """Everything is unseen, in the course's order."""
        shape = (len(luck.fate), self.course.n_items)
        return Boxes(np.zeros(shape, np.int64), np.zeros(shape, np.int64))

    def choose(self, seen: Seen, memory: Boxes) -> tuple[Ints, Boxes]:
        """Items `[batch]`."""
        _move(seen.last, seen.turn, memory)
        new, box = np.empty((2, len(seen)))
        uniforms(seen.fate, seen.turn, POLICY, new)
        uniforms(seen.fate, seen.turn, POLICY + 1, box)
        item = np.empty(len(seen), np.int64)
        oldest = np.empty(int(memory.box.max()) + 1, np.int64)
        _draw_box(memory, self.arrival, new, box, seen.allowed, oldest, item)
        return item, memory


@dataclass(frozen=True)
class Leitner:
    """A Leitner system that asks an unseen item with the chance `arrival`.

    Without `arrival`, the best of eight values on `learners` tuning learners is taken.  Raises
    `InputError` for a chance out of range.
    """

    arrival: float | None = None
    learners: int = LEARNERS

    def __post_init__(self) -> None:
        check_tuned_chance("arrival", self.arrival)
        check_learners(self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct`."""

        def make(arrival: float) -> RulePolicy:
            return RulePolicy("leitner", task, LeitnerRule(task.course, arrival))

        if self.arrival is not None:
            return make(self.arrival)
        best, tuned = tuned_option("arrival", ARRIVALS, make, Tuning(task, tracker), self.learners)
        return replace(make(best), tuned=tuned)
