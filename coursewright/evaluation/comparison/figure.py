"""The comparison as a picture: a dot with its interval per policy."""

from textwrap import fill
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from coursewright.evaluation.bounds import RESPONSES, TOLD
from coursewright.evaluation.comparison.found import POINT, Comparison
from coursewright.evaluation.comparison.looks import MARKERS, RULE_MARKER, colour_of, marker_of
from coursewright.evaluation.comparison.scores import ORACLE, TRAINED
from coursewright.evaluation.comparison.words import headline
from coursewright.evaluation.figures import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    Picture,
    new_figure,
    tidy,
)
from coursewright.evaluation.numbers import number

LABELS = {"point": "point estimates", "bootstrap": "bootstrap draws of parameters"}
BOUNDS = {RESPONSES: "answers alone", TOLD: "oracles too"}
BOUND_DASH = (0, (6, 1.5, 1.5, 1.5))
LEGEND = 32  # characters in a line of the legend
WIDTH, ROW = 5.6, 0.29  # inches, and inches per policy: readable where it is shown at 400 pixels
TWIN, APART = 0.6, 0.6  # rows that a twin takes, and that oracles stand apart


class Rows(NamedTuple):
    """The heights of the names, from the top, in rows.

    `twins` made the same choices for every learner as the policy above them, so they have a name and no mark.
    """

    heads: dict[str, float]
    twins: dict[str, float]
    oracles: float | None

    @property
    def end(self) -> float:
        """The height of the last name."""
        return max(*self.heads.values(), *self.twins.values(), 0.0)


def comparison_figure(comparison: Comparison) -> Picture:
    """Mean of the aim with its 95 % interval per policy, best first, oracles apart at the bottom.

    Policies that made the same choices share one mark.  Filled marks: the simulator's own parameters; hollow
    ones: bootstrap draws of them.  A bound is a line through the policies that it holds for.
    """
    table, rows = comparison.at(POINT), _rows(comparison)
    figure = new_figure(WIDTH, 1.3 + ROW * (rows.end + 1.0))
    axes = figure.subplots()
    axes.axvline(
        comparison.estimate(comparison.reference).value, color=BLUE, linewidth=1, linestyle=(0, (4, 3))
    )
    for condition in comparison.conditions:
        _dots(axes, comparison, rows, condition)
    _names(axes, table, rows, comparison.reference)
    n = int(table["learners"].iloc[0])
    tidy(axes, x=f"mean {comparison.aim} over {n:,} unseen learners, with 95 % interval")
    axes.grid(visible=False, axis="y")
    if rows.oracles is not None:
        axes.axhline(rows.oracles, color=FAINT)
    _bound(axes, comparison, rows)
    for name, y in rows.heads.items():
        value, at = number(comparison.estimate(name).value), axes.get_yaxis_transform()
        axes.text(1.02, y, value, transform=at, va="center", fontsize=10, color=INK)
    _legend(figure, comparison)
    figure.subplots_adjust(left=0.3, right=0.86)
    height = figure.get_figheight()
    title = fill(headline(comparison), 60)
    figure.suptitle(title, x=0.01, y=1 - 0.12 / height, ha="left", va="top", fontsize=11.5, fontweight="bold")
    figure.subplots_adjust(top=1 - (0.42 + 0.2 * title.count("\n")) / height, bottom=0.5 / height)
    return Picture(f"Mean {comparison.aim} of every policy", figure)


def _rows(comparison: Comparison) -> Rows:
    """Each policy in its rank, followed by its twins; the reference stands for its own."""
    kinds, reference = comparison.at(POINT)["kind"], comparison.reference
    heads: dict[str, float] = {}
    twins: dict[str, float] = {}
    oracles, y = None, -1.0
    for name in map(str, kinds.index):
        if name in heads or name in twins:
            continue
        mine = kinds[name] == ORACLE
        if mine and oracles is None and heads:
            oracles = y + 0.5 + APART / 2
            y += APART
        alike = [
            str(n) for n in kinds.index if n in _alike(comparison, name) and (kinds[n] == ORACLE) == mine
        ]
        head = reference if reference in alike else name
        heads[head] = y = y + 1.0
        for place, twin in enumerate(n for n in (name, *alike) if n != head):
            y += TWIN + (0.15 if not place else 0.0)
            twins[twin] = y
    return Rows(heads, twins, oracles)


