"""Running episodes: a batch of learners going through a task, without autoreset.

Everything that steps learners goes through here: Gymnasium's environments, Stable-Baselines3's
vector environment and the rollout loop hold an `Episodes` each.
"""

from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.envs.history import note_days, open_rows, record
from coursewright.envs.task import RandomGoal, Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery, Observation
from coursewright.simulators.capabilities import Assisting, restricts
from coursewright.simulators.course import Course, Lists, pack
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POSTTEST_ANSWER, POSTTEST_ITEM, identify, uniforms
from coursewright.simulators.protocol import Prologue, clone, empty_response, put

BUFFERS = 4  # observations to keep for use again; callers seldom hold more
UNHELD = 3  # references to a buffer that only the list, a loop variable and the count itself know
NO_PAST = np.zeros((0, 0), np.int64)


class Outcome(NamedTuple):
    """What one step gave, `[batch]` each: the reward, and whether the episode has ended."""

    reward: Floats
    over: Bools


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


@kernel
def _unlock(
    memory: Observation, first: int, stride: int, after: int, item: Ints, correct: Ints, start: Ints,
    needed: Ints,
    opens_start: Ints, opens: Ints, missing: Ints, unlocked: Bools,
) -> None:  # fmt: skip
    """Count down the prerequisites that an item still misses; at 0 it is unlocked for good."""
    for i in range(item.shape[0]):
        if item[i] < 0:
            continue
        for j in range(start[item[i]], start[item[i] + 1]):
            k = needed[j]
            # One rare branch instead of two common ones, which could not be predicted.
            if (memory[i, k * stride + first] == after) & (correct[i] == 1):
                for m in range(opens_start[k], opens_start[k + 1]):
                    missing[i, opens[m]] -= 1
                    if missing[i, opens[m]] == 0:
                        unlocked[i, opens[m]] = True


