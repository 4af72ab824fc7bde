"""Mastery rules: a streak of right answers, or a tutor's belief, decides when a skill is done."""

from coursewright.agents.rules.in_order import Fallback, ItemRule, Order, Rule, SkillRule, skill_order
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject


def streak_rule(task: Task, n: int, order: Order, fallback: Fallback) -> SkillRule:
    """Practise a skill until the last n answers on it were right; see `n_in_a_row`."""
    if not (isinstance(n, int) and n >= 1):
        raise reject("agent.n", n, "a whole number >= 1")
    return SkillRule(
        name=f"{n}-in-a-row",
        task=task,
        feature="streak",
        level=float(n),
        order=skill_order(task, order),
        fallback=fallback,
    )


def threshold_rule(task: Task, threshold: float, order: Order, fallback: Fallback) -> Rule:
    """Practise until the tutor's belief reaches the threshold; see `mastery_threshold`."""
    if not 0.0 < threshold < 1.0:
        raise reject("agent.threshold", threshold, "a probability in (0, 1)")
    name = f"mastery-threshold {threshold:g}"
    by_skill = skill_order(task, order)
    if (task.course.q_matrix.sum(axis=1) > 1).any():
        return ItemRule(name=name, task=task, level=threshold, fallback=fallback)
    return SkillRule(
        name=name,
        task=task,
        feature="belief",
        level=threshold,
        order=by_skill,
        fallback=fallback,
        strict=True,
    )


def n_in_a_row(
    task: Task,
    seed: int,
    tracker: Tracker,
    *,
    n: int = 3,
    order: Order = "topological",
    fallback: Fallback = "uniform",
) -> SkillRule:
    """The first allowed skill, in order, that bears on the goal and lacks n right answers in a row.

    A skill bears on the goal if it is part of it or comes before a part of it.  Streaks start at 0
    after the warm-up.  Where nothing is left, the fallback picks among the allowed items that bear on
    the goal: uniformly, by the lowest belief, or in turn.

    Raises `InputError` for another order or fallback, n < 1, or a task without `streak` and `goal`.
    """
    return streak_rule(task, n, order, fallback)


def mastery_threshold(
    task: Task,
    seed: int,
    tracker: Tracker,
    *,
    threshold: float = 0.95,
    order: Order = "topological",
    fallback: Fallback = "uniform",
) -> Rule:
    """Practise each skill until the tutor's belief in it reaches the threshold (Cognitive Tutor).

    Corbett & Anderson, UMUAI 1994.  Next comes the first unmastered skill, in order, whose
    prerequisites are mastered and of which an item is allowed; where there is none, the first allowed
    unmastered one; where all are mastered, the fallback.  Courses with items that need several skills
    get OATutor's form (Pardos et al., CHI 2023): an item's mastery is the product over its skills,
    and the item of the lowest mastery below the threshold is next; the order then plays no part.

    Raises `InputError` for another order or fallback, a threshold outside (0, 1), or a task without
    `belief` and `goal`.
    """
    return threshold_rule(task, threshold, order, fallback)
