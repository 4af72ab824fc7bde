"""Pictures of a replay: beliefs by skill over responses, of all learners together and of single ones.

Dark is known: all is told by lightness, so that nothing is lost in grey.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from coursewright.evaluation.figures import INK, NARROW, new_figure
from coursewright.evaluation.replay.found import OTHERS, Replay
from coursewright.simulators.arrays import Floats, Ints

WIDE = 8.0  # inches
MOST_SKILLS = 12
MOST_STEPS = 400  # of all learners together
LONGEST = 18  # letters of a name
ROW = 0.2  # inches a skill
KNOWN = LinearSegmentedColormap.from_list("known", ["#FFFFFF", "#6B6B6B"])  # marks in ink stay visible


def shown_skills(replay: Replay) -> Ints:
    """The skills that are drawn, at most `MOST_SKILLS`: the most practised of those that have a name."""
    table = replay.by_skill
    named = table[~table["skill"].str.startswith(f"{OTHERS} (") & table["skill"].isin(replay.skills)]
    most = named.sort_values("responses", ascending=False, kind="stable")["skill"][:MOST_SKILLS]
    place = {name: k for k, name in enumerate(replay.skills)}
    return np.array(sorted(place[name] for name in most), np.int64)


def shown_learners(replay: Replay) -> Ints:
    """The learners that are drawn, evenly spread from those with the fewest responses to the most."""
    order = np.argsort(replay.given.lengths, kind="stable")
    n = min(replay.settings.shown, len(order))
    return order[np.linspace(0, len(order) - 1, n).round().astype(np.int64)] if n else order[:0]


def class_means(replay: Replay, skills: Ints) -> Floats:
    """Mean beliefs `[skills, steps]` over the learners who got so far, while these are `min_group`."""
    lengths = np.sort(replay.given.lengths)
    fewest = min(replay.min_group, len(lengths))
    steps = min(int(lengths[len(lengths) - fewest]), MOST_STEPS)
    sums, count = np.zeros((len(skills), steps + 1)), np.zeros(steps + 1)
    for learner in range(replay.given.n_learners):
        path = replay.path(learner)[: steps + 1, skills].T
        sums[:, : path.shape[1]] += path
        count[: path.shape[1]] += 1
    return sums / count


def class_figure(replay: Replay, narrow: bool = False) -> Figure:
    """The mean belief in each skill, after so many responses."""
    skills = shown_skills(replay)
    figure = new_figure(NARROW if narrow else WIDE, 1.1 + ROW * len(skills))
    axes = figure.subplots()
    image = _drawn(axes, class_means(replay, skills))
    _named(axes, [replay.skills[k] for k in skills], narrow)
    axes.set_xlabel("responses so far", fontsize=9.5)
    _scale(figure, [axes], image, "mean belief")
    return figure


def learners_figure(replay: Replay, narrow: bool = False) -> Figure:
    """Single learners: beliefs, the skills that were practised, and those that the tutor would choose."""
    skills, learners = shown_skills(replay), shown_learners(replay)
    across = min(len(learners), 1 if narrow else 3)
    rows = -(-len(learners) // across)
    height = 0.55 + 0.75 * ROW * len(skills)
    figure = new_figure(NARROW if narrow else WIDE, height * rows + 0.6)
    panels = figure.subplots(rows, across, squeeze=False)
    flat = panels.ravel()
    for axes in flat[len(learners) :]:
        axes.set_visible(False)
    for n, learner in enumerate(learners.tolist()):
        image = _drawn(flat[n], replay.path(learner)[:, skills].T)
        _marked(flat[n], replay, learner, skills)
        flat[n].set_title(
            f"learner {_short(replay.names[learner])}", loc="left", fontsize=8.5, color=INK, pad=3
        )
        if n % across == 0:
            _named(flat[n], [replay.skills[k] for k in skills], True)
        else:
            flat[n].set_yticks([])
        if n + across >= len(learners):
            flat[n].set_xlabel("responses so far", fontsize=8.5)
    figure.subplots_adjust(hspace=0.55, wspace=0.06)
    _scale(figure, list(flat[: len(learners)]), image, "belief")
    _legend(figure, narrow)
    return figure


def _drawn(axes: Axes, beliefs: Floats) -> AxesImage:
    """Skills from top to bottom, responses from left to right; dark is known."""
    image = axes.imshow(beliefs, aspect="auto", cmap=KNOWN, vmin=0.0, vmax=1.0, interpolation="nearest")
    axes.tick_params(labelsize=7.5, color=INK)
    axes.locator_params(axis="x", nbins=6, integer=True)
    for side in axes.spines.values():
        side.set_color(INK)
        side.set_linewidth(0.6)
    return image


def _marked(axes: Axes, replay: Replay, learner: int, skills: Ints) -> None:
    """A dot at the skills of each item that was given, a ring at those of the tutor's choice."""
    row = np.flatnonzero(replay.given.learner == learner)
    chosen = replay.walk.chosen[row]
    for items, style in ((chosen, _CHOSEN), (replay.given.item[row], _GIVEN)):
        step, place = np.nonzero(replay.needs[items][:, skills] & (items >= 0)[:, None])
        axes.plot(step, place, linestyle="none", **style)


_GIVEN: Mapping[str, Any] = {
    "marker": "o",
    "markersize": 3.2,
    "color": "white",
    "markeredgecolor": INK,
    "markeredgewidth": 0.7,
}
_CHOSEN: Mapping[str, Any] = {
    "marker": "s",
    "markersize": 5.2,
    "markerfacecolor": "none",
    "color": INK,
    "markeredgewidth": 0.8,
}


def _named(axes: Axes, names: Sequence[str], small: bool) -> None:
    axes.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=7 if small else 8)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _scale(figure: Figure, panels: list[Axes], image: AxesImage, told: str) -> None:
    bar = figure.colorbar(image, ax=panels, fraction=0.03, pad=0.02, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0", ".5", "1"], fontsize=7.5)
    bar.set_label(told, fontsize=8.5)


def _legend(figure: Figure, narrow: bool) -> None:
    handles = [
        Line2D([], [], linestyle="none", label="skill of the item that was given", **_GIVEN),
        Line2D([], [], linestyle="none", label="skill of the tutor's choice", **_CHOSEN),
    ]
    top = 0.88 + 0.32 / figure.get_figheight()
    figure.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.45, top),
        ncols=1 if narrow else 2,
        frameon=False,
        fontsize=8.5,
    )
