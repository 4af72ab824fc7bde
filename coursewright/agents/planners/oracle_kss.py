"""Oracles for KSS: they read the true abilities."""

from typing import ClassVar, NamedTuple

import numpy as np

from coursewright.agents.planners.kss_search import Beam, Learners, Moves, greedy, plan
from coursewright.agents.rule import Nothing, Seen
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Ints
from coursewright.simulators.kss.dynamics import SKILLS
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.luck import Luck


def moves_of(simulator: Kss) -> Moves:
    """The facts about these learners' course that a search needs."""
    course = simulator.course
    return Moves(course.difficulty, simulator.transfer, course.parents, simulator.follows)


class KssGreedyRule:
    """The allowed item after which most targets are mastered, and then least is lacking."""

    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, simulator: Kss) -> None:
        self._moves = moves_of(simulator)

    def begin(self, luck: Luck) -> Nothing:
        """Nothing to remember."""
        return ()

    def choose(self, seen: Seen, memory: Nothing) -> tuple[Ints, Nothing]:
        """Items `[batch]`."""
        item, scratch = np.empty(len(seen), np.int64), np.empty((1, SKILLS))
        ability, goal = seen.episodes.state.ability, seen.episodes.goal
        greedy(ability, goal, seen.allowed, self._moves, scratch, item)
        return item, memory


class Plans(NamedTuple):
    """Plans `[batch, steps]`, made when an episode starts, and steps taken of them `[batch]`."""

    item: Ints
    step: Ints


class KssBeamRule:
    """A beam search over the whole episode; once all targets are mastered, the first allowed item."""

    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, task: Task, simulator: Kss, width: int) -> None:
        if task.unlock_after or task.minutes is not None:
            raise reject("task of oracle_beam", "unlock_after or minutes", "KSS with a budget of steps alone")
        self.simulator = simulator
        self._moves = moves_of(simulator)
        self._beam = Beam.of(width, task.horizon)

    def begin(self, luck: Luck) -> Plans:
        """No plan yet."""
        batch, steps = len(luck.fate), self._beam.origin.shape[0]
        return Plans(np.full((batch, steps), -1, np.int64), np.zeros(batch, np.int64))

    def choose(self, seen: Seen, memory: Plans) -> tuple[Ints, Plans]:
        """Items `[batch]`; rows whose episode starts are planned for first."""
        rows = np.flatnonzero(memory.step == 0)
        if len(rows):
            plan(self._learners(seen.episodes), rows, self._moves, self._beam, memory.item)
        planned = memory.item[np.arange(len(seen)), np.minimum(memory.step, memory.item.shape[1] - 1)]
        item = np.where(planned < 0, seen.allowed.argmax(axis=1), planned)
        return item, memory._replace(step=memory.step + 1)

    def _learners(self, episodes: Episodes) -> Learners:
        state, leads = episodes.state, self.simulator.course.ancestors.astype(np.int64)
        return Learners(
            ability=state.ability,
            last=state.last,
            goal=episodes.goal,
            targets=state.goal,
            relevant=state.relevant,
            serves=episodes.goal.astype(np.int64) @ leads.T,
        )
