"""Tables on the terminal and in files, the same for everything that is evaluated."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from coursewright.evaluation.numbers import shown
from coursewright.files import write_atomically

WIDEST = 10_000  # characters
GAP = 2  # characters between two columns


def plain_table(title: str, headings: Sequence[str]) -> Table:
    """An empty table without rules, its first column to the left and the others to the right."""
    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, GAP, 0, 0),
        header_style="underline",
    )
    for heading in headings:
        table.add_column(heading, no_wrap=True, justify="left" if heading == headings[0] else "right")
    return table


def say(*things: object, console: Console | None = None) -> None:
    """Print tables and sentences, in ASCII where nothing else can be shown.

    A table that is wider than the place keeps its whole lines: figures are never cut.
    """
    console = console or Console()
    for thing in things:
        with console.capture() as captured:
            free = console.options.update(width=WIDEST)  # else a table is measured as it would be cut
            wide = console.measure(thing, options=free).minimum if isinstance(thing, Table) else 0
            console.print(thing, highlight=False, width=max(console.width, wide), crop=False)
        console.file.write(shown(captured.get(), console.encoding))


def write_tables(
    tables: Mapping[str, pd.DataFrame], folder: str | Path, float_format: str | None = None
) -> dict[str, Path]:
    """Write each table as `<folder>/<name>.csv`, whole or not at all, and say where each is."""
    places = {name: Path(folder) / f"{name}.csv" for name in tables}
    for name, table in tables.items():
        write = partial(table.to_csv, index=False, lineterminator="\n", float_format=float_format)
        write_atomically(places[name], write)
    return places
