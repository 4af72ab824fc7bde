"""The observation: one flat float32 array with a name for every column.

Columns that belong to a skill lie together, skill after skill, so that one practised skill touches one
stretch of memory; a feature of all skills is then a strided view (`Layout.columns`).  The other features
follow one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from coursewright.envs.features import NAMES, SHIPPED, Axis, Feature, Limits, chosen
from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Ints
from coursewright.simulators.course import Course


@dataclass(frozen=True)
class Layout:
    """The place of each feature in an observation of this course.

    Per skill: `attempts`, `successes` (in the episode, warm-up apart) and their logs ln(1 + n);
    `log_failures`; `streak`, the current run of right answers; `belief`, the tutor's P(known);
    `goal`, 0 or 1; `warmup_right`, `warmup_wrong` and logs; `days_since` the last practice (the days
    since the episode began where there was none).  Per item: `last_item`, 1 at the last accepted item;
    `item_attempts` and `item_days_since`, as for skills.  By a tutor's mind: `expected_mastery` per skill;
    `chance`, P(correct), and `gain`, the expected gain in mastery of the goal, per item.  For all:
    `last_correct`, 1 right, -1 wrong, 0 nothing asked in the last step; `budget_left`, from 1 to 0;
    `log_price`, ln of the price of a minute, where the task charges one.
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

    def _on(self, axis: Axis) -> tuple[Feature, ...]:
        """The features of an axis in the order of their columns."""
        shipped = [feature for feature in SHIPPED.values() if feature in self.records]
        own = [feature for feature in self.records if feature.update is not None]
        return tuple(feature for feature in shipped + own if feature.axis == axis)

    @cached_property
    def _slices(self) -> dict[str, slice]:
        together = self._on("skill")
        end = len(together) * len(self.skills)
        slices = {feature.name: slice(f, end, len(together)) for f, feature in enumerate(together)}
        for feature in (*self._on("item"), *self._on("shared")):
            begin, end = end, end + (len(self.items) if feature.axis == "item" else 1)
            slices[feature.name] = slice(begin, end, 1)
        return slices

    def record(self, feature: str) -> Feature:
        """The record of a feature that the task offers."""
        return self.records[self.features.index(feature)]

    @cached_property
    def first(self) -> Ints:
        """The first column `[features]` of each of `features.FEATURES`; -1 where it is absent."""
        return np.array([self._slices[n].start if n in self._slices else -1 for n in NAMES], np.int64)

    @property
    def stride(self) -> int:
        """The number of columns that each skill has."""
        return len(self._on("skill"))

    @property
    def shared(self) -> int:
        """The first column that belongs to no skill and no item; the `width` where there is none."""
        return self.width - len(self._on("shared"))

    @property
    def width(self) -> int:
        """The number of columns of an observation."""
        return max((where.stop for where in self._slices.values()), default=0)

    def columns(self, feature: str) -> slice:
        """The columns of a feature: `observation[:, layout.columns("belief")]` is `[batch, skills]`.

        Raises `InputError` where the task does not offer the feature.
        """
        if feature not in self._slices:
            raise unknown("feature", feature, tuple(self._slices))
        return self._slices[feature]

    def require(self, who: str, *features: str) -> None:
        """Refuse a task that lacks a feature which the policy `who` reads."""
        for feature in features:
            if feature not in self._slices:
                raise reject(
                    f"task.features for {who}", list(self.features), f"a list that holds {feature!r}"
                )

    def places(self, other: "Layout") -> Ints:
        """The columns here of another layout's, `[other.width]`; each of its features must be here too."""
        place = {name: at for at, name in enumerate(self.names)}
        return np.array([place[name] for name in other.names], np.int64)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """One name per column, such as `belief[fractions]` and `budget_left`."""
        of_skills = [f"{feature.name}[{skill}]" for skill in self.skills for feature in self._on("skill")]
        of_items = [f"{feature.name}[{item}]" for feature in self._on("item") for item in self.items]
        return (*of_skills, *of_items, *(feature.name for feature in self._on("shared")))

    def bounds(self, limits: Limits) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Lowest and highest value of every column, `[width]` each, for episodes within these limits."""
        low = np.zeros(self.width, np.float32)
        high = np.ones(self.width, np.float32)
        for record in self.records:
            low[self.columns(record.name)] = record.lowest
            high[self.columns(record.name)] = record.bound(limits)
        return low, np.nextafter(high, np.float32(np.inf))
