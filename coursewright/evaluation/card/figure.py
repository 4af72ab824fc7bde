"""The picture of a frontier: recall against minutes."""

from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from coursewright.evaluation.card.frontier import ADR, ANKI, BASE, BEST, MEMRISE, RANDOM, SSP, STILL, Frontier
from coursewright.evaluation.figures import BLUE, GREEN, GREY, INK, ORANGE, Picture, new_figure, tidy
from coursewright.evaluation.numbers import percent
from coursewright.simulators.arrays import Floats


class Look(NamedTuple):
    """Colour, line, mark and width of a family; a hollow mark lets a line below it show.

    A mark that lies on lines of others has an `edge` of ink.
    """

    colour: str
    line: Literal["-", "--", ":", "-.", "none"]
    mark: str
    hollow: bool = False
    width: float = 1.5
    edge: bool = False


PALE, PINK, YELLOW, VIOLET = "#7CC8AE", "#7A1F5C", "#F7C948", "#6A3D9A"
# No two share a colour, and in grey they differ in line and mark.  The optimum is a broad pale line, since
# others lie on it.
LOOKS: dict[str, Look] = {
    BEST: Look(PALE, "-", "^", width=4.5, edge=True),
    BASE: Look(INK, "-", "o"),
    RANDOM: Look(GREY, ":", "x"),
    SSP: Look(ORANGE, "-.", "P"),
    STILL: Look(GREEN, ":", "v", hollow=True),
    ADR: Look(BLUE, "--", "s", hollow=True, width=1.2),
    MEMRISE: Look(PINK, "none", "D", edge=True),
    ANKI: Look(YELLOW, "none", "X", edge=True),
}
OWN = Look(VIOLET, "-", "*", width=1.0)
WIDTH, HEIGHT = 6.0, 4.8  # inches
TICKS = (6, 8, 10, 15, 20, 30, 40, 60)
RECALLS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99)


def frontier_figure(frontier: Frontier) -> Picture:
    """Mean recall over the years against minutes a day of 10,000 cards.

    Both axes are logarithmic, that of recall in the share that is forgotten: most families end near 1.
    """
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    for place, family in enumerate(sorted(frontier.families, key=_depth)):
        _line(axes, frontier, family, place)
    axes.set_xscale("log")
    axes.set_yscale("function", functions=(_raised, _lowered))
    axes.set_ylim(None, 0.993)
    for axis, ticks, tell in (
        (axes.xaxis, TICKS, FuncFormatter(lambda x, _: f"{x:g}")),
        (axes.yaxis, RECALLS, FuncFormatter(lambda x, _: f"{x:g}".removeprefix("0"))),
    ):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(tell)
    lines = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(
        handles=[lines[family] for family in frontier.families],
        loc="lower right",
        frameon=False,
        fontsize=10,
    )
    title = f"The optimum saves {percent(frontier.saved(BEST).time)} of the time at equal recall"
    tidy(axes, title, "minutes a day for 10,000 cards", "mean recall over all days")
    return Picture("Recall and minutes of schedules of one FSRS-6 card", figure)


def _depth(family: str) -> int:
    """Families from the one that is drawn first, below the others, to those on top."""
    return list(LOOKS).index(family) if family in LOOKS else len(LOOKS)


def _line(axes: Axes, frontier: Frontier, family: str, place: int) -> None:
    look, points = LOOKS.get(family, OWN), frontier.of(family)
    (drawn,) = axes.plot(
        [point.score.deck for point in points],
        [point.score.recall for point in points],
        label=family,
        color=look.colour,
        marker=look.mark,
        linewidth=look.width,
        zorder=2.0 + 0.1 * place,
    )
    drawn.set_linestyle(look.line)
    drawn.set_markersize(5.5 if len(points) > 1 else 9)
    drawn.set_markerfacecolor("white" if look.hollow else look.colour)
    if look.edge:
        drawn.set_markeredgecolor(INK)
        drawn.set_markeredgewidth(0.9)


def _raised(recall: Floats) -> Floats:
    return np.asarray(-np.log(np.maximum(1.0 - np.asarray(recall), 1e-6)))


def _lowered(height: Floats) -> Floats:
    return np.asarray(1.0 - np.exp(-np.asarray(height)))
