"""Imagined learners: drawn from a tutor's belief, they live through a course as the tutor's model has it.

A planner tries things out on them, with copies of the tutor's own records; it never meets the true learners.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from coursewright.agents.beliefs.bkt import Filter
from coursewright.agents.portions import bytes_of
from coursewright.agents.rule import RulePolicy, Seen
from coursewright.agents.tutor import drawing_mind
from coursewright.envs.drawing import Drawing
from coursewright.envs.episodes import Episodes
from coursewright.envs.features import Event
from coursewright.envs.functions import bare
from coursewright.envs.record import Records
from coursewright.envs.rewards import (
    mastered_gain,
    mean_gain,
    mean_recall,
    normalised_gain,
    normalised_mean_gain,
)
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.capabilities import Restricting, quickest, redraw, restricts
from coursewright.simulators.course import Course
from coursewright.simulators.luck import ANSWER, FORESIGHT, Keys, Luck, fates, uniforms
from coursewright.simulators.protocol import Response, Simulator, overwrite, spread

FAR = 1 << 20  # practices of one skill that are told apart in the draws of an answer
SUMS = (mean_gain, normalised_mean_gain, mean_recall)  # an expectation may take the place of mastery
SHARES = (normalised_gain, mastered_gain)  # where a skill is known or not, they are sums too


@runtime_checkable
class Foreseeable(Restricting, Protocol):
    """A platform whose next offers follow from the goal and the accepted items, whoever the learner is.

    A planner looks ahead on it with nobody's state.
    """

    def foreseen(self, goal: Bools, last: Ints) -> Any:
        """A state of nobody's abilities, with the `goal [batch, skills]` and the `last [batch]` item.

        It is enough for `allowed`, and for `accept` to go on from.
        """
        ...

    def accept(self, state: Any, item: Ints) -> None:
        """Take `item [batch]` (-1: none) for the last accepted one."""
        ...


class Planning(NamedTuple):
    """A planner's memory: keys `[batch]` of its own draws, and the base rule's memory."""

    key: Keys
    base: Any

    def fates(self, rows: Ints, turn: Ints, many: int) -> Keys:
        """Fates `[rows, many]` of imagined learners at this `turn [batch]`."""
        out = np.empty(len(rows) * many, np.uint64)
        fates(self.key[rows], turn[rows], many, FORESIGHT, out)
        return out.reshape(len(rows), many)


class Imagining(NamedTuple):
    """A batch of imagined learners.

    `learner` is a state of the tutor's model, `times [batch, skills]` counts their imagined practices,
    `thoughts` is what the mind makes of their answers (() unless it averages), and `place` the state of the
    platform, which knows their goal and their last item (() unless it forbids items).
    """

    learner: Any
    times: Ints
    thoughts: Any
    place: Any


@dataclass(frozen=True, eq=False)
class Imagined:
    """The learners of a tutor's model on the course that is taught: a `Simulator`.

    Where every item needs one skill, the draws of a learner's n-th practice of a skill are the same whenever
    it comes, so that two ways through the course differ by what they practise and not by luck.

    Attributes
    ----------
    course : the course that is taught.
    mind : the tutor's; an item that its model does not know is answered by a coin and teaches nothing.
    average : True where mastery is what the mind expects by the imagined answers, which is less noisy.
    quickest : see `capabilities.Paced`.
    platform : the platform whose rules forbid items; None: nothing is forbidden.
    """

    course: Course
    mind: Drawing
    average: bool
    quickest: float
    platform: Foreseeable | None = None

    @property
    def model(self) -> Simulator[Any]:
        """The tutor's model."""
        return self.mind.learners

    @property
    def restricts(self) -> bool:
        """True where the platform forbids items."""
        return self.platform is not None

    @cached_property
    def _first(self) -> Ints | None:
        """The skill `[items]` of each item; None where an item needs several."""
        start, skills = self.course.needs
        return skills[start[:-1]] if (np.diff(start) == 1).all() else None

    def empty(self, batch: int) -> Imagining:
        """Learners with safe values."""
        times = np.zeros((batch, self.course.n_skills), np.int64)
        thoughts = self.mind.empty(batch) if self.average else ()
        goal = np.ones((batch, self.course.n_skills), bool)
        place = () if self.platform is None else self.platform.foreseen(goal, np.full(batch, -1, np.int64))
        return Imagining(self.model.empty(batch), times, thoughts, place)

    def enrol(self, state: Imagining, rows: Ints, luck: Luck) -> None:
        """Nobody new: imagined learners are drawn from a belief (`Imagination.episodes`)."""

    def p_correct(self, state: Imagining, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` by the model; one half where it does not know the item."""
        inner = self._inner(item)
        self.model.p_correct(state.learner, inner, out)
        out[(item >= 0) & (inner < 0)] = 0.5

    def practise(self, state: Imagining, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """One opportunity in the model, which the mind hears of where it averages."""
        inner, own = self._inner(item), self._luck(state, item, luck)
        self.model.practise(state.learner, inner, taught, own, out)
        given = item >= 0
        foreign = given & (inner < 0)
        if foreign.any():
            coin = np.empty(len(item))
            uniforms(own.fate, own.step, ANSWER, coin)
            out.correct[foreign] = coin[foreign] < 0.5
        out.minutes[given] = self.course.minutes[item[given]]
        if self.platform is not None:
            self.platform.accept(state.place, np.where(taught, item, -1))
        if self.average:
            none = np.zeros(len(item))
            self.mind.update(state.thoughts, Event(item, out.correct, none, none, taught, taught, False))

    def elapse(self, state: Imagining, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass."""
        self.model.elapse(state.learner, days, luck)
        if self.average:
            nothing = np.full(len(days), -1, np.int64)
            nobody = np.zeros(len(days), bool)
            event = Event(nothing, nothing, np.zeros(len(days)), days, nobody, nobody, False)
            self.mind.update(state.thoughts, event)

    def mastery(self, state: Imagining, out: Mastery) -> None:
        """Mastery `[batch, skills]`, or what the mind expects of it."""
        if self.average:
            known = np.empty(out.shape)
            self.mind.known(state.thoughts, np.arange(len(out)), known)
            out[:] = known
            return
        inner = np.empty((len(out), self.model.course.n_skills), np.float32)
        self.model.mastery(state.learner, inner)
        out[:] = inner[:, self.mind.matched.skill]

    def redraw(self, state: Imagining, luck: Luck) -> None:
        """Draw events to come anew."""
        redraw(self.model, state.learner, luck)

    def allowed(self, state: Imagining, out: Bools) -> None:
        """The items that the platform offers, `[batch, items]`."""
        assert self.platform is not None
        self.platform.allowed(state.place, out)

    def _inner(self, item: Ints) -> Ints:
        return np.where(item >= 0, self.mind.matched.item[item], -1)

    def _luck(self, state: Imagining, item: Ints, luck: Luck) -> Luck:
        """The luck of the practices, which are numbered by skill where an item needs one."""
        if self._first is None:
            return luck
        rows = np.flatnonzero(item >= 0)
        skill = self._first[item[rows]]
        step = luck.step.copy()
        step[rows] = FAR * (1 + skill) + state.times[rows, skill]
        state.times[rows, skill] += 1
        return luck._replace(step=step)


def refuse_unimaginable(task: Task) -> None:
    """Refuse a task whose learners cannot be imagined.

    The tutor may have no belief that learners can be drawn from, or a platform may forbid items by rules that
    nobody can foresee.
    """
    drawing_mind(task)
    if restricts(task.simulator) and not isinstance(task.simulator, Foreseeable):
        told = "learners on a platform that forbids items by rules known ahead (kss), or forbids none"
        raise reject("simulator", type(task.simulator).__name__, told)


@dataclass(frozen=True, eq=False)
class Imagination:
    """Episodes of imagined learners who begin where the tutor's records of the true ones stand.

    Attributes
    ----------
    task : the task of imagined learners, with the observation of the rule that plays on.
    seen : the task whose records are copied; its observation may have more columns.
    by_table : True where the mind is the tutor's table, and the feature `belief` its state.
    """

    task: Task
    seen: Task
    by_table: bool

    @classmethod
    def of(cls, task: Task, base: RulePolicy) -> "Imagination":
        """Episodes in which the rule `base` of `task` plays on.

        Raises `InputError` as `refuse_unimaginable` does.
        """
        refuse_unimaginable(task)
        (mind, by_table), learners = drawing_mind(task), task.simulator
        platform = learners if restricts(learners) and isinstance(learners, Foreseeable) else None
        reward = task.reward
        kind = getattr(bare(reward), "func", bare(reward))
        average = mind.averages and kind in (*SUMS, *SHARES)
        imagined = Imagined(task.course, mind, average, quickest(learners), platform)
        mine = replace(
            base.task,
            simulator=imagined,
            reward=mean_gain if average and kind in SHARES else reward,
            mind=base.task.mind if base.task.terms.shown else None,
        )
        seen = base.task if by_table else base.task.showing("gain", "expected_mastery")
        return cls(mine, seen, by_table)

    @property
    def needs(self) -> tuple[str, ...]:
        """The features by which items are chosen to be tried out."""
        return ("belief", "goal") if self.by_table else ("gain", "goal")

    @cached_property
    def _columns(self) -> Ints:
        """The column of the copied records for each column of the rule's observation."""
        return self.seen.layout.places(self.task.layout)

    @property
    def _imagined(self) -> Imagined:
        simulator = self.task.simulator
        assert isinstance(simulator, Imagined)
        return simulator

    def bytes_each(self, records: Records) -> int:
        """The bytes that an imagined learner takes, roughly."""
        state = self._imagined.empty(1)
        return 2 * (bytes_of(records.kept) // records.batch + bytes_of(state))

    def thoughts(self, seen: Seen) -> Any:
        """The mind's state about these learners."""
        return Filter(seen["belief"].copy()) if self.by_table else seen.records.thoughts

    def worth(self, seen: Seen) -> Floats:
        """The mind's expected gain of each open item, `[batch, items]`; -inf elsewhere."""
        if not self.by_table:
            return np.where(seen.open, seen["gain"].astype(np.float64), -np.inf)
        gain = np.empty(seen.allowed.shape)
        self._imagined.mind.gains(self.thoughts(seen), np.arange(len(seen)), seen["goal"] > 0.0, gain)
        return np.where(seen.open, gain, -np.inf)

    def episodes(self, records: Records, thoughts: Any, who: Ints, fate: Keys) -> Episodes:
        """Learners drawn for the rows `who`, who may repeat, and go on under their own `fate [rows]`.

        The reward's zero is now: nothing counts as mastered at the start of their episodes, which they never
        lived through.
        """
        imagined, episodes = self._imagined, Episodes(self.task, len(who), lasting=False)
        thought = records.thoughts if self.task.terms.shown else ()
        known = records.kept._replace(memory=records.memory[:, self._columns], thoughts=thought)
        overwrite(episodes.records.kept, spread(known, who, records.batch))
        episodes.records.refresh()
        luck = episodes.luck
        luck.fate[:], luck.learner[:] = fate, fate
        place: Any = ()
        if imagined.platform is not None:
            place = imagined.platform.foreseen(records.goal[who], records.last[who])
        drawn = Imagining(
            learner=imagined.mind.draw(thoughts, who, fate),
            times=np.zeros((len(who), self.task.course.n_skills), np.int64),
            thoughts=spread(thoughts, who, records.batch) if imagined.average else (),
            place=place,
        )
        overwrite(episodes.state, drawn)
        redraw(imagined, episodes.state, luck)
        imagined.mastery(episodes.state, episodes.after)
        return episodes
