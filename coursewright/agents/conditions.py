"""The conditions under which more is proved of a task: bounds, optima, and the index of a skill."""

from typing import Any

import numpy as np

from coursewright.envs.functions import bare
from coursewright.envs.rewards import mastered_gain, mean_gain
from coursewright.envs.task import Task
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.knowledge_space import KnowledgeSpace
from coursewright.simulators.knowledge.kt6kc import KT6kc

KINDS = (Bkt, KT6kc, KnowledgeSpace)  # learners derived from them may do other things


def unlike_any(task: Task) -> str:
    """The condition of bounds and of value iteration over sets that a task breaks; "" for none.

    It says nothing of forgetting, prerequisites or size.
    """
    learners = task.simulator
    if type(learners) not in KINDS:
        return f"{type(learners).__name__} learners are neither Bkt, KT6kc nor KnowledgeSpace"
    if bare(task.reward) not in (mean_gain, mastered_gain):
        return "the reward is not the gain in mean mastery"
    if task.price is not None:
        return "minutes are charged for (task.price)"
    if task.steps is None:
        return "the budget is minutes, not steps"
    if (np.diff(task.course.needs.start) > 1).any():
        return "an item needs several skills"
    return "" if _alike(learners) else "each learner has parameters of their own"


def _alike(learners: Any) -> bool:
    """True where all learners of a kind above have the same parameters."""
    if isinstance(learners, Bkt):
        return learners.parameters.n_draws == 1 and learners.prior_sd == learners.learn_sd == 0.0
    return not (isinstance(learners, KT6kc) and learners.perturbed)


def entangled(learners: Bkt) -> str:
    """The reason for which BKT skills do not fall apart into problems of their own; "" for none."""
    if len(learners.course.parents.values) and learners.rho < 1.0:
        return "with prerequisites, practice of a skill tells of others"
    return "learners forget" if np.any(learners.parameters.forget) else ""


def no_index(task: Task) -> str:
    """The reason for which an index, of a BKT skill by itself, is a heuristic on a task; "" for none.

    These are the conditions of the Lagrangian bound (`evaluation/bounds.py`), and that a tutor thinks by a
    BKT table and may practise any skill.
    """
    learners = task.simulator
    if not isinstance(learners, Bkt):
        return f"{type(learners).__name__} learners are no Bkt"
    if task.mind is not None:
        return "it goes by the tutor's BKT table, and not by the model that the tutor thinks by"
    locks = "some items may not be practised at times" if task.masked else ""
    return unlike_any(task) or entangled(learners) or locks
