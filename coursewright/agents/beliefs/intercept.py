"""The exact belief about learners who differ in one number, their intercept: its posterior on a grid.

Counts and times follow from the responses, so that a response costs a look at each node of the grid, and no
learner has to be simulated.  `particles` serves models with more that is hidden.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from coursewright.agents.beliefs.crowd import pick
from coursewright.agents.beliefs.lived import turns
from coursewright.agents.beliefs.matched import Matched
from coursewright.agents.portions import parts
from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import mean_of_items
from coursewright.simulators.branch_free import sigmoid
from coursewright.simulators.capabilities import Studying
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import turned
from coursewright.simulators.logistic.intercept import Form, OneIntercept
from coursewright.simulators.luck import Keys, Luck
from coursewright.simulators.protocol import put, take

NODES = 48  # three vectors of a compiled loop
REACH = 5.0  # standard deviations on either side
LEAST = 1e-300  # of a node's weight: none is ever ruled out for good

NOBODY, NOTHING = np.zeros(0, np.uint64), np.zeros(0, np.int64)
NO_LUCK = Luck(NOBODY, NOBODY, NOTHING, NOTHING, NOTHING)  # these learners draw nothing when time passes


class Posterior(NamedTuple):
    """The model's `learners`, all of average ability, and the `weight [batch, nodes]` of every ability."""

    learners: Any
    weight: Floats


class Items(NamedTuple):
    """The constants of `Form` as kernels read them, and the items of each counter."""

    difficulty: Floats
    slope: Floats
    guess: Floats
    share: Floats
    start: Ints
    touched: Ints
    first: Ints
    items: Ints


class Room(NamedTuple):
    """Room for one learner: log odds and changes `[items]`, chances `[items, nodes]` and `[2, nodes]`."""

    logit: Floats
    change: Floats
    now: Floats
    some: Floats


@inlined
def _logit(worth: Floats, i: int, a: int, items: Items) -> float:
    """Log odds of item a for a learner of average ability, by the worth of its counters."""
    total = 0.0
    for j in range(items.start[a], items.start[a + 1]):
        total += worth[i, items.touched[j], 0]
    return float(items.slope[a] * (items.share[a] * total - items.difficulty[a]))


@inlined
def _p(logit: float, a: int, theta: float, items: Items) -> float:
    guess = items.guess[a]
    return float(guess + (1.0 - guess) * sigmoid(logit + items.slope[a] * theta))


@kernel
def _weigh(worth: Floats, item: Ints, correct: Ints, theta: Floats, items: Items, weight: Floats) -> None:
    """Bayes' rule for the answers `correct [batch]`; nothing is learned where that is -1."""
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0 or correct[i] < 0:
            continue
        logit, total = _logit(worth, i, a, items), 0.0
        for n in range(theta.shape[0]):
            p = _p(logit, a, theta[n], items)
            weight[i, n] = max(weight[i, n] * (p if correct[i] == 1 else 1.0 - p), LEAST)
        for n in range(theta.shape[0]):
            total += weight[i, n]
        for n in range(theta.shape[0]):
            weight[i, n] /= total


@kernel
def _chances(worth: Floats, weight: Floats, theta: Floats, items: Items, room: Room, out: Floats) -> None:
    """Mean P(correct) over the nodes, `[batch, items]`."""
    some = room.some
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            logit, total = _logit(worth, i, a, items), 0.0
            for n in range(theta.shape[0]):
                some[0, n] = _p(logit, a, theta[n], items)
            for n in range(theta.shape[0]):
                total += weight[i, n] * some[0, n]
            out[i, a] = total


