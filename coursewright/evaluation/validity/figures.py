"""Pictures of validity: prediction, calibration, and the log's curves beside simulated ones.

Each has a narrow layout for telephones, with two panels in a row (of prediction: one).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from coursewright.evaluation.figures import BLUE, GREY, INK, NARROW, new_figure, tidy
from coursewright.evaluation.numbers import hundredths, number
from coursewright.evaluation.validity.judge import FIGURES, Validation, Validity
from coursewright.evaluation.validity.told import CHECKS
from coursewright.fitting.judging.accuracy import BY_SKILL
from coursewright.fitting.judging.checks import Check

ROW = 0.34  # inches a model
WIDTH, PANEL = 8.0, 2.15  # inches
MOST_SKILLS = 12
TITLES = {"auc": "AUC (higher is better)", "log_loss": "log loss, nats (lower)", "rmse": "RMSE (lower)"}


def prediction_figure(validation: Validation, narrow: bool = False) -> Figure:
    """AUC, log loss and RMSE on held-out responses, a dot with its 95 % interval for each model."""
    table = validation.table
    panel = 0.3 + ROW * len(table)
    if narrow:
        figure = new_figure(NARROW, (panel + 0.7) * len(FIGURES))
        panels = figure.subplots(len(FIGURES), 1)
    else:
        figure = new_figure(WIDTH, panel + 0.8)
        panels = figure.subplots(1, len(FIGURES), sharey=True)
    for axes, name in zip(panels, FIGURES, strict=True):
        axes.axvline(table.at[validation.reference, name], color=BLUE, linewidth=1, linestyle=(0, (4, 3)))
        for y, (model, row) in enumerate(table.iterrows()):
            colour = BLUE if model == validation.reference else INK
            axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [y, y], color=colour, linewidth=2)
            axes.plot(row[name], y, "o", color=colour, markersize=6)
        axes.set_yticks(range(len(table)), list(table.index))
        axes.set_ylim(len(table) - 0.4, -0.6)
        axes.locator_params(axis="x", nbins=4)
        tidy(axes, x=TITLES[name])
        axes.grid(visible=False, axis="y")
    figure.subplots_adjust(wspace=0.12, hspace=0.6 / panel)
    return figure


def calibration_figure(validation: Validation, narrow: bool = False) -> Figure:
    """Share of right answers against the prediction, in ten bins of equal size, for each model."""
    figure, panels = _panels(len(validation.models), PANEL, narrow)
    for axes, model in zip(panels, validation.models, strict=True):
        found = model.calibration
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        _with_bars(axes, found.predicted, found.observed, found.low, found.high)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        tidy(axes, model.name, "predicted", "share right")
        slope, intercept = found.slope[0], found.intercept[0]
        if np.isfinite(slope):
            text = f"slope {hundredths(slope)}\nintercept {number(intercept, signed=True, digits=2)}"
            axes.text(0.96, 0.05, text, ha="right", va="bottom", fontsize=8, color=INK)
    _finish(figure, panels, narrow)
    return figure


def check_figure(validation: Validation, name: str, narrow: bool = False) -> Figure:
    """A check's statistic in the log and in simulated replicates, bin by bin, for each model that has it."""
    models = [model for model in validation.models if len(model.check(name).data)]
    figure, panels = _panels(len(models), PANEL, narrow)
    found = [model.check(name) for model in models]
    limits = _limits(found)
    for axes, model, check in zip(panels, models, found, strict=True):
        _curve(axes, check, np.arange(len(check.place)), limits, _short(model.name))
        verdict = "passes" if check.passes else "fails"
        axes.annotate(verdict, (0.0, 1.0), (0, 1.5), "axes fraction", "offset points", fontsize=8, color=INK)
    _finish(figure, panels, narrow)
    _legend(figure, narrow)
    return figure


def skills_figure(model: Validity, narrow: bool = False) -> Figure:
    """Learning curves of the most practised skills, in the log and simulated."""
    check = model.check(BY_SKILL)
    bins = pd.DataFrame({"skill": check.group, "answers": check.count})
    skills = (
        bins.groupby("skill")["answers"].sum().sort_values(ascending=False, kind="stable").index[:MOST_SKILLS]
    )
    figure, panels = _panels(len(skills), PANEL * 0.8, narrow)
    limits = _limits([check])
    for axes, skill in zip(panels, skills, strict=True):
        _curve(axes, check, np.flatnonzero(bins["skill"] == skill), limits, _short(str(skill)))
    _finish(figure, panels, narrow)
    _legend(figure, narrow)
    return figure


