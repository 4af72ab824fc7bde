"""The comparison as a picture: a dot with its interval per policy."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from coursewright.evaluation.comparison.compare import POINT, Comparison
from coursewright.evaluation.comparison.summary import ORACLE, TRAINED
from coursewright.evaluation.figures import BLUE, FAINT, GREEN, GREY, INK, ORANGE, colour_of, new_figure, tidy

LABELS = {"point": "point estimates", "bootstrap": "bootstrap draws of the parameters"}
ROW = 0.3  # inches a policy


def comparison_figure(comparison: Comparison) -> Figure:
    """Mean return with its 95 % interval per policy, best first, oracles apart at the bottom.

    Filled dots: the simulator's own parameters; hollow ones: bootstrap draws of them.
    """
    table = comparison.at(POINT)
    apart = 0.6 if (table["kind"] == ORACLE).any() else 0.0
    rows = {str(name): i + apart * (kind == ORACLE) for i, (name, kind) in enumerate(table["kind"].items())}
    figure = new_figure(7.2, 1.3 + ROW * (len(rows) + apart))
    axes = figure.subplots()
    _reference_line(axes, table, comparison.reference)
    for condition in comparison.conditions:
        _dots(axes, comparison.at(condition), rows, comparison.reference, condition)
    axes.set_yticks(list(rows.values()), list(rows))
    for label, name in zip(axes.get_yticklabels(), rows, strict=True):
        strong = name == comparison.reference or table.at[name, "kind"] == TRAINED
        label.set_fontweight("bold" if strong else "normal")
    axes.set_ylim(max(rows.values()) + 0.7, -0.7)
    n = int(table["learners"].iloc[0])
    tidy(axes, comparison.name, f"mean return over {n:,} held-out learners, with 95 % interval")
    axes.grid(visible=False, axis="y")
    if apart:
        axes.axhline(min(rows[n] for n in table.index[table["kind"] == ORACLE]) - 0.8, color=FAINT)
    _values(axes, table, rows)
    _legend(figure, comparison)
    return figure


def _reference_line(axes: Axes, table: pd.DataFrame, reference: str) -> None:
    axes.axvline(float(table["mean"][reference]), color=BLUE, linewidth=1, linestyle=(0, (4, 3)), zorder=1)


def _dots(axes: Axes, table: pd.DataFrame, rows: dict[str, float], reference: str, condition: str) -> None:
    point = condition == POINT
    for name, row in table.iterrows():
        colour = colour_of(str(name), str(row["kind"]), reference)
        y = rows[str(name)] + (0.0 if point else 0.28)
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2.2 if point else 1.2)
        axes.plot(
            row["mean"],
            y,
            marker="D" if row["kind"] == ORACLE else "o",
            markersize=6 if point else 4.5,
            markerfacecolor=colour if point else "white",
            markeredgecolor=colour,
        )


def _values(axes: Axes, table: pd.DataFrame, rows: dict[str, float]) -> None:
    for name, row in table.iterrows():
        text = f"{row['mean']:.3f}  [{row['low']:.3f}, {row['high']:.3f}]"
        axes.text(
            1.02,
            rows[str(name)],
            text.replace("-", "\N{MINUS SIGN}"),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8.5,
            color=INK,
        )


def _legend(figure: Figure, comparison: Comparison) -> None:
    def dot(colour: str, label: str, marker: str = "o", face: str | None = None) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, markerfacecolor=face or colour, label=label)

    kinds = set(comparison.at(POINT)["kind"])
    handles = [dot(BLUE, f"{comparison.reference} (reference)"), dot(GREY, "other rules")]
    handles += [dot(ORANGE, "trained")] if TRAINED in kinds else []
    handles += [dot(GREEN, "oracle (reads latent state)", "D")] if ORACLE in kinds else []
    handles += [dot(INK, LABELS[c], face="white" if c != POINT else None) for c in comparison.conditions[1:]]
    figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False, fontsize=8.5
    )
