"""The task as Stable-Baselines3 sees it: a `VecEnv` that steps the whole batch at once."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from coursewright.agents.training_learners import first_learner
from coursewright.envs.episodes import Episodes
from coursewright.envs.gym import spaces
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.luck import Split

# Columns in [0, 1] that may stand beside the observation, behind its own.  True mastery is for critics alone.
BESIDE: dict[str, Callable[[Episodes], Bools | Observation]] = {
    "mask": lambda episodes: episodes.mask,
    "mastery": lambda episodes: episodes.after,
}


class Batch(VecEnv):
    """A batch that steps at once: its rows are no environments of their own."""

    render_mode = None
    _action: Ints

    def step_async(self, actions: npt.NDArray[np.int64]) -> None:
        """Remember `actions [rows]`; `step_wait` takes them."""
        self._action = np.ascontiguousarray(actions, np.int64)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Call a method by its name; sb3-contrib asks for its masks so, by `action_masks`.

        Without `indices` the answer is one block `[learners, actions]` in a list of one, which
        sb3-contrib stacks and reshapes; a list of rows would cost .18 ms a step with 256 learners.
        """
        result = getattr(self, method_name)(*method_args, **method_kwargs)
        return [result] if indices is None else [result[row] for row in self._get_indices(indices)]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The batch's attribute, once a row; an unknown name is an AttributeError (no mask support)."""
        value = getattr(self, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refused: rows have no attributes of their own."""
        raise NotImplementedError("the rows of a batch have no attributes of their own")

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: VecEnvIndices = None
    ) -> list[bool]:
        """False for every row: there is nothing to wrap."""
        return [False for _ in self._get_indices(indices)]

    def close(self) -> None:
        """Nothing is held open."""


class LearnersVecEnv(Batch):
    """A batch of training learners; an episode that ends is begun anew in the same step.

    Observations handed out are copies.  The last observation of an episode is in
    `infos[row]["terminal_observation"]`, its return and length in `infos[row]["episode"]`.  The end
    of the budget is a termination: nothing is bootstrapped past it.  Where columns stand `beside` the
    observation, they come after its own.
    """

    def __init__(self, task: Task, learners: int, seed: int, beside: Sequence[str] = ()) -> None:
        self.task = task
        self.episodes = Episodes(task, learners)
        self._beside = [BESIDE[name] for name in beside]
        own: Any  # a box
        own, actions = spaces(task, self.episodes.past_width)
        super().__init__(learners, self._widened(own), actions)
        self._rows = np.arange(learners)
        self._returned = np.zeros(learners)
        self.seed(seed)

    def seed(self, seed: int | None = None) -> list[int | None]:
        """Meet the learners of this agent seed from the next `reset` on, each in their first episode."""
        self._number = first_learner(seed or 0) + self._rows
        self._episode = np.zeros(self.num_envs, np.int64)
        return [int(number) for number in self._number]

    def reset(self) -> Observation:
        """Begin an episode in every row, `[learners, columns]`."""
        self.episodes.begin(self._rows, self._number, self._episode, Split.TRAIN)
        self._episode = self._episode + 1
        self._returned[:] = 0.0
        return self._seen()

    def _widened(self, own: gym.spaces.Box) -> gym.spaces.Box:
        """The space of the observation with the columns beside it, which lie in [0, 1]."""
        more = sum(part(self.episodes).shape[1] for part in self._beside)
        low, high = (np.append(end, np.full(more, value)) for end, value in ((own.low, 0), (own.high, 1)))
        return gym.spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)

    def _seen(self) -> Observation:
        """The observation that is handed out, `[learners, columns]`."""
        own = self.episodes.observation
        if not self._beside:
            return own
        return np.hstack([own, *(part(self.episodes) for part in self._beside)], dtype=np.float32)

    def step_wait(self) -> VecEnvStepReturn:
        """Teach one item in every row."""
        episodes = self.episodes
        reward, over = episodes.step(self._action)
        self._returned += reward
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        done = over.copy()
        if episodes.some_over:
            self._begin_again(np.flatnonzero(done), infos)
        return self._seen(), reward.astype(np.float32), done, infos

    def _begin_again(self, rows: Ints, infos: list[dict[str, Any]]) -> None:
        episodes = self.episodes
        last = self._seen()  # the next beginning makes a new one and leaves this alone
        for row in rows:
            length = int(episodes.luck.step[row])
            infos[row]["terminal_observation"] = last[row]
            infos[row]["episode"] = {"r": float(self._returned[row]), "l": length}
        episodes.begin(rows, episodes.number[rows], episodes.episode[rows] + 1, Split.TRAIN)
        self._episode[rows] = episodes.episode[rows] + 1
        self._returned[rows] = 0.0

    def action_masks(self) -> Bools:
        """The allowed actions, a copy `[learners, actions]`."""
        return self.episodes.mask.copy()

    def snapshot(self) -> dict[str, Any]:
        """Everything that changes, copied: enough to go on from here (see `restore`)."""
        return {
            "episodes": self.episodes.snapshot(),
            "returned": self._returned.copy(),
            "number": self._number.copy(),
            "episode": self._episode.copy(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a `snapshot` of the same task and batch."""
        self.episodes.restore(snapshot["episodes"])
        self._returned[:] = snapshot["returned"]
        self._number = snapshot["number"].copy()
        self._episode = snapshot["episode"].copy()