def _across(n: int, narrow: bool) -> int:
    """The number of panels in a row, of `n` in all: up to four, so that few places are empty."""
    if narrow or n < 3:
        return min(n, 2)
    return min((4, 3), key=lambda columns: -n % columns)


def _panels(n: int, height: float, narrow: bool) -> tuple[Figure, list[Axes]]:
    """A figure with `n` panels."""
    across = _across(n, narrow)
    rows = -(-n // across)
    figure = new_figure(NARROW if narrow else WIDTH, height * rows + 0.5)
    every = figure.subplots(rows, across, squeeze=False).ravel()
    for axes in every[n:]:
        axes.set_visible(False)
    return figure, list(every[:n])


def _finish(figure: Figure, panels: Sequence[Axes], narrow: bool) -> None:
    """Keep the labels of the outer panels only, and leave room between them."""
    across = _across(len(panels), narrow)
    for n, axes in enumerate(panels):
        if n % across:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        if n + across < len(panels):
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False)
    figure.subplots_adjust(hspace=0.42, wspace=0.12)


def _limits(found: Sequence[Check]) -> tuple[float, float]:
    """One range of values for all panels; shares stay within 0 and 1."""
    ends = [end for check in found for end in (check.low, check.high, *check.band) if len(end)]
    low, high = min((e.min() for e in ends), default=0.0), max((e.max() for e in ends), default=1.0)
    room = 0.06 * (high - low)
    if CHECKS[found[0].name].signed:
        return low - room, high + room
    return max(0.0, low - room), min(1.0, high + room)


def _curve(axes: Axes, check: Check, bins: np.ndarray, limits: tuple[float, float], title: str) -> None:
    told, place = CHECKS[check.name], np.arange(len(bins))
    low, high = (end[bins] for end in check.band)
    if told.signed:
        axes.axhline(0.0, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    if told.joined:
        axes.fill_between(place, low, high, color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(place, check.mean[bins], color=BLUE, linewidth=1.6)
    else:
        axes.bar(place, high - low, 0.6, low, color=BLUE, alpha=0.2, linewidth=0)
        axes.hlines(check.mean[bins], place - 0.3, place + 0.3, color=BLUE, linewidth=1.6)
    _with_bars(axes, place, check.data[bins], check.low[bins], check.high[bins])
    names = [check.place[b] for b in bins]
    wordy = len(names) > 4 and any(len(name) > 3 for name in names)
    if len(names) > 4 and not wordy:  # every other one, the last included: "9" and "10+" would touch
        names = [name if (len(names) - n) % 2 else "" for n, name in enumerate(names)]
    axes.set_xticks(place, names, rotation=55 if wordy else 0, ha="right" if wordy else "center")
    axes.set_xlim(-0.5, max(1, len(bins)) - 0.5)
    axes.set_ylim(*limits)
    tidy(axes, title, told.x, told.y)
    axes.tick_params(axis="x", labelsize=7)


def _with_bars(axes: Axes, x: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    axes.vlines(x, low, high, color=INK, linewidth=1.2)
    axes.plot(x, y, "o", color=INK, markersize=3.8)


def _legend(figure: Figure, narrow: bool) -> None:
    """The legend of dots, line and band, above the panels: below, the labels of the bins may be long."""
    handles = [
        Line2D([], [], color=INK, marker="o", markersize=4, label="the log, 95 % interval over learners"),
        Line2D([], [], color=BLUE, label="simulated learners, mean"),
        Patch(color=BLUE, alpha=0.2, label="95 % of simulated logs"),
    ]
    top, columns = 0.88 + 0.42 / figure.get_figheight(), 1 if narrow else 3
    figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, top),
        ncols=columns,
        frameon=False,
        fontsize=8.5,
    )


def _short(name: str) -> str:
    return name if len(name) <= 26 else name[:25] + "…"
