"""The course that a log speaks of: its skills, its items, and the skills that each item needs."""

import numpy as np

from coursewright.fitting.coded import Coded
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.folders import rounded
from coursewright.simulators.lists import of_pairs, pack


def course_of(log: Coded) -> Course:
    """The items and skills of a log, each sorted by id, without prerequisites.

    An item needs every skill that any of its rows names; it takes the median of its `minutes` (to the digits
    that a table holds), and 1 where none are known.
    """
    items, skills = len(log.items), len(log.skills)
    return Course(
        skills=log.skills,
        items=log.items,
        needs=of_pairs(log.item[log.row_of_need], log.needs.values, items),
        parents=pack([[]] * skills),
        minutes=rounded(_minutes(log)),
        difficulty=np.zeros(items),
        kind=("practice",) * items,
        format=("text",) * items,
    )


def _minutes(log: Coded) -> Floats:
    median = np.ones(len(log.items))
    known = log.minutes > 0.0  # nobody answers in no time
    item, taken = log.item[known], log.minutes[known]
    order = np.argsort(item, kind="stable")
    found, first = np.unique(item[order], return_index=True)
    for at, own in zip(found, np.split(taken[order], first[1:]), strict=False):
        median[at] = np.median(own)
    return median
