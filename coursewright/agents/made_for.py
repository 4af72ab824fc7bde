"""The course and the task that a tutor is made for, in words, and what another task has otherwise."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from coursewright.envs.task import RandomGoal, Task


def made_for(task: Task) -> dict[str, Any]:
    """The words of a course and a task, plain values."""
    course, terms = task.course, task.terms
    return {
        "skills": list(course.skills),
        "items": [
            {
                "name": item,
                "skills": [course.skills[k] for k in course.needs.row(a)],
                "minutes": float(course.minutes[a]),
                "kind": course.kind[a],
                "format": course.format[a],
            }
            for a, item in enumerate(course.items)
        ],
        "prerequisites": {
            skill: [course.skills[p] for p in course.parents.row(k)]
            for k, skill in enumerate(course.skills)
            if course.parents.row(k)
        },
        "unlock_after": terms.unlock_after,
        "budget": {"amount": float(terms.budget), "unit": "minutes" if terms.by_minutes else "steps"},
        "delays": [float(days) for days in task.delays],
        "longest_pause": float(task.longest_gap),
        "goal": _goal(task),
    }


def unlike(words: Mapping[str, Any], task: Task) -> Iterator[tuple[str, Any, Any]]:
    """Each setting that a tutor's words have otherwise than this task: its name, here, and there."""
    for name, here in made_for(task).items():
        there = words[name]
        if here == there:
            continue
        if name == "budget":
            yield name, _budget(here), _budget(there)
        elif name == "prerequisites":
            skill = next(skill for skill in task.course.skills if here.get(skill) != there.get(skill))
            yield f"prerequisites of {skill!r}", here.get(skill, []), there.get(skill, [])
        elif name == "items":
            mine, its = next(pair for pair in zip(here, there, strict=True) if pair[0] != pair[1])
            part = next(part for part in mine if mine[part] != its[part])
            yield f"{part} of {mine['name']!r}", mine[part], its[part]
        else:
            yield name, here, there


def _budget(told: Mapping[str, Any]) -> str:
    return f"{told['amount']:g} {told['unit']}"


def _goal(task: Task) -> str | list[str]:
    if isinstance(task.goal, RandomGoal):
        return f"{task.goal.low} to {task.goal.high} skills, drawn for each learner"
    if task.fixed_goal is None:
        return "each learner's own"
    return [task.course.skills[k] for k in np.flatnonzero(task.fixed_goal)]
