"""The comparison on the terminal."""

from collections.abc import Iterator

import pandas as pd
from rich.console import Console
from rich.table import Table

from coursewright.evaluation.comparison.columns import Column, asked_for, cell, heading, of_aim
from coursewright.evaluation.comparison.found import POINT, Comparison
from coursewright.evaluation.comparison.scores import ORACLE, TRAINED
from coursewright.evaluation.comparison.words import (
    CONDITIONS,
    below,
    doubted,
    limit,
    surpassed,
    twins,
    verdict,
)
from coursewright.evaluation.tables import GAP, plain_table, say

WIDTH = 80  # characters


def comparison_tables(comparison: Comparison, condition: str = POINT, width: int = WIDTH) -> list[Table]:
    """One row per policy, best first and oracles last; as many tables as `width` characters ask for.

    Every statistic of the aim has a column, and then every column that was asked for.
    """
    columns = [*of_aim(comparison, condition), *asked_for(comparison)]
    n = int(comparison.at(condition)["learners"].iloc[0])
    title = f"{comparison.name}: {n:,} unseen learners"
    if len(comparison.conditions) > 1:
        title += f", {CONDITIONS[condition]}"
    names = [str(name) for name in comparison.at(condition).index]
    texts = {column: [str(cell(column, comparison, name, condition)) for name in names] for column in columns}
    room = width - max(map(len, _labels(comparison, condition))) - GAP
    return [
        _table(
            title if number == 0 else "", comparison, condition, {column: texts[column] for column in part}
        )
        for number, part in enumerate(_fitting(comparison, texts, room))
    ]


def show(comparison: Comparison) -> None:
    """Print the tables of every condition, and a sentence for each trained policy."""
    console = Console()
    for condition in comparison.conditions:
        for table in comparison_tables(comparison, condition, console.width):
            say(table, "", console=console)
    words = (*verdict(comparison), *limit(comparison), *surpassed(comparison), *doubted(comparison))
    say(*words, *below(comparison), *twins(comparison), "", console=console)


def _table(title: str, comparison: Comparison, condition: str, texts: dict[Column, list[str]]) -> Table:
    table = plain_table(title, ["policy", *(heading(column, comparison) for column in texts)])
    labels = _labels(comparison, condition)
    for number, (name, row) in enumerate(comparison.at(condition).iterrows()):
        cells = [column[number] for column in texts.values()]
        table.add_row(labels[number], *cells, style=_style(str(name), row, comparison))
    return table


def _labels(comparison: Comparison, condition: str) -> list[str]:
    """The policies, with the number of seeds of each; ! marks an oracle that a rule is clearly above."""
    rows = comparison.at(condition).iterrows()
    return [
        f"{name}{' ×' + str(row['seeds']) if row['seeds'] > 1 else ''}{' !' if row['surpassed_by'] else ''}"
        for name, row in rows
    ]


def _fitting(comparison: Comparison, texts: dict[Column, list[str]], room: int) -> Iterator[list[Column]]:
    """Columns that go beside each other, in order; a wide one may stand alone."""
    part: list[Column] = []
    left = room
    for column, cells in texts.items():
        wide = max(len(text) for text in (heading(column, comparison), *cells)) + GAP
        if part and wide > left:
            yield part
            part, left = [], room
        part.append(column)
        left -= wide
    yield part


def _style(name: str, row: pd.Series, comparison: Comparison) -> str | None:
    if row["kind"] == TRAINED:
        return "bold"
    if row["kind"] == ORACLE:
        return "dim"
    return "cyan" if name == comparison.reference else None
