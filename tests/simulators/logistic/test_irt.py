"""The three-parameter model with growth against its formula."""

import numpy as np
import pytest
from scipy import stats

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.logistic.irt import Irt
from coursewright.simulators.logistic.tables import read_irt, write_irt
from learners import enrolled
from logistic_learners import course, mastery_is_the_mean_over_items, rows_stand_alone, step, walk


def small(**changes) -> Irt:
    given = {
        "course": course(),
        "mean": [-0.5, 0.2, 0.0],
        "growth": [0.5, 0.3, 0.8],
        "discrimination": [1.0, 0.7, 1.4, 2.0, 0.9],
        "guess": [0.0, 0.2, 0.25, 0.1, 0.3],
        "spread": 0.9,
        "skill_spread": 0.4,
    }
    return Irt(**given | changes)


def test_three_parameters_by_hand() -> None:
    # One learner of ability .5: .25 + .75 / (1 + e^(-1.5 (.5 - (-.1)))) = .25 + .75 * .710950 = .783212
    one = Irt(Course.of(1, difficulty=[-0.1]), [0.5], [0.4], [1.5], [0.25], spread=0.0)
    state, luck = enrolled(one, range(2))
    p = np.empty(2)
    one.p_correct(state, np.zeros(2, np.int64), p)
    np.testing.assert_allclose(p, 0.783212, atol=1e-6)
    # After three practices the ability is .5 + .4 ln 4 = 1.054518, and p = .25 + .75 * .849639 = .887229
    for _ in range(3):
        step(one, state, luck, 0)
    one.p_correct(state, np.zeros(2, np.int64), p)
    np.testing.assert_allclose(p, 0.887229, atol=1e-6)


def test_growth_multiplies_the_odds_at_each_doubling() -> None:
    one = Irt(Course.of(1), [-1.0], [0.7], [1.0], [0.0])
    state, luck = enrolled(one, range(20))
    p, odds = np.empty(20), []
    for n in range(8):
        if n + 1 in (1, 2, 4, 8):
            one.p_correct(state, np.zeros(20, np.int64), p)
            odds.append(p / (1 - p))
        step(one, state, luck, 0)
    np.testing.assert_allclose(np.array(odds)[1:] / np.array(odds)[:-1], 2**0.7)


def test_chances_follow_the_history() -> None:
    simulator = small()
    q, n = simulator.course.q_matrix, np.arange(10)
    start = enrolled(simulator, n)[0].start
    found = walk(simulator, n, steps=20)
    for t in range(20):
        for i in n:
            practices = np.sum([q[e.item] for e in found.events[t][i]] or [[0] * 3], axis=0)
            ability = start[i] + simulator.growth * np.log1p(practices)
            for item in range(5):
                z = simulator.discrimination[item] * (
                    ability[q[item]].mean() - simulator.course.difficulty[item]
                )
                c = simulator.guess[item]
                assert found.chances[t, i, item] == pytest.approx(c + (1 - c) / (1 + np.exp(-z)), rel=1e-12)


def test_abilities_differ_by_learner_and_by_skill() -> None:
    simulator = small()
    own = enrolled(simulator, range(20_000))[0].start - simulator.mean
    assert stats.kstest(own[:, 1] / np.hypot(0.9, 0.4), "norm").pvalue > 1e-3
    covariance = np.cov(own.T)
    np.testing.assert_allclose(covariance, 0.81 + 0.16 * np.eye(3), atol=0.04)


def test_rows_stand_alone() -> None:
    rows_stand_alone(small())


def test_mastery_is_the_mean_over_items() -> None:
    mastery_is_the_mean_over_items(small())


def test_tables_round_trip(tmp_path) -> None:
    write_irt(tmp_path, small())
    back = read_irt(tmp_path)
    assert back.course.hash == small().course.hash
    for field in ("mean", "growth", "discrimination", "guess", "spread", "skill_spread"):
        np.testing.assert_allclose(getattr(back, field), getattr(small(), field))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"mean": [0.0]},
            r"irt.mean = array of shape \(1,\): must be one number or of shape \(3,\), \[skills\]",
        ),
        ({"growth": [0.0, 0.0, np.inf]}, "irt.growth"),
        ({"discrimination": [1.0, 1.0, 0.0, 1.0, 1.0]}, "irt.discrimination = 0.0: must be above 0"),
        ({"guess": [0.0, 0.0, 1.0, 0.0, 0.0]}, r"irt.guess = .*: must be probabilities in \[0, 1\)"),
        ({"skill_spread": -0.1}, "irt.skill_spread = -0.1"),
    ],
)
def test_what_is_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message):
        small(**changes)
