"""Environments as anybody makes them, against CartPole-v1: through Gymnasium alone, so at any commit."""

import time
from collections.abc import Callable

import gymnasium as gym
import numpy as np

import coursewright  # noqa: F401  (registers the environments)
from speed.measuring import HORIZON, LEARNERS, Row, ratios

STEPS = 20_000


def single(name: str, **options: object) -> Callable[[], float]:
    """Steps a second of one environment under random actions, resets included."""
    env = gym.make(name, **options)
    actions = np.random.default_rng(0).integers(0, env.action_space.n, STEPS)
    env.reset(seed=0)

    def measure() -> float:
        begin = time.process_time()  # of this process alone: neighbours on the machine do not count
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return STEPS / (time.process_time() - begin)

    return measure


def batch(name: str, learners: int = LEARNERS, **options: object) -> Callable[[], float]:
    """Learner-steps a second of the vector environment under random actions, resets included."""
    env = gym.make_vec(name, num_envs=learners, **options)
    actions = np.random.default_rng(0).integers(0, env.single_action_space.n, (3 * HORIZON, learners))
    env.reset(seed=0)

    def measure() -> float:
        begin = time.process_time()
        for action in actions:
            env.step(action)
        return actions.size / (time.process_time() - begin)

    return measure


def environments() -> list[Row]:
    """Random steps against CartPole-v1."""
    names = [
        ("one learner, BKT-v0", single("coursewright/BKT-v0"), ">= 1.1"),
        ("one learner, KSS-v0", single("coursewright/KSS-v0"), ""),
        ("1,024 learners, BKT-v0", batch("coursewright/BKT-v0"), ">= 100"),
        ("4,096 learners, BKT-v0", batch("coursewright/BKT-v0", 4096), ""),
        ("1,024 learners, BKT-v0 masked", batch("coursewright/BKT-v0", mask=True), ">= 80"),
        ("1,024 learners, KSS-v0", batch("coursewright/KSS-v0"), ""),
    ]
    measured = ratios(single("CartPole-v1"), *(measure for _, measure, _ in names))
    return [
        Row(f"{what} / CartPole-v1", f"{rate:,.0f} steps/s", ratio, target)
        for (what, _, target), (rate, ratio) in zip(names, measured, strict=True)
    ]
