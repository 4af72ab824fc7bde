"""The card and the deck on the terminal."""

from coursewright.evaluation.card.deck import Deck, decks
from coursewright.evaluation.card.frontier import BASE, Frontier
from coursewright.evaluation.numbers import hundredths, number, percent
from coursewright.evaluation.tables import plain_table, say


def show(found: Frontier) -> None:
    """Print the points, and the time that each family saves."""
    title = (
        "One FSRS-6 card; minutes a day for 10,000 cards.  Fixed: minutes of fixed\n"
        "retention at that recall; dominated by: the family that needs fewest for it"
    )
    table = plain_table(title, ["schedule", "setting", "recall", "min/day", "fixed", "dominated by"])
    for point in found.rows:
        score = point.score
        table.add_row(
            point.family,
            point.setting,
            number(score.recall, digits=4),
            hundredths(score.deck),
            hundredths(found.minutes(BASE, score.recall)),
            found.dominating(point),
        )
    saved = plain_table("Beside fixed retention at equal recall", ["schedule", "coverage", "mean time saved"])
    for family in found.families:
        if family != BASE:
            part = found.saved(family)
            saved.add_row(family, percent(part.coverage), f"{number(100 * part.time, True, 1)} %")
    say(table, "", saved)


def show_deck(seeds: int) -> None:
    """Print the days that schedules of a deck take."""
    title = f"A deck of DHP items, {seeds} seeds, 600 s a day"
    table = plain_table(title, ["schedule", "day of 6,000", "sd", "items on day 1,000"])
    for name, *figures in decks(Deck(), seeds).values.tolist():
        table.add_row(name, *(number(value, digits=0) for value in figures))
    say("", table)
