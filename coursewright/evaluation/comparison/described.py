"""The task of a comparison in plain words: learners, goal, budget, and the rules of the choice."""

import re
from collections.abc import Callable
from functools import partial
from inspect import getdoc
from typing import Any

from coursewright.envs.features import Feature
from coursewright.envs.schedule import Fixed
from coursewright.envs.task import RandomGoal, Task
from coursewright.evaluation.comparison.found import POINT, Comparison
from coursewright.evaluation.comparison.scores import TRAINED
from coursewright.evaluation.numbers import plain
from coursewright.simulators.capabilities import Stratified, restricts


def described(comparison: Comparison) -> dict[str, str]:
    """Label -> words: what was taught to whom, by which rules, under which seeds."""
    task, learners = comparison.task, len(comparison.learners["learner"].unique())
    return {
        "learners": f"{comparison.simulator}: {_said(type(task.simulator))}",
        "population": f"{learners:,} unseen learners, the same for every policy{_strata(task)}",
        "course": _course(task),
        "goal": _goal(task),
        "budget": f"{budget(task)} per learner",
        "reward": _reward(task.reward),
        "choice of items": _choice(task),
        "time": _time(task),
        "seen by policies": ", ".join(f.name if isinstance(f, Feature) else f for f in task.features),
        "seeds": _seeds(comparison),
        "compared with": f"{comparison.reference}; headroom starts at {comparison.settings.baseline}",
    }


def budget(task: Task) -> str:
    """The budget, such as "30 steps"."""
    unit = "minutes" if task.minutes is not None else "steps"
    return f"{plain(task.budget)} {unit if task.budget != 1 else unit[:-1]}"


def _said(thing: Callable[..., Any]) -> str:
    """The first sentence of the documentation of a class or function."""
    text = " ".join((getdoc(thing) or str(thing)).split("\n\n")[0].split())
    return re.split(r"; |(?<! al)\. ", text)[0].rstrip(".")


def _strata(task: Task) -> str:
    if not isinstance(task.simulator, Stratified):
        return ""
    return f", of the strata {', '.join(task.simulator.strata)}"


def _course(task: Task) -> str:
    course = task.course
    edges = len(course.parents.values)
    return f"{course.n_skills:,} skills, {course.n_items:,} items, {edges:,} prerequisites" + (
        " that restrict the choice" if task.unlock_after else ""
    )


def _goal(task: Task) -> str:
    goal = task.goal
    if isinstance(goal, RandomGoal):
        return f"{goal.low} to {goal.high} skills, drawn for each learner"
    if goal == "learner":
        return "each learner's own, or every skill for a learner without one"
    names = [goal] if isinstance(goal, str) else list(goal)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _reward(reward: Callable[..., Any]) -> str:
    whole = reward.func if isinstance(reward, partial) else reward
    options = reward.keywords if isinstance(reward, partial) else {}
    name = getattr(whole, "__name__", type(whole).__name__)
    given = ", ".join(f"{key} {value}" for key, value in options.items())
    return f"{name}{f' ({given})' if given else ''}: {_said(whole)}"


def _choice(task: Task) -> str:
    rules = []
    if task.unlock_after:
        rules.append(f"an item opens after {task.unlock_after} successes on each prerequisite")
    if restricts(task.simulator):
        rules.append("the learners' platform offers some items at a time")
    if rules and not task.strict:
        rules.append("a disallowed choice costs the step")
    if task.stop:
        rules.append("the policy may stop early")
    return "; ".join(rules) or "any item at any time"


def _time(task: Task) -> str:
    if task.delays:
        return f"the policy chooses a delay of {', '.join(map(plain, task.delays))} days after each item"
    if isinstance(task.schedule, Fixed):
        days = task.schedule.days
        return f"{plain(days)} days pass after each step" if days else "no time passes between steps"
    return _said(type(task.schedule))


def _seeds(comparison: Comparison) -> str:
    seeds, table = comparison.task.seeds, comparison.learners
    parts = [f"population {seeds.population}", f"luck {seeds.luck}"]
    for name in comparison.at(POINT).index[comparison.at(POINT)["kind"] == TRAINED]:
        own = sorted(table[table["policy"] == name]["agent_seed"].unique())
        parts.append(f"{name} {', '.join(map(str, own))}")
    return "; ".join(parts)
