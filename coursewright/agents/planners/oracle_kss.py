"""Oracles for KSS: they read the true abilities."""

import numpy as np

from coursewright.agents.choosing import allowed_items
from coursewright.agents.planners.kss_search import Beam, greedy, plan
from coursewright.agents.planners.watching import watched
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.kss.dynamics import SKILLS
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.luck import Luck


class KssGreedyOracle:
    """The allowed item after which most targets are mastered, and then least is lacking."""

    respects_mask = True

    def __init__(self, task: Task, simulator: Kss) -> None:
        self.simulator = simulator
        self._scratch = np.empty((1, SKILLS))
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
        item = np.empty(len(observation), np.int64)
        greedy(
            episodes.state.ability,
            episodes.goal,
            allowed_items(action_masks, len(observation), SKILLS),
            self.simulator.course.difficulty,
            self.simulator.transfer,
            *self.simulator.course.parents,
            self._scratch,
            item,
        )
        return item, None


class KssBeamOracle:
    """A beam search over the whole episode; once all targets are mastered, the first allowed item."""

    respects_mask = True

    def __init__(self, task: Task, simulator: Kss, width: int) -> None:
        if width < 3:
            raise reject("agent.kss_width", width, "a whole number >= 3")
        if task.unlock_after or task.minutes is not None:
            raise reject("task of oracle_beam", "unlock_after or minutes", "KSS with a budget of steps alone")
        self.simulator = simulator
        self._beam = Beam.of(width, task.horizon)
        self._episodes: Episodes | None = None

    def watch(self, episodes: Episodes) -> None:
        """Read the latent state of these learners from now on."""
        self._episodes = episodes

    def begin(self, luck: Luck) -> tuple[Ints, Ints]:
        """Plans `[batch, steps]`, made when an episode starts, and steps taken of them `[batch]`."""
        batch, steps = len(luck.fate), self._beam.origin.shape[0]
        return np.full((batch, steps), -1, np.int64), np.zeros(batch, np.int64)

    def predict(
        self,
        observation: Observation,
        state: tuple[Ints, Ints] | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, tuple[Ints, Ints]]:
        """Items `[batch]`; rows whose episode starts are planned for first."""
        episodes = watched(self._episodes)
        plans, step = self.begin(episodes.luck) if state is None else state
        starting = np.ones(len(plans), bool) if state is None else episode_start
        if starting is not None and starting.any():
            plans, step = plans.copy(), np.where(starting, 0, step)
            self._plan(episodes, np.flatnonzero(starting), plans)
        item = plans[np.arange(len(plans)), np.minimum(step, plans.shape[1] - 1)]
        first = allowed_items(action_masks, len(plans), SKILLS).argmax(axis=1)
        return np.where(item < 0, first, item), (plans, step + 1)

    def _plan(self, episodes: Episodes, rows: Ints, plans: Ints) -> None:
        course = self.simulator.course
        learners = episodes.state
        plan(
            learners.ability,
            learners.last,
            episodes.goal,
            learners.goal,
            learners.relevant,
            episodes.goal.astype(np.int64) @ course.ancestors.T.astype(np.int64),
            rows,
            self.simulator.follows,
            course.difficulty,
            self.simulator.transfer,
            *course.parents,
            self._beam,
            plans,
        )
