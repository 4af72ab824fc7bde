"""Curves with bands: over the steps of an episode (teaching), and over training."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from coursewright.errors import reject
from coursewright.evaluation.comparison.found import POINT, Comparison
from coursewright.evaluation.comparison.looks import Line, colour_of, line_of
from coursewright.evaluation.comparison.scores import TRAINED
from coursewright.evaluation.comparison.words import best_rule, contender
from coursewright.evaluation.figures import FAINT, INK, Picture, new_figure, spread, tidy
from coursewright.evaluation.numbers import number, thousands
from coursewright.evaluation.statistics import FEWEST_SEEDS, over_seeds

LINE = 0.23  # inches between two labels
WIDTH, HEIGHT = 4.6, 3.8  # inches; labels at the right come on top
OTHERS = "#BDBDBD"


def teaching_figure(comparison: Comparison) -> Picture:
    """Mean cumulative return after each step, with 95 % bands.

    Labelled are trained policies, the reference, the best rule, the best oracle and the baseline; all other
    policies are thin grey lines.
    """
    table = comparison.at(POINT)
    curves = comparison.curves[comparison.curves["condition"] == POINT]
    kinds = _kinds(comparison)
    shown = [name for name in kinds if name in _told(comparison)]
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    others = [name for name in kinds if name not in shown]
    for name in others:
        curve = curves[curves["policy"] == name]
        axes.plot(curve["step"], curve["mean"], color=OTHERS, linewidth=0.8, zorder=1)
    ends = {}
    looks = {name: line_of(name, kinds, comparison.reference) for name in shown}
    for place, (name, look) in enumerate(looks.items()):
        curve = curves[curves["policy"] == name]
        _line(axes, curve, look, place)
        ends[name] = float(curve["mean"].iloc[-1])
    axes.set_xlim(0, int(curves["step"].max()))
    _label_ends(axes, ends, looks)
    if others:
        grey = Line2D([], [], color=OTHERS, linewidth=0.8, label=f"{len(others)} other policies")
        axes.legend(handles=[grey], loc="upper left", frameon=False, fontsize=9)
    tidy(axes, _ahead(comparison, curves), "step", "mean cumulative return")
    return Picture(f"Gain of the learners after each step ({len(table)} policies)", figure)


def _kinds(comparison: Comparison) -> dict[str, str]:
    return {str(name): str(kind) for name, kind in comparison.at(POINT)["kind"].items()}


def _told(comparison: Comparison) -> set[str]:
    """The policies that a reader asks for by name."""
    table = comparison.at(POINT)
    told = {comparison.reference, comparison.settings.baseline, contender(comparison), best_rule(comparison)}
    told |= set(table.index[table["best_known"]])
    return told | set(table.index[table["kind"] == TRAINED][:4])


def _ahead(comparison: Comparison, curves: pd.DataFrame) -> str:
    """From which step on the contender is ahead of the reference, or the reverse; level, if not clearly."""
    name, reference = contender(comparison), comparison.reference
    if name != reference:
        gap = comparison.estimate(name, "difference")
        if gap.low <= 0.0 <= gap.high:
            return f"{name} and {reference} end level"
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

    Horizontal lines are the means of the reference and the baseline on unseen learners.  The band is
    Student's 95 % interval over seeds from five seeds on, the range of the seeds below.  None where nothing
    was trained.
    """
    curves = {agent: table for agent, table in comparison.training.items() if len(table)}
    if not curves:
        return None
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.subplots()
    kinds = _kinds(comparison) | dict.fromkeys(curves, TRAINED)
    looks = {agent: line_of(agent, kinds, comparison.reference) for agent in curves}
    ends: dict[str, float] = {}
    for place, (agent, table) in enumerate(curves.items()):
        curve = _over_seeds(table)
        for _, run in table.groupby("seed"):
            axes.plot(run["step"], run["value"], color=looks[agent].colour, linewidth=0.6, alpha=0.35)
        _line(axes, curve, looks[agent], place)
        ends[agent] = float(curve["mean"].iloc[-1])
    for name, dash in ((comparison.reference, (0, (4, 3))), (comparison.settings.baseline, (0, (1, 2)))):
        if name in curves:
            continue
        ends[name] = comparison.estimate(name, outcome="return").value
        looks[name] = Line(colour_of(name, kinds[name], comparison.reference), dash, "")
        axes.axhline(ends[name], color=looks[name].colour, linewidth=1.4, linestyle=dash)
    axes.set_xlim(0, max(float(table["step"].max()) for table in curves.values()))
    _label_ends(axes, ends, looks)
    tidy(axes, _end_of_training(comparison, ends), "environment steps", "mean return in training")
    axes.xaxis.set_major_formatter(thousands)
    return Picture(f"Return of training learners while the policy still explores{_band(curves)}", figure)


def _end_of_training(comparison: Comparison, ends: Mapping[str, float]) -> str:
    reference = comparison.reference
    best = max((name for name in comparison.training if name in ends), key=lambda name: ends[name])
    if best == reference:
        return f"Training of {best}"
    # Of other learners, and while it explored: to be read beside the reference, and no comparison.
    return f"Training of {best} ends at {number(ends[best])} ({reference}: {number(ends[reference])})"


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


def _line(axes: Axes, curve: pd.DataFrame, look: Line, place: int) -> None:
    """A curve with its band; marks stand at other steps than those of the lines before."""
    steps, every = curve["step"], max(1, len(curve) // 6)
    axes.fill_between(steps, curve["low"], curve["high"], color=look.colour, alpha=0.15, linewidth=0)
    axes.plot(
        steps,
        curve["mean"],
        color=look.colour,
        linestyle=look.dash,
        linewidth=2.0,
        marker=look.marker,
        markersize=5.5,
        markevery=(min(place, every - 1), every),
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=3,
        clip_on=False,
    )


def _label_ends(axes: Axes, ends: Mapping[str, float], looks: Mapping[str, Line]) -> None:
    """Name each line at its right end; names that would collide are moved apart and connected."""
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top)
    gap = LINE / (0.77 * HEIGHT)  # as a share of the axes' height
    heights = [(end - bottom) / (top - bottom) for end in ends.values()]
    labels = spread(heights, gap)
    labels -= max(0.0, labels.max() - 1 + gap / 2)  # a long title passes above them
    at = axes.transAxes
    for name, height, label in zip(ends, heights, labels, strict=True):
        look = looks[name]
        axes.plot([1.01, 1.05], [height, label], transform=at, color=FAINT, linewidth=0.8, clip_on=False)
        places = [1.08] if look.marker else [1.05, 1.095]
        (sample,) = axes.plot(places, [label] * len(places), look.marker, color=look.colour, markersize=5.5)
        sample.set(transform=at, clip_on=False, linestyle=look.dash)
        words = f"{name}  {number(ends[name])}"
        axes.text(1.11, label, words, transform=at, va="center", fontsize=10, color=INK)
