"""Learners of any kind whose platform closes: for a time nothing at all is allowed."""

from dataclasses import fields, replace

import numpy as np

from coursewright.envs.task import Task


class Closing:
    """A platform that offers nothing while the first item is likely to be answered right."""

    restricts = True

    def allowed(self, state, out):
        p = np.empty(len(out))
        self.p_correct(state, np.zeros(len(out), np.int64), p)
        out[:] = p[:, None] <= 0.5


def closing(task: Task) -> Task:
    """The same task on such a platform."""
    kind = type(task.simulator)
    learners = type(kind.__name__, (Closing, kind), {})
    given = {field.name: getattr(task.simulator, field.name) for field in fields(kind) if field.init}
    return replace(task, simulator=learners(**given))
