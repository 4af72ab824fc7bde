"""The observation: one flat float32 array with a name for every column.

Columns that belong to a skill lie together, skill after skill, so that one practised skill touches one
stretch of memory; then those of the items, item after item; then the rest.  A feature of all skills is a
strided view (`Layout.columns`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from coursewright.envs.features import FEATURES, NAMES, Axis, Feature, Limits, chosen
from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Ints
from coursewright.simulators.course import Course


@dataclass(frozen=True)
class Layout:
    """Where each feature lies in an observation of this course.

    Per skill: `attempts`, `successes` (in the episode, warm-up apart) and their logs ln(1 + n);
    `log_failures`; `streak`, the current run of right answers; `belief`, the tutor's P(known);
    `goal`, 0 or 1; `warmup_right`, `warmup_wrong` and logs; `days_since` the last practice (the days
    since the episode began where there was none).  Per item: `last_item`, 1 at the last accepted item;
    `item_attempts` and `item_days_since`, as for skills.  For all: `last_correct`, 1 right, -1 wrong, 0
    nothing asked in the last step; `budget_left`, from 1 to 0.
    """

    records: tuple[Feature, ...]
    skills: tuple[str, ...]
    items: tuple[str, ...]

    @classmethod
    def of(cls, course: Course, features: Sequence[str | Feature]) -> "Layout":
        """The layout of these features (names or records) over this course; see `features.chosen`."""
        return cls(chosen(features), course.skills, course.items)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The features' names, as they were given."""
        return tuple(record.name for record in self.records)

    @cached_property
    def _blocks(self) -> tuple[tuple[tuple[Feature, ...], int], ...]:
        """The features of each axis in the order of their columns, and how many places the axis has."""
        return (
            (self._on("skill"), len(self.skills)),
            (self._on("item"), len(self.items)),
            (self._on("shared"), 1),
        )

    def _on(self, axis: Axis) -> tuple[Feature, ...]:
        shipped = [feature for feature in FEATURES if feature in self.records]
        own = [feature for feature in self.records if feature.update is not None]
        return tuple(feature for feature in shipped + own if feature.axis == axis)

    @cached_property
    def _slices(self) -> dict[str, slice]:
        slices, begin = {}, 0
        for block, places in self._blocks:
            end = begin + len(block) * places
            for f, feature in enumerate(block):
                slices[feature.name] = slice(begin + f, end, len(block))
            begin = end
        return slices

    def record(self, feature: str) -> Feature:
        """The record of a feature that the task offers."""
        return self.records[self.features.index(feature)]

    @cached_property
    def first(self) -> Ints:
        """The first column `[features]` of each of `features.FEATURES`; -1 where it is absent."""
        return np.array([self._slices[n].start if n in self._slices else -1 for n in NAMES], np.int64)

    @property
    def strides(self) -> tuple[int, int]:
        """How many columns each skill has, and each item."""
        skills, items, _ = self._blocks
        return len(skills[0]), len(items[0])

    @property
    def width(self) -> int:
        """How many columns an observation has."""
        return sum(len(block) * places for block, places in self._blocks)

    def columns(self, feature: str) -> slice:
        """The columns of a feature: `observation[:, layout.columns("belief")]` is `[batch, skills]`.

        Raises `InputError` where the task does not offer the feature.
        """
        if feature not in self._slices:
            raise unknown("feature", feature, tuple(self._slices))
        return self._slices[feature]

    def require(self, who: str, *features: str) -> None:
        """Refuse a task that lacks what the policy `who` reads."""
        for feature in features:
            if feature not in self._slices:
                raise reject(
                    f"task.features for {who}", list(self.features), f"a list that holds {feature!r}"
                )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """One name per column, such as `belief[fractions]` and `budget_left`."""
        (by_skill, _), (by_item, _), (shared, _) = self._blocks
        of_skills = [f"{feature.name}[{skill}]" for skill in self.skills for feature in by_skill]
        of_items = [f"{feature.name}[{item}]" for item in self.items for feature in by_item]
        return (*of_skills, *of_items, *(feature.name for feature in shared))

    def bounds(self, limits: Limits) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Lowest and highest value of every column, `[width]` each, for episodes within these limits."""
        low = np.zeros(self.width, np.float32)
        high = np.ones(self.width, np.float32)
        for record in self.records:
            low[self.columns(record.name)] = record.lowest
            high[self.columns(record.name)] = record.bound(limits)
        return low, np.nextafter(high, np.float32(np.inf))