@kernel
def _gains(
    worths: tuple[Floats, Floats],
    weight: Floats,
    theta: Floats,
    items: Items,
    goal: Floats,
    room: Room,
    out: Floats,
) -> None:
    """The mean over nodes and answers of the rise in all items' chances, weighed by `goal [batch, items]`.

    `worths` are those of now, for the answer, and those of the time at which its worth is judged.
    """
    today, later = worths
    logit, change, now, some = room
    for i in range(out.shape[0]):
        for b in range(out.shape[1]):
            change[b] = 0.0
            if goal[i, b] > 0.0:
                logit[b] = _logit(later, i, b, items)
                for n in range(theta.shape[0]):
                    now[b, n] = _p(logit[b], b, theta[n], items)
        for a in range(out.shape[1]):
            out[i, a] = 0.0
            asked = _logit(today, i, a, items)
            for answer in range(2):
                for n in range(theta.shape[0]):
                    some[0, n] = 0.0
                    p = _p(asked, a, theta[n], items)
                    some[1, n] = weight[i, n] * (p if answer == 1 else 1.0 - p)
                for j in range(items.start[a], items.start[a + 1]):
                    c = items.touched[j]
                    more = later[i, c, 1 + answer] - later[i, c, 0]
                    for at in range(items.first[c], items.first[c + 1]):
                        change[items.items[at]] += more
                for j in range(items.start[a], items.start[a + 1]):
                    c = items.touched[j]
                    for at in range(items.first[c], items.first[c + 1]):
                        b = items.items[at]
                        if change[b] != 0.0 and goal[i, b] > 0.0:
                            moved = logit[b] + items.slope[b] * items.share[b] * change[b]
                            for n in range(theta.shape[0]):
                                some[0, n] += goal[i, b] * (_p(moved, b, theta[n], items) - now[b, n])
                        change[b] = 0.0
                for n in range(theta.shape[0]):
                    out[i, a] += some[1, n] * some[0, n]


