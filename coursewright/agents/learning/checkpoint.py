"""Going on after an interruption, as if there had been none: the final weights are the same bits.

A checkpoint holds everything that training changes: weights, optimiser, all random states, the
learners in the middle of their episodes, and a replay buffer.  It is written in one step, so that a
run killed at any moment leaves the last whole one.
"""

import io
import pickle
import random
import zipfile
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.errors import InputError, reject
from coursewright.files import write_atomically

NAME = "checkpoint.pt"
COUNTERS = (
    "num_timesteps",
    "_episode_num",
    "_n_updates",
    "_n_calls",
    "_current_progress_remaining",
    "exploration_rate",
)
# What reading a damaged file can raise
DAMAGE = (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError)
BROKEN = (*DAMAGE, pickle.PickleError, zipfile.BadZipFile)
ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def save(
    path: Path, model: BaseAlgorithm, env: LearnersVecEnv, settings: Mapping[str, Any], finished: bool = False
) -> None:
    """Write the training's whole state.  Only right between two rollouts.

    A `finished` training needs its replay buffer, a hundred times the rest, no more.

    Raises `InputError` where the file system refuses.
    """
    state = {
        "settings": dict(settings),
        "counters": {name: getattr(model, name) for name in COUNTERS if hasattr(model, name)},
        "episodes": [dict(info) for info in model.ep_info_buffer or ()],
        "last_obs": model._last_obs,
        "last_episode_starts": model._last_episode_starts,
        "env": env.snapshot(),
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 - the generator that Stable-Baselines3 draws from
        "actions": model.action_space.np_random.bit_generator.state,
        "replay": {} if finished else _replay(model),
    }
    tensors = {"parameters": model.get_parameters(), "torch": torch.get_rng_state()}
    content = io.BytesIO()  # a file of torch's own opening hides a full disk behind another error
    torch.save({"tensors": tensors, "state": _plain(state)}, content)
    write_atomically(path, lambda part: part.write_bytes(content.getbuffer()))


def load(path: Path, model: BaseAlgorithm, env: LearnersVecEnv, settings: Mapping[str, Any]) -> None:
    """Bring a model and its environment, both freshly made, to where `path` was written.

    Raises `InputError` for a broken file, or one that belongs to a training with other `settings`.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself does not look at the check sums
            if archive.testzip() is not None:
                raise ValueError("a check sum is wrong")
        content = torch.load(path, weights_only=True)
        tensors, state = content["tensors"], _arrays(content["state"])
        theirs = state["settings"]
    except BROKEN as error:
        raise InputError(f"checkpoint = {path}: truncated or broken; delete it to start again") from error
    for name, value in settings.items():
        if theirs.get(name) != value:
            was = f"{theirs.get(name)}, as in the checkpoint {path} (or delete it to start again)"
            raise reject(name if name.startswith("task.") else f"agent.{name}", value, was)
    model.set_parameters(tensors["parameters"])
    for name, value in state["counters"].items():
        setattr(model, name, value)
    model._last_obs = state["last_obs"]
    model._last_episode_starts = state["last_episode_starts"]
    model.ep_info_buffer = deque(state["episodes"], maxlen=model._stats_window_size)
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
    env.restore(state["env"])
    _restore_replay(model, state["replay"])
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(tensors["torch"])
    model.action_space.np_random.bit_generator.state = state["actions"]


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
    for name in ARRAYS:
        getattr(buffer, name)[: len(replay[name])] = replay[name]
    buffer.pos, buffer.full = replay["pos"], replay["full"]


def _plain(value: Any) -> Any:
    """Arrays as tensors, all the way down: what a file may hold that is read without running code."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):  # a named tuple is kept as a bare one
        parts = [_plain(part) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value.item() if isinstance(value, np.generic) else value


def _arrays(value: Any) -> Any:
    """The way back."""
    if isinstance(value, torch.Tensor):
        return value.numpy()
    if isinstance(value, dict):
        return {name: _arrays(part) for name, part in value.items()}
    if isinstance(value, list | tuple):  # a named tuple is kept as a bare one
        parts = [_arrays(part) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value
