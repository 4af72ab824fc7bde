"""Columns of tables for people: one statistic of one outcome each, on the terminal and in the report."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from coursewright.evaluation.comparison.found import POINT, Comparison
from coursewright.evaluation.comparison.scores import POSSIBLE
from coursewright.evaluation.numbers import MINUS, brief, number, percent
from coursewright.evaluation.statistics import Estimate


class Look(NamedTuple):
    """The look of a statistic in a table: the heading of its column, its value, and its interval.

    A `paired` one is left out where a policy is compared with itself.
    """

    heading: str
    value: Callable[[float], str]
    doubt: Callable[[float, float], str]
    paired: bool = False


class Cell(NamedTuple):
    """One figure of a table in words; `note` says why there is none."""

    value: str
    doubt: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.value} {self.doubt}".strip()


class Column(NamedTuple):
    """A statistic of an outcome; two columns of a table may be of different outcomes."""

    outcome: str
    statistic: str


def _signed(value: float) -> str:
    return number(value, signed=True)


def _signed_doubt(low: float, high: float) -> str:
    return brief(low, high, signed=True)


def _unsaid(low: float, high: float) -> str:
    """No interval: a table has no room for it, and the files have it."""
    return ""


def _headroom(value: float) -> str:
    """With an exclamation mark above 100 %: then the best known oracle is not the best possible."""
    return percent(value) + (" !" if np.isfinite(value) and value > 1.0 + 1e-9 else "")


def _percents(low: float, high: float) -> str:
    return f"[{round(100 * low)}, {round(100 * high)}]".replace("-", MINUS) if np.isfinite(low) else ""


PLAIN = Look("{statistic}", number, brief)
LOOKS: Mapping[str, Look] = {  # any other statistic looks plain
    "mean": Look("mean [95 %]", number, brief),
    "difference": Look("\N{MINUS SIGN} {reference}", _signed, _signed_doubt, paired=True),
    "p_improvement": Look("better", percent, _unsaid, paired=True),
    "headroom": Look("headroom", _headroom, _unsaid),
    POSSIBLE: Look("possible", percent, _percents),
}


def words_of(name: str) -> str:
    """A name as people write it."""
    return name.replace("_", " ")


def of_aim(comparison: Comparison, condition: str = POINT) -> list[Column]:
    """Every statistic of the outcome that policies are ranked by; no share of a bound where there is none."""
    kept = dict(comparison.settings.statistics)
    if not comparison.bounds[condition].known:
        kept = {name: statistic for name, statistic in kept.items() if name != POSSIBLE}
    return [Column(comparison.aim, statistic) for statistic in kept]


def of_others(comparison: Comparison) -> list[Column]:
    """The mean of every other outcome."""
    return [Column(outcome, "mean") for outcome in comparison.settings.outcomes if outcome != comparison.aim]


def asked_for(comparison: Comparison) -> list[Column]:
    """The columns that were asked for besides, but for statistics that do not apply to their outcome."""
    columns = [Column(*name.split("/")) for name in comparison.settings.columns]
    return [column for column in columns if comparison.has(column.outcome, column.statistic)]


def heading(column: Column, comparison: Comparison) -> str:
    """The heading of a column; the outcome is named unless it is the aim."""
    look = LOOKS.get(column.statistic, PLAIN)
    text = look.heading.format(reference=comparison.reference, statistic=words_of(column.statistic))
    return text if column.outcome == comparison.aim else f"{words_of(column.outcome)}: {text}"


def cell(column: Column, comparison: Comparison, policy: str, condition: str) -> Cell:
    """The cell of a column in a policy's row."""
    look = LOOKS.get(column.statistic, PLAIN)
    if look.paired and policy == comparison.reference:
        return Cell("", "")
    found: Estimate = comparison.estimate(policy, column.statistic, column.outcome, condition)
    return Cell(look.value(found.value), look.doubt(found.low, found.high), found.note)
