"""One learner's way through the course under several policies: skills by time."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from coursewright.envs.episodes import Episodes
from coursewright.envs.policy import Policy
from coursewright.envs.rollout import Rollout, rollout
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.evaluation.figures import BLUE, INK, ORANGE, new_figure
from coursewright.simulators.arrays import Bools
from coursewright.simulators.luck import Split

# White to a grey on which both marks stand out
MASTERY = LinearSegmentedColormap.from_list("mastery", ["#FFFFFF", "#8F8F8F"])
WIDE = 40  # more steps than this do not fit beside each other
CROWDED = 40  # more skills than this are shown only if they are goals or were practised


def path_figure(task: Task, policies: Mapping[str, Policy], learner: int = 0) -> Figure:
    """What evaluation learner `learner` practises, answers and masters under each policy.

    Rows are skills in prerequisite order, goals with a star; the background is latent mastery before
    each step; circles are right answers, crosses wrong ones.  Same learner, same luck in each panel.
    """
    if not policies:
        raise reject("policies", "none", "at least one")
    runs = {
        name: rollout(task, policy, 1, first=learner, with_mastery=True) for name, policy in policies.items()
    }
    goal = _goal(task, learner)
    skills = [k for k in task.course.order if _shown(task, goal, list(runs.values()), int(k))]
    steps = max(int(run.steps[0]) for run in runs.values())
    beside = steps <= WIDE  # long episodes stand one above the other
    width = max(3.6, 0.13 * steps + 0.8)
    height = 1.0 + 0.2 * max(6, len(skills))
    shape = (1, len(runs)) if beside else (len(runs), 1)
    figure = new_figure(width * shape[1] + 1.0, height * shape[0])
    axes = figure.subplots(*shape, sharex=not beside, sharey=beside, squeeze=False).ravel()
    for place, (name, run) in enumerate(runs.items()):
        image = _panel(axes[place], task, run, np.array(skills), steps)
        axes[place].set_title(f"{name}\nreturn {run.returned[0]:.3f}", loc="left", fontsize=10, color=INK)
    names = [f"{task.course.skills[k]} \N{BLACK STAR}" if goal[k] else task.course.skills[k] for k in skills]
    for panel in axes[:1] if beside else axes:
        panel.set_yticks(range(len(skills)), [_short(name) for name in names], fontsize=8)
        for label, k in zip(panel.get_yticklabels(), skills, strict=True):
            label.set_fontweight("bold" if goal[k] else "normal")
        panel.set_ylabel("skill, prerequisites first (\N{BLACK STAR} goal)", fontsize=9)
    inches = height * shape[0]
    figure.subplots_adjust(wspace=0.06, hspace=0.22, bottom=0.55 / inches, top=1.0 - 0.5 / inches)
    bar = figure.colorbar(image, ax=list(axes), pad=0.015, fraction=0.03, aspect=18)
    bar.set_label("latent mastery", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    _legend(figure)
    return figure


def _goal(task: Task, learner: int) -> Bools:
    episodes = Episodes(task, 1)
    zero = np.zeros(1, np.int64)
    episodes.begin(zero, np.array([learner]), zero, Split.EVALUATE)
    return np.asarray(episodes.goal[0])


def _shown(task: Task, goal: Bools, runs: list[Rollout], skill: int) -> bool:
    if task.course.n_skills <= CROWDED or goal[skill]:
        return True
    items = np.flatnonzero(task.course.q_matrix[:, skill])
    return any(bool(np.isin(run.item, items).any()) for run in runs)


def _short(name: str, most: int = 34) -> str:
    return (
        name if len(name) <= most else name[: most // 2 - 1] + "\N{HORIZONTAL ELLIPSIS}" + name[-most // 2 :]
    )


def _panel(axes: Axes, task: Task, run: Rollout, skills: np.ndarray, steps: int) -> AxesImage:
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
    size = min(6.5, 330 / max(steps, 30))
    for t in range(int(run.steps[0])):
        item = run.item[0, t]
        if item < 0:
            continue
        right = run.correct[0, t] == 1
        for y in np.flatnonzero(task.course.q_matrix[item, skills]):
            marker, colour = ("o", BLUE) if right else ("X", ORANGE)
            axes.plot(t + 1, y, marker, color=colour, markersize=size, markeredgecolor="white", mew=0.4)
    axes.set_xlabel("step", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.set_yticks(np.arange(len(skills) - 1) + 0.5, minor=True)
    axes.grid(which="minor", axis="y", color="white", linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return image


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], linestyle="", marker="o", color=BLUE, label="right answer"),
        Line2D([], [], linestyle="", marker="X", color=ORANGE, label="wrong answer"),
    ]
    figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, frameon=False, fontsize=9
    )
