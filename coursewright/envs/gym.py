"""The task as Gymnasium sees it: one learner (`TeachingEnv`) or a batch (`TeachingVectorEnv`).

Both hold the same `Episodes`; the single environment is a batch of one.
"""

from operator import index
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from coursewright.envs.episodes import Episodes
from coursewright.envs.features import Limits
from coursewright.envs.task import Task
from coursewright.errors import reject, whole
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.luck import Split

LARGEST_SEED = 2**62
NO_ANSWER = -1  # of an episode that has just begun


def spaces(task: Task, past_width: int) -> tuple[gym.spaces.Space[Observation], gym.spaces.Discrete]:
    """Observation and action space of a task; the bounds follow from its budget."""
    limits = Limits(task.horizon, past_width, task.longest_gap * task.horizon)
    low, high = task.layout.bounds(limits)
    return gym.spaces.Box(low, high, dtype=np.float32), gym.spaces.Discrete(task.n_actions)


def _refuse_drawing(render_mode: str | None) -> None:
    """None is the one mode that there is; `InputError` for another."""
    if render_mode is not None:
        raise reject("render_mode", repr(render_mode), "None: learners cannot be drawn")


def _constant(array: Bools) -> Bools:
    array.setflags(write=False)
    return array


class TeachingEnv(gym.Env[Observation, np.int64]):
    """One learner at a time.

    `reset(seed=s)` makes learner s of the split, with a fate of their own, fully determined; `reset()`
    goes on to the next learner.  The end of the budget is `terminated`: it is part of the task.
    `info["action_mask"]` is True at allowed actions; `info["allowed"]` says if the last action was.
    `info["correct"]` is the answer: 1, 0, or -1 where nothing was asked.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}  # type: ignore[misc]

    def __init__(self, task: Task, split: Split = Split.TRAIN, render_mode: str | None = None) -> None:
        self.task = task
        self.split = split
        _refuse_drawing(render_mode)
        self.render_mode = None
        self.episodes = Episodes(task, 1)
        self.observation_space, self.action_space = spaces(task, self.episodes.past_width)
        self._action = np.zeros(1, np.int64)
        self._row = np.zeros(1, np.int64)
        self._number: Ints | None = None
        self._n_actions = task.n_actions
        self._masked = task.masked
        self._everything = np.ones(task.n_actions, bool)

    def __repr__(self) -> str:
        """One line: the task and the split."""
        return f"<TeachingEnv of {self.split.name} learners: {self.task!r}>"

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Meet learner `seed`, or the next one.

        Raises `InputError` for a seed that is not the number of a learner.
        """
        if seed is not None:
            seed = whole("seed", seed, 0, LARGEST_SEED)
        super().reset(seed=seed)
        if seed is not None:
            self._number, episode = np.array([seed]), np.zeros(1, np.int64)
        elif self._number is None:
            self._number, episode = self.np_random.integers(LARGEST_SEED, size=1), np.zeros(1, np.int64)
        else:
            episode = self.episodes.episode + 1
        self.episodes.begin(self._row, self._number, episode, self.split)
        return self.episodes.observation[0], self._info() | {"correct": NO_ANSWER}

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Teach one item.

        Raises `InputError` for an action out of range, `ResetNeeded` after the end of the episode.
        """
        episodes = self.episodes
        if episodes.over[0]:
            raise gym.error.ResetNeeded("the episode is over: call reset() before step()")
        allowed = self._n_actions
        try:
            item = index(action)
        except TypeError:
            raise reject("action", repr(action), f"a whole number in [0, {allowed})") from None
        if not 0 <= item < allowed:
            raise reject("action", item, f"a whole number in [0, {allowed})")
        self._action[0] = item
        reward = episodes.advance(self._action)
        seen, info = episodes.records.observation[0], self._info()
        info["correct"] = episodes.response.correct[0]
        return seen, float(reward[0]), bool(episodes.over[0]), False, info

    def _info(self) -> dict[str, Any]:
        if not self._masked:
            return {"action_mask": self._everything.copy(), "allowed": True}
        return {"action_mask": self.episodes.mask[0].copy(), "allowed": not self.episodes.refused[0]}

    def action_masks(self) -> Bools:
        """The allowed actions, bool `[actions]`; sb3-contrib looks for this name."""
        return np.array(self.episodes.mask[0])


class TeachingVectorEnv(VectorEnv[Observation, npt.NDArray[np.int64], npt.NDArray[Any]]):
    """A batch of learners, equal row for row to single environments with the seeds s, s + 1, ...

    Episodes that end are begun again in the same step; the last observation is in
    `info["final_obs"]`, the answers of the last step in `info["final_info"]`.  Observations are copies.
    """

    autoreset_mode = AutoresetMode.SAME_STEP

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        task: Task,
        num_envs: int = 1,
        split: Split = Split.TRAIN,
        render_mode: str | None = None,
    ) -> None:
        self.task = task
        self.split = split
        self.num_envs = num_envs = whole("num_envs", num_envs, 1)
        _refuse_drawing(render_mode)
        self.render_mode = None
        self.episodes = Episodes(task, num_envs)
        self.single_observation_space, self.single_action_space = spaces(task, self.episodes.past_width)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._rows = np.arange(num_envs)
        # Arrays that never vary are handed out read-only instead of made anew in every step.
        self._all = _constant(np.ones(num_envs, bool))
        self._none = _constant(np.zeros(num_envs, bool))
        self._everything = _constant(np.ones((num_envs, task.n_actions), bool))
        self._number: Ints | None = None

    def __repr__(self) -> str:
        """One line: the task and the split."""
        return f"<TeachingVectorEnv of {self.num_envs} {self.split.name} learners: {self.task!r}>"

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Meet the learners seed, seed + 1, ... (or those of a list), or the next ones."""
        if isinstance(seed, list):
            if len(seed) != self.num_envs:
                raise reject("seed", seed, f"one whole number or a list of {self.num_envs}")
            seed = [whole(f"seed[{i}]", s, 0, LARGEST_SEED) for i, s in enumerate(seed)]
        elif seed is not None:
            seed = whole("seed", seed, 0, LARGEST_SEED)
        super().reset(seed=None if isinstance(seed, list) else seed)
        fresh = np.zeros(self.num_envs, np.int64)
        if isinstance(seed, list):
            self._number, episode = np.array(seed, np.int64), fresh
        elif seed is not None:
            self._number, episode = seed + self._rows, fresh
        elif self._number is None:
            self._number, episode = self.np_random.integers(LARGEST_SEED) + self._rows, fresh
        else:
            episode = self.episodes.episode + 1
        self.episodes.begin(self._rows, self._number, episode, self.split)
        unasked = np.full(self.num_envs, NO_ANSWER, np.int64)
        return self.episodes.observation, self._info(unasked)

    def step(
        self, actions: npt.NDArray[np.int64]
    ) -> tuple[Observation, npt.NDArray[np.float64], Bools, Bools, dict[str, Any]]:
        """Teach one item in every row, `actions [num_envs]`."""
        episodes = self.episodes
        if self._number is None:
            raise gym.error.ResetNeeded("call reset() before step()")
        actions = np.asarray(actions)
        if actions.dtype.kind not in "iu" or actions.shape != (self.num_envs,):
            raise reject(
                "actions", f"{actions.dtype} of shape {actions.shape}", f"{self.num_envs} whole numbers"
            )
        reward, over = episodes.step(np.ascontiguousarray(actions, np.int64))
        terminated = over.copy()
        correct = episodes.response.correct.copy()
        final = self._begin_again(correct) if episodes.some_over else {}
        return episodes.observation, reward, terminated, self._none, self._info(correct) | final

    def _begin_again(self, correct: Ints) -> dict[str, Any]:
        """Begin anew the rows that are over; their answers `[num_envs]` move to the final information."""
        episodes = self.episodes
        rows = np.flatnonzero(episodes.over)
        ended = episodes.over.copy()
        everyone = len(rows) == self.num_envs  # then rows of the step's observation itself will do
        last = episodes.observation if everyone else episodes.observation[rows]
        final_obs = np.full(self.num_envs, None, dtype=object)
        final_obs[rows] = np.fromiter(last, object, len(rows))
        final_info = self._info(correct.copy())
        correct[rows] = NO_ANSWER
        episodes.begin(rows, episodes.number[rows], episodes.episode[rows] + 1, self.split)
        return {
            "final_obs": final_obs,
            "_final_obs": ended,
            "final_info": {k: ended if k.startswith("_") else v for k, v in final_info.items()},
            "_final_info": ended,
        }

    def _info(self, correct: Ints) -> dict[str, Any]:
        mask = self.episodes.mask.copy() if self.task.masked else self._everything
        allowed = ~self.episodes.refused if self.task.masked else self._all
        return {
            "action_mask": mask,
            "_action_mask": self._all,
            "allowed": allowed,
            "_allowed": self._all,
            "correct": correct,
            "_correct": self._all,
        }
