"""The exact belief for memories that answers tell: one state of the fitted model for each learner.

Where learners of a model are all alike, and nothing but right and wrong moves them, a tutor who saw the
answers knows their state; no particle is needed.  `particles` serves all other models.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from coursewright.agents.beliefs.matched import Matched
from coursewright.agents.portions import bytes_of, parts
from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Keys
from coursewright.simulators.memory.answered import Memory, nobody
from coursewright.simulators.protocol import clone, take


@dataclass(frozen=True, eq=False)
class Remembered:
    """The memory of a fitted model as the belief about each learner; its state is a state of the model.

    Attributes
    ----------
    course : the course that is taught.
    memory : the model, for the items of any course.
    pause, ahead : a practice is judged by mastery `ahead` days after the next step, which comes after a
        `pause` in days.

    Raises `InputError` for days out of range.
    """

    course: Course
    memory: Memory
    pause: float = 0.0
    ahead: float = 0.0
    tells = ("expected_mastery", "chance", "gain", "stability")
    averages = False

    def __post_init__(self) -> None:
        for name in ("pause", "ahead"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise reject(f"belief.{name}", getattr(self, name), "a finite number of days >= 0")

    @property
    def model(self) -> Any:
        """The fitted learners."""
        return self.memory.model

    @cached_property
    def here(self) -> Memory:
        """The memory for the items of the course that is taught."""
        return self.memory.on(self.course)

    @property
    def learners(self) -> Any:
        """The learners of the course that is taught."""
        return self.here.model

    @cached_property
    def matched(self) -> Matched:
        """Both courses are the one that is taught."""
        return Matched(self.course, self.here.model.course)

    def draw(self, state: Any, rows: Ints, key: Keys) -> Any:
        """Learners with that memory: nothing is hidden, and nothing is drawn."""
        return take(state, rows)

    def empty(self, batch: int) -> Any:
        """Learners who have met nothing."""
        return self.here.model.empty(batch)

    def open(self, state: Any, rows: Ints, past: Past, key: Keys) -> None:
        """New learners, who then live through the past; nothing is drawn."""
        batch = len(state.now)
        self.here.model.enrol(state, rows, nobody(batch))
        for t in range(past.item.shape[1]):
            item, correct = np.full((2, batch), -1, np.int64)
            item[rows] = np.where((t < past.length) & past.taught[:, t], past.item[:, t], -1)
            correct[rows] = past.correct[:, t]
            self.here.tell(state, item, correct)

    def update(self, state: Any, event: Event) -> None:
        """The answer moves the item's memory, and then the days pass."""
        self.here.tell(state, np.where(event.taught, event.item, -1), event.correct)
        self.here.model.elapse(state, event.days, nobody(len(event.days)))

    def known(self, state: Any, rows: Ints, out: Floats) -> None:
        """Mean recall of each skill's items, `[rows, skills]`."""
        out[:] = self._mastery(_of(state, rows))

    def chances(self, state: Any, rows: Ints, out: Floats) -> None:
        """P(correct) of every item, `[rows, items]`."""
        here, p = _of(state, rows), np.empty(len(rows))
        for a in range(out.shape[1]):
            self.here.model.p_correct(here, np.full(len(rows), a), p)
            out[:, a] = p

    def stabilities(self, state: Any, rows: Ints, out: Floats) -> None:
        """Days from an item's last review until it is recalled with chance .9, `[rows, items]`; 0: new."""
        self.here.stabilities(_of(state, rows), out)

    def gains(self, state: Any, rows: Ints, goal: Bools, out: Floats) -> None:
        """The gain in goal mastery by a right answer and by a wrong one, each times its chance."""
        each = 3 * max(1, bytes_of(state) // len(state.now))
        for part in parts(np.arange(len(rows)), each):
            self._weigh(take(state, rows[part]), goal[part], out, part)

    def _weigh(self, now: Any, goal: Bools, out: Floats, part: Ints) -> None:
        share = goal / np.maximum(goal.sum(axis=1, keepdims=True), 1)
        before, p = self._later(clone(now)), np.empty(len(part))
        for a in range(out.shape[1]):
            item = np.full(len(part), a)
            self.here.model.p_correct(now, item, p)
            out[part, a] = 0.0
            for correct, chance in ((1, p), (0, 1.0 - p)):
                tried = clone(now)
                self.here.tell(tried, item, np.full(len(part), correct))
                out[part, a] += chance * ((self._later(tried) - before) * share).sum(axis=1)

    def _later(self, state: Any) -> Floats:
        """Mastery after the pause and the days ahead; the state is spent."""
        for days in (self.pause, self.ahead):
            self.here.model.elapse(state, np.full(len(state.now), days), nobody(len(state.now)))
        return self._mastery(state)

    def _mastery(self, state: Any) -> Floats:
        out = np.empty((len(state.now), self.course.n_skills), np.float32)
        self.here.model.mastery(state, out)
        return out.astype(np.float64)


def _of(state: Any, rows: Ints) -> Any:
    """These rows of a state: the state itself where they are all in order."""
    everyone = len(rows) == len(state.now) and bool((rows == np.arange(len(rows))).all())
    return state if everyone else take(state, rows)
