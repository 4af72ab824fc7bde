"""DAS3H and RLTutor's learner against windows counted by hand."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.logistic.das3h import Das3h
from coursewright.simulators.logistic.rltutor import Rltutor
from coursewright.simulators.logistic.tables import read_das3h, read_rltutor, write_das3h
from learners import enrolled
from logistic_learners import by_windows, course, mastery_is_the_mean_over_items, rows_stand_alone, step, walk

HOUR = 1.0 / 24.0


def small(memory=64) -> Das3h:
    return Das3h(course(), np.random.default_rng(4).normal(0.0, 0.4, (3, 11)), spread=0.7, memory=memory)


def sigmoid(z) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.asarray(z)))


@pytest.mark.parametrize("memory", [64, 20])
def test_chances_are_counted_inside_the_windows(memory) -> None:
    # 20 answers a skill are fewer than the walk makes in all, and no fewer than any window holds
    simulator = small(memory)
    n = np.arange(12)
    alpha = enrolled(simulator, n)[0].alpha
    found = walk(simulator, n, steps=60)
    inside = [
        sum(found.day[-1, i] - e.day < 30 and course().q_matrix[e.item, 0] for e in found.events[-1][i])
        for i in n
    ]
    assert found.day[-1].max() > 60
    assert max(inside) <= 20 < max(len(events) for events in found.events[-1])
    for t in range(0, 60, 3):
        for i in n:
            expected = [
                by_windows(simulator, alpha[i], found.events[t][i], a, found.day[t, i]) for a in range(5)
            ]
            np.testing.assert_allclose(found.chances[t, i], expected, rtol=1e-12)


def test_an_answer_leaves_window_after_window() -> None:
    # c = a = 1 in every window still open: each adds (right - tried) ln 2, that is .1 to .5 times ln 2
    weights = np.array([[0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.2, 0.2, 0.2, 0.2, 0.2]])
    simulator = Das3h(Course.of(1), weights, memory=2)
    state, luck = enrolled(simulator, range(200))
    right = step(simulator, state, luck, 0) == 1
    p = np.empty(200)
    for pause, left in ((0.0, 1.5), (HOUR, 1.4), (1 - HOUR, 1.2), (6.0, 0.9), (23.0, 0.5), (900.0, 0.5)):
        simulator.elapse(state, np.full(200, pause), luck)
        simulator.p_correct(state, np.zeros(200, np.int64), p)
        np.testing.assert_allclose(p[right], sigmoid(left * np.log(2)), rtol=1e-12)


@pytest.mark.parametrize("steps_a_day", [24, 10, 7, 3, 1])
def test_no_rounding_decides_the_edge_of_a_window(steps_a_day) -> None:
    # One answer a step, always right: exactly so many of them are younger than an hour, 1, 7, 30 days
    weights = np.random.default_rng(1).normal(0.0, 0.2, (1, 11))
    simulator = Das3h(Course.of(1), weights, memory=1024)
    state, luck = enrolled(simulator, [0])
    one, p = np.zeros(1, np.int64), np.empty(1)
    inside = [-(-steps_a_day // 24), steps_a_day, 7 * steps_a_day, 30 * steps_a_day, 1024]
    for n in range(31 * steps_a_day):
        # The newest answer is a step old.
        counts = np.log1p([min(n, most - 1) for most in inside[:4]] + [n])
        simulator.p_correct(state, one, p)
        expected = weights[0, 0] + (weights[0, 1:6] - weights[0, 6:]) @ counts
        assert p[0] == pytest.approx(sigmoid(expected), abs=1e-12), n
        simulator.record(state, one, np.ones(1, bool), np.ones(1, np.int64))
        simulator.elapse(state, np.full(1, 1.0 / steps_a_day), luck)


def test_a_short_memory_ends_the_short_windows_only() -> None:
    weights = np.zeros((1, 11))
    weights[0, [6, 10]] = -1.0, -10.0  # attempts within the hour, and of all time
    simulator = Das3h(Course.of(1), weights, memory=3)
    state, luck = enrolled(simulator, [0])
    p = np.empty(1)
    for n in range(6):
        simulator.p_correct(state, np.zeros(1, np.int64), p)
        assert p[0] == pytest.approx(sigmoid(np.log1p(min(n, 3)) + 10 * np.log1p(n)), rel=1e-12)
        step(simulator, state, luck, 0)


def test_rows_stand_alone() -> None:
    rows_stand_alone(small(memory=4))
    rows_stand_alone(Rltutor(small(memory=4)))


def test_mastery_is_the_mean_over_items() -> None:
    mastery_is_the_mean_over_items(small())
    mastery_is_the_mean_over_items(Rltutor(small()))


def test_tables_round_trip(tmp_path) -> None:
    write_das3h(tmp_path, small())
    for back in (read_das3h(tmp_path, memory=7), read_rltutor(tmp_path, memory=7).inner):
        assert back.course.hash == small().course.hash
        np.testing.assert_allclose(back.weights, small().weights, rtol=1e-7)
        assert (back.spread, back.memory) == (0.7, 7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"weights": np.zeros((3, 6))},
            r"das3h.weights = array of shape \(3, 6\): must be one number or of shape \(3, 11\)",
        ),
        ({"weights": np.full((3, 11), np.inf)}, "das3h.weights = inf: must be finite numbers"),
        ({"spread": np.nan}, "das3h.spread = nan"),
        ({"memory": 0}, "das3h.memory = 0: must be a whole number"),
    ],
)
def test_what_is_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message):
        replace(small(), **changes)


# RLTutor


def test_the_forgetting_curve_runs_in_seconds_since_the_items_own_review() -> None:
    plain = small()
    tutored = Rltutor(plain)
    n = np.arange(10)
    inner, outer = walk(plain, n, steps=1), walk(tutored, n, steps=25)
    np.testing.assert_array_equal(inner.chances[0], outer.chances[0])  # nothing reviewed: p = g
    alpha = enrolled(plain, n)[0].alpha
    for t in range(25):
        for i in n:
            for item in range(5):
                g = by_windows(plain, alpha[i], outer.events[t][i], item, outer.day[t, i])
                mine = [e.day for e in outer.events[t][i] if e.item == item]
                kept = (1 + 0.3 * 86_400 * (outer.day[t, i] - mine[-1])) ** -0.8 if mine else 0.0
                assert outer.chances[t, i, item] == pytest.approx(g + (1 - g) * kept, rel=1e-12)


def test_right_after_a_review_the_answer_is_certain() -> None:
    simulator = Rltutor(small())
    state, luck = enrolled(simulator, range(50))
    step(simulator, state, luck, 1)
    assert (step(simulator, state, luck, 1) == 1).all()
    simulator.elapse(state, np.full(50, 5.0 / 86_400.0), luck)
    p, g = np.empty(50), np.empty(50)
    simulator.p_correct(state, np.ones(50, np.int64), p)
    simulator.inner.p_correct(state.inner, np.ones(50, np.int64), g)
    np.testing.assert_allclose((p - g) / (1 - g), 2.5**-0.8, rtol=1e-9)  # five seconds: (1 + .3 x 5)^-.8


def test_practice_of_the_shipped_learner_helps_and_fades() -> None:
    simulator = read_rltutor("rltutor").inner
    state, luck = enrolled(simulator, range(500))
    p = [np.empty(500) for _ in range(4)]
    simulator.p_correct(state, np.zeros(500, np.int64), p[0])
    answers = step(simulator, state, luck, 0)
    simulator.p_correct(state, np.zeros(500, np.int64), p[1])
    for place, days in ((2, 2.0), (3, 60.0)):
        simulator.elapse(state, np.full(500, days), luck)
        simulator.p_correct(state, np.zeros(500, np.int64), p[place])
    assert set(answers) == {0, 1}
    assert (p[0] < p[3]).all()
    assert (p[3] < p[2]).all()
    assert (p[2] < p[1]).all()


@pytest.mark.parametrize(
    ("changes", "message"), [({"scale": -1.0}, "rltutor.scale"), ({"power": 0.5}, "rltutor.power")]
)
def test_a_curve_that_rises_is_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message):
        Rltutor(small(), **changes)
