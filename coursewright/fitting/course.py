"""The course that a log speaks of: its skills, its items, and the skills that each item needs."""

import numpy as np

from coursewright.fitting.coded import Coded
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.folders import rounded
from coursewright.simulators.lists import of_pairs, pack


def course_of(log: Coded) -> Course:
    """The items and skills of a log, each sorted by id, without prerequisites.

    An item needs every skill that any of its rows names, and a pooled one those that it is called by; it
    takes the median of its `minutes` (to the digits that a table holds), and 1 where none are known.
    """
    items, skills = len(log.items), len(log.skills)
    item, skill = log.item[log.row_of_need], log.needs.values
    needed = _needed(log, item, skill)
    return Course(
        skills=log.skills,
        items=log.items,
        needs=of_pairs(item[needed], skill[needed], items),
        parents=pack([[]] * skills),
        minutes=rounded(_minutes(log)),
        difficulty=np.zeros(items),
        kind=("practice",) * items,
        format=("text",) * items,
        licence=log.licence or "unknown",
    )


def _needed(log: Coded, item: Ints, skill: Ints) -> Bools:
    """True where the course has a pair of item and skill, `[pairs]`."""
    place = {name: k for k, name in enumerate(log.skills)}
    pooled = np.array([name in log.pooled for name in log.items])
    called = [
        at * len(log.skills) + place[name]
        for at in np.flatnonzero(pooled).tolist()
        for name in log.pooled[log.items[at]]
        if name in place
    ]
    is_called = np.isin(item * len(log.skills) + skill, called)
    told = np.bincount(item, is_called, minlength=len(log.items)) > 0
    return np.asarray(~(pooled & told)[item] | is_called)


def _minutes(log: Coded) -> Floats:
    median = np.ones(len(log.items))
    known = log.minutes > 0.0  # nobody answers in no time
    item, taken = log.item[known], log.minutes[known]
    order = np.argsort(item, kind="stable")
    found, first = np.unique(item[order], return_index=True)
    for at, own in zip(found, np.split(taken[order], first[1:]), strict=False):
        median[at] = np.median(own)
    return median
