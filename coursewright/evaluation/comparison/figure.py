"""The comparison as a picture: a dot with its interval per policy."""

from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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

LABELS = {"point": "point estimates", "bootstrap": "bootstrap draws of the parameters"}
WIDTH, ROW = 5.6, 0.29  # inches, and inches per policy: readable where it is shown at 400 pixels


def comparison_figure(comparison: Comparison) -> Picture:
    """Mean of the aim with its 95 % interval per policy, best first, oracles apart at the bottom.

    Filled marks: the simulator's own parameters; hollow ones: bootstrap draws of them.
    """
    table = comparison.at(POINT)
    oracles = table["kind"] == ORACLE
    apart = 0.6 if oracles.any() else 0.0
    rows = {str(name): i + apart * oracles[name] for i, name in enumerate(table.index)}
    figure = new_figure(WIDTH, 1.3 + ROW * (len(rows) + apart))
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
    if apart:
        axes.axhline(min(rows[str(name)] for name in table.index[oracles]) - 0.8, color=FAINT)
    _values(axes, comparison, rows)
    _legend(figure, comparison)
    figure.subplots_adjust(left=0.3, right=0.86)
    height = figure.get_figheight()
    title = fill(headline(comparison), 60)
    figure.suptitle(title, x=0.01, y=1 - 0.12 / height, ha="left", va="top", fontsize=11.5, fontweight="bold")
    figure.subplots_adjust(top=1 - (0.42 + 0.2 * title.count("\n")) / height, bottom=0.5 / height)
    return Picture(f"Mean {comparison.aim} of every policy", figure)


def _dots(axes: Axes, comparison: Comparison, rows: dict[str, float], condition: str) -> None:
    point = condition == POINT
    for name, row in comparison.at(condition).iterrows():
        found = comparison.estimate(str(name), condition=condition)
        colour = colour_of(str(name), str(row["kind"]), comparison.reference)
        y = rows[str(name)] + (0.0 if point else 0.28)
        axes.plot([found.low, found.high], [y, y], color=colour, linewidth=2.2 if point else 1.2)
        axes.plot(
            found.value,
            y,
            marker=marker_of(str(name), str(row["kind"]), comparison.reference),
            markersize=6.5 if point else 4.5,
            markerfacecolor=colour if point else "white",
            markeredgecolor=colour,
        )


def _names(axes: Axes, table: pd.DataFrame, rows: dict[str, float], reference: str) -> None:
    """Policies at the left; ! marks an oracle that a rule is clearly above."""
    labels = [f"{name} !" if table.at[name, "surpassed_by"] else name for name in rows]
    axes.set_yticks(list(rows.values()), labels, fontsize=10)
    axes.set_ylim(max(rows.values()) + 0.7, -0.7)
    for label, name in zip(axes.get_yticklabels(), rows, strict=True):
        strong = name == reference or table.at[name, "kind"] == TRAINED
        label.set_fontweight("bold" if strong else "normal")


def _values(axes: Axes, comparison: Comparison, rows: dict[str, float]) -> None:
    """The mean at the right, or the name of an earlier rule that made the same choices."""
    shown = {comparison.reference}
    for name, y in rows.items():
        twins = shown & comparison.twins(name)
        value = number(comparison.estimate(name).value)
        text = f"= {min(twins)}" if twins and name != comparison.reference else value
        at = axes.get_yaxis_transform()
        axes.text(1.02, y, text, transform=at, va="center", fontsize=10, color=INK)
        shown.add(name)


def _legend(figure: Figure, comparison: Comparison) -> None:
    def mark(colour: str, label: str, marker: str = "o", face: str | None = None) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, markerfacecolor=face or colour, label=label)

    table = comparison.at(POINT)
    kinds, setting = set(table["kind"]), str(table.at[comparison.reference, "setting"])
    about = f"tuned to {setting}" if setting else "the reference"
    handles = [mark(BLUE, f"{comparison.reference}: {about}"), mark(GREY, "other rules", RULE_MARKER)]
    handles += [mark(ORANGE, "trained", MARKERS[TRAINED])] if TRAINED in kinds else []
    handles += [mark(GREEN, "oracle (reads latent state)", MARKERS[ORACLE])] if ORACLE in kinds else []
    if (beyond := table.loc[table["surpassed_by"] != "", "surpassed_by"]).any():
        handles.append(Line2D([], [], linestyle="", label=f"! below {beyond.iloc[0]}"))
    handles += [mark(INK, LABELS[c], face="white") for c in comparison.conditions[1:]]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, 0.0), ncols=2, frameon=False, fontsize=9.5
    )
