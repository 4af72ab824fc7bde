"""Running a training: numbers logged, progress shown, checkpoints kept.

Training is deterministic: one seed, one set of weights, whether or not the run was interrupted on the
way (see `checkpoint`).
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from torch.distributions import Distribution

from coursewright.agents.learning import checkpoint
from coursewright.agents.learning.algorithm import Trainable, WarmStart
from coursewright.agents.learning.beginning import begun
from coursewright.agents.learning.checkpoint import Checkpoint
from coursewright.agents.learning.identity import settings, walk
from coursewright.agents.learning.imitation import Round, learn, lessons
from coursewright.agents.learning.network import Reading, reading
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.progress import Progress

FAR = 1.1  # times the steps that were asked for

log = logging.getLogger(__name__)


def network(task: Task, layers: Sequence[int], features: Sequence[str] | None) -> dict[str, Any]:
    """Stable-Baselines3's `policy_kwargs`: these features of the observation, then these hidden layers."""
    return {
        "net_arch": list(layers),
        "features_extractor_class": Reading,
        "features_extractor_kwargs": reading(task.layout, features),
    }


def place(device: str) -> torch.device:
    """The device of that name; auto is the first graphics card, where there is one that torch can use.

    Raises `InputError` where it is not there.
    """
    cards = [f"cuda:{card}" for card in range(torch.cuda.device_count())]
    first = {"cuda": cards[0], "auto": cards[0]} if cards else {"auto": "cpu"}
    there = {"cpu": "cpu", **first, **{card: card for card in cards}}
    if device not in there:
        raise reject("agent.device", device, f"one that this machine has: {', '.join(there)}")
    return torch.device(there[device])


class Watch(BaseCallback):
    """Logs, shows progress and keeps checkpoints, all between rollouts.

    `done` and `logged` are the steps of the checkpoint and of the last row of numbers before it.
    """

    model: BaseAlgorithm

    def __init__(
        self,
        agent: Trainable,
        env: LearnersVecEnv,
        tracker: Tracker,
        kept: Checkpoint | None,
        done: int,
        logged: int,
    ) -> None:
        super().__init__()
        self.agent = agent
        self.env = env
        self.tracker = tracker
        self.kept = kept
        self.progress = Progress(agent.algorithm.name, agent.steps, "steps", done)
        self.round = env.num_envs * env.task.horizon  # an episode of every learner
        self.logged, self.saved = logged, done
        self.clocked = (done, time.monotonic())

    def imitate(self, warm: WarmStart) -> None:
        """Let the model learn from a rule until it has seen the steps that are meant for it."""
        model: Any = self.model  # an actor-critic model: it has a discount
        agent = self.agent
        until = warm.steps(self.env.task)
        rule = warm.teacher(self.env.task) if model.num_timesteps < until else None
        while rule is not None and model.num_timesteps < until:
            # The steps so far number the round, so that every round has another episode.
            turn, seed = model.num_timesteps, model.seed or 0
            place = Round(agent.learners, seed, turn)
            given = lessons(self.env.task, rule, place, model.gamma, agent.algorithm.beside)
            missed = learn(model, given, agent.algorithm)
            model.num_timesteps += len(given.action)
            self.logged = model.num_timesteps
            self.tracker.log({"train/imitation_loss": missed, "time/fps": self._pace()}, self.logged)
            self.progress.show(self.logged, "imitating a rule")
            self._save()

    def _on_step(self) -> bool:
        self.progress.show(self.model.num_timesteps)
        return True

    def _on_rollout_start(self) -> None:
        done = self.model.num_timesteps
        if done - self.logged >= self.round:
            self._log()
        self._save()
        if (schedule := self.agent.algorithm.schedule) is not None:
            schedule(self.model, min(1.0, done / self.agent.steps))

    def finish(self) -> None:
        """Say the last numbers and write the last checkpoint."""
        self._log()
        self.progress.close()
        if self.kept is not None:
            self.kept.save(self.model, self.env, logged=self.logged, finished=True)

    def _save(self) -> None:
        """Write a checkpoint where one is due."""
        done = self.model.num_timesteps
        if self.kept is not None and done - self.saved >= self.agent.checkpoint_every:
            self.kept.save(self.model, self.env, logged=self.logged)
            self.saved = done

    def _log(self) -> None:
        self.logged = self.model.num_timesteps
        returned = float(np.mean([info["r"] for info in self.model.ep_info_buffer or ()] or [np.nan]))
        numbers = self.model.logger.name_to_value.items()
        data = {name: float(value) for name, value in numbers if name.startswith(("train/", "rollout/"))}
        self.tracker.log(data | {"train/return": returned, "time/fps": self._pace()}, self.logged)
        self.progress.show(self.logged, f"return {returned:.3f}")

    def _pace(self) -> float:
        """Steps per second since the last row; a clock decides it, so it is no result."""
        (step, then), now = self.clocked, time.monotonic()
        self.clocked = (self.logged, now)
        return (self.logged - step) / max(now - then, 1e-9)


