"""Outcomes: each against pencil and paper, from the rollout's record."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.envs.rollout import Group, Trace, traces
from coursewright.envs.shipped import bkt
from coursewright.errors import InputError
from coursewright.evaluation import outcomes
from coursewright.evaluation.outcomes import OUTCOMES, Retention, any_watches, measured
from coursewright.simulators.course import Course
from plain_simulator import Levels
from toy_policies import Shuffle

LEVELS = Levels(Course.of(3), 0.05)
TASK = replace(bkt(steps=8), simulator=LEVELS, tutor=None, features=("attempts",), mastered_at=0.3)


@pytest.fixture(scope="module")
def trace() -> Trace:
    (found,) = traces(TASK, Shuffle(3), Group(80), with_mastery=True)
    return found


def test_every_outcome_is_a_number_per_learner(trace) -> None:
    found = measured(trace, OUTCOMES)
    assert list(found) == list(OUTCOMES)
    assert all(np.isfinite(figures).all() for figures in found.values())
    assert found["gain"] == pytest.approx(found["end"] - found["start"])
    assert np.array_equal(found["return"], trace.run.returned)


def test_time_to_mastery_is_the_first_step_at_which_the_whole_goal_is_mastered(trace) -> None:
    steps, whole = outcomes.time_to_mastery(trace), outcomes.mastered(trace)
    for i, goal in enumerate(trace.episodes.goal):
        there = (trace.run.mastery[i][:, goal] >= TASK.mastered_at).all(axis=1)
        assert whole[i] == there.any()
        assert steps[i] == (int(np.argmax(there)) if there.any() else TASK.horizon)
    assert 0 < whole.mean() < 1


def test_retention_fades_and_after_no_days_is_what_was_there() -> None:
    (trace,) = traces(TASK, Shuffle(3), Group(30))
    before = trace.episodes.after.copy()
    assert Retention(0.0)(trace) == pytest.approx(trace.run.end, abs=1e-6)
    week, month = Retention(7.0)(trace), Retention(30.0)(trace)
    assert (month < week).all()
    assert (week < trace.run.end).all()
    assert np.array_equal(trace.episodes.after, before), "looking ahead changes nothing"
    assert Retention(7.0)(trace) == pytest.approx(week)


@pytest.mark.parametrize("days", [-1.0, float("inf")])
def test_retention_needs_a_number_of_days(days) -> None:
    with pytest.raises(InputError, match=r"outcomes.retention.days"):
        Retention(days)


def test_mastery_over_time_is_kept_only_for_those_who_watch() -> None:
    class Area:
        watches = True

    assert any_watches([outcomes.gain, Area()])
    assert not any_watches(OUTCOMES.values())


@pytest.mark.parametrize(
    "wrong", [lambda t: 1.0, lambda t: t.run.item, lambda t: t.run.item[:, 0].astype(str)]
)
def test_what_is_no_number_per_learner_is_refused(trace, wrong) -> None:
    with pytest.raises(InputError, match=r"outcomes.mine = .*: must be one number per learner"):
        measured(trace, {"mine": wrong})
