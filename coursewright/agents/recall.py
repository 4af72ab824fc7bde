"""Thresholds on recall: practise what is recalled with the chance that is nearest to a target.

deeptutor's rule (Reddy, Levine & Dragan 2017): argmin_i |p_i - r|.  There the tutor reads the true
recall p_i, so that is an oracle here.  The informed form knows the population, not the learner.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np

from coursewright.agents.choosing import Memory, allowed_items, lowest, unnamed
from coursewright.agents.tracker import Tracker
from coursewright.agents.tuned import Trial, Tuning
from coursewright.agents.watching import watched
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import Task
from coursewright.simulators.errors import reject
from coursewright.simulators.luck import Luck
from coursewright.simulators.protocol import Bools, Floats, Ints, Simulator, clone, put

GRID = tuple(round(0.05 * step, 2) for step in range(20))  # 0 to .95
LEARNERS = 500


@runtime_checkable
class Replayed(Protocol):
    """A learner model that can be told an answer instead of drawing one; its `empty` is a median learner."""

    def learn(self, state: Any, item: Ints, taught: Bools, correct: Ints) -> None:
        """What practice of `item [batch]` does where it was `taught` and answered `correct`."""
        ...


def item_recall(simulator: Simulator[Any], state: Any, batch: int) -> Floats:
    """P(correct) of every item if asked now, `[batch, items]`."""
    p = np.empty((simulator.course.n_items, batch))
    for a in range(len(p)):
        simulator.p_correct(state, np.full(batch, a), p[a])
    return p.T


class Replay(NamedTuple):
    """What the informed rule keeps of each learner.

    `item [batch]` is the last choice (-1: none), and `memory` the state of a median learner who has
    seen the same items and given the same answers.
    """

    item: Ints
    memory: Any


@dataclass(frozen=True, eq=False)
class InformedThreshold:
    """argmin over the allowed items of |p - recall|, p as a median learner of the population would have it.

    It knows the model and its true median parameters, and replays on them what the learner was asked
    and answered.  What the learner's own parameters are it neither sees nor infers.
    """

    task: Task
    recall: float
    trials: tuple[Trial, ...] = ()
    respects_mask: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.task.simulator, Replayed):
            kind = type(self.task.simulator).__name__
            raise reject("task.simulator of informed_threshold", kind, "a memory model: DeepTutor or Dhp")
        self.task.layout.require("informed_threshold", "last_correct")

    def begin(self, luck: Luck) -> Replay:
        """Nothing asked yet."""
        batch = len(luck.fate)
        return Replay(np.full(batch, -1, np.int64), self.task.simulator.empty(batch))

    def predict(
        self,
        observation: Memory,
        state: Replay | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Replay]:
        """Items `[batch]`."""
        batch, simulator = len(observation), self.task.simulator
        replay = self.begin(unnamed(batch)) if state is None else state
        last, memory = replay.item.copy(), clone(replay.memory)
        if episode_start is not None and episode_start.any():
            rows = np.flatnonzero(episode_start)
            last[rows] = -1
            put(memory, rows, simulator.empty(len(rows)))
        self._take(observation, last, memory)
        p = item_recall(simulator, memory, batch)
        item = _nearest(p, self.recall, action_masks)
        return item, Replay(item, memory)

    def _take(self, observation: Memory, last: Ints, memory: Any) -> None:
        """Replay the last step: its item, its answer, and the days that have passed since."""
        assert isinstance(self.task.simulator, Replayed)
        right = observation[:, self.task.layout.columns("last_correct").start] > 0.0
        self.task.simulator.learn(memory, last, np.ones(len(last), bool), right.astype(np.int64))
        if self.task.days:
            days = np.where(last >= 0, self.task.days, 0.0)
            self.task.simulator.elapse(memory, days, unnamed(len(last)))


@dataclass(eq=False)
class OracleThreshold:
    """argmin over the allowed items of |p - recall|, p the learner's true P(correct)."""

    task: Task
    recall: float
    trials: tuple[Trial, ...] = ()
    respects_mask: bool = True
    _episodes: Episodes | None = None

    def watch(self, episodes: Episodes) -> None:
        """Read the latent state of these learners from now on."""
        self._episodes = episodes

    def begin(self, luck: Luck) -> None:
        """Nothing to remember."""

    def predict(
        self,
        observation: Memory,
        state: None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, None]:
        """Items `[batch]`."""
        episodes = watched(self._episodes)
        p = item_recall(self.task.simulator, episodes.state, len(observation))
        return _nearest(p, self.recall, action_masks), None


def _nearest(p: Floats, recall: float, mask: Bools | None) -> Ints:
    return lowest(np.abs(p - recall), allowed_items(mask, *p.shape))


Rule = TypeVar("Rule", InformedThreshold, OracleThreshold)


def _aimed(
    make: Callable[[Task, float], Rule], task: Task, tracker: Tracker, recall: float | None, learners: int
) -> Rule:
    """The rule with this target, or with the best of `GRID` on tuning learners."""
    if recall is not None:
        if not 0.0 <= recall <= 1.0:
            raise reject("agent.recall", recall, "a probability in [0, 1], or null to tune it")
        return make(task, float(recall))
    if learners < 1:
        raise reject("agent.learners", learners, "a whole number >= 1")
    tuning = Tuning(task, tracker)
    best = tuning.best([(f"recall={r:g}", make(task, r)) for r in GRID], learners)[0]
    return replace(make(task, GRID[best]), trials=tuple(tuning.trials))


def informed_threshold(
    task: Task, seed: int, tracker: Tracker, *, recall: float | None = None, learners: int = LEARNERS
) -> InformedThreshold:
    """Practise the allowed item whose recall, for a median learner with this history, is nearest `recall`.

    Of equals, the item listed first; the goal plays no part.  Without `recall`, the best of 20 targets from
    0 (always the weakest item) to .95 on `learners` tuning learners is taken.

    Raises `InputError` for a simulator that is no memory model, a task without the feature
    `last_correct`, and a target that is no probability.
    """
    return _aimed(InformedThreshold, task, tracker, recall, learners)


def oracle_threshold(
    task: Task, seed: int, tracker: Tracker, *, recall: float | None = None, learners: int = LEARNERS
) -> OracleThreshold:
    """Practise the allowed item whose true P(correct) is nearest `recall` (deeptutor's threshold rule).

    Of equals, the item listed first; the goal plays no part.  `recall` and `learners` as for
    `informed_threshold`.  It looks no step ahead, so it is no bound.
    """
    return _aimed(OracleThreshold, task, tracker, recall, learners)