@contextmanager
def unchecked() -> Iterator[None]:
    """Let torch's distributions take what they are given: looking at each batch takes a tenth of the time."""
    known = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(known)


def _other_than_asked(
    agent: Trainable, model: BaseAlgorithm, env: LearnersVecEnv, imitated: int
) -> str | None:
    """A line where few steps, or rounds, which are always finished, make another training than was asked for.

    `imitated` is the step at which imitation ended.  Where the rate is annealed, the last update has rate 0;
    a model that replays begins to learn after a number of steps.
    """
    rollout = getattr(model, "n_steps", 1) * env.num_envs
    idle = int(getattr(agent, "anneal", False) and isinstance(model, OnPolicyAlgorithm))
    first = getattr(model, "learning_starts", imitated + idle * rollout)
    taken, wanted = f"{model.num_timesteps:,} steps were trained", f"agent.steps={agent.steps:,}"
    if model.num_timesteps <= first:
        alone = "by imitation alone" if imitated else "and the network is as it began"
        return f"{taken}, {alone}: {wanted} leaves none to learn from rewards ({first + rollout:,} would)"
    if model.num_timesteps > FAR * agent.steps:
        return f"{taken} in place of {wanted}: a round of {rollout:,} is always finished"
    return None


def _refuse_diverged(agent: Trainable, model: BaseAlgorithm) -> None:
    """Refuse weights that are no numbers: no policy can be made of them."""
    if not all(bool(weights.isfinite().all()) for weights in model.policy.parameters()):
        told = "the training diverged, and its weights are no numbers; a smaller rate may do"
        raise InputError(f"agent.learning_rate = {agent.learning_rate}: {told}", "agent.learning_rate")


def _helps(agent: Trainable) -> Iterator[str]:
    """A line for each help that a training has besides its rewards."""
    if agent.algorithm.warm_start is not None:
        yield f"begins as a rule: agent.imitate={getattr(agent, 'imitate', None)}"
    if "mastery" in agent.algorithm.beside:
        yield "the critic sees the learners' true mastery in training; the policy never does"


def train(agent: Trainable, task: Task, seed: int, tracker: Tracker) -> TrainedPolicy:
    """Train to `agent.steps`, from the tracker directory's checkpoint on where there is one."""
    if (refuse := getattr(agent, "refuse", None)) is not None:
        refuse(task)
    model, env = begun(agent, task, seed)
    kept = None
    if tracker.directory is not None:
        path = Path(tracker.directory) / checkpoint.NAME
        algorithm = agent.algorithm
        identity = settings(agent, task, seed), walk(task)
        kept = Checkpoint(path, *identity, algorithm.counters, algorithm.carried)
    for help_ in _helps(agent):
        log.info("%s", help_)
    model.set_logger(Logger(folder=None, output_formats=[]))
    logged = model.num_timesteps
    if kept is not None and kept.path.exists():
        logged = kept.load(model, env)
    if model.num_timesteps < agent.steps:
        watch = Watch(agent, env, tracker, kept, model.num_timesteps, logged)
        warm, resumed = agent.algorithm.warm_start, model.num_timesteps
        with unchecked():
            watch.init_callback(model)
            if warm is not None:
                watch.imitate(warm)
            imitated = min(resumed, warm.steps(task) if warm else 0) if resumed else model.num_timesteps
            left = agent.steps - model.num_timesteps
            if left > 0:
                model.learn(
                    left,
                    callback=watch,
                    log_interval=None,  # type: ignore[arg-type]
                    reset_num_timesteps=False,
                )
        watch.finish()
        if (told := _other_than_asked(agent, model, env, imitated)) is not None:
            log.warning("%s", told)
    _refuse_diverged(agent, model)
    return TrainedPolicy.of(model, agent, task)
