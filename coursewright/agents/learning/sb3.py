"""Agents that train with Stable-Baselines3: PPO, MaskablePPO and DQN.

The defaults are measured ones.  Training is deterministic: one seed, one set of weights, whether or
not the run was interrupted on the way (see `checkpoint`).
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from sb3_contrib import MaskablePPO
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.utils import LinearSchedule

from coursewright.agents.learning.network import Reading, reading
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.learning.training import settings_of, train
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject

SHORT = 20  # episodes shorter than this are collected two at a time


def ppo(
    task: Task,
    seed: int,
    tracker: Tracker,
    *,
    steps: int = 500_000,
    learners: int = 256,
    n_steps: int | None = None,
    batch_size: int = 2048,
    epochs: int = 5,
    gamma: float = 1.0,
    gae_lambda: float = 0.95,
    entropy: float = 0.01,
    learning_rate: float = 1e-3,
    anneal: bool = False,
    layers: Sequence[int] = (128, 128),
    features: Sequence[str] | None = None,
    threads: int = 1,
    checkpoint_every: int = 100_000,
) -> TrainedPolicy:
    """Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347), blind to masks.

    A disallowed choice is the task's no-op, which costs the step.

    Parameters
    ----------
    steps : environment steps over all learners; the last rollout is finished.
    learners : how many are taught at once.
    n_steps : steps per learner and rollout; by default an episode, or two where it is short.
    entropy : weight of the entropy bonus.
    anneal : whether the learning rate falls linearly to 0 over the training.
    layers : widths of the hidden layers of policy and value network.
    features : what the network reads; by default `network.default_features`.
    threads : of torch; more than one is slower for networks this small, and not reproducible.
    checkpoint_every : steps between two checkpoints in the tracker's directory.

    Raises
    ------
    InputError : an option out of range, a feature that the task does not offer, or a checkpoint
        that is broken or belongs to another training.
    """
    return _on_policy(PPO, dict(locals()))


def maskable_ppo(
    task: Task,
    seed: int,
    tracker: Tracker,
    *,
    steps: int = 500_000,
    learners: int = 256,
    n_steps: int | None = None,
    batch_size: int = 2048,
    epochs: int = 5,
    gamma: float = 1.0,
    gae_lambda: float = 0.95,
    entropy: float = 0.01,
    learning_rate: float = 1e-3,
    anneal: bool = False,
    layers: Sequence[int] = (128, 128),
    features: Sequence[str] | None = None,
    threads: int = 1,
    checkpoint_every: int = 100_000,
) -> TrainedPolicy:
    """PPO that samples and learns among the allowed actions only (Huang & Ontanon 2022, arXiv 2006.14171).

    Options and errors are those of `ppo`.
    """
    return _on_policy(MaskablePPO, dict(locals()))


def dqn(
    task: Task,
    seed: int,
    tracker: Tracker,
    *,
    steps: int = 500_000,
    learners: int = 64,
    n_steps: int = 4,
    gradient_steps: int = 8,
    batch_size: int = 256,
    buffer_size: int = 100_000,
    learning_starts: int = 10_000,
    target_update: int = 10_000,
    explore_for: float = 0.3,
    explore_last: float = 0.05,
    gamma: float = 1.0,
    learning_rate: float = 5e-4,
    layers: Sequence[int] = (128, 128),
    features: Sequence[str] | None = None,
    threads: int = 1,
    checkpoint_every: int = 100_000,
) -> TrainedPolicy:
    """Deep Q-learning (Mnih et al. 2015), blind to masks: a disallowed choice is the task's no-op.

    Parameters
    ----------
    steps, learners, layers, features, threads, checkpoint_every : as for `ppo`.
    n_steps, gradient_steps : updates of `batch_size` transitions after every n_steps of each learner.
    buffer_size : transitions remembered, over all learners.
    learning_starts : environment steps of uniform choice before the first update.
    target_update : environment steps between two updates of the target network.
    explore_for, explore_last : over this share of training, exploration falls from 1 to its last value.

    Raises
    ------
    InputError : as for `ppo`.
    """
    settings = settings_of("dqn", dict(locals()))
    env = LearnersVecEnv(task, learners, seed)
    torch.set_num_threads(threads)
    model = DQN(
        "MlpPolicy",
        env,
        learning_rate=learning_rate,
        buffer_size=buffer_size,
        learning_starts=learning_starts,
        batch_size=batch_size,
        gamma=gamma,
        train_freq=n_steps,
        gradient_steps=gradient_steps,
        target_update_interval=max(target_update, learners),
        exploration_fraction=explore_for,
        exploration_final_eps=explore_last,
        policy_kwargs=_network(task, layers, features),
        stats_window_size=learners,
        seed=seed,
        device="cpu",
    )
    train(model, env, tracker, settings, checkpoint_every)
    return TrainedPolicy.of(model, task, "dqn")


def _on_policy(kind: type[PPO] | type[MaskablePPO], options: dict[str, Any]) -> TrainedPolicy:
    agent = "ppo" if kind is PPO else "maskable_ppo"
    task: Task = options["task"]
    if options["n_steps"] is None:
        options["n_steps"] = 2 * task.horizon if task.horizon < SHORT else task.horizon
    settings = settings_of(agent, options)
    rollout = options["n_steps"] * options["learners"]
    if options["batch_size"] == 1 or rollout % options["batch_size"] == 1:  # one advantage has no deviation
        many = f"a number that does not leave a batch of 1 out of {rollout} transitions"
        raise reject("agent.batch_size", options["batch_size"], many)
    rate = options["learning_rate"]
    if options["anneal"]:
        rate = LinearSchedule(rate, 0.0, 1.0)
    env = LearnersVecEnv(task, options["learners"], options["seed"])
    torch.set_num_threads(options["threads"])
    with warnings.catch_warnings():  # a last mini-batch that is smaller than the others is no fault
        warnings.filterwarnings("ignore", message="You have specified a mini-batch size")
        model = kind(
            "MlpPolicy",
            env,
            n_steps=options["n_steps"],
            batch_size=options["batch_size"],
            n_epochs=options["epochs"],
            gamma=options["gamma"],
            gae_lambda=options["gae_lambda"],
            ent_coef=options["entropy"],
            learning_rate=rate,
            policy_kwargs=_network(task, options["layers"], options["features"]),
            stats_window_size=options["learners"],
            seed=options["seed"],
            device="cpu",
        )
    train(model, env, options["tracker"], settings, options["checkpoint_every"])
    return TrainedPolicy.of(model, task, agent)


def _network(task: Task, layers: Sequence[int], features: Sequence[str] | None) -> dict[str, Any]:
    return {
        "net_arch": list(layers),
        "features_extractor_class": Reading,
        "features_extractor_kwargs": reading(task.layout, features),
    }
