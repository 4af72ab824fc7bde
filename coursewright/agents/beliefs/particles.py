"""A belief for any learners: a weighted crowd of simulated ones who gave the answers that were seen.

Each particle is a learner of the tutor's *fitted* model.  A response weighs it by the chance that it would
have answered so, and then makes it answer so: of the fates that it might meet, it meets one whose draw falls
on the seen side (Liu & Chen, "Sequential Monte Carlo methods for dynamic systems", JASA 93, 1998).

Where skills are independent, each has weights of its own: with one weight for all of them a particle that is
wrong about one skill would be lost for all the others.  These weights begin so that mean mastery is the
population's: otherwise the luck of a first draw would stay with a skill until it is practised often.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from coursewright.agents.beliefs.crowd import (
    calibrate,
    copy_rows,
    drawn,
    force,
    means,
    normalised,
    pick,
    weigh,
)
from coursewright.agents.beliefs.lived import turns
from coursewright.agents.beliefs.matched import Matched
from coursewright.agents.portions import bytes_of, parts
from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.capabilities import learns_first, skills_apart, study
from coursewright.simulators.course import Course
from coursewright.simulators.luck import THOUGHT, Keys, Luck, Seeds, Split, fates, identify
from coursewright.simulators.memory.answered import Memory, memory_of
from coursewright.simulators.protocol import Simulator, clone, empty_response, take

NEW = 1 << 15  # learners who tell the mastery of those who have met nothing
FEW = 0.1  # of the particles: with fewer that count they are resampled


class Cloud(NamedTuple):
    """The particles of a batch of learners, `size` each, one learner's after the other's.

    `particles` is a state of the model's learners, `[batch * size, ...]`; `weight` the log weights
    `[batch, size, 1]`, or `[batch, size, skills]` where skills are independent; `key [batch]` that of the
    mind's own draws, `turn [batch]` the responses so far.  `gained [batch, items]` sums the expected gains of
    `looks [batch, items]` decisions since they last changed.
    """

    particles: Any
    weight: Floats
    key: Keys
    turn: Ints
    gained: Floats
    looks: Floats


@dataclass(frozen=True, eq=False)
class Particles:
    """A crowd of learners of a fitted model as the belief about each learner.

    Attributes
    ----------
    course : the course that is taught; the model's is matched to it by name.
    model : the learners, fitted to a log.
    size : particles for each learner.
    deciding : particles, of these, that try each item out when expected gains are asked for.
    pause, ahead : a practice is judged by mastery `ahead` days after the next step, which comes after a
        `pause`; 0 and 0: at once.  Where things fade, a practice today is worth its mastery later.

    Raises `InputError` for a number out of range.
    """

    course: Course
    model: Simulator[Any]
    size: int = 200
    deciding: int = 50
    pause: float = 0.0
    ahead: float = 0.0
    averages = False

    @property
    def learners(self) -> Simulator[Any]:
        """The fitted learners."""
        return self.model

    def __post_init__(self) -> None:
        if self.size < 1:
            raise reject("belief.size", self.size, "a whole number >= 1")
        if not 1 <= self.deciding <= self.size:
            raise reject("belief.deciding", self.deciding, f"between 1 and the {self.size} of belief.size")
        for name in ("pause", "ahead"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise reject(f"belief.{name}", getattr(self, name), "a finite number of days >= 0")

    @property
    def tells(self) -> tuple[str, ...]:
        """The features that it can show: stabilities too, of a memory whose learners differ."""
        known = ("expected_mastery", "chance", "gain")
        return known if self._memory is None else (*known, "stability")

    @cached_property
    def matched(self) -> Matched:
        """The model's course as seen from the course that is taught."""
        return Matched(self.course, self.model.course)

    @cached_property
    def _memory(self) -> Memory | None:
        return memory_of(self.model)

    @cached_property
    def _apart(self) -> bool:
        return skills_apart(self.model)

    @cached_property
    def _first(self) -> Floats:
        """Mean mastery `[skills]` of learners who have met nothing, over many more than a crowd."""
        rows, each = np.arange(NEW), bytes_of(self.model.empty(1))
        total = np.zeros(self.model.course.n_skills)
        for part in parts(rows, each):
            state = self.model.empty(len(part))
            luck = identify(Seeds(), part, Split.TRAIN, np.zeros_like(part))
            self.model.enrol(state, np.arange(len(part)), luck)
            total += self._mastery(state).sum(axis=0, dtype=np.float64)
        return total / NEW

    def empty(self, batch: int) -> Cloud:
        """Nobody yet."""
        columns = self.model.course.n_skills if self._apart else 1
        items = self.course.n_items
        return Cloud(
            particles=self.model.empty(batch * self.size),
            weight=np.zeros((batch, self.size, columns)),
            key=np.zeros(batch, np.uint64),
            turn=np.zeros(batch, np.int64),
            gained=np.zeros((batch, items)),
            looks=np.zeros((batch, items)),
        )

    def open(self, state: Cloud, rows: Ints, past: Past, key: Keys) -> None:
        """New learners of the model, who then live through the past."""
        state.weight[rows] = 0.0
        state.key[rows] = key
        state.turn[rows] = 0
        state.gained[rows] = 0.0
        state.looks[rows] = 0.0
        places = (rows[:, None] * self.size + np.arange(self.size)).ravel()
        self.model.enrol(state.particles, places, self._luck(state))
        if self._apart:  # what is not practised is then believed as exactly as the population is known
            calibrate(self._mastery(state.particles), self._first, rows, state.weight)
        for turn in turns(past, rows, len(state.key)):
            self.update(state, turn)

    def update(self, state: Cloud, event: Event) -> None:
        """Weigh each particle by the answer, have it give that answer, and let the days pass."""
        batch, size = len(state.key), self.size
        item = self.matched.of_items(event.item)
        correct = np.where(item >= 0, event.correct, -1)
        asked = np.repeat(np.where(correct >= 0, item, -1), size)
        studied = np.repeat(np.where((correct < 0) & event.taught, item, -1), size)
        luck, p = self._luck(state), np.ones(batch * size)
        first = learns_first(self.model)
        if not first:
            self.model.p_correct(state.particles, asked, p)
            force(p, correct, state.turn, size, luck.fate)
        taught = np.repeat(event.taught, size)
        self.model.practise(state.particles, asked, taught, luck, empty_response(batch * size))
        if (studied >= 0).any():
            study(self.model, state.particles, studied, luck)
        if first:  # the answer came from the state as it is now
            self.model.p_correct(state.particles, asked, p)
        weigh(p, correct, *self._columns(item), state.weight)
        if event.days.any():
            self.model.elapse(state.particles, np.repeat(event.days, size), luck)
        state.turn[:] += event.item >= 0
        self._forget_gains(state, item, event.days)
        if not self._apart:
            self._resample(state)

    def known(self, state: Cloud, rows: Ints, out: Floats) -> None:
        """Mean mastery of the particles by weight, `[rows, skills]`."""
        out[:] = self._expected(state.weight, self._mastery(state.particles))[rows][:, self.matched.skill]

    def chances(self, state: Cloud, rows: Ints, out: Floats) -> None:
        """Mean P(correct) of the particles, `[rows, items]`; one half where the model does not know an item.

        An item's weights are those of its skill, where skills are independent.
        """
        out[:] = 0.5
        for part in self._portions(state, rows):
            particles, weight = self._of(state, rows[part])
            p = np.empty(weight.shape[0] * self.size)
            for a, item in enumerate(self.matched.item):
                if item >= 0:
                    self.model.p_correct(particles, np.full(len(p), item), p)
                    shares = weight[:, :, self._column(item)]
                    out[part, a] = (shares * p.reshape(-1, self.size)).sum(axis=1)

    def stabilities(self, state: Cloud, rows: Ints, out: Floats) -> None:
        """Mean stability of each item by weight, `[rows, items]`; 0 where the model does not know an item."""
        assert self._memory is not None
        out[:] = 0.0
        known = np.flatnonzero(self.matched.item >= 0)
        for part in self._portions(state, rows):
            particles, weight = self._of(state, rows[part])
            days = np.empty((weight.shape[0] * self.size, self.model.course.n_items))
            self._memory.stabilities(particles, days)
            each = days.reshape(-1, self.size, days.shape[1])[:, :, self.matched.item[known]]
            out[part[:, None], known] = (weight[:, :, :1] * each).sum(axis=1)

    def _portions(self, state: Cloud, rows: Ints) -> Iterator[Ints]:
        """Places among `rows`, so many at a time that copies of their particles take little memory."""
        return parts(np.arange(len(rows)), 2 * bytes_of(state.particles) // len(state.key))

    def _of(self, state: Cloud, rows: Ints) -> tuple[Any, Floats]:
        """The particles of these rows, and their shares `[rows, size, columns]`."""
        places = (rows[:, None] * self.size + np.arange(self.size)).ravel()
        everyone = len(rows) == len(state.key) and bool((rows == np.arange(len(rows))).all())
        return state.particles if everyone else take(state.particles, places), normalised(state.weight[rows])

    def gains(self, state: Cloud, rows: Ints, goal: Bools, out: Floats) -> None:
        """Mean gain in goal mastery when some particles practise each item, `[rows, items]`.

        The mean is over all decisions since the item's gain last changed, which takes most of the noise out.
        An item that the model does not know gains nothing.
        """
        many, few = len(rows), self.deciding
        look = (state.turn + state.looks.max(axis=1, initial=0)).astype(np.int64)[rows]
        chosen, weight = self._deciding(state, rows, look)
        tried = take(state.particles, chosen)
        fate = np.empty(many * few, np.uint64)
        fates(state.key[rows], look, few, THOUGHT + self.size, fate)
        luck = self._lived(fate, fate, state.turn[rows], few)
        share = self.matched.goal(goal)
        before = self._expected(weight, self._later(clone(tried), luck))
        response, everyone = empty_response(many * few), np.ones(many * few, bool)
        for a, item in enumerate(self.matched.item):
            if item >= 0:
                after = clone(tried)
                self.model.practise(after, np.full(many * few, item), everyone, luck, response)
                gain = self._expected(weight, self._later(after, luck)) - before
                state.gained[rows, a] += (gain * share).sum(axis=1)
        state.looks[rows] += 1.0
        out[:] = state.gained[rows] / state.looks[rows]

    def draw(self, state: Cloud, rows: Ints, key: Keys) -> Any:
        """Particles by weight.

        Where skills have weights of their own no particle is right about all of them: the mean weight counts.
        """
        place = np.empty(len(rows), np.int64)
        pick(normalised(state.weight).mean(axis=2), rows, key, place)
        return take(state.particles, rows * self.size + place)

    def _luck(self, state: Cloud) -> Luck:
        """The luck of all particles at their turn: nobody else's."""
        number = len(state.key) * self.size
        learner, fate = np.empty((2, number), np.uint64)
        fates(state.key, np.full(len(state.key), -1), self.size, THOUGHT, learner)
        fates(state.key, state.turn, self.size, THOUGHT, fate)
        return self._lived(learner, fate, state.turn, self.size)

    @staticmethod
    def _lived(learner: Keys, fate: Keys, turn: Ints, many: int) -> Luck:
        """The luck of `many` particles for each learner, who are numbered alike for everyone."""
        number = np.tile(np.arange(many), len(turn))
        return Luck(learner, fate, np.repeat(turn, many), number, np.full(len(number), int(Split.TRAIN)))

    def _column(self, item: int) -> int:
        """The column of weights that belongs to an item of the model."""
        return int(self.model.course.needs.values[self.model.course.needs.start[item]]) if self._apart else 0

    def _columns(self, item: Ints) -> tuple[Ints, Ints]:
        """The columns of weights that an answer to `item [batch]` changes: from the first to the last."""
        if not self._apart:
            return np.zeros_like(item), np.ones_like(item)
        needs = self.model.course.needs
        first = needs.values[needs.start[np.maximum(item, 0)]]
        return first, first + 1

    def _mastery(self, particles: Any) -> Mastery:
        out = np.empty((self.batch_of(particles), self.model.course.n_skills), np.float32)
        self.model.mastery(particles, out)
        return out

    def _later(self, particles: Any, luck: Luck) -> Mastery:
        """Mastery after the pause and the days ahead; the particles are spent.

        They are two gaps, because some learners count the first one after a practice otherwise.
        """
        if self.pause > 0.0 or self.ahead > 0.0:
            for days in (self.pause, self.ahead):
                self.model.elapse(particles, np.full(len(luck.fate), days), luck)
        return self._mastery(particles)

    @staticmethod
    def batch_of(particles: Any) -> int:
        """The number of particles in a state."""
        array = particles
        while isinstance(array, tuple):
            array = array[0]
        return len(array)

    @staticmethod
    def _expected(weight: Floats, values: Mastery) -> Floats:
        out = np.empty((len(weight), values.shape[1]))
        means(normalised(weight), values, out)
        return out

    def _deciding(self, state: Cloud, rows: Ints, look: Ints) -> tuple[Ints, Floats]:
        """The particles that decide at this `look [rows]`, `[rows * deciding]`, and their log weights.

        With weights for each skill every particle has its turn; otherwise they are drawn by weight, evenly.
        """
        few, size = self.deciding, self.size
        if self._apart:
            place = (look[:, None] * few + np.arange(few)) % size
            weight = np.take_along_axis(state.weight[rows], place[:, :, None], axis=1)
        else:
            place, weight = drawn(state.weight[rows, :, 0], few), np.zeros((len(rows), few, 1))
        return (rows[:, None] * size + place).ravel(), weight

    def _forget_gains(self, state: Cloud, item: Ints, days: Floats) -> None:
        """Begin the mean gains anew that the response or the days have changed."""
        changed = item >= 0
        if not self._apart:
            state.gained[changed | (days > 0.0)] = 0.0
            state.looks[changed | (days > 0.0)] = 0.0
            return
        skill = self._columns(item)[0]
        own = np.array([self._column(a) if a >= 0 else -1 for a in self.matched.item])
        touched = (changed[:, None] & (own == skill[:, None])) | (days > 0.0)[:, None]
        state.gained[touched] = 0.0
        state.looks[touched] = 0.0

    def _resample(self, state: Cloud) -> None:
        """Double the likely particles where few carry the weight, at the cost of the others."""
        weight = normalised(state.weight)[:, :, 0]
        poor = np.flatnonzero(1.0 / (weight**2).sum(axis=1) < FEW * self.size)
        if not len(poor):
            return
        place = drawn(state.weight[poor, :, 0], self.size)
        into = (poor[:, None] * self.size + np.arange(self.size)).ravel()
        copy_rows(state.particles, (poor[:, None] * self.size + place).ravel(), into)
        state.weight[poor] = 0.0
