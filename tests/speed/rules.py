"""Rules that teach: 10,000 learners, 200 steps each, seconds as on a machine of 160,000 CartPole steps/s."""

import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from speed.environments import single
from speed.measuring import Row, ratios
from speed.simulated import CARTPOLE

LEARNERS, STEPS, LIMIT = 10_000, 200, 5.0
PART = LEARNERS // 5  # that are taught; their seconds count five times
BANDITS = (
    "beta_thompson",
    "discounted_ucb",
    "epsilon_greedy",
    "exp3",
    "lin_thompson",
    "lin_ucb",
    "riarit",
    "sliding_window_ucb",
    "thompson",
    "ucb",
    "zpdes",
)
SCHEDULERS = (
    "anki_sm2",
    "cost_adr",
    "fixed_interval",
    "fsrs",
    "memorize",
    "memrise",
    "recall_threshold",
    "sm2",
    "ssp_mmc",
)


def teaching() -> list[Row]:
    """Every bandit on KSS, every scheduler on 30 items that fade, with delays to choose from."""
    from coursewright.envs.rewards import mean_recall
    from coursewright.envs.shipped import kss
    from coursewright.envs.task import Task
    from coursewright.simulators.course import Course
    from coursewright.simulators.memory.deeptutor import DeepTutor
    from coursewright.simulators.memory.laws import Efc

    cards = Task(
        simulator=DeepTutor(Efc(), Course.of(30)),
        steps=STEPS,
        days=1.0,
        delays=(0.0, 1.0, 6.0, 20.0),
        reward=mean_recall,
        features=("days_since", "last_correct"),
    )
    tasks = dict.fromkeys(BANDITS, kss(STEPS)) | dict.fromkeys(SCHEDULERS, cards)
    measured = ratios(single("CartPole-v1"), *(_rate(name, task) for name, task in tasks.items()))
    seconds = [LEARNERS * STEPS / (CARTPOLE * ratio) for _, ratio in measured]
    return [
        Row(f"10,000 learners x 200 steps of {name}", f"{taken:.2f} s", float("nan"), f"< {LIMIT:g} s")
        for name, taken in zip(tasks, seconds, strict=True)
    ]


def _rate(name: str, task: Any) -> Callable[[], float]:
    """Learner-steps a second of an agent's policy on a task."""
    from agent_contract import agent
    from coursewright.envs.rollout import rollout

    made = agent(name)
    if "c" in {field.name for field in fields(made)}:
        made = replace(made, c=1.0)  # which would be tuned
    policy = made(task)

    def measure() -> float:
        begin = time.process_time()
        rollout(task, policy, PART)
        return PART * STEPS / (time.process_time() - begin)

    return measure
