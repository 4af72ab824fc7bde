"""The card and the deck on the terminal."""

import numpy as np

from coursewright.evaluation.card.deck import Deck, decks
from coursewright.evaluation.card.frontier import BASE, Frontier, Point
from coursewright.evaluation.numbers import hundredths, number, percent
from coursewright.evaluation.tables import plain_table, say


def show(found: Frontier) -> None:
    """Print the points, and the time that each family saves."""
    title = (
        "One FSRS-6 card; minutes a day for 10,000 cards.  Fixed: those of fixed retention\n"
        "at that recall; dominated by: the family with clearly fewest for it, and its minutes"
    )
    table = plain_table(title, ["schedule", "setting", "recall", "min", "fixed", "dominated by"])
    for point in found.rows:
        score = point.score
        table.add_row(
            point.family,
            point.setting,
            number(score.recall, digits=4),
            hundredths(score.deck),
            hundredths(found.minutes(BASE, score.recall)),
            _dominating(found, point),
        )
    saved = plain_table("Beside fixed retention at equal recall", ["schedule", "coverage", "mean time saved"])
    for family in found.families:
        if family != BASE:
            saved.add_row(family, *_saved(found, family))
    say(table, _errors(found), "", saved)


def _errors(found: Frontier) -> str:
    scores = [point.score for point in found.points]
    recall = number(max(score.recall_se for score in scores), digits=4)
    minutes = number(100 * max(score.minutes_se / score.minutes for score in scores), digits=1)
    return (
        f"Standard errors: at most {recall} of recall and {minutes} % of the minutes (each: card.csv, --to)."
    )


def _dominating(found: Frontier, point: Point) -> str:
    """The dominating family with its minutes at the point's recall, or at its own lowest above that."""
    family = found.dominating(point)
    if not family:
        return ""
    recall = max(point.score.recall, found.of(family)[0].score.recall)
    return f"{family} {number(found.minutes(family, recall), digits=1)}"


def _saved(found: Frontier, family: str) -> tuple[str, str]:
    """The coverage and the time saved; of one point the time is at its own recall, and nothing is covered."""
    part = found.saved(family)
    if not np.isfinite(part.time):
        return "no common recall", ""
    coverage = "one recall" if len(found.of(family)) == 1 else percent(part.coverage)
    return coverage, f"{number(100 * part.time, True, 1)} %"


def show_deck(seeds: int) -> None:
    """Print the days that schedules of a deck take."""
    title = f"A deck of DHP items, {seeds} seeds, 600 s a day"
    table = plain_table(title, ["schedule", "day of 6,000", "sd", "items on day 1,000"])
    for name, *figures in decks(Deck(), seeds).values.tolist():
        table.add_row(name, *(number(value, digits=0) for value in figures))
    say("", table)
