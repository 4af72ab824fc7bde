"""Curves with bands: over the steps of an episode (teaching), and over training."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from coursewright.errors import reject
from coursewright.evaluation.comparison.found import POINT, Comparison
from coursewright.evaluation.comparison.looks import Line, lines
from coursewright.evaluation.comparison.words import contender
from coursewright.evaluation.figures import BLUE, FAINT, GREEN, INK, ORANGE, Picture, new_figure, spread, tidy
from coursewright.evaluation.statistics import FEWEST_SEEDS, over_seeds

LINE = 0.21  # inches between two labels
WIDTH = 5.2  # inches, without the labels at the right
AGENTS = (ORANGE, GREEN, "#7B3F9E", "#56B4E9")


def teaching_figure(comparison: Comparison) -> Picture:
    """Mean cumulative return after each step, one labelled line per policy, with 95 % bands."""
    table = comparison.at(POINT)
    curves = comparison.curves[comparison.curves["condition"] == POINT]
    height = max(3.6, LINE * len(table) + 1.2)
    figure = new_figure(WIDTH, height)
    axes = figure.subplots()
    kinds = {str(name): str(kind) for name, kind in table["kind"].items()}
    looks = lines(kinds, comparison.reference)
    ends = {}
    for name, look in looks.items():
        curve = curves[curves["policy"] == name]
        _line(axes, curve, look)
        ends[name] = float(curve["mean"].iloc[-1])
    steps = int(curves["step"].max())
    axes.set_xlim(0, steps)
    inks = {name: INK if look.plain else look.colour for name, look in looks.items()}  # some lines are light
    _label_ends(axes, ends, inks, height)
    tidy(axes, _ahead(comparison, curves), "step", "mean cumulative return")
    return Picture("Gain of the learners after each step", figure)


def _ahead(comparison: Comparison, curves: pd.DataFrame) -> str:
    """From which step on the contender is ahead of the reference, or the reverse."""
    name, reference = contender(comparison), comparison.reference
    of = {policy: table["mean"].to_numpy() for policy, table in curves.groupby("policy")}
    lead = of[name] - of[reference]
    first, second = (name, reference) if lead[-1] >= 0 else (reference, name)
    lead = np.abs(lead) * np.where(lead * np.sign(lead[-1] or 1.0) > 0, 1.0, -1.0)
    behind = np.flatnonzero(lead <= 0)
    since = int(behind[-1]) + 1 if len(behind) else 0
    if since >= len(lead):
        return f"{name} and {reference} end level"
    return f"{first} is ahead of {second} from step {since} on"


def training_figure(comparison: Comparison) -> Picture | None:
    """Training curves: per agent the mean over seeds with a band, and faint single seeds.

    The dashed line is the reference's mean on unseen learners.  The band is Student's 95 % interval over
    seeds from five seeds on, the range of the seeds below.  None where nothing was trained.
    """
    curves = comparison.training
    if not curves:
        return None
    figure = new_figure(WIDTH, 3.8)
    axes = figure.subplots()
    ends: dict[str, float] = {}
    colours: dict[str, str] = {}
    for (agent, table), colour in zip(curves.items(), cycle(AGENTS)):
        curve = _over_seeds(table)
        for _, run in table.groupby("seed"):
            axes.plot(run["step"], run["value"], color=colour, linewidth=0.6, alpha=0.35)
        _line(axes, curve, Line(colour, "-", plain=False))
        ends[agent], colours[agent] = float(curve["mean"].iloc[-1]), colour
    level = comparison.estimate(comparison.reference, outcome="return").value
    axes.axhline(level, color=BLUE, linewidth=1.2, linestyle=(0, (4, 3)))
    ends[comparison.reference], colours[comparison.reference] = level, BLUE
    axes.set_xlim(0, max(float(table["step"].max()) for table in curves.values()))
    _label_ends(axes, ends, colours, 3.8)
    tidy(axes, _end_of_training(ends, comparison.reference), "environment steps", "mean return in training")
    axes.xaxis.set_major_formatter(lambda x, _: f"{x / 1000:,.0f} k" if x >= 1000 else f"{x:.0f}")
    return Picture(f"Return of training learners while the policy still explores{_band(curves)}", figure)


def _end_of_training(ends: Mapping[str, float], reference: str) -> str:
    best = max((name for name in ends if name != reference), key=lambda name: ends[name])
    side = "above" if ends[best] > ends[reference] else "below"
    return f"Training of {best} ends {side} {reference}"


def _band(curves: Mapping[str, pd.DataFrame]) -> str:
    seeds = max(table["seed"].nunique() for table in curves.values())
    if seeds == 1:
        return ""
    return f" (band: {'95 % t interval over' if seeds >= FEWEST_SEEDS else 'range of'} {seeds} seeds)"


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


def _line(axes: Axes, curve: pd.DataFrame, look: Line) -> None:
    steps = curve["step"]
    axes.fill_between(steps, curve["low"], curve["high"], color=look.colour, alpha=0.15, linewidth=0)
    axes.plot(
        steps,
        curve["mean"],
        color=look.colour,
        linestyle=look.dash,
        linewidth=1.2 if look.plain else 2.4,
        zorder=2 if look.plain else 3,
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
            fontsize=10,
            color=colours[name],
        )
