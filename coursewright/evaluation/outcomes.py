"""Outcomes: one figure per learner, each a function of the episodes of a chunk of learners.

An outcome that stands in `configs/evaluate.yaml`, or in an `outcomes` of your own, becomes a column of
the learner table and is summarised with every statistic.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from coursewright.envs.rollout import NEVER, Trace
from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints, Mastery

Figures = npt.NDArray[Any]
"""Numbers `[learners]`: floats, or whole numbers and truth values, which are kept as such in tables."""
Outcome = Callable[[Trace], Figures]


@runtime_checkable
class Watching(Protocol):
    """An outcome that reads `trace.run.mastery`, which is kept only where one of them does."""

    @property
    def watches(self) -> bool:
        """True where this outcome needs latent mastery over time."""
        ...


def returned(trace: Trace) -> Floats:
    """Sum of rewards."""
    return trace.run.returned


def is_return(outcome: Outcome) -> bool:
    """True for the sum of rewards, however it is configured."""
    return (outcome.func if isinstance(outcome, partial) else outcome) is returned


def start(trace: Trace) -> Floats:
    """Mean latent mastery over the goal before the episode."""
    return trace.run.start


def end(trace: Trace) -> Floats:
    """Mean latent mastery over the goal after the episode."""
    return trace.run.end


def gain(trace: Trace) -> Floats:
    """The gain in mean latent mastery over the goal, `[learners]`."""
    return trace.run.end - trace.run.start


def steps(trace: Trace) -> Ints:
    """Steps of the episode."""
    return trace.run.steps


def minutes(trace: Trace) -> Floats:
    """Minutes of the episode."""
    return trace.run.minutes


def over_practice(trace: Trace) -> Ints:
    """Steps on items of which every skill was mastered already."""
    return trace.run.over_practice


def refused(trace: Trace) -> Ints:
    """Steps lost on disallowed items."""
    return trace.run.refused


def mastered(trace: Trace) -> Figures:
    """True where the whole goal was ever mastered, so that the mean is a share of learners, `[learners]`."""
    return np.asarray(trace.run.reached != NEVER)


def time_to_mastery(trace: Trace) -> Ints:
    """Steps until the whole goal is mastered for the first time.

    Learners who never get there count with the task's horizon: the mean is a lower bound where
    `mastered` is below 1.
    """
    run = trace.run
    return np.where(run.reached == NEVER, trace.episodes.task.horizon, run.reached)


@dataclass(frozen=True)
class Retention:
    """Mean latent mastery over the goal, `days` after the learner's last step and without practice."""

    days: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.days < np.inf:
            raise reject("outcomes.retention.days", self.days, "a finite number of days >= 0")

    def __call__(self, trace: Trace) -> Floats:
        """Latent mastery, from the learner's own luck."""
        episodes = trace.episodes
        simulator = episodes.task.simulator
        later: Mastery = np.zeros((episodes.batch, episodes.task.course.n_skills), np.float32)
        simulator.mastery(episodes.later(self.days), later)
        return np.asarray((episodes.goal * later).sum(axis=1) / episodes.goal_size)


OUTCOMES: Mapping[str, Outcome] = {
    "return": returned,
    "start": start,
    "end": end,
    "gain": gain,
    "steps": steps,
    "minutes": minutes,
    "over_practice": over_practice,
    "refused": refused,
    "mastered": mastered,
    "time_to_mastery": time_to_mastery,
}


def any_watches(outcomes: Iterable[object]) -> bool:
    """True where mastery over time has to be kept for one of these outcomes."""
    return any(isinstance(outcome, Watching) and outcome.watches for outcome in outcomes)


def measured(trace: Trace, outcomes: Mapping[str, Outcome]) -> dict[str, Figures]:
    """Every outcome of a chunk, `[learners]` each.

    Raises `InputError` where an outcome is no finite figure per learner.
    """
    found = {name: np.asarray(outcome(trace)) for name, outcome in outcomes.items()}
    for name, figures in found.items():
        if figures.shape != (len(trace.run),) or figures.dtype.kind not in "biuf":
            given = f"{figures.dtype} {list(figures.shape)}"
            raise reject(f"outcomes.{name}", given, f"one number per learner: [{len(trace.run)}]")
        if not np.isfinite(figures).all():
            row = int(np.argmin(np.isfinite(figures)))
            given = f"{figures[row]} for learner {trace.run.number[row]}"
            raise reject(f"outcomes.{name}", given, "a finite number per learner")
    return found
