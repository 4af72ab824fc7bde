"""One learner's way through the course under two policies: skills by time."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from coursewright.envs.rollout import Rollout
from coursewright.evaluation.comparison.found import Comparison, Walk
from coursewright.evaluation.comparison.words import contender
from coursewright.evaluation.figures import BLUE, INK, NARROW, ORANGE, Picture, Ticks, new_figure
from coursewright.evaluation.numbers import hundredths, number
from coursewright.simulators.arrays import Bools, Ints
from coursewright.simulators.course import Course

# White to a dark grey, on which marks with a white edge stand out
MASTERY = LinearSegmentedColormap.from_list("mastery", ["#FFFFFF", "#3C3C3C"])
ROW, BETWEEN, TOP, BOTTOM = 0.2, 0.42, 0.35, 0.45  # inches: a skill, and the room around the panels
CROWDED = 40  # more skills than this are shown only if they are goals or were practised


def path_figure(comparison: Comparison) -> Picture:
    """One learner's practice, answers and mastery under the contender and the reference.

    Rows are skills in prerequisite order, goals with a star; the background is latent mastery before
    each step; circles are right answers, crosses wrong ones.  Same learner, same luck in each panel.
    """
    pair = list(dict.fromkeys((contender(comparison), comparison.reference)))
    walks = {name: comparison.walks[name] for name in pair}
    steps, learner = _steps(walks), next(iter(walks.values())).learner
    wide = min(max(NARROW, 0.13 * steps + 0.8), 13.0) + 1.0
    figures = [_drawn(comparison, walks, width) for width in (wide, NARROW)]
    choice = ", the learner with the median difference" if comparison.settings.example is None else ""
    caption = f"Learner {learner} under {' and '.join(walks)}{choice}"
    return Picture(caption, figures[0], figures[1] if wide > 1.3 * NARROW else None)


def _steps(walks: Mapping[str, Walk]) -> int:
    return max(int(walk.run.steps[0]) for walk in walks.values())


def _drawn(comparison: Comparison, walks: Mapping[str, Walk], width: float) -> Figure:
    """The picture in so many inches."""
    course = comparison.task.course
    learner, goal = (first := next(iter(walks.values()))).learner, first.goal
    skills = np.array([int(k) for k in course.order if _shown(course, goal, list(walks.values()), int(k))])
    figure, panels = _panels(len(walks), width, len(skills))
    for axes, (name, walk) in zip(panels, walks.items(), strict=True):
        image = _panel(axes, course, walk.run, skills, _steps(walks), width)
        axes.set_title(f"{name}, return {number(walk.run.returned[0])}", loc="left", fontsize=10, color=INK)
        _skills(axes, course, goal, skills)
    for axes in panels[:-1]:
        axes.set_xlabel("")
    bar = figure.colorbar(image, ax=panels, pad=0.02, fraction=0.04, aspect=24)
    bar.set_label("latent mastery", fontsize=9)
    bar.ax.yaxis.set_major_formatter(Ticks())
    bar.ax.tick_params(labelsize=8)
    _legend(figure)
    above, title = 1.0 + 0.08 / figure.get_figheight(), fill(_ends(walks, learner), 50)
    figure.suptitle(title, x=0.02, y=above, ha="left", va="bottom", fontsize=11, fontweight="bold")
    return figure


def _ends(walks: Mapping[str, Walk], learner: int) -> str:
    ends = [f"{hundredths(walk.run.end[0])} under {name}" for name, walk in walks.items()]
    return f"Learner {learner} ends with mastery {' and '.join(ends)}"


def _panels(n: int, width: float, skills: int) -> tuple[Figure, list[Axes]]:
    """Panels one above the other: beside each other they are too small for a narrow screen."""
    panel = ROW * max(6, skills)
    inches = TOP + n * panel + (n - 1) * BETWEEN + BOTTOM
    figure = new_figure(width, inches)
    panels = figure.subplots(n, 1, sharex=True, squeeze=False).ravel()
    figure.subplots_adjust(hspace=BETWEEN / panel, bottom=BOTTOM / inches, top=1.0 - TOP / inches)
    return figure, list(panels)


def _skills(axes: Axes, course: Course, goal: Bools, skills: Ints) -> None:
    """Name the rows."""
    names = [f"{course.skills[k]} \N{BLACK STAR}" if goal[k] else course.skills[k] for k in skills]
    axes.set_yticks(range(len(skills)), [_short(name) for name in names], fontsize=8)
    for label, k in zip(axes.get_yticklabels(), skills, strict=True):
        label.set_fontweight("bold" if goal[k] else "normal")


def _shown(course: Course, goal: Bools, walks: Sequence[Walk], skill: int) -> bool:
    if course.n_skills <= CROWDED or goal[skill]:
        return True
    items = course.items_of.row(skill)
    return any(bool(np.isin(walk.run.item, items).any()) for walk in walks)


def _short(name: str, most: int = 34) -> str:
    return (
        name if len(name) <= most else name[: most // 2 - 1] + "\N{HORIZONTAL ELLIPSIS}" + name[-most // 2 :]
    )


def _panel(axes: Axes, course: Course, run: Rollout, skills: Ints, steps: int, width: float) -> AxesImage:
    background = run.mastery[0, :steps][:, skills].T
    image = axes.imshow(
        background,
        aspect="auto",
        cmap=MASTERY,
        vmin=0,
        vmax=1,
        interpolation="nearest",
        extent=(0.5, steps + 0.5, len(skills) - 0.5, -0.5),
    )
    size = min(6.5, max(2.0, 0.7 * 72.0 * width / steps))  # points; names and the bar take the other .3
    for t in range(int(run.steps[0])):
        item = run.item[0, t]
        if item < 0:
            continue
        right = run.correct[0, t] == 1
        for y in np.flatnonzero(np.isin(skills, course.needs.row(item))):
            marker, colour = ("o", BLUE) if right else ("X", ORANGE)
            axes.plot(t + 1, y, marker, color=colour, markersize=size, markeredgecolor="white", mew=0.7)
    axes.set_xlabel("step", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.set_yticks(np.arange(len(skills) - 1) + 0.5, minor=True)
    axes.grid(which="minor", axis="y", color="white", linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return image


def _legend(figure: Figure) -> None:
    """The marks, and the order of the rows; beside the panels those words are longer than a few rows."""
    handles = [
        Line2D([], [], linestyle="", marker="o", color=BLUE, label="right answer"),
        Line2D([], [], linestyle="", marker="X", color=ORANGE, label="wrong answer"),
        Line2D([], [], linestyle="", marker="*", color=INK, label="goal; prerequisites stand first"),
    ]
    figure.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=3,
        frameon=False,
        fontsize=9,
        handletextpad=0.2,
        columnspacing=1.2,
    )
