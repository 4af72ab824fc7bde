"""The comparison on the terminal."""

from collections.abc import Sequence

import pandas as pd
from rich.table import Table

from coursewright.evaluation.comparison.compare import POINT, Comparison
from coursewright.evaluation.comparison.summary import ORACLE, TRAINED
from coursewright.evaluation.comparison.words import CONDITIONS, brief, headroom, number, percent


def terminal_table(comparison: Comparison, condition: str = POINT) -> Table:
    """One row a policy, best first and oracles last; it fits 80 columns."""
    summary = comparison.at(condition)
    n = int(summary["learners"].iloc[0])
    title = f"{comparison.name}: {n:,} unseen learners"
    if len(comparison.conditions) > 1:
        title += f", {CONDITIONS[condition]}"
    table = plain_table(title, ("policy", "mean [95 %]", f"− {comparison.reference}", "better", "headroom"))
    for name, row in summary.iterrows():
        table.add_row(*_cells(str(name), row, comparison), style=_style(str(name), row, comparison))
    return table


def plain_table(title: str, headings: Sequence[str]) -> Table:
    """An empty table without rules, its first column to the left and the others to the right."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="underline",
    )
    for heading in headings:
        table.add_column(heading, no_wrap=True, justify="left" if heading == headings[0] else "right")
    return table


def _cells(name: str, row: pd.Series, comparison: Comparison) -> tuple[str, ...]:
    seeds = f" ×{row['seeds']}" if row["seeds"] > 1 else ""
    doubt = brief(row["diff_low"], row["diff_high"], signed=True)
    same = name == comparison.reference
    return (
        name + seeds,
        f"{number(row['mean'])} {brief(row['low'], row['high'])}",
        "" if same else f"{number(row['difference'], signed=True)} {doubt}",
        "" if same else percent(row["p_improvement"]),
        headroom(row),
    )


def _style(name: str, row: pd.Series, comparison: Comparison) -> str | None:
    if row["kind"] == TRAINED:
        return "bold"
    if row["kind"] == ORACLE:
        return "dim"
    return "cyan" if name == comparison.reference else None
