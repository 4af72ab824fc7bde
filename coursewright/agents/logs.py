"""Rollouts as learner logs: what a tutor that keeps records would have on file."""

import numpy as np
import pyarrow as pa

from coursewright.agents.rule import AnyAllowed, RulePolicy
from coursewright.data.log import LearnerLog, learner_log
from coursewright.envs.rollout import Rollout, rollout
from coursewright.envs.task import Task
from coursewright.simulators.arrays import Ints
from coursewright.simulators.lists import unpack
from coursewright.simulators.luck import Split, identify
from coursewright.simulators.protocol import Prologue

INSTANT = 1e-6  # days between two responses where no time passes


def log_of(task: Task, rolled: Rollout, split: Split, source: str) -> LearnerLog:
    """The visible history of a rollout's learners in the learner-log schema, one row a response.

    What they brought along (a warm-up) comes first, on day 0; the episode begins on day 1 and takes a
    step whenever the task's schedule says so, or every millionth of a day where no time passes.
    """
    past = _past(task, rolled.number, split)
    before, place = np.nonzero(np.arange(past.item.shape[1]) < past.length[:, None])
    row, step = np.nonzero(rolled.item >= 0)
    item = np.concatenate([past.item[before, place], rolled.item[row, step]])
    correct = np.concatenate([past.correct[before, place], rolled.correct[row, step]])
    pauses = np.maximum(rolled.days, INSTANT).astype(np.float64)
    when = 1.0 + np.cumsum(pauses, axis=1) - pauses
    course = task.course
    skills = [[course.skills[k] for k in needs] for needs in unpack(course.needs)]
    columns = {
        "learner": [str(number) for number in rolled.number[np.concatenate([before, row])]],
        "item": [course.items[i] for i in item],
        "skills": [skills[i] for i in item],
        "time": np.concatenate([place * INSTANT, when[row, step]]),
        "correct": pa.array(correct, pa.int8()),
        "minutes": np.concatenate([course.minutes[past.item[before, place]], rolled.took[row, step]]),
    }
    if rolled.assisted.any():
        columns["assisted"] = np.concatenate([np.zeros(len(before), bool), rolled.assisted[row, step]])
    return learner_log(pa.table(columns), source)


def simulated_log(task: Task, learners: int = 2000) -> LearnerLog:
    """One episode each of training learners who are taught by the random-legal policy."""
    policy = RulePolicy("random_legal", task, AnyAllowed())
    rolled = rollout(task, policy, learners, Split.TRAIN)
    name = type(task.simulator).__name__
    source = f"{learners} simulated learners ({name}), {task.horizon} random legal steps each"
    return log_of(task, rolled, Split.TRAIN, source)


def _past(task: Task, number: Ints, split: Split) -> Prologue:
    """What these learners brought along: enrolling them again draws the same people."""
    luck = identify(task.seeds, number, split, np.zeros(len(number), np.int64))
    rows = np.arange(len(number))
    past = task.simulator.enrol(task.simulator.empty(len(number)), rows, luck)
    if past is not None:
        return past
    nothing = np.zeros((len(number), 0), np.int64)
    goal = np.ones((len(number), task.course.n_skills), bool)
    return Prologue(goal, nothing, nothing, np.zeros(len(number), np.int64))
