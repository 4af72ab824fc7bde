"""`python -m coursewright.evaluation.card [--to FOLDER]`: the frontier of schedules of one card.

It prints a table, and writes `card.csv`, `card.png` and `card.svg` into the folder.
"""

import logging
import sys
from pathlib import Path

from coursewright.errors import InputError, reject
from coursewright.evaluation.card.asked import Parser, whole_number
from coursewright.evaluation.card.card import DAYS, Card
from coursewright.evaluation.card.figure import frontier_figure
from coursewright.evaluation.card.frontier import frontier
from coursewright.evaluation.card.lead import TRAINED
from coursewright.evaluation.card.priced import priced_schedules
from coursewright.evaluation.card.told import show, show_deck
from coursewright.evaluation.figures import keep
from coursewright.evaluation.tables import write_tables


def refuse_occupied(to: Path) -> None:
    """Refuse a place that holds something; files that are there stay."""
    if to.is_symlink() or (to.exists() and not to.is_dir()):
        raise reject("--to", to, "the path of a new folder; something else is there")
    if to.is_dir() and any(to.iterdir()):
        raise reject("--to", to, "a new or empty folder; name another, or remove that one")


def main() -> int:
    """Measure, print, draw; the exit code is 2 for wrong input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")  # of progress, where there is no terminal
    words = Parser(prog="python -m coursewright.evaluation.card", description=__doc__)
    words.add_argument("--days", type=whole_number, default=DAYS, help="the horizon")
    words.add_argument("--cards", type=whole_number, default=20_000, help="simulated cards a schedule")
    words.add_argument("--decks", type=whole_number, default=20, help="seeds of the deck; 0: no deck")
    words.add_argument("--seed", type=whole_number, default=0, help="of the cards' luck")
    words.add_argument("--agent", type=Path, help="a trained schedule, as card.train writes it")
    words.add_argument("--to", type=Path, help="the folder for the table and the picture")
    try:
        given = words.parse_args()
        if given.decks < 0:
            raise reject("--decks", given.decks, "0 or more")
        if given.to is not None:
            refuse_occupied(given.to)
        card = Card(given.days)
        own = {TRAINED: priced_schedules(given.agent, card)} if given.agent is not None else {}
        found = frontier(card, given.cards, given.seed, own)
        show(found)
        if given.decks:
            show_deck(given.decks)
        if given.to is not None:
            write_tables({"card": found.table}, given.to)
            keep({"card": frontier_figure(found)}, given.to)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
