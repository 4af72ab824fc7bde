"""Rules that teach: 10,000 learners, 200 steps each, seconds as on a machine of 160,000 CartPole steps/s.

Every configured agent that needs no network has a row, found by its YAML.  Planners and rules that think by
particles or draws stand apart: their cost is printed, and nothing is promised of it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from speed.environments import single
from speed.measuring import Row, ratios
from speed.simulated import CARTPOLE

LEARNERS, STEPS, LIMIT = 10_000, 200, 5.0
PART = LEARNERS // 5  # that are taught; their seconds count five times
SCHEDULERS = (
    "anki_sm2",
    "cost_adr",
    "fixed_interval",
    "fsrs",
    "informed_threshold",
    "leitner",
    "memorize",
    "memrise",
    "oracle_threshold",
    "recall_threshold",
    "sm2",
    "ssp_mmc",
)
PLANNERS = (  # or Bayesians over draws
    "informed_threshold",
    "oracle_beam",
    "oracle_greedy",
    "oracle_macro_beam",
    "oracle_rollout",
)
# The first is one of those, the second is for BKT learners alone, and the others tell their own cost.
OTHERS = ("oracle_best", "oracle_exact", "belief_rollout", "belief_search")
FEW = 4  # learners who are taught by a planner
PARTICLES = 200


def teaching() -> list[Row]:
    """Rules on KSS, schedulers on 30 items that fade, with delays to choose from; then the planners."""
    from agent_contract import names
    from coursewright.envs.shipped import kss

    quick = [name for name in names() if name not in (*PLANNERS, *OTHERS)]
    tasks = {name: _cards() if name in SCHEDULERS else kss(STEPS) for name in quick}
    measured = ratios(single("CartPole-v1"), *(_rate(name, task) for name, task in tasks.items()))
    seconds = [LEARNERS * STEPS / (CARTPOLE * ratio) for _, ratio in measured]
    rows = [
        Row(f"10,000 learners x 200 steps of {name}", f"{taken:.2f} s", float("nan"), f"< {LIMIT:g} s")
        for name, taken in zip(tasks, seconds, strict=True)
    ]
    return [*rows, *_apart()]


def _apart() -> Iterator[Row]:
    """Seconds a learner of 200 steps, scaled alike."""
    from hydra.utils import instantiate

    from agent_contract import configured
    from coursewright.agents.rules.expected_gain import ExpectedGain
    from coursewright.envs.shipped import kss

    policies = {"expected_gain by 200 particles": ExpectedGain()(_thinking())}
    for name in PLANNERS:
        config = configured(name)
        if "base" in config:
            config.base.learners = 3
        policies[name] = instantiate(config)(_cards() if name in SCHEDULERS else kss(STEPS))
    for name, policy in policies.items():
        taken = [_seconds(policy) for _ in range(2)][-1]  # the first time it is compiled
        speed = single("CartPole-v1")()
        row = f"a learner x 200 steps of {name}"
        yield Row(row, f"{taken * speed / CARTPOLE / FEW:.4f} s", float("nan"), "apart")


def _cards() -> Any:
    from coursewright.envs.rewards import mean_recall
    from coursewright.envs.task import Task
    from coursewright.simulators.course import Course
    from coursewright.simulators.memory.deeptutor import DeepTutor
    from coursewright.simulators.memory.laws import Efc

    return Task(
        simulator=DeepTutor(Efc(), Course.of(30)),
        steps=STEPS,
        days=1.0,
        delays=(0.0, 1.0, 6.0, 20.0),
        reward=mean_recall,
        features=("days_since", "last_correct"),
    )


def _thinking() -> Any:
    """A task of PFA's learners, whose tutor believes by particles."""
    from coursewright.agents.beliefs.particles import Particles
    from coursewright.envs.task import Task
    from coursewright.simulators.knowledge.parameters import BktParameters
    from coursewright.simulators.logistic.tables import read_logistic

    learners = read_logistic("pfa")
    even = [[0.25] * learners.course.n_skills] * 4
    table = BktParameters(*even, skills=learners.course.skills)
    mind = Particles(learners.course, learners, size=PARTICLES)
    return Task(learners, table, mind=mind, steps=STEPS)


def _seconds(policy: Any) -> float:
    from coursewright.envs.rollout import rollout

    task = policy.policy.task if hasattr(policy, "policy") else policy.task
    begin = time.process_time()
    rollout(task, policy, FEW)
    return time.process_time() - begin


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
