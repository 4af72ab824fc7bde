"""`python -m coursewright.evaluation.card [--to FOLDER]`: the frontier of schedules of one card.

It prints a table, and writes `card.csv`, `card.png` and `card.svg` into the folder.
"""

import argparse
import sys
from pathlib import Path

from coursewright.errors import InputError
from coursewright.evaluation.card.card import DAYS, Card
from coursewright.evaluation.card.figure import frontier_figure
from coursewright.evaluation.card.frontier import BASE, Frontier, frontier
from coursewright.evaluation.figures import keep
from coursewright.evaluation.numbers import hundredths, number, percent
from coursewright.evaluation.tables import plain_table, say, write_tables


def show(found: Frontier) -> None:
    """Print the points, and the time that each family saves."""
    headings = ["schedule", "setting", "recall", "min/day", "fixed retention there"]
    table = plain_table("One FSRS-6 card; minutes a day for 10,000 cards", headings)
    for family in found.families:
        for _, setting, score in found.of(family):
            fixed = hundredths(found.minutes(BASE, score.recall))
            recall = number(score.recall, digits=4)
            table.add_row(family, setting, recall, hundredths(score.deck), fixed)
    saved = plain_table("Beside fixed retention at equal recall", ["schedule", "coverage", "mean time saved"])
    for family in found.families:
        if family != BASE:
            part = found.saved(family)
            saved.add_row(family, percent(part.coverage), f"{number(100 * part.time, True, 1)} %")
    say(table, "", saved)


def main() -> int:
    """Measure, print, draw; the exit code is 2 for wrong input."""
    words = argparse.ArgumentParser(prog="python -m coursewright.evaluation.card", description=__doc__)
    words.add_argument("--days", type=int, default=DAYS, help="the horizon")
    words.add_argument("--cards", type=int, default=20_000, help="simulated cards a schedule")
    words.add_argument("--seed", type=int, default=0, help="of the cards' luck")
    words.add_argument("--to", type=Path, help="the folder for the table and the picture")
    given = words.parse_args()
    try:
        found = frontier(Card(given.days), given.cards, given.seed)
        show(found)
        if given.to is not None:
            write_tables({"card": found.table}, given.to)
            keep({"card": frontier_figure(found)}, given.to)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
