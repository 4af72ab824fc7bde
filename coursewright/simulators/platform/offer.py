"""The offer of a platform: items of several kinds and formats over the skills of a learner's own course."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Ints
from coursewright.simulators.course import Course
from coursewright.simulators.lists import Lists, pack, unpack
from coursewright.simulators.platform.content import KINDS


class Form(NamedTuple):
    """A form in which a platform offers its items; `minutes` is a factor on those of the item."""

    kind: str = "practice"
    format: str = "text"
    minutes: float = 1.0


class Offer(NamedTuple):
    """A course, and the item of the learner's own course that carries each of its items, `[items]`."""

    course: Course
    inside: Ints


def offer(own: Course, offers: Course | Sequence[Form] | None) -> Offer:
    """The platform's offer to learners whose own course is `own`.

    None: that course.  `Form`s: each of its items in each of them, item after item.  A course: each item
    is carried by the own item of the same name and skills, or else by the first with the same skills.

    Raises `InputError` for no forms, an unknown kind, other skills or prerequisites, and an item that
    no own item has the skills of.
    """
    if offers is None:
        found = Offer(own, np.arange(own.n_items))
    elif isinstance(offers, Course):
        offered = offers if own.licence is None else replace(offers, licence=own.licence)
        found = Offer(offered, _matched(offers, own))
    else:
        found = _in_every_form(own, list(offers))
    for name in found.course.kind:
        if name not in KINDS:
            raise unknown("rich.offers.kind", name, KINDS)
    return found


def _in_every_form(own: Course, forms: list[Form]) -> Offer:
    if not forms:
        raise reject("rich.offers", forms, "at least one form")
    course = Course(
        skills=own.skills,
        items=tuple(f"{item} ({form.kind}, {form.format})" for item in own.items for form in forms),
        needs=pack([needs for needs in unpack(own.needs) for _ in forms]),
        parents=own.parents,
        minutes=np.outer(own.minutes, [form.minutes for form in forms]).ravel(),
        difficulty=np.repeat(own.difficulty, len(forms)),
        kind=tuple(form.kind for form in forms) * own.n_items,
        format=tuple(form.format for form in forms) * own.n_items,
        licence=own.licence,
    )
    return Offer(course, np.repeat(np.arange(own.n_items), len(forms)))


def _same(ours: Lists, theirs: Lists) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def _matched(course: Course, own: Course) -> Ints:
    if course.skills != own.skills or not _same(course.parents, own.parents):
        raise reject("rich.offers", "other skills or prerequisites", "a course over the learner's own")
    inside = np.empty(course.n_items, np.int64)
    carried: dict[tuple[int, ...], list[int]] = {}
    for a, needs in enumerate(unpack(own.needs)):
        carried.setdefault(tuple(needs), []).append(a)
    for i, (name, needs) in enumerate(zip(course.items, unpack(course.needs), strict=True)):
        same = carried.get(tuple(needs), [])
        if not same:
            raise reject(f"rich.offers[{name}]", "without an own item", "of skills that an own item has")
        named = [j for j in same if own.items[j] == name]
        inside[i] = named[0] if named else same[0]
    return inside
