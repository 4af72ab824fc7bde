"""Oracles for BKT: they read which skills are known, and each learner's own P(T)."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from coursewright.agents.choosing import toward
from coursewright.agents.planners.bkt_orders import Learners, Orders, first_skills
from coursewright.agents.planners.bkt_worth import Chances, greedy, worths
from coursewright.agents.rule import Nothing, Seen
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.knowledge.bkt import IF_KNOWN, IF_UNKNOWN, Bkt
from coursewright.simulators.lists import any_of, cells_of
from coursewright.simulators.luck import Luck

KNOWN_FROM = 0.5  # mastery is 0 or 1 in BKT


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
    """Each learner's own P(T) `[batch, skills]`: its value where every prerequisite is known."""
    state = episodes.state
    rates = np.empty(state.until.shape)
    population(episodes).learn_rates(state._replace(until=np.full_like(state.until, np.inf)), rates)
    return rates


@dataclass(frozen=True, eq=False)
class BktGreedyRule:
    """The allowed item from which the goal profits most at once; see `bkt_worth.worths`."""

    task: Task
    needs: ClassVar[tuple[str, ...]] = ()

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        return self.among(seen.episodes, seen.allowed), memory

    def among(self, episodes: Episodes, items: Bools) -> Ints:
        """The greedy choice `[batch]` among `items [batch, items]`."""
        course = self.task.course
        known = episodes.after >= KNOWN_FROM
        chances = Chances(known, own_rates(episodes), population(episodes).rho, course.parents)
        worth = np.empty_like(chances.learn)
        worths(chances, episodes.goal, course.order, worth)
        item = np.empty(len(items), np.int64)
        greedy(chances, worth, self.missing(episodes, known) > 0.0, course.needed, items, item)
        return item

    def useful(self, episodes: Episodes, known: Bools) -> Bools:
        """Skills `[batch, skills]` that are unknown goals, or lead to one."""
        return toward((episodes.goal & ~known).astype(np.float32), self.task.course)

    def missing(self, episodes: Episodes, known: Bools) -> Floats:
        """Successes `[batch, skills]` that an unknown goal further on still waits for; 0 without a mask."""
        if not self.task.unlock_after:
            return np.zeros(known.shape)
        successes = episodes.memory[:, self.task.layout.columns("successes")]
        waited_for = any_of(self.useful(episodes, known), self.task.course.children)
        left = np.maximum(0.0, self.task.unlock_after - successes.astype(np.float64))
        return np.where(waited_for, left, 0.0)


class Focus(NamedTuple):
    """The skill `[batch]` that each learner is being taught.

    `known` and `missing` `[batch, skills]` (see `Learners`) are the state that the decision assumed.
    """

    skill: Ints
    known: Bools
    missing: Floats


class BktBeamRule:
    """A beam search over the orders in which skills could be taught, to the end of the budget.

    It is made anew for a learner whose known skills have changed, or the successes that others wait
    for: until then nothing has changed but the clock.  Forgetting is not foreseen.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, task: Task, width: int) -> None:
        self.task = task
        self.width = width
        self.greedy = BktGreedyRule(task)
        self._orders = Orders.of(width, task.course.n_skills, task.horizon)

    def begin(self, luck: Luck) -> Focus:
        """Nothing decided."""
        batch = len(luck.fate)
        shape = (batch, self.task.course.n_skills)
        return Focus(np.full(batch, -1, np.int64), np.zeros(shape, bool), np.zeros(shape))

    def choose(self, seen: Seen, memory: Focus) -> tuple[Ints, Focus]:
        """Items `[batch]`."""
        episodes = seen.episodes
        who = self._learners(episodes, seen.allowed)
        stale = memory.skill < 0
        stale |= (memory.known != who.known).any(axis=1)
        stale |= (memory.missing != who.missing).any(axis=1)
        stale &= ~episodes.over
        skill = memory.skill
        first_skills(who, np.flatnonzero(stale), self._orders, self.width, skill)
        course = self.task.course
        among: Bools = seen.allowed & cells_of(course.items_of, skill, course.n_items)
        none = ~among.any(axis=1)
        among[none] = seen.allowed[none]
        return self.greedy.among(episodes, among), Focus(skill, who.known, who.missing)

    def _learners(self, episodes: Episodes, allowed: Bools) -> Learners:
        course, known = self.task.course, episodes.after >= KNOWN_FROM
        useful = self.greedy.useful(episodes, known)
        missing = self.greedy.missing(episodes, known)
        shown = population(episodes).table[episodes.state.draw]
        minutes = course.minutes.mean() if self.task.minutes is not None else 1.0
        left = np.ceil((self.task.budget - episodes.spent) / minutes - 1e-9).astype(np.int64)
        return Learners(
            known=known,
            goal=episodes.goal,
            finished=(known & (missing <= 0.0)) | (~useful & (missing <= 0.0)),
            open=any_of(allowed, course.items_of),
            learn=own_rates(episodes),
            missing=missing,
            guess=np.ascontiguousarray(shown[:, :, IF_UNKNOWN]),
            shown=np.maximum(np.ascontiguousarray(shown[:, :, IF_KNOWN]), 1e-9),
            left=np.clip(left, 0, self.task.horizon),
            rho=population(episodes).rho,
            parents=course.parents,
        )
