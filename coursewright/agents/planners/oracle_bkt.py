"""Oracles for BKT: they read which skills are known, and each learner's own P(T)."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.agents.choosing import allowed_items
from coursewright.agents.planners.bkt_search import Learners, Orders, first_skills, greedy, worths
from coursewright.agents.planners.watching import watched
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.luck import Luck


def population(episodes: Episodes) -> Bkt:
    """The learners who are being taught, who may differ from those of the task an oracle was made for.

    Under a bootstrap of the parameters each learner has a draw of their own; a table without those
    draws would be read beyond its end.
    """
    simulator = episodes.task.simulator
    if not isinstance(simulator, Bkt):
        raise reject("task.simulator of this oracle", type(simulator).__name__, "a Bkt")
    return simulator


def own_rates(episodes: Episodes) -> Floats:
    """Each learner's own P(T) `[batch, skills]`: what it is where every prerequisite is known."""
    state = episodes.state
    rates = np.empty(state.until.shape)
    population(episodes).learn_rates(state._replace(until=np.full_like(state.until, np.inf)), rates)
    return rates


class BktGreedyOracle:
    """The allowed item from which the goal profits most at once; see `bkt_search.worths`."""

    respects_mask = True

    def __init__(self, task: Task) -> None:
        self.task = task
        self._episodes: Episodes | None = None

    def watch(self, episodes: Episodes) -> None:
        """Read the latent state of these learners from now on."""
        self._episodes = episodes

    def begin(self, luck: Luck) -> None:
        """Nothing to remember."""

    def predict(
        self,
        observation: Observation,
        state: None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, None]:
        """Items `[batch]`."""
        episodes = watched(self._episodes)
        allowed = allowed_items(action_masks, len(observation), self.task.course.n_items)
        return self.among(episodes, allowed), None

    def among(self, episodes: Episodes, items: Bools) -> Ints:
        """The greedy choice `[batch]` among `items [batch, items]`."""
        course, learn = self.task.course, own_rates(episodes)
        known, rho = episodes.after >= 0.5, population(episodes).rho
        worth = np.empty_like(learn)
        worths(known, episodes.goal, learn, rho, course.order, *course.parents, worth)
        item = np.empty(len(items), np.int64)
        waiting = self.missing(episodes, known) > 0.0
        greedy(known, learn, rho, worth, waiting, *course.parents, *course.needed, items, item)
        return item

    @cached_property
    def _descends(self) -> Floats:
        """`[skills, skills]`, `[k, t]` 1 where k leads to t or is t."""
        return self.task.course.ancestors.astype(np.float64)

    def useful(self, episodes: Episodes, known: Bools) -> Bools:
        """Skills `[batch, skills]` that are unknown goals, or lead to one."""
        return np.asarray((episodes.goal & ~known) @ self._descends.T > 0.0)

    def missing(self, episodes: Episodes, known: Bools) -> Floats:
        """Successes `[batch, skills]` that an unknown goal further on still waits for; 0 without a mask."""
        if not self.task.unlock_after:
            return np.zeros(known.shape)
        successes = episodes.memory[:, self.task.layout.columns("successes")]
        opens = self.task.course.prerequisites.astype(np.float64)
        waited_for = self.useful(episodes, known) @ opens.T > 0.0
        left = np.maximum(0.0, self.task.unlock_after - successes.astype(np.float64))
        return np.where(waited_for, left, 0.0)


class Focus(NamedTuple):
    """The skill `[batch]` that each learner is being taught.

    `known` and `missing` `[batch, skills]` (see `Learners`) are what the decision took for granted.
    """

    skill: Ints
    known: Bools
    missing: Floats


class BktBeamOracle:
    """A beam search over the orders in which skills could be taught, to the end of the budget.

    It is made anew for a learner whose known skills have changed, or the successes that others wait
    for: until then nothing has changed but the clock.  Forgetting is not foreseen.
    """

    respects_mask = True

    def __init__(self, task: Task, width: int) -> None:
        if width < 1:
            raise reject("agent.bkt_width", width, "a whole number >= 1")
        self.task = task
        self.width = width
        self.greedy = BktGreedyOracle(task)
        self._orders = Orders.of(width, task.course.n_skills, task.horizon)
        self._episodes: Episodes | None = None

    def watch(self, episodes: Episodes) -> None:
        """Read the latent state of these learners from now on."""
        self._episodes = episodes

    def begin(self, luck: Luck) -> Focus:
        """Nothing decided."""
        batch = len(luck.fate)
        shape = (batch, self.task.course.n_skills)
        return Focus(
            skill=np.full(batch, -1, np.int64),
            known=np.zeros(shape, bool),
            missing=np.zeros(shape),
        )

    def predict(
        self,
        observation: Observation,
        state: Focus | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Focus]:
        """Items `[batch]`."""
        episodes = watched(self._episodes)
        focus = self.begin(episodes.luck) if state is None else state
        allowed = allowed_items(action_masks, len(observation), self.task.course.n_items)
        who = self._learners(episodes, allowed)
        stale = focus.skill < 0
        stale |= (focus.known != who.known).any(axis=1)
        stale |= (focus.missing != who.missing).any(axis=1)
        if episode_start is not None:
            stale |= episode_start
        stale &= ~episodes.over
        skill, rows = focus.skill.copy(), np.flatnonzero(stale)
        first_skills(who, rows, self._orders, self.width, *self.task.course.parents, skill)
        taught = self.task.course.q_matrix.T[np.maximum(skill, 0)] & (skill >= 0)[:, None]
        among: Bools = allowed & taught
        none = ~among.any(axis=1)
        among[none] = allowed[none]
        item = self.greedy.among(episodes, among)
        return item, Focus(skill, who.known, who.missing)

    def _learners(self, episodes: Episodes, allowed: Bools) -> Learners:
        known = episodes.after >= 0.5
        useful = self.greedy.useful(episodes, known)
        missing = self.greedy.missing(episodes, known)
        shown = population(episodes).table[episodes.state.draw]
        minutes = self.task.course.minutes.mean() if self.task.minutes is not None else 1.0
        left = np.ceil((self.task.budget - episodes.spent) / minutes - 1e-9).astype(np.int64)
        return Learners(
            known=known,
            goal=episodes.goal,
            finished=(known & (missing <= 0.0)) | (~useful & (missing <= 0.0)),
            open=allowed @ self.task.course.q_matrix,
            learn=own_rates(episodes),
            missing=missing,
            guess=np.ascontiguousarray(shown[:, :, 0]),
            shown=np.maximum(np.ascontiguousarray(shown[:, :, 1]), 1e-9),
            left=np.clip(left, 0, self.task.horizon),
            rho=np.full(1, population(episodes).rho),
        )
