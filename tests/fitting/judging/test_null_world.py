"""Null worlds: their script is the log's, practice is measured rightly, and invented learning is caught."""

import numpy as np
import pytest

from coursewright.errors import InputError
from coursewright.fitting.groups import grouped
from coursewright.fitting.judging.null_world import (
    PRACTICES,
    Lesson,
    NullWorlds,
    lessons,
    never_learn,
    nobody_learns,
    practised,
)
from coursewright.fitting.judging.verdict import Measured
from coursewright.fitting.logistic.models import AfmModel, BestLrModel, PfaModel
from coursewright.simulators.course import Course
from coursewright.simulators.logistic.published import afm
from null_worlds import invented
from null_worlds import nobody_learns as made_up
from small_logs import coded, uneven_log


def test_the_script_is_the_logs_and_nobody_learns() -> None:
    log = grouped(coded(uneven_log()), 10).log
    worlds = NullWorlds.of(log, worlds=2)
    first, second = worlds.worlds
    for name in ("learner", "item", "day", "exact"):
        np.testing.assert_array_equal(getattr(first, name), getattr(log, name))
    assert (first.correct != second.correct).any()
    assert np.isnan(first.grade).all()
    gains = worlds.practised(nobody_learns(log))
    np.testing.assert_array_equal([gains.gain, gains.spread], np.zeros((2, 3)))
    assert never_learn(nobody_learns(log), worlds.lessons)


def test_learners_differ_as_the_logs_do_and_stay_as_long() -> None:
    log = made_up("stay", 0)
    learners = nobody_learns(log)
    assert learners.spread == pytest.approx(1.0, abs=0.1)
    # ability and ln rows are normal with covariance .6 and var ln rows .6² + .4²
    assert learners.selection.slope == pytest.approx(0.6 / (0.6**2 + 0.4**2), abs=0.15)
    world = NullWorlds.of(log, worlds=2).worlds[0]
    rows = np.diff(world.start)
    right = np.add.reduceat(world.correct, world.start[:-1]) / rows
    real = np.add.reduceat(log.correct, log.start[:-1]) / rows
    assert np.corrcoef(np.log(rows), right)[0, 1] == pytest.approx(
        np.corrcoef(np.log(rows), real)[0, 1], abs=0.1
    )


def test_practice_of_known_learners_gains_what_the_formula_says() -> None:
    learners = afm(Course.of(["x", "y"]), [-1.0, 0.0], [0.04, 0.0], 1.0)
    gain, spread = practised(learners, Lesson("x", ("x",), 0.0))
    z, w = np.polynomial.hermite_e.hermegauss(41)
    odds = np.array([-1.0, -1.0 + 0.04 * PRACTICES])[:, None] + z
    before, after = (1.0 / (1.0 + np.exp(-odds))) @ w / w.sum()
    assert gain == pytest.approx(after - before, abs=0.01)
    assert spread == pytest.approx(0.0, abs=1e-9)
    assert practised(learners, Lesson("y", ("y",), 0.0)) == (0.0, 0.0)
    assert np.isnan(practised(learners, Lesson("z", ("z",), 0.0))).all()


def test_levels_are_the_easiest_the_middle_and_the_hardest_skills() -> None:
    log = made_up("alike", 0)
    assert [[lesson.skill for lesson in level] for level in lessons(log, 1)] == [["s0"], ["s4"], ["s9"]]
    assert [{lesson.skill for lesson in level} for level in lessons(log, 7)] == [
        {"s0", "s1", "s2"}, {"s3", "s4", "s5"}, {"s7", "s8", "s9"},
    ]  # fmt: skip
    with pytest.raises(InputError, match="skills = 0: must be at least 1"):
        NullWorlds.of(log, skills=0)


def test_a_model_that_counts_without_intercepts_is_caught_and_one_with_them_is_not() -> None:
    worlds = NullWorlds.of(made_up("alike", 0), worlds=4)
    assert not Measured.of(worlds.invented(AfmModel(items=True))).invents
    found = worlds.invented(BestLrModel(individual=False))
    assert found.gain.shape == found.spread.shape == (4, 3)
    caught = Measured.of(found)
    assert caught.verdict == "learning, forgetting and differences between learners"
    assert caught.mean.gain[0] > 0.1 > -0.05 > caught.mean.gain[2]
    assert caught.mean.spread.min() > 0.5


def test_the_luck_of_those_who_practise_is_new_in_each_world() -> None:
    """Else their luck would move all worlds alike, and the standard error would not know of it."""
    worlds = NullWorlds.of(made_up("alike", 0), worlds=2)
    same = NullWorlds(worlds.log, (worlds.worlds[0],) * 2, worlds.lessons)
    gain = same.invented(BestLrModel(individual=False)).gain
    assert (gain[0] != gain[1]).all()


def test_learners_who_never_learn_are_known_by_their_practice() -> None:
    level = [[Lesson("x", ("x",), 0.0), Lesson("z", ("z",), 0.0)]]
    assert never_learn(afm(Course.of(["x"]), [0.0], [0.0], 1.0), level)
    assert not never_learn(afm(Course.of(["x"]), [0.0], [0.01], 1.0), level)
    assert not never_learn(afm(Course.of(["y"]), [0.0], [0.0], 1.0), level)  # it knows no item of these


@pytest.mark.slow
@pytest.mark.parametrize("model", [BestLrModel(), PfaModel(items=True)], ids=lambda model: model.name)
def test_intercepts_cure_what_counts_invent(model) -> None:
    gain, spread = np.split(invented(model, "alike", worlds=20).mean(axis=0), [3])
    assert np.abs(gain).max() <= 0.03  # standard error .008
    assert spread <= 0.15