class Episodes:
    """A batch of learners going through `task`, each row an episode of its own.

    Arrays are changed in place; what a caller keeps, it copies.

    Attributes
    ----------
    memory : float32 `[batch, columns]`, the visible history, laid out by `task.layout`.
    observation : a copy of `memory` made by the last step or beginning, for the caller to keep.
    mask : bool `[batch, actions]`, what is allowed now (all True where nothing restricts).
    over : bool `[batch]`, which rows have ended; they ignore further actions until begun again.
    some_over : whether any row is.
    goal : bool `[batch, skills]`; `goal_size [batch]` how many skills that is.
    past_width : how many entries the visible past of a learner can have.
    days : `[batch]`, how many passed after the last step.
    start, before, after : float32 `[batch, skills]`, latent mastery when the episode began and around
        the last step.  Only rewards, reports and oracles may read them.
    """

    def __init__(self, task: Task, batch: int) -> None:
        if batch < 1:
            raise reject("batch", batch, "a whole number >= 1")
        course = task.course
        self.task = task
        self.batch = batch
        self.state = task.simulator.empty(batch)
        self.response = empty_response(batch)
        self.memory: Observation = np.zeros((batch, task.layout.width), np.float32)
        self.observation: Observation = self.memory.copy()
        self._buffers: list[Observation] = []
        self.mask: Bools = np.ones((batch, task.n_actions), bool)
        self.over: Bools = np.ones(batch, bool)
        self.goal: Bools = np.ones((batch, course.n_skills), bool)
        if task.fixed_goal is not None:
            self.goal[:] = task.fixed_goal
        self.goal_size: Ints = self.goal.sum(axis=1)
        self.start: Mastery = np.zeros((batch, course.n_skills), np.float32)
        self.before: Mastery = np.zeros((batch, course.n_skills), np.float32)
        self.after: Mastery = np.zeros((batch, course.n_skills), np.float32)
        self.refused: Bools = np.zeros(batch, bool)
        self.item: Ints = np.zeros(batch, np.int64)
        self.taught: Bools = np.ones(batch, bool)
        self.spent: Floats = np.zeros(batch)
        self.last: Ints = np.full(batch, -1, np.int64)
        self.number: Ints = np.zeros(batch, np.int64)
        self.episode: Ints = np.zeros(batch, np.int64)
        self.luck = identify(task.seeds, self.number, 0, self.episode)
        probe = task.simulator.enrol(self.state, np.zeros(1, np.int64), self.luck)
        self.past_width = 0 if probe is None else probe.item.shape[1]
        self._offsets = np.append(task.layout.offsets, int(task.blame == "shared"))
        self._logs = np.log1p(np.arange(max(task.horizon, self.past_width) + 1)).astype(np.float32)
        self.days: Floats = np.zeros(batch)
        self._delays = np.array([*task.delays, 0.0])  # the last one is for the stop action
        self._time_passes = task.longest_gap > 0.0
        self._stop = task.n_actions - 1 if task.stop else task.n_actions
        self._opens, self._missing_at_start = _locks(course)
        self._missing: Ints = np.zeros((batch, course.n_items), np.int64)
        # Where the simulator restricts nothing, what is unlocked is what is allowed: the same array, and
        # no view of it, because a copied or pickled object keeps the one shared and cuts the other off.
        self._composed = restricts(task.simulator) or (len(task.delays) > 1 and task.unlock_after > 0)
        self._unlocked: Bools = np.ones_like(self.mask) if self._composed else self.mask
        self._items_allowed: Bools = np.ones((batch, course.n_items), bool)
        self._beliefs = task.beliefs
        self._needed = course.needed
        self._budget = task.budget
        self._plain = not task.masked and not task.stop and len(task.delays) < 2
        self._by_minutes = task.minutes is not None
        self._horizon = task.horizon
        self._everyone = np.arange(batch)
        self._assists = isinstance(task.simulator, Assisting) and task.simulator.assists
        self.some_over = True  # then some actions must be ignored

    def begin(self, rows: Ints, number: Ints, episode: Ints, split: int) -> None:
        """Put the learners with these numbers, in these episodes of theirs, into `rows`.

        `number` and `episode` are `[rows]`; see `luck.identify` for who that is.
        """
        task = self.task
        luck = identify(task.seeds, number, split, episode)
        for mine, theirs in zip(self.luck, luck, strict=True):
            mine[rows] = theirs
        self.number[rows] = number
        self.episode[rows] = episode
        self.spent[rows] = 0.0
        self.over[rows] = False
        self.refused[rows] = False
        self.response.ended[rows] = False  # a simulator may write only the rows that drop out
        self.taught[rows] = True
        self.some_over = bool(self.over.any())
        prologue = task.simulator.enrol(self.state, rows, self.luck)
        past = _past(prologue, len(rows), task.course.n_items)
        if isinstance(task.goal, RandomGoal):
            task.goal.draw(rows, self.luck, self.goal)
            self.goal_size[rows] = self.goal[rows].sum(axis=1)
        elif prologue is not None and task.fixed_goal is None:
            self.goal[rows] = prologue.goal
            self.goal_size[rows] = prologue.goal.sum(axis=1)
        open_rows(
            self.memory,
            self._offsets,
            self._logs,
            task.beliefs,
            *task.course.needed,
            self.last,
            rows,
            self.goal,
            past.item,
            past.correct,
            past.length,
            past.taught,
        )
        self.observation = self._buffer()
        np.copyto(self.observation, self.memory)
        if task.unlock_after:
            self._missing[rows] = self._missing_at_start
            self._unlocked[rows, : task.course.n_items] = self._missing_at_start == 0
        if self._composed:
            self._update_mask()
        task.simulator.mastery(self.state, self.after)
        self.start[rows] = self.after[rows]

    def step(self, action: npt.NDArray[np.int64]) -> Outcome:
        """Take `action [batch]` in every row that is not over.

        Raises `InputError` for an action out of range, and, under `strict`, for a disallowed one.
        """
        row = _out_of_range(action, self.task.n_actions)
        if row >= 0:
            raise reject(f"action of row {row}", action[row], f"a whole number in [0, {self.task.n_actions})")
        return self.advance(action)

    def advance(self, action: Ints) -> Outcome:
        """Take actions that are known to be in range: `step` without that check."""
        task = self.task
        item = action
        if not self._plain or self.some_over:
            item = self.item
            if task.strict:
                self._refuse(action)
            n_items = task.course.n_items
            _admit(action, self.mask, n_items, self._stop, self.over, item, self.taught, self.refused)
        task.simulator.practise(self.state, item, self.taught, self.luck, self.response)
        correct = self.response.correct
        if self._assists:  # an answer that was helped is no evidence: as if nothing had been asked
            correct = np.where(self.response.assisted, -1, correct)
        self.observation = self._buffer()
        self.some_over = record(
            self.memory,
            self._offsets,
            self._logs,
            self._beliefs,
            *self._needed,
            self.last,
            self.spent,
            self._budget,
            self._by_minutes,
            self._horizon,
            self.luck.step,
            item,
            self.taught,
            correct,
            self.response.minutes,
            self.response.ended,
            self.over,
            self.observation,
        )
        if self._time_passes:
            self._pass_time(action, item)
        if task.unlock_after:
            self._unlock(item, correct)
        if self._composed:
            self._update_mask()
        self.before, self.after = self.after, self.before
        task.simulator.mastery(self.state, self.after)
        return Outcome(task.reward(self.before, self.after, self), self.over)

    def _buffer(self) -> Observation:
        """An array for the next observation: one that nobody holds any more, or a new one.

        Large arrays that come and go make the allocator hand pages back to the system, and getting
        them again costs more than a step does.
        """
        for buffer in self._buffers:
            if getrefcount(buffer) == UNHELD:
                return buffer
        buffer = np.empty_like(self.memory)
        if len(self._buffers) < BUFFERS:
            self._buffers.append(buffer)
        return buffer

    def later(self, days: float) -> Any:
        """A copy of the learners' state after `days` more days without practice."""
        state = clone(self.state)
        if days > 0.0:
            self.task.simulator.elapse(state, np.full(self.batch, days), self.luck)
        return state

    def post_test(self, answers: int, days: float = 0.0) -> Floats:
        """Fraction right `[batch]` of a test with `answers` a goal skill, drawn with replacement.

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

    def snapshot(self) -> dict[str, Any]:
        """Everything that changes, copied: enough to go on from here (see `restore`)."""
        # The observation is a copy of memory that a caller may have kept: `restore` makes a new one.
        names = [n for n, value in vars(self).items() if isinstance(value, np.ndarray) and n != "observation"]
        arrays = {name: getattr(self, name).copy() for name in names}
        tuples = {name: clone(getattr(self, name)) for name in ("state", "luck", "response")}
        return arrays | tuples | {"some_over": self.some_over}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a `snapshot` of episodes of the same task and batch."""
        for name, value in snapshot.items():
            if name == "some_over":
                self.some_over = value
            elif isinstance(value, tuple):
                put(getattr(self, name), self._everyone, value)
            else:
                getattr(self, name)[...] = value
        self.observation = self.memory.copy()

    def _refuse(self, action: Ints) -> None:
        wrong = np.flatnonzero(~self.mask[np.arange(self.batch), action] & ~self.over)
        if len(wrong):
            row = int(wrong[0])
            items = self.task.course.items
            allowed = [items[i] for i in np.flatnonzero(self.mask[row][: len(items)])]
            name = items[action[row] % len(items)]
            raise reject(f"action of row {row}", f"{action[row]} (item {name})", f"allowed: {allowed}")

    def _pass_time(self, action: Ints, item: Ints) -> None:
        task, days = self.task, self.days
        task.schedule.gaps(self.luck, days)
        if task.delays:
            days += self._delays[action // task.course.n_items]
        days[item < 0] = 0.0
        task.simulator.elapse(self.state, days, self.luck)
        if "days_since" in task.features:
            note_days(self.memory, self._offsets, task.course.n_skills, item, *task.course.needed, days)
            self.observation = self.memory.copy()

    def _unlock(self, item: Ints, correct: Ints) -> None:
        task = self.task
        where = task.layout.columns("successes")
        _unlock(
            self.memory,
            where.start,
            where.step,
            task.unlock_after,
            item,
            correct,
            *task.course.needed,
            *self._opens,
            self._missing,
            self._unlocked,
        )

    def _update_mask(self) -> None:
        if restricts(self.task.simulator):
            self.task.simulator.allowed(self.state, self._items_allowed)
        items = self.task.course.n_items
        for first in range(0, self._stop, items):  # every delay may follow an allowed item
            block = self.mask[:, first : first + items]
            np.logical_and(self._items_allowed, self._unlocked[:, :items], out=block)


class Past(NamedTuple):
    """The visible past of new learners, `[rows, width]`, of which the first `length [rows]` entries count."""

    item: Ints
    correct: Ints
    length: Ints
    taught: Bools


def _past(prologue: Prologue | None, rows: int, n_items: int) -> Past:
    """What a prologue tells of the past, checked: kernels would crash on what is out of range."""
    if prologue is None:
        return Past(NO_PAST, NO_PAST, np.zeros(rows, np.int64), NO_PAST > 0)
    item, length = prologue.item, prologue.length
    if len(length) and not 0 <= length.min() <= length.max() <= item.shape[1]:
        raise reject("prologue.length", int(length.max()), f"in [0, {item.shape[1]}], the width of its items")
    counted = np.arange(item.shape[1]) < length[:, None]
    if (counted & ((item < 0) | (item >= n_items))).any():
        raise reject("prologue.item", int(item.max()), f"in [0, {n_items})")
    taught = np.ones(item.shape, bool) if prologue.taught is None else prologue.taught
    return Past(item, prologue.correct, length, taught)


def _locks(course: Course) -> tuple[Lists, Ints]:
    """Which items each skill helps to unlock, packed, and how many skills each item waits for."""
    waits = (course.q_matrix.astype(np.int64) @ course.prerequisites.T.astype(np.int64)) > 0
    waits &= ~course.q_matrix  # what the item itself practises cannot be waited for
    opens = pack([np.flatnonzero(waits[:, k]).tolist() for k in range(course.n_skills)])
    return opens, waits.sum(axis=1).astype(np.int64)