@dataclass(frozen=True, eq=False)
class InterceptBelief:
    """The posterior of each learner's intercept, by Bayes' rule over the answers.

    The nodes are as far apart as a fifth of the population's standard deviation: exact to some digits until
    hundreds of answers have made the posterior narrower than that.

    Attributes
    ----------
    course : the course that is taught; the model's is matched to it by name.
    model : learners who differ in their intercept alone (`logistic.intercept`), fitted to a log.
    ahead : days after which a practice is judged; 0: at once.

    Raises `InputError` for a number of days out of range.
    """

    course: Course
    model: OneIntercept
    ahead: float = 0.0
    tells = ("expected_mastery", "chance", "gain")
    averages = False

    @property
    def learners(self) -> OneIntercept:
        """The fitted learners."""
        return self.model

    def __post_init__(self) -> None:
        if not 0.0 <= self.ahead < np.inf:
            raise reject("belief.ahead", self.ahead, "a finite number of days >= 0")

    @cached_property
    def matched(self) -> Matched:
        """The model's course as seen from the course that is taught."""
        return Matched(self.course, self.model.course)

    @cached_property
    def _form(self) -> Form:
        form = self.model.form
        assert form is not None
        return form

    @cached_property
    def theta(self) -> Floats:
        """The nodes `[nodes]`, evenly spaced; one node where all learners are alike."""
        if self._form.spread == 0.0:
            return np.zeros(1)
        return self._form.spread * np.linspace(-REACH, REACH, NODES)

    @cached_property
    def _prior(self) -> Floats:
        if len(self.theta) == 1:
            return np.ones(1)
        weight = np.exp(-0.5 * (self.theta / self._form.spread) ** 2)
        return np.asarray(weight / weight.sum())

    @cached_property
    def _items(self) -> Items:
        form, touched = self._form, self._form.touched
        of_counter = turned(touched, int(touched.values.max()) + 1)
        return Items(form.difficulty, form.slope, form.guess, form.share, *touched, *of_counter)

    def _room(self) -> Room:
        items, nodes = len(self._form.difficulty), len(self.theta)
        return Room(np.empty(items), np.zeros(items), np.empty((items, nodes)), np.empty((2, nodes)))

    def empty(self, batch: int) -> Posterior:
        """New learners."""
        return Posterior(self.model.empty(batch), np.tile(self._prior, (batch, 1)))

    def open(self, state: Posterior, rows: Ints, past: Past, key: Keys) -> None:
        """New learners, and then the answers of the past; nothing is drawn."""
        put(state.learners, rows, self.model.empty(len(rows)))
        state.weight[rows] = self._prior
        for turn in turns(past, rows, len(state.weight)):
            self.update(state, turn)

    def update(self, state: Posterior, event: Event) -> None:
        """Bayes' rule for the answer, then the answer counts, then the days pass."""
        learners, model = state.learners, self.model
        item = self.matched.of_items(event.item)
        _weigh(self._worths(learners, 0.0, 1), item, event.correct, self.theta, self._items, state.weight)
        asked, shown = np.where(event.correct >= 0, item, -1), np.where(event.correct < 0, item, -1)
        model.record(learners, asked, event.taught, event.correct)
        if (shown >= 0).any():
            shown = np.where(event.taught, shown, -1)
            if isinstance(model, Studying):
                model.study(learners, shown, NO_LUCK)
            else:
                model.record(learners, shown, event.taught, np.zeros_like(shown))
        if event.days.any():
            model.elapse(learners, event.days, NO_LUCK)

    def known(self, state: Posterior, rows: Ints, out: Floats) -> None:
        """Mean P(correct) over the items of each skill, `[rows, skills]`."""
        course = self.model.course
        mastery: Mastery = np.empty((len(rows), course.n_skills), np.float32)
        mean_of_items(self._p(state, rows), course, mastery)
        out[:] = mastery[:, self.matched.skill]

    def chances(self, state: Posterior, rows: Ints, out: Floats) -> None:
        """P(correct) of every item, `[rows, items]`; one half where the model does not know the item."""
        item = self.matched.item
        out[:] = np.where(item >= 0, self._p(state, rows)[:, item], 0.5)

    def gains(self, state: Posterior, rows: Ints, goal: Bools, out: Floats) -> None:
        """Expected rise in goal mastery by one practice of each item, over both answers, `[rows, items]`.

        An item that the model does not know gains nothing.
        """
        course, item = self.model.course, self.matched.item
        each = self.matched.goal(goal) / np.maximum(np.diff(course.items_of.start), 1)
        start, skills = course.needs
        worth = np.add.reduceat(each[:, skills], start[:-1], axis=1)
        gain, room = np.empty_like(worth), self._room()
        for part in self._parts(len(rows)):
            learners = _of(state, rows[part])
            worths = self._worths(learners, 0.0, 1), self._worths(learners, self.ahead, 3)
            some = np.empty_like(worth[part])
            weight = state.weight[rows[part]]
            _gains(worths, weight, self.theta, self._items, worth[part], room, some)
            gain[part] = some
        out[:] = np.where(item >= 0, gain[:, item], 0.0)

    def draw(self, state: Posterior, rows: Ints, key: Keys) -> Any:
        """Learners with intercepts of the posterior, a node each."""
        node = np.empty(len(rows), np.int64)
        pick(state.weight, rows, key, node)
        drawn = take(state.learners, rows)
        self.model.place(drawn, self.theta[node])
        return drawn

    def _parts(self, rows: int) -> Iterator[Ints]:
        """Places among so many rows, in parts whose worths are few enough to be in memory at once."""
        return parts(np.arange(rows), 3 * 8 * self._counters)

    @cached_property
    def _counters(self) -> int:
        return len(self._items.first) - 1

    def _worths(self, learners: Any, days: float, columns: int) -> Floats:
        """The worth of counters `days` from now; see `OneIntercept.foresee`."""
        out = np.empty((len(learners[0]), self._counters, columns))
        self.model.foresee(learners, days, out)
        return out

    def _p(self, state: Posterior, rows: Ints) -> Floats:
        """P(correct) of the model's items, `[rows, items]`."""
        out, room = np.empty((len(rows), self.model.course.n_items)), self._room()
        for part in self._parts(len(rows)):
            worth = self._worths(_of(state, rows[part]), 0.0, 1)
            some = out[part]
            _chances(worth, state.weight[rows[part]], self.theta, self._items, room, some)
            out[part] = some
        return out


def _of(state: Posterior, rows: Ints) -> Any:
    """The learners in these rows: the state itself where they are all, else copies."""
    everyone = len(rows) == len(state.weight) and bool((np.diff(rows) == 1).all())
    return state.learners if everyone else take(state.learners, rows)
