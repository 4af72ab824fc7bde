"""Curves with bands: over the steps of an episode (teaching), and over training."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coursewright.errors import reject
from coursewright.evaluation.comparison.compare import POINT, Comparison
from coursewright.evaluation.comparison.summary import RULE
from coursewright.evaluation.figures import BLUE, FAINT, GREEN, ORANGE, Dash, new_figure, spread, styles, tidy
from coursewright.evaluation.statistics import FEWEST_SEEDS, over_seeds

LINE = 0.19  # inches between two labels


def teaching_figure(comparison: Comparison, condition: str = POINT) -> Figure:
    """Mean cumulative return after each step, one labelled line per policy, with 95 % bands."""
    table = comparison.at(condition)
    curves = comparison.curves[comparison.curves["condition"] == condition]
    height = max(3.6, LINE * len(table) + 1.2)
    figure = new_figure(7.2, height)
    axes = figure.subplots()
    kinds = {str(name): str(kind) for name, kind in table["kind"].items()}
    looks = styles(kinds, comparison.reference)
    ends = {}
    for name, (colour, dash) in looks.items():
        curve = curves[curves["policy"] == name]
        _line(axes, curve, colour, dash, strong=kinds[name] != RULE or name == comparison.reference)
        ends[name] = float(curve["mean"].iloc[-1])
    steps = int(curves["step"].max())
    axes.set_xlim(0, steps)
    _label_ends(axes, ends, {name: colour for name, (colour, _) in looks.items()}, height)
    tidy(axes, f"{comparison.name}: what each policy has taught so far", "step", "mean cumulative return")
    return figure


def training_figure(
    metrics: Mapping[str, pd.DataFrame], value: str = "return", levels: Mapping[str, float] | None = None
) -> Figure:
    """Training curves: per agent the mean over seeds with a band, and faint single seeds.

    Parameters
    ----------
    metrics : agent -> table with the columns step, seed and value.
    value : what the values are, for the axis.
    levels : name -> a horizontal line to be compared with, such as the tuned rule's mean.

    The band is Student's 95 % interval over seeds from five seeds on, the range of the seeds below.
    """
    figure = new_figure(7.2, 3.8)
    axes = figure.subplots()
    ends: dict[str, float] = {}
    colours: dict[str, str] = {}
    for (agent, table), colour in zip(metrics.items(), cycle((ORANGE, GREEN, "#7B3F9E", "#56B4E9"))):
        curve = _over_seeds(table)
        for _, run in table.groupby("seed"):
            axes.plot(run["step"], run["value"], color=colour, linewidth=0.6, alpha=0.35)
        _line(axes, curve, colour, "-", strong=True)
        ends[agent], colours[agent] = float(curve["mean"].iloc[-1]), colour
    for name, level in (levels or {}).items():
        axes.axhline(level, color=BLUE, linewidth=1.2, linestyle=(0, (4, 3)))
        ends[name], colours[name] = level, BLUE
    axes.set_xlim(0, max(float(table["step"].max()) for table in metrics.values()))
    _label_ends(axes, ends, colours, 3.8)
    seeds = max(table["seed"].nunique() for table in metrics.values())
    band = "95 % t interval over" if seeds >= FEWEST_SEEDS else "range of"
    title = "Training" if seeds == 1 else f"Training (band: {band} {seeds} seeds)"
    tidy(axes, title, "environment steps", value)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x / 1000:,.0f} k" if x >= 1000 else f"{x:.0f}")
    return figure


def _over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    for column in ("step", "seed", "value"):
        if column not in table:
            raise reject("metrics", f"columns {list(table)}", "a table with step, seed and value")
    # Seeds may have logged at different steps: read each curve off at every step that any logged,
    # within the stretch that all cover.
    steps = np.sort(table["step"].unique())
    runs = [run.sort_values("step") for _, run in table.groupby("seed")]
    inside = (steps >= max(r["step"].min() for r in runs)) & (steps <= min(r["step"].max() for r in runs))
    steps = steps[inside] if inside.any() else steps
    values = np.stack([np.interp(steps, run["step"], run["value"]) for run in runs])
    low, high = values.min(axis=0), values.max(axis=0)
    if len(runs) >= FEWEST_SEEDS:
        bands = [over_seeds(column) for column in values.T]
        low, high = np.array([b.low for b in bands]), np.array([b.high for b in bands])
    return pd.DataFrame({"step": steps, "mean": values.mean(axis=0), "low": low, "high": high})


def _line(axes: Axes, curve: pd.DataFrame, colour: str, dash: Dash, strong: bool) -> None:
    axes.fill_between(curve["step"], curve["low"], curve["high"], color=colour, alpha=0.15, linewidth=0)
    axes.plot(
        curve["step"],
        curve["mean"],
        color=colour,
        linestyle=dash,
        linewidth=2.4 if strong else 1.2,
        zorder=3 if strong else 2,
    )


def _label_ends(axes: Axes, ends: Mapping[str, float], colours: Mapping[str, str], height: float) -> None:
    """Name each line at its right end; names that would collide are moved apart and connected."""
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top)
    gap = LINE / (0.77 * height)  # as a share of the axes' height
    places = [(end - bottom) / (top - bottom) for end in ends.values()]
    for name, place, label in zip(ends, places, spread(places, gap), strict=True):
        axes.plot(
            [1.005, 1.04], [place, label], transform=axes.transAxes, color=FAINT, linewidth=0.8, clip_on=False
        )
        axes.text(
            1.05,
            label,
            f"{name}  {ends[name]:.3f}".replace(" -", " \N{MINUS SIGN}"),
            transform=axes.transAxes,
            va="center",
            fontsize=8.5,
            color=colours[name],
        )