def _alike(comparison: Comparison, name: str) -> set[str]:
    """Other policies that made the same choices under every condition."""
    return set.intersection(*(comparison.twins(name, condition) for condition in comparison.conditions))


def _bound(axes: Axes, comparison: Comparison, rows: Rows) -> None:
    """A bound on policies that see answers alone ends above the oracles, who see more."""
    found = comparison.bound
    if found.known:
        end = rows.end + 0.7 if found.kind == TOLD or rows.oracles is None else rows.oracles
        place, heights = [found.value] * 2, [-0.7, end]
        axes.plot(place, heights, color=INK, linewidth=1.2, linestyle=BOUND_DASH, zorder=1)


def _dots(axes: Axes, comparison: Comparison, rows: Rows, condition: str) -> None:
    point, kinds = condition == POINT, comparison.at(condition)["kind"]
    for name, height in rows.heads.items():
        found = comparison.estimate(name, condition=condition)
        colour = colour_of(name, kinds[name], comparison.reference)
        y = height + (0.0 if point else 0.28)
        axes.plot([found.low, found.high], [y, y], color=colour, linewidth=2.2 if point else 1.2)
        axes.plot(
            found.value,
            y,
            marker=marker_of(name, kinds[name], comparison.reference),
            markersize=6.5 if point else 4.5,
            markerfacecolor=colour if point else "white",
            markeredgecolor=colour,
        )


def _names(axes: Axes, table: pd.DataFrame, rows: Rows, reference: str) -> None:
    """Policies at the left; ! marks an oracle that a rule is clearly above, = a twin of the one above it."""
    names = rows.heads | rows.twins
    marked = {name: f"{name} !" if table.at[name, "surpassed_by"] else name for name in names}
    labels = [f"= {marked[name]}" if name in rows.twins else marked[name] for name in names]
    axes.set_yticks(list(names.values()), labels, fontsize=10)
    axes.set_ylim(rows.end + 0.7, -0.7)
    for tick, name in zip(axes.yaxis.get_major_ticks(), names, strict=True):
        strong = name == reference or table.at[name, "kind"] == TRAINED
        tick.label1.set_fontweight("bold" if strong else "normal")
        if name in rows.twins:
            tick.tick1line.set_visible(False)
            tick.label1.set_fontsize(8.5)


def _legend(figure: Figure, comparison: Comparison) -> None:
    def mark(colour: str, label: str, marker: str = "o", face: str | None = None) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, markerfacecolor=face or colour, label=label)

    table = comparison.at(POINT)
    kinds, setting = set(table["kind"]), str(table.at[comparison.reference, "setting"])
    about = f"tuned to {setting}" if setting else "the reference"
    # A setting may be a line of its own; a legend that is wider than the figure would make all else small.
    told = fill(f"{comparison.reference}: {about}", LEGEND)
    handles = [mark(BLUE, told), mark(GREY, "other rules", RULE_MARKER)]
    handles += [mark(ORANGE, "trained", MARKERS[TRAINED])] if TRAINED in kinds else []
    handles += [mark(GREEN, "oracle (reads latent state)", MARKERS[ORACLE])] if ORACLE in kinds else []
    if (beyond := table.loc[table["surpassed_by"] != "", "surpassed_by"]).any():
        handles.append(Line2D([], [], linestyle="", label=f"! below {beyond.iloc[0]}"))
    if (found := comparison.bound).known:
        label = f"bound {number(found.value)} ({BOUNDS[found.kind]})"
        handles.append(Line2D([], [], color=INK, linewidth=1.2, linestyle=BOUND_DASH, label=label))
    handles += [mark(INK, LABELS[c], face="white") for c in comparison.conditions[1:]]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=2,
        columnspacing=1.2,
        frameon=False,
        fontsize=9.5,
    )
