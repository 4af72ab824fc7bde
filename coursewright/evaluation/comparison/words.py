"""Numbers as people read them, and a comparison in plain sentences."""

import re

import numpy as np
import pandas as pd

from coursewright.evaluation.comparison.compare import POINT, Comparison
from coursewright.evaluation.comparison.summary import ORACLE, TRAINED
from coursewright.evaluation.statistics import FEWEST_SEEDS
from coursewright.simulators.kss.learners import Kss

LEADING_ZERO = re.compile(r"(?<!\d)0\.")

CONDITIONS = {
    "point": "the simulator's own parameters",
    "bootstrap": "bootstrap draws of the simulator's parameters",
}


def number(value: float, signed: bool = False) -> str:
    """Three decimals; a dash where there is no number."""
    if not np.isfinite(value):
        return "–"
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def span(low: float, high: float, signed: bool = False) -> str:
    """An interval, or nothing."""
    return f"{number(low, signed)} to {number(high, signed)}" if np.isfinite(low) else ""


def brief(low: float, high: float, signed: bool = False) -> str:
    """An interval for narrow columns, without the zeros before the points; empty where there is none."""
    if not np.isfinite(low):
        return ""
    ends = (LEADING_ZERO.sub(".", number(end, signed)) for end in (low, high))
    return f"[{', '.join(ends)}]"


def percent(value: float) -> str:
    """A share as a whole percentage; a dash where there is no number."""
    return f"{100 * value:.0f} %" if np.isfinite(value) else "–"


def headroom(row: pd.Series) -> str:
    """Share of the way from the baseline to the best known oracle, with an exclamation mark above 100 %."""
    value = float(row["headroom"])
    return percent(value) + (" !" if np.isfinite(value) and value > 1.0 + 1e-9 else "")


def verdict(comparison: Comparison) -> list[str]:
    """Whether each trained policy beats the reference rule, whatever the answer is."""
    table = comparison.at(POINT)
    names = [str(name) for name in table.index[table["kind"] == TRAINED]]
    if not names:
        rules = table[table["kind"] != ORACLE]
        best = f"{rules.index[0]} does best with a mean return of {number(rules['mean'].to_numpy()[0])}"
        return [f"On {comparison.name} no trained policy was given; {best}."]
    return [_verdict(comparison, name) for name in names]


def _verdict(comparison: Comparison, name: str) -> str:
    parts = []
    for condition in comparison.conditions:
        where = f"On {comparison.name}" if condition == POINT else f"With {CONDITIONS[condition]}"
        parts.append(f"{where}, {_outcome(_row(comparison, condition, name), name, comparison.reference)}")
    row = _row(comparison, POINT, name)
    share = f"{percent(row['p_improvement'])} of learners do better with it (ties count half)"
    if np.isfinite(row["headroom"]):
        share += (
            f", and it covers {percent(row['headroom'])} of the way from {comparison.baseline} to the best"
        )
        share += " known oracle"
    return " ".join([*parts, share + "."])


def _row(comparison: Comparison, condition: str, name: str) -> pd.Series:
    row = comparison.at(condition).loc[name]
    assert isinstance(row, pd.Series)
    return row


def _outcome(row: pd.Series, name: str, reference: str) -> str:
    doubt = f"95 % interval of the paired difference: {span(row['diff_low'], row['diff_high'], True)}"
    gap = f"{number(abs(row['difference']))} ({doubt})"
    level = f"with a mean return of {number(row['mean'])}"
    if row["diff_low"] > 0:
        return f"{name} beats {reference} by {gap}, {level}."
    if row["diff_high"] < 0:
        return f"{name} falls short of {reference} by {gap}, {level}."
    return f"there is no clear difference between {name} and {reference}: {gap}, {level}."


def caveats(comparison: Comparison) -> list[str]:
    """What a careful reader has to know before believing the table."""
    table, task = comparison.at(POINT), comparison.task
    notes = [
        "All learners are simulated: a policy that wins here has won against this model of learning, "
        "not in a school."
    ]
    if not task.masked:
        notes.append("Nothing restricts the choice of items in this task, so random_legal equals random.")
    if isinstance(task.simulator, Kss) and task.masked:
        notes.append(
            "The mask and the rules in prerequisite order use the public prerequisite graph, as CSEAL "
            "does and RAR, DQN and SAC do not."
        )
    refused = table[table["refused"] > 0]
    if len(refused):
        shares = ", ".join(f"{name} {percent(row['refused'])}" for name, row in refused.iterrows())
        notes.append(
            f"Policies that ignore the mask lose steps on disallowed items. Share of their steps: {shares}."
        )
    beyond = [str(name) for name in table.index[table["headroom"] > 1.0]]
    beyond = [name for name in beyond if table.at[name, "kind"] != ORACLE]
    if beyond:
        notes.append(
            "Above 100 % of the headroom, so the best known oracle is not the best possible: "
            f"{', '.join(beyond)}."
        )
    few = table[(table["kind"] == TRAINED) & (table["seeds"] < FEWEST_SEEDS)]
    if len(few):
        notes.append(
            f"Intervals of {', '.join(map(str, few.index))} are about the very policies that were scored, "
            f"over learners. A statement about the training recipe needs {FEWEST_SEEDS} seeds."
        )
    if len(comparison.conditions) > 1:
        notes.append(
            "The simulator was fitted to a log. The second table repeats everything with parameters "
            "from its bootstrap: learner j has draw j mod the number of draws, and the policies keep what "
            "they learned."
        )
    return notes
