"""Rollouts as learner logs: what a tutor that keeps records would have on file."""

import numpy as np
import pyarrow as pa

from coursewright.agents.baselines import random_legal
from coursewright.agents.tracker import SilentTracker
from coursewright.data.log import LearnerLog, learner_log
from coursewright.envs.rollout import Rollout, rollout
from coursewright.envs.task import Task
from coursewright.simulators.luck import Split


def log_of(task: Task, rolled: Rollout, source: str) -> LearnerLog:
    """The responses of a rollout in the learner-log schema, one row a step; warm-ups are left out.

    The time of a step is `task.days` times its number, and at least a millionth of a day apart.
    """
    row, step = np.nonzero(rolled.item >= 0)
    item = rolled.item[row, step]
    course = task.course
    skills = [[course.skills[k] for k in np.flatnonzero(needs)] for needs in course.q_matrix]
    table = pa.table(
        {
            "learner": [str(number) for number in rolled.number[row]],
            "item": [course.items[i] for i in item],
            "skills": [skills[i] for i in item],
            "time": step * (task.days if task.days > 0.0 else 1e-6),
            "correct": pa.array(rolled.correct[row, step], pa.int8()),
            "minutes": course.minutes[item],
        }
    )
    return learner_log(table, source)


def simulated_log(task: Task, learners: int = 2000) -> LearnerLog:
    """One episode each of training learners who are taught by the random-legal policy."""
    policy = random_legal(task, 0, SilentTracker())
    rolled = rollout(task, policy, learners, Split.TRAIN)
    name = type(task.simulator).__name__
    return log_of(
        task, rolled, f"{learners} simulated learners ({name}), {task.horizon} random legal steps each"
    )
