"""Able learners stay longer: ability and the length of a learner's record, together.

    theta = slope (ln rows - mean) + rest,    rest ~ N(0, spread² - slope² sd²)

over learners whose ln rows have this `mean` and `sd`, so that theta has the same `spread` in the whole
population, whatever the slope.  A replay of a log knows how many rows each learner left; a learner who
is taught comes from the whole population.
"""

from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints


class Selection(NamedTuple):
    """Log odds per unit of ln rows, and the mean and the standard deviation of ln rows over learners."""

    slope: float = 0.0
    mean: float = 0.0
    sd: float = 0.0

    def expected(self, rows: Ints) -> Floats:
        """The mean theta `[learners]` of those who stay for so many rows `[learners]`."""
        return np.asarray(self.slope * (np.log(rows) - self.mean))

    def rest(self, spread: float) -> float:
        """The standard deviation of theta among learners who stay equally long."""
        return float(np.sqrt(max(0.0, spread**2 - (self.slope * self.sd) ** 2)))

    def check(self, spread: float) -> None:
        """Raise `InputError` for numbers that are none, and for a slope that takes more than the `spread`."""
        for name, value in zip(self._fields, self, strict=True):
            if not np.isfinite(value) or (name == "sd" and value < 0.0):
                raise reject(f"logistic.selection.{name}", value, "a finite number (sd: >= 0)")
        if abs(self.slope) * self.sd > spread * (1.0 + 1e-6):
            most = f"at most spread / sd = {spread / self.sd:g} either way, so that theta has its spread"
            raise reject("logistic.selection.slope", self.slope, most)


NONE = Selection()
