"""Learners of several families over one course, each with drawn parameters: for policies that adapt.

A family says from which ranges its parameters are drawn.  Every number is uniform in its range; those of
skills are drawn for each skill, the others once a draw.  A learner belongs to one family and to one draw of
it (see `strata.Strata`), so a policy that teaches them well has to find out whom it teaches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

import numpy as np

from coursewright.errors import InputError, reject, whole
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.protocol import Simulator
from coursewright.simulators.strata import Strata

Range = Sequence[float]  # the lowest and the highest value


def drawn(random: np.random.Generator, limits: Range, size: int = 1) -> Floats:
    """Numbers `[size]` between two."""
    low, high = limits
    return random.uniform(low, high, size)


class Family(Protocol):
    """A distribution of populations of one kind."""

    @property
    def share(self) -> float:
        """The weight of its learners among those of all families; 0 leaves them out."""
        ...

    def draw(self, course: Course, random: np.random.Generator) -> Simulator[Any]:
        """One population over this course, with parameters from this stream."""
        ...


def families(course: Course, families: Mapping[str, Family], draws: int = 8, seed: int = 0) -> Strata:
    """Learners of these families, each of which is a stratum made of so many draws.

    A family has the same draws alone and among others; another `seed` gives others.

    Raises `InputError` for no family, a share below 0, a range that is none, and one that a model refuses.
    """
    whole("draws", draws, 1, 1000)
    whole("seed", seed, 0, 2**63 - 1)
    members: dict[str, Simulator[Any]] = {}
    shares: dict[str, float] = {}
    told_as: dict[str, str] = {}
    for name, family in families.items():
        _check(name, family)
        for draw in range(draws if family.share > 0.0 else 0):
            member = f"{name} {draw}"
            try:
                members[member] = family.draw(course, np.random.default_rng([seed, draw, *name.encode()]))
            except InputError as error:
                raise InputError(f"families.{name}: {error}", f"families.{name}") from error
            shares[member], told_as[member] = family.share / draws, name
    if not members:
        raise reject("families", sorted(families), "at least one family with a share above 0")
    return Strata(members, shares, told_as)


def _check(name: str, family: Any) -> None:
    """Refuse a share below 0, and a range that is not two numbers with the lower one first."""
    if not 0.0 <= family.share < np.inf:
        raise reject(f"families.{name}.share", family.share, "a finite number >= 0")
    for field in fields(family):
        given = getattr(family, field.name)
        if isinstance(field.default, tuple):
            pair = len(given) == 2 and all(np.isfinite(end) for end in given)
            if not pair or given[0] > given[1]:
                told = "two finite numbers, the lower one first"
                raise reject(f"families.{name}.{field.name}", list(given), told)
