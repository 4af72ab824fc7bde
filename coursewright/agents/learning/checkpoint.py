"""Going on after an interruption, as if there had been none: the final weights are the same bits.

A checkpoint holds everything that training changes: weights, optimiser, all random states, the
learners in the middle of their episodes, a network's memory of them, and a replay buffer.  It is
written in one step, so that a run killed at any moment leaves the last whole one.  It is data (see
`weights`): reading it runs nothing.
"""

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from coursewright.agents.learning.identity import CLOSE
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.agents.learning.weights import BROKEN, read_tree, tensors, write_tree
from coursewright.errors import InputError, reject
from coursewright.simulators.arrays import Floats

NAME = "checkpoint.npz"
FORMAT = 3
COUNTERS = ("num_timesteps", "_episode_num", "_n_updates", "_current_progress_remaining")  # of every model
ANEW = "; delete it to start again"
ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


@dataclass(frozen=True)
class Checkpoint:
    """The file that one training goes on from.

    Attributes
    ----------
    path : of the file.
    settings, walk : the identity of the training (see `identity`).
    counters : further attributes of its model that change, besides `COUNTERS`.
    carried : attributes that hold tensors and change.
    """

    path: Path
    settings: Mapping[str, Any]
    walk: Floats
    counters: tuple[str, ...]
    carried: tuple[str, ...] = ()

    def save(
        self, model: BaseAlgorithm, env: LearnersVecEnv, *, logged: int = 0, finished: bool = False
    ) -> None:
        """Write the training's whole state.  Only right between two rollouts.

        `logged` is the step of the last row of numbers, from which the next one is counted.  A `finished`
        training needs its replay buffer, a hundred times the rest, no more.

        Raises `InputError` where the file system refuses.
        """
        state = {
            "settings": dict(self.settings),
            "walk": self.walk,
            "logged": logged,
            "counters": {name: getattr(model, name) for name in COUNTERS + self.counters},
            "episodes": [dict(info) for info in model.ep_info_buffer or ()],
            "last_obs": model._last_obs,
            "last_episode_starts": model._last_episode_starts,
            "env": env.snapshot(),
            "python": random.getstate(),
            "numpy": np.random.get_state(),  # noqa: NPY002 - the generator that Stable-Baselines3 draws from
            "actions": model.action_space.np_random.bit_generator.state,
            "replay": {} if finished else _replay(model),
            "parameters": model.get_parameters(),
            "carried": {name: getattr(model, name) for name in self.carried},
            "torch": torch.get_rng_state(),
        }
        if model.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(model.device)
        write_tree(self.path, state, FORMAT)

    def load(self, model: BaseAlgorithm, env: LearnersVecEnv) -> int:
        """Bring a model and its environment, both freshly made, to where the file was written.

        The value is the step of the last row of numbers.

        Raises `InputError` for a broken file, one of another format, or one of another training.
        """
        state = read_tree("checkpoint", self.path, FORMAT, ANEW)
        try:
            self._refuse_others(state)
            return self._restore(model, env, state)
        except InputError:
            raise
        except (*BROKEN, AttributeError) as error:  # whole, and yet no state of this model
            raise InputError(f"checkpoint = {self.path}: is no checkpoint of this training{ANEW}") from error

    def _restore(self, model: BaseAlgorithm, env: LearnersVecEnv, state: Mapping[str, Any]) -> int:
        model.set_parameters(tensors(state["parameters"]))
        for name in COUNTERS + self.counters:  # no others, whatever the file says
            setattr(model, name, state["counters"][name])
        for name in self.carried:
            setattr(model, name, _as(getattr(model, name), state["carried"][name]))
        _refuse_shapes(state["env"], env.snapshot())
        if state["last_obs"] is not None:  # there is none before the first rollout
            _refuse_shapes(state["last_obs"], env.reset())
        model._last_obs = state["last_obs"]
        model._last_episode_starts = state["last_episode_starts"]
        model.ep_info_buffer = deque(state["episodes"], maxlen=model._stats_window_size)
        model.ep_success_buffer = deque(maxlen=model._stats_window_size)
        env.restore(state["env"])
        _restore_replay(model, state["replay"])
        random.setstate(state["python"])
        np.random.set_state(state["numpy"])  # noqa: NPY002
        torch.set_rng_state(tensors(state["torch"]))
        if model.device.type == "cuda":
            torch.cuda.set_rng_state(tensors(state["cuda"]), model.device)
        model.action_space.np_random.bit_generator.state = state["actions"]
        return int(state["logged"])

    def _refuse_others(self, state: Mapping[str, Any]) -> None:
        """Refuse the state of a training with other settings, or with other learners."""
        for name, value in self.settings.items():
            theirs = state["settings"].get(name)
            if theirs != value:
                was = f"{theirs}, as in the checkpoint {self.path} (or delete it to start again)"
                raise reject(name, value, was)
        theirs = state["walk"]
        if theirs.shape != self.walk.shape or not np.allclose(theirs, self.walk, CLOSE, CLOSE):
            was = f"as in the checkpoint {self.path}, whose learners answer or pay otherwise"
            raise reject("task", self.settings["task.simulator"], f"{was} (or delete it to start again)")


def _refuse_shapes(found: Any, ours: Any) -> None:
    """Refuse arrays that compiled loops, which check no bounds, would read past their end."""
    if isinstance(ours, np.ndarray):
        if not isinstance(found, np.ndarray) or (found.shape, found.dtype) != (ours.shape, ours.dtype):
            raise ValueError("an array of another shape or type")
    elif isinstance(ours, dict):
        for name, part in ours.items():
            _refuse_shapes(found[name], part)
    elif isinstance(ours, list | tuple):
        for theirs, part in zip(found, ours, strict=True):
            _refuse_shapes(theirs, part)


def _as(ours: Any, found: Any) -> Any:
    """The found arrays as tensors, in the named tuples and on the device of ours."""
    if isinstance(ours, torch.Tensor):
        value = torch.from_numpy(found)
        if (value.shape, value.dtype) != (ours.shape, ours.dtype):
            raise ValueError("a tensor of another shape or type")
        return value.to(ours.device)
    parts = [_as(part, theirs) for part, theirs in zip(ours, found, strict=True)]
    return type(ours)(*parts) if hasattr(ours, "_fields") else tuple(parts)


def _replay(model: BaseAlgorithm) -> dict[str, Any]:
    """The filled part of a replay buffer; nothing for an agent without one."""
    buffer = model.replay_buffer if isinstance(model, OffPolicyAlgorithm) else None
    if buffer is None:
        return {}
    size = buffer.size()
    return {name: getattr(buffer, name)[:size] for name in ARRAYS} | {"pos": buffer.pos, "full": buffer.full}


def _restore_replay(model: BaseAlgorithm, replay: dict[str, Any]) -> None:
    buffer = model.replay_buffer if isinstance(model, OffPolicyAlgorithm) else None
    if buffer is None or not replay:
        return
    if not 0 <= replay["pos"] < buffer.buffer_size:
        raise ValueError("a place outside the replay buffer")
    for name in ARRAYS:
        getattr(buffer, name)[: len(replay[name])] = replay[name]
    buffer.pos, buffer.full = replay["pos"], replay["full"]
