"""The weight c of a bandit's bonus for arms that were seldom pulled: given, or tuned."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from coursewright.agents.rule import RulePolicy
from coursewright.agents.tracker import Tracker
from coursewright.agents.tuning import Tuning, check_learners, tuned_option
from coursewright.envs.task import Task
from coursewright.errors import reject

C_GRID = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


def check_bonus(c: float | None, learners: int) -> None:
    """Refuse a weight that is neither a number >= 0 nor to be tuned, and learners that are no number."""
    if c is not None and not 0.0 <= c < np.inf:
        raise reject("agent.c", c, "a finite number >= 0, or null to tune it")
    check_learners(learners)


def with_bonus(
    c: float | None, make: Callable[[float], RulePolicy], task: Task, tracker: Tracker, learners: int
) -> RulePolicy:
    """The policy with this c; without one, with the best of `C_GRID` on so many tuning learners."""
    if c is not None:
        return make(float(c))
    best, tuned = tuned_option("c", C_GRID, make, Tuning(task, tracker), learners)
    return replace(make(best), tuned=tuned)
