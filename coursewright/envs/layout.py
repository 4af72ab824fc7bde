"""The observation: one flat float32 array with a name for every column.

Columns that belong to a skill lie together, skill after skill, so that one practised skill touches
one stretch of memory; a feature of all skills is then a strided view (`Layout.columns`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject, unknown
from coursewright.simulators.course import Course

# The order is fixed: kernels index these lists.  [batch, skills] features first, then the rest.
PER_SKILL = (
    "attempts",
    "successes",
    "log_attempts",
    "log_successes",
    "log_failures",
    "streak",
    "belief",
    "goal",
    "warmup_right",
    "warmup_wrong",
    "log_warmup_right",
    "log_warmup_wrong",
    "days_since",
)
SHARED = ("last_item", "last_correct", "budget_left")
NEEDS = {
    "log_attempts": ("attempts",),
    "log_successes": ("successes",),
    "log_failures": ("attempts", "successes"),
    "log_warmup_right": ("warmup_right",),
    "log_warmup_wrong": ("warmup_wrong",),
}


@dataclass(frozen=True)
class Layout:
    """Where each feature lies in an observation of this course.

    Per skill: `attempts`, `successes` (in the episode, warm-up apart) and their logs ln(1 + n);
    `log_failures`; `streak`, the current run of right answers; `belief`, the tutor's P(known);
    `goal`, 0 or 1; `warmup_right`, `warmup_wrong` and logs; `days_since` the last practice (the days
    since the episode began where there was none).  For all: `last_item`, the last accepted item as
    one-hot `[items]`; `last_correct`, 1 right, -1 wrong, 0 nothing asked in the last step;
    `budget_left`, from 1 to 0.
    """

    features: tuple[str, ...]
    skills: tuple[str, ...]
    items: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.features:
            if name not in PER_SKILL + SHARED:
                raise unknown("task.features", name, PER_SKILL + SHARED)
            for needed in NEEDS.get(name, ()):
                if needed not in self.features:
                    raise reject(
                        "task.features", f"{name!r} without {needed!r}", f"given together with {needed!r}"
                    )
        if len(set(self.features)) < len(self.features):
            raise reject("task.features", self.features, "without repetitions")

    @classmethod
    def of(cls, course: Course, features: Sequence[str]) -> "Layout":
        """The layout of these features over this course."""
        return cls(tuple(features), course.skills, course.items)

    @cached_property
    def _per_skill(self) -> tuple[str, ...]:
        return tuple(name for name in PER_SKILL if name in self.features)

    @cached_property
    def _slices(self) -> dict[str, slice]:
        width = len(self._per_skill)
        end = width * len(self.skills)
        slices = {name: slice(f, end, width) for f, name in enumerate(self._per_skill)}
        for name in SHARED:
            if name in self.features:
                size = len(self.items) if name == "last_item" else 1
                slices[name] = slice(end, end + size)
                end += size
        return slices

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where kernels find the features.

        The first column of each of `PER_SKILL + SHARED` (-1: absent), then the columns a skill has.
        """
        first = [self._slices[name].start if name in self._slices else -1 for name in PER_SKILL + SHARED]
        return np.array([*first, len(self._per_skill)], np.int64)

    @property
    def width(self) -> int:
        """How many columns an observation has."""
        return max((s.stop for s in self._slices.values()), default=0)

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
        """One name a column, such as `belief[fractions]` and `budget_left`."""
        names = [""] * self.width
        for feature, where in self._slices.items():
            columns = list(range(self.width))[where]
            of = self.skills if feature in PER_SKILL else self.items
            for place, column in enumerate(columns):
                single = feature in SHARED and feature != "last_item"
                names[column] = feature if single else f"{feature}[{of[place]}]"
        return tuple(names)

    def bounds(
        self, steps: int, warm_up: int, days: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Lowest and highest value of every column, `[width]` each, for an episode of `steps` steps."""
        low = np.zeros(self.width, np.float32)
        high = np.ones(self.width, np.float32)
        highest: dict[str, float] = {"attempts": steps, "successes": steps, "streak": steps}
        highest |= {"warmup_right": warm_up, "warmup_wrong": warm_up}
        highest["days_since"] = days * (1.0 + 1e-7 * steps)  # a float32 sum rounds at every step
        for feature, where in self._slices.items():
            base = feature.removeprefix("log_")
            top = highest.get(base if base != "failures" else "attempts", 1.0)
            high[where] = np.log1p(top) if feature.startswith("log_") else top
            if feature == "last_correct":
                low[where] = -1.0
        return low, np.nextafter(high, np.float32(np.inf))
