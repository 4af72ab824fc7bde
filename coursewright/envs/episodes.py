"""Running episodes: a batch of learners going through a task, without autoreset.

Everything that steps learners goes through here: Gymnasium's environments, Stable-Baselines3's
vector environment and the rollout loop hold an `Episodes` each.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.envs.functions import bare, is_own
from coursewright.envs.history import Past
from coursewright.envs.price import prices
from coursewright.envs.record import Kept, Records
from coursewright.envs.task import RandomGoal, Task
from coursewright.envs.view import View, checked_reward
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery, Observation
from coursewright.simulators.capabilities import Assisting, Restricting, redraw, restricts
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POSTTEST_ANSWER, POSTTEST_ITEM, Keys, Luck, identify, uniforms
from coursewright.simulators.protocol import Prologue, Response, clone, empty_response, overwrite, spread


class Outcome(NamedTuple):
    """The outcome of one step, `[batch]` each: the reward, and True where the episode has ended."""

    reward: Floats
    over: Bools


class Running(NamedTuple):
    """All that changes in `Episodes`, `[batch, ...]` each; attributes that it leaves out are not restored."""

    records: Kept
    state: Any
    luck: Luck
    response: Response
    number: Ints
    episode: Ints
    start: Mastery
    before: Mastery
    after: Mastery
    taught: Bools
    refused: Bools
    days: Floats


@kernel
def _out_of_range(action: Ints, n_actions: int) -> int:
    for i in range(action.shape[0]):
        if action[i] < 0 or action[i] >= n_actions:
            return i
    return -1


@kernel
def _admit(
    action: Ints,
    allowed: Bools,
    n_items: int,
    stop: int,
    over: Bools,
    item: Ints,
    taught: Bools,
    refused: Bools,
) -> None:
    """Turn actions into items: -1 for a stop or an ended row; untaught where disallowed."""
    for i in range(action.shape[0]):
        item[i] = action[i] % n_items
        taught[i] = False
        refused[i] = False
        if over[i]:
            item[i] = -1
        elif action[i] == stop:
            item[i] = -1
            over[i] = True
        else:
            taught[i] = allowed[i, action[i]]
            refused[i] = not taught[i]


class Episodes:
    """A batch of learners going through `task`, each row an episode of its own: a `view.Taught`.

    Arrays are changed in place; a caller copies the arrays that it keeps.

    Attributes
    ----------
    records : the tutor's knowledge of them; its `memory`, `mask`, `over`, `goal`, `goal_size`, `last` and
        `spent` are attributes here too.
    observation : a copy of `memory` made by the last step or beginning; to keep, if `lasting` (`Records`).
    some_over : True where any row is over.
    past_width : the largest number of entries in a learner's visible past.
    item : `[batch]`, the item given in the last step (-1: nothing), until the next.
    days : `[batch]`, days that passed after the last step.
    start, before, after : float32 `[batch, skills]`, latent mastery when the episode began and around
        the last step.  Only rewards, reports and oracles may read them.
    state : the learners themselves; only oracles may look.
    """

    def __init__(
        self, task: Task, batch: int, lasting: bool = True, records: type[Records] = Records
    ) -> None:
        if batch < 1:
            raise reject("batch", batch, "a whole number >= 1")
        simulator, skills = task.simulator, task.course.n_skills
        self.task = task
        self.batch = batch
        self.state = simulator.empty(batch)
        self.response = empty_response(batch)
        self.number: Ints = np.zeros(batch, np.int64)
        self.episode: Ints = np.zeros(batch, np.int64)
        self.luck = identify(task.seeds, self.number, 0, self.episode)
        probe = simulator.enrol(self.state, np.zeros(1, np.int64), self.luck)
        self.past_width = 0 if probe is None else probe.item.shape[1]
        self.records = records(task.terms, batch, self.past_width, lasting)
        # The same arrays, and no views of them: those would be cut off in a copied or pickled object.
        self.memory, self.mask, self.over = self.records.memory, self.records.mask, self.records.over
        self.goal, self.goal_size = self.records.goal, self.records.goal_size
        self.last, self.spent = self.records.last, self.records.spent
        self.luck = self.luck._replace(step=self.records.step)
        if task.fixed_goal is not None:
            self.goal[:] = task.fixed_goal
            self.goal_size[:] = task.fixed_goal.sum()
        self.start: Mastery = np.zeros((batch, skills), np.float32)
        self.before: Mastery = np.zeros((batch, skills), np.float32)
        self.after: Mastery = np.zeros((batch, skills), np.float32)
        self.refused: Bools = np.zeros(batch, bool)
        self.taught: Bools = np.ones(batch, bool)
        self.days: Floats = np.zeros(batch)
        self.item: Ints = np.full(batch, -1, np.int64)
        self._admitted: Ints = np.zeros(batch, np.int64)
        self._everyone = np.arange(batch)
        self._delays = np.array([*task.delays, 0.0])  # the last one is for the stop action
        self._time_passes = task.longest_gap > 0.0
        self._n_actions = task.n_actions
        self._stop = task.n_actions - 1 if task.stop else task.n_actions
        self._plain = not task.masked and not task.stop and len(task.delays) < 2
        self._platform = simulator if restricts(simulator) else None
        self._offered: Bools = np.ones((batch, task.course.n_items), bool)
        self._assists = isinstance(simulator, Assisting) and simulator.assists
        self._reward, self._own_reward = bare(task.reward), is_own(task.reward)

    @property
    def observation(self) -> Observation:
        """A copy of `memory` made by the last step or beginning; it belongs to the caller."""
        return self.records.observation

    @property
    def some_over(self) -> bool:
        """True where any row is over; then some actions must be ignored."""
        return self.records.some_over

    @property
    def mastered_at(self) -> float:
        """Mastery at or above which a skill counts as mastered."""
        return self.task.mastered_at

    def begin(self, rows: Ints, number: Ints, episode: Ints, split: int) -> None:
        """Put the learners with these numbers, in these episodes of theirs, into `rows`.

        `number` and `episode` are `[rows]`; see `luck.identify` for their meaning.
        """
        task = self.task
        luck = identify(task.seeds, number, split, episode)
        for array, new in zip(self.luck, luck, strict=True):
            array[rows] = new
        self.number[rows] = number
        self.episode[rows] = episode
        self.refused[rows] = False
        self.response.ended[rows] = False  # a simulator may write only the rows that drop out
        self.taught[rows] = True
        prologue = task.simulator.enrol(self.state, rows, self.luck)
        goals, key = self._goals(rows, prologue), self.luck.learner[rows]
        self.records.open(rows, goals, _past(prologue), key, task.prices(key))
        if self._platform is not None:
            self._offer(self._platform)
        task.simulator.mastery(self.state, self.after)
        self.start[rows] = self.after[rows]

    def step(self, action: npt.NDArray[np.int64]) -> Outcome:
        """Take `action [batch]` in every row that is not over.

        Raises `InputError` for an action out of range, and, under `strict`, for a disallowed one where
        another item is allowed.
        """
        row = _out_of_range(action, self._n_actions)
        if row >= 0:
            raise reject(f"action of row {row}", action[row], f"a whole number in [0, {self._n_actions})")
        return Outcome(self.advance(action), self.over)

    def advance(self, action: Ints) -> Floats:
        """Take actions that are known to be in range, and return the rewards `[batch]`.

        `over` says whose episode has ended.  To name both, as `step` does, costs one learner a twentieth.
        """
        task, records, response = self.task, self.records, self.response
        item, ended = action, self.over.copy() if self._own_reward else None
        if not self._plain or records.some_over:
            item = self._admitted
            if task.strict:
                self._refuse(action)
            n_items = task.course.n_items
            _admit(action, self.mask, n_items, self._stop, self.over, item, self.taught, self.refused)
        self.item = item
        task.simulator.practise(self.state, item, self.taught, self.luck, response)
        correct = response.correct
        if self._assists:  # an answer that was helped is no evidence: as if nothing had been asked
            correct = np.where(response.assisted, -1, correct)
        if self._time_passes:
            self._choose_days(action, item)
        records.write(item, correct, response.minutes, self.days, self.taught, response.ended)
        if self._time_passes:
            task.simulator.elapse(self.state, self.days, self.luck)
        if self._platform is not None:
            self._offer(self._platform)
        self.before, self.after = self.after, self.before
        task.simulator.mastery(self.state, self.after)
        if ended is not None:
            reward = checked_reward(self._reward, self.before, self.after, View(self), ended)
        else:
            reward = self._reward(self.before, self.after, self)
        return reward if task.price is None else reward - self._charge(item)

    def later(self, days: float) -> Any:
        """A copy of the learners' state after `days` more days without practice."""
        state = clone(self.state)
        if days > 0.0:
            self.task.simulator.elapse(state, np.full(self.batch, days), self.luck)
        return state

    def post_test(self, answers: int, days: float = 0.0) -> Floats:
        """Fraction right `[batch]` of a test with `answers` per goal skill, drawn with replacement.

        With `days` it is a retention test, so many days later; nothing is learned from either.
        """
        task, state = self.task, self.later(days)
        right = np.zeros(self.batch)
        draw = np.empty(self.batch)
        p = np.empty(self.batch)
        start, items = task.course.items_of
        for k in np.flatnonzero(self.goal.any(axis=0)):
            for j in range(answers):
                place = j * task.course.n_skills + int(k)
                uniforms(self.luck.fate, self.luck.step, POSTTEST_ITEM + place, draw)
                item = items[start[k] + (draw * (start[k + 1] - start[k])).astype(np.int64)]
                task.simulator.p_correct(state, item, p)
                uniforms(self.luck.fate, self.luck.step, POSTTEST_ANSWER + place, draw)
                right += self.goal[:, k] & (draw < p)
        return np.asarray(right / (answers * self.goal_size))

    def snapshot(self) -> Running:
        """Everything that changes, copied: enough to go on from here (see `restore`)."""
        return clone(self._running)

    def restore(self, snapshot: Running) -> None:
        """Go back to a `snapshot` of episodes of the same task and batch."""
        overwrite(self._running, snapshot)
        self.records.refresh()

    def branch(self, rows: Ints, fate: Keys) -> "Episodes":
        """Copies of the learners in `rows`, which may repeat, who go on from here under other fates `[rows]`.

        For oracles alone.  Events to come that a learner's state holds already are drawn anew.
        """
        copies = Episodes(self.task, len(rows), lasting=False)
        copies.restore(spread(self._running, rows, self.batch))
        copies.luck.fate[:] = fate
        redraw(self.task.simulator, copies.state, copies.luck)
        return copies

    @property
    def _running(self) -> Running:
        return Running(
            self.records.kept,
            self.state,
            self.luck,
            self.response,
            self.number,
            self.episode,
            self.start,
            self.before,
            self.after,
            self.taught,
            self.refused,
            self.days,
        )

    def _goals(self, rows: Ints, prologue: Prologue | None) -> Bools | None:
        """The goals `[rows, skills]` of new learners; None: everything."""
        task = self.task
        if isinstance(task.goal, RandomGoal):
            task.goal.draw(rows, self.luck, self.goal)
            return self.goal[rows]
        if task.fixed_goal is not None:
            return task.fixed_goal
        return None if prologue is None else prologue.goal

    def _charge(self, item: Ints) -> Floats:
        """The price of the minutes of this step, `[batch]`; nothing where no item was given."""
        price = prices(self.task.price, self.memory, self.task.layout)
        return np.asarray(np.where(item >= 0, price * self.response.minutes, 0.0))

    def _refuse(self, action: Ints) -> None:
        wrong = np.flatnonzero(~self.mask[self._everyone, action] & ~self.over)
        items = self.mask[wrong, : self._n_actions - self.task.stop]
        wrong = wrong[np.flatnonzero(items.any(axis=1))]  # elsewhere no item is a better choice
        if len(wrong):
            row = int(wrong[0])
            names = self.task.course.items
            allowed = [names[i] for i in np.flatnonzero(self.mask[row][: len(names)])]
            name = names[action[row] % len(names)]
            raise reject(f"action of row {row}", f"{action[row]} (item {name})", f"allowed: {allowed}")

    def _choose_days(self, action: Ints, item: Ints) -> None:
        """Write the days after this step: those of the schedule, and those of a chosen delay."""
        task, days = self.task, self.days
        task.schedule.gaps(self.luck._replace(step=self.luck.step + 1), days)
        if task.delays:
            days += self._delays[action // task.course.n_items]
        days[item < 0] = 0.0

    def _offer(self, platform: Restricting) -> None:
        platform.allowed(self.state, self._offered)
        self.records.offer(self._offered)


def _past(prologue: Prologue | None) -> Past | None:
    """The past that a prologue tells of; None where there is no prologue."""
    if prologue is None:
        return None
    taught = np.ones(prologue.item.shape, bool) if prologue.taught is None else prologue.taught
    return Past(prologue.item, prologue.correct, prologue.length, taught)
