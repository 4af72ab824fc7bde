"""From scores to long rows: one per condition, policy, outcome and statistic."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from coursewright.evaluation.comparison.scores import Scores, Statistic
from coursewright.evaluation.statistics import Estimate


class Row(NamedTuple):
    """One figure with its doubt, and its subject; see `statistics.Estimate`."""

    condition: str
    policy: str
    outcome: str
    statistic: str
    value: float
    low: float
    high: float
    estimand: str
    n: int
    note: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The subject of the figure: its first four fields."""
        return self[:4]

    @property
    def estimate(self) -> Estimate:
        """The figure."""
        return Estimate(*self[4:])


def summarised(
    condition: str, scores: Mapping[str, Scores], statistics: Mapping[str, Statistic], order: Sequence[str]
) -> list[Row]:
    """Every statistic of every outcome of the policies, in `order`, under one condition."""
    rows = []
    for policy in order:
        for outcome, scored in scores.items():
            for name, statistic in statistics.items():
                found = statistic(scored, policy)
                if found is not None:
                    rows.append(Row(condition, policy, outcome, name, *found))
    return rows


def as_table(rows: Sequence[Row]) -> pd.DataFrame:
    """The rows as a table, one column per field."""
    return pd.DataFrame(rows, columns=list(Row._fields))
