"""Running a training: options checked, numbers logged, progress shown, checkpoints kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from coursewright.agents.learning import checkpoint
from coursewright.agents.learning.progress import Progress
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject

COUNTS = (
    "steps", "learners", "n_steps", "batch_size", "epochs", "gradient_steps", "buffer_size", "target_update",
    "threads", "checkpoint_every",
)  # fmt: skip
SHARES = ("gamma", "gae_lambda", "explore_for", "explore_last")


def settings_of(agent: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as plain values, checked, with what else decides the final weights."""
    for name in COUNTS:
        value = options.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise reject(f"agent.{name}", value, "a whole number >= 1")
    for name in SHARES:
        if not 0.0 <= options.get(name, 0.0) <= 1.0:
            raise reject(f"agent.{name}", options[name], "a number in [0, 1]")
    if not 0.0 < options["learning_rate"] < np.inf:
        raise reject("agent.learning_rate", options["learning_rate"], "a positive number")
    for name in ("entropy", "learning_starts"):
        if options.get(name, 0) < 0:
            raise reject(f"agent.{name}", options[name], "a number >= 0")
    if any(width < 1 for width in options["layers"]):
        raise reject("agent.layers", list(options["layers"]), "widths >= 1")
    apart = ("task", "tracker", "checkpoint_every", "layers", "features")
    return {name: value for name, value in options.items() if name not in apart} | {
        "layers": list(options["layers"]),
        "features": None if options["features"] is None else list(options["features"]),
        "agent": agent,
        **_description(options["task"]),
    }


def _description(task: Task) -> dict[str, Any]:
    """What tells one task from another in a checkpoint, by name."""
    reward = getattr(task.reward, "func", task.reward)  # of a partial
    return {
        "task.simulator": type(task.simulator).__name__,
        "task.course": task.course.hash,
        "task.features": list(task.layout.features),
        "task.budget": task.budget,
        "task.reward": f"{getattr(reward, '__name__', reward)}{getattr(task.reward, 'keywords', '')}",
        "task.seeds": list(task.seeds),
        **{
            f"task.{name}": str(getattr(task, name))
            for name in ("goal", "unlock_after", "days", "delays", "stop")
        },
    }


class Watch(BaseCallback):
    """Logs, shows progress and keeps checkpoints, all between rollouts."""

    model: BaseAlgorithm

    def __init__(
        self,
        env: LearnersVecEnv,
        tracker: Tracker,
        settings: Mapping[str, Any],
        path: Path | None,
        every: int,
        done: int,
    ) -> None:
        super().__init__()
        self.env = env
        self.tracker = tracker
        self.settings = settings
        self.path = path
        self.every = every
        self.progress = Progress(settings["agent"], settings["steps"])
        self.round = env.num_envs * env.task.horizon  # an episode of every learner
        self.logged = self.saved = done

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        done = self.model.num_timesteps
        if done - self.logged >= self.round:
            self._log()
        if self.path is not None and done - self.saved >= self.every:
            checkpoint.save(self.path, self.model, self.env, self.settings)
            self.saved = done

    def _on_training_end(self) -> None:
        self._log()
        self.progress.finish()
        if self.path is not None:
            checkpoint.save(self.path, self.model, self.env, self.settings, finished=True)

    def _log(self) -> None:
        self.logged = self.model.num_timesteps
        returned = float(np.mean([info["r"] for info in self.model.ep_info_buffer or ()] or [np.nan]))
        kept = self.model.logger.name_to_value.items()
        data = {name: float(value) for name, value in kept if name.startswith(("train/", "rollout/"))}
        self.tracker.log(data | {"train/return": returned}, self.logged)
        self.progress.show(self.logged, returned)


def train(
    model: BaseAlgorithm, env: LearnersVecEnv, tracker: Tracker, settings: Mapping[str, Any], every: int
) -> None:
    """Train to `settings["steps"]`, from the tracker directory's checkpoint on where there is one."""
    path = None if tracker.directory is None else Path(tracker.directory) / checkpoint.NAME
    model.set_logger(Logger(folder=None, output_formats=[]))
    if path is not None and path.exists():
        checkpoint.load(path, model, env, settings)
    left = settings["steps"] - model.num_timesteps
    if left > 0:
        watch = Watch(env, tracker, settings, path, every, model.num_timesteps)
        model.learn(left, callback=watch, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]
