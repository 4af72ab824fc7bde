"""The picture of a frontier: recall against minutes."""

from typing import Literal

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from coursewright.evaluation.card.frontier import ADR, ANKI, BASE, BEST, MEMRISE, RANDOM, SSP, STILL, Frontier
from coursewright.evaluation.figures import BLUE, GREEN, INK, ORANGE, Picture, new_figure, tidy
from coursewright.evaluation.numbers import percent

LineStyle = Literal["-", "--", ":", "-.", "none"]
LIGHT = "#8C8C8C"  # lighter than the optimum's green, also in grey
LOOKS: dict[str, tuple[str, LineStyle, str]] = {  # colour, line and mark
    BASE: (LIGHT, "-", "o"),
    ADR: (BLUE, "--", "s"),
    BEST: (GREEN, "-", "^"),
    MEMRISE: (ORANGE, "none", "D"),
    ANKI: (INK, "none", "X"),
    STILL: (INK, ":", "v"),
    SSP: (ORANGE, "-.", "P"),
    RANDOM: (LIGHT, ":", "x"),
}
WIDTH, HEIGHT = 6.0, 4.4  # inches
TICKS = (6, 8, 10, 15, 20, 30, 40, 60)


def frontier_figure(frontier: Frontier) -> Picture:
    """Mean recall over the years against minutes a day of 10,000 cards, on a logarithmic axis."""
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    for family in frontier.families:
        colour, line, mark = LOOKS.get(family, (ORANGE, ":", "v"))
        points = frontier.of(family)
        minutes, recall = [p.score.deck for p in points], [p.score.recall for p in points]
        (drawn,) = axes.plot(minutes, recall, label=family, linewidth=1.6, color=colour, marker=mark)
        drawn.set_linestyle(line)
        drawn.set_markersize(4 if len(points) > 1 else 8)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(loc="lower right", frameon=False, fontsize=10)
    title = f"The optimum saves {percent(frontier.saved(BEST).time)} of the time at equal recall"
    tidy(axes, title, "minutes a day for 10,000 cards", "mean recall over all days")
    return Picture("Recall and minutes of schedules of one FSRS-6 card", figure)
