"""Small courses and tasks that use everything at once, for tests of the simulators and envs rooms."""

import numpy as np

from coursewright.envs.episodes import Episodes
from coursewright.envs.features import NAMES
from coursewright.envs.rewards import mean_gain
from coursewright.envs.task import Task
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Split

ALL_FEATURES = NAMES


def small_course() -> Course:
    """Five skills in a graph, seven items of different length; two of them need several skills."""
    return Course.of(
        ["a", "b", "c", "d", "e"],
        items={
            "a1": "a",
            "b1": "b",
            "c1": "c",
            "d1": "d",
            "e1": "e",
            "bc": ["c", "b"],
            "ade": ["e", "a", "d"],
        },
        prerequisites=[["a", "b"], ["b", "c"], ["a", "d"], ["c", "e"], ["d", "e"]],
        minutes={"a1": 1.0, "b1": 1.5, "c1": 2.0, "d1": 2.5, "e1": 3.0, "bc": 4.0, "ade": 5.5},
    )


def small_parameters(draws: int = 1) -> BktParameters:
    """Learning fast enough that something happens in a few steps."""
    rng = np.random.default_rng(5)
    return BktParameters(
        prior=rng.uniform(0.05, 0.4, (draws, 5)),
        learn=rng.uniform(0.2, 0.6, (draws, 5)),
        guess=rng.uniform(0.05, 0.35, (draws, 5)),
        slip=rng.uniform(0.02, 0.2, (draws, 5)),
        forget=rng.uniform(0.02, 0.2, (draws, 5)),
    )


def small_bkt() -> Bkt:
    """A population with everything switched on: draws, individual learners, forgetting as days pass."""
    return Bkt(small_course(), small_parameters(draws=3), rho=0.3, prior_sd=0.7, learn_sd=0.5)


def small_task() -> Task:
    """Every feature; vary it with `dataclasses.replace`."""
    return Task(
        simulator=small_bkt(),
        tutor=small_parameters(),
        steps=12,
        reward=mean_gain,
        features=ALL_FEATURES,
        days=0.75,
    )


def begun(task: Task, learners: int, first: int = 0, split: Split = Split.EVALUATE) -> Episodes:
    """Running episodes of the learners `first`, `first` + 1, ..."""
    episodes = Episodes(task, learners)
    episodes.begin(
        np.arange(learners), np.arange(first, first + learners), np.zeros(learners, np.int64), split
    )
    return episodes


def random_actions(task: Task, learners: int, steps: int, seed: int = 0) -> np.ndarray:
    """Actions `[steps, learners]`, one in thirty of them a stop where the task has one."""
    rng = np.random.default_rng(seed)
    actions = rng.integers(0, task.course.n_items, (steps, learners))
    if task.stop:
        actions[rng.random(actions.shape) < 1 / 30] = task.course.n_items
    return actions
