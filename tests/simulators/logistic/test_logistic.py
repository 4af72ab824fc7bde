"""AFM, PFA and Best-LR against closed forms, and against sums over the whole history of a learner."""

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from scipy import stats

from coursewright.errors import InputError
from coursewright.simulators.capabilities import Staying
from coursewright.simulators.course import Course
from coursewright.simulators.folders import SHIPPED
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.published import afm, best_lr, pfa
from coursewright.simulators.logistic.selection import Selection
from coursewright.simulators.logistic.tables import read_logistic, write_logistic
from coursewright.simulators.logistic.worth import COLUMNS
from learners import enrolled, luck_of
from logistic_learners import by_counts, course, mastery_is_the_mean_over_items, rows_stand_alone, step, walk


def everything(raw=False, columns=13) -> Logistic:
    """All counters and all columns at once, or those before the lag's bends."""
    weights = np.random.default_rng(3).normal(0.0, 0.4, (3 + 5 + 1, 13))
    weights[:, 5:11] /= 8
    weights[:, 5] = -np.abs(weights[:, 5])
    return Logistic(course(), weights[:, :columns], spread=0.8, raw=raw)


def sigmoid(z) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.asarray(z)))


@pytest.mark.parametrize(("raw", "columns"), [(False, 13), (True, 13), (False, 6)])
def test_chances_are_the_sum_over_the_history(raw, columns) -> None:
    simulator = everything(raw, columns)
    numbers = np.arange(12)
    theta = enrolled(simulator, numbers)[0].theta
    found = walk(simulator, numbers, steps=25)
    for t in range(25):
        for i in numbers:
            expected = [
                by_counts(simulator, theta[i], found.events[t][i], item, found.day[t, i]) for item in range(5)
            ]
            np.testing.assert_allclose(found.chances[t, i], expected, rtol=1e-12)
    assert max(len(events) for events in found.events[-1]) > 15


def test_afm_after_n_practices() -> None:
    # logit p = theta + beta + gamma n, for any answers
    simulator = afm(Course.of(2), [-1.0, 0.5], [0.25, 0.1], spread=0.7)
    state, luck = enrolled(simulator, range(50))
    for n in range(6):
        p = np.empty(50)
        simulator.p_correct(state, np.zeros(50, np.int64), p)
        np.testing.assert_allclose(p, sigmoid(state.theta - 1.0 + 0.25 * n), rtol=1e-12)
        step(simulator, state, luck, 0)
        simulator.p_correct(state, np.ones(50, np.int64), p)
        np.testing.assert_allclose(p, sigmoid(state.theta + 0.5), rtol=1e-12)


@pytest.mark.parametrize("raw", [False, True])
def test_pfa_counts_right_and_wrong_answers_apart(raw) -> None:
    simulator = pfa(Course.of(1), [-0.5], [0.4], [0.1], raw=raw)
    state, luck = enrolled(simulator, range(300))
    right = sum(step(simulator, state, luck, 0) for _ in range(5))
    assert set(right) >= {0, 1, 2, 3, 4}
    p = np.empty(300)
    simulator.p_correct(state, np.zeros(300, np.int64), p)
    s, f = (right, 5 - right) if raw else (np.log(1 + right), np.log(6 - right))
    np.testing.assert_allclose(p, sigmoid(-0.5 + 0.4 * s + 0.1 * f), rtol=1e-12)


def test_best_lr_adds_the_item_and_everything() -> None:
    two = Course.of(["x"], {"a": "x", "b": "x"}, difficulty=[0.0, 1.0])
    simulator = best_lr(two, [[-0.2, 0.5, 0.3]], [[0.7, 0.6], [0.2, 0.1]], [0.05, 0.04])
    state, luck = enrolled(simulator, range(40))
    first, second = step(simulator, state, luck, 0), step(simulator, state, luck, 1)
    p = np.empty(40)
    simulator.p_correct(state, np.zeros(40, np.int64), p)
    s, f = np.log(1 + first + second), np.log(3 - first - second)
    own = np.where(first == 1, 0.7, 0.6) * np.log(2)
    np.testing.assert_allclose(p, sigmoid(-0.2 + 0.55 * s + 0.34 * f + own), rtol=1e-12)
    simulator.p_correct(state, np.ones(40, np.int64), p)
    own = np.where(second == 1, 0.2, 0.1) * np.log(2)
    np.testing.assert_allclose(p, sigmoid(-1.2 + 0.55 * s + 0.34 * f + own), rtol=1e-12)


def test_the_lag_grows_from_the_last_practice() -> None:
    simulator = Logistic(Course.of(1), [[0.0, 0.0, 0.0, 0.0, 2.0, -0.2]])
    state, luck = enrolled(simulator, range(3))
    p = np.empty(3)
    simulator.elapse(state, np.full(3, 50.0), luck)
    simulator.p_correct(state, np.zeros(3, np.int64), p)
    np.testing.assert_allclose(p, 0.5)  # nothing was practised, so nothing is forgotten
    step(simulator, state, luck, 0, days=np.array([0.0, 1.0 / 1440.0, 3.0]))
    simulator.p_correct(state, np.zeros(3, np.int64), p)
    np.testing.assert_allclose(p, sigmoid(2.0 - 0.2 * np.log([1.0, 61.0, 259_201.0])), rtol=1e-12)


def test_the_pace_of_forgetting_changes_at_the_bends() -> None:
    weights = np.zeros((1, 13))
    weights[0, COLUMNS.index("lag")], weights[0, COLUMNS.index("lag_1h")] = -0.2, 0.15
    simulator = Logistic(Course.of(1), weights)
    state, luck = enrolled(simulator, range(3))
    step(simulator, state, luck, 0, days=np.array([60.0, 3600.0, 259_200.0]) / 86_400)
    p = np.empty(3)
    simulator.p_correct(state, np.zeros(3, np.int64), p)
    at = np.log([61.0, 3601.0, 259_201.0])
    np.testing.assert_allclose(p, sigmoid(-0.2 * at + 0.15 * np.array([0, 0, at[2] - at[1]])), rtol=1e-12)
    level = np.empty((3, 1), np.float32)
    simulator.mastery(state, level)
    np.testing.assert_allclose(level[:, 0], p, rtol=1e-6)


def test_the_last_answer_to_an_item_counts_and_replaces_the_one_before() -> None:
    two = Course.of(["x"], {"a": "x", "b": "x"})
    weights = np.zeros((3, 13))  # the skill and two items, and no counter of everything
    weights[1:, 11], weights[1:, 12] = 0.7, -0.3
    simulator = Logistic(two, weights)
    state, luck = enrolled(simulator, range(200))
    for _ in range(4):
        last = step(simulator, state, luck, 0)
    assert set(last) == {0, 1}
    p = np.empty(200)
    simulator.p_correct(state, np.zeros(200, np.int64), p)
    np.testing.assert_allclose(p, sigmoid(np.where(last == 1, 0.7, -0.3)), rtol=1e-12)
    simulator.p_correct(state, np.ones(200, np.int64), p)
    np.testing.assert_array_equal(p, 0.5)


def test_who_stays_longer_is_abler_and_the_whole_population_keeps_its_spread() -> None:
    stay = Selection(slope=0.5, mean=np.log(40.0), sd=0.8)
    simulator = Logistic(Course.of(1), 0.0, spread=1.0, selection=stay)
    rng = np.random.default_rng(0)
    rows = np.exp(rng.normal(np.log(40.0), 0.8, 40_000))
    luck = luck_of(np.arange(40_000))
    state = simulator.empty(40_000)
    assert isinstance(simulator, Staying)
    simulator.enrol_staying(state, np.arange(40_000), luck, rows)
    slope, level = np.polyfit(np.log(rows) - np.log(40.0), state.theta, 1)
    assert slope == pytest.approx(0.5, abs=0.02)
    assert level == pytest.approx(0.0, abs=0.02)
    assert state.theta.std() == pytest.approx(1.0, abs=0.02)
    simulator.enrol(state, np.arange(40_000), luck)
    assert state.theta.std() == pytest.approx(1.0, abs=0.02)
    assert abs(np.corrcoef(np.log(rows), state.theta)[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(2.0, 3.0, 0.8), "logistic.selection.slope = 2.0: must be at most spread / sd = 1.25"),
        (Selection(0.1, np.nan, 0.8), "logistic.selection.mean = nan"),
        (Selection(0.1, 3.0, -0.8), "logistic.selection.sd = -0.8"),
    ],
)
def test_a_selection_that_no_learners_have_is_refused(selection, message) -> None:
    with pytest.raises(InputError, match=message):
        Logistic(Course.of(1), 0.0, spread=1.0, selection=selection)


def test_theta_is_normal_and_answers_follow_the_chances() -> None:
    simulator = afm(Course.of(1), [0.4], [0.0], spread=1.3)
    state, luck = enrolled(simulator, range(40_000))
    assert stats.kstest(state.theta / 1.3, "norm").pvalue > 1e-3
    right = step(simulator, state, luck, 0)
    p = sigmoid(state.theta + 0.4)
    assert abs((right - p).sum()) < 4 * np.sqrt((p * (1 - p)).sum())
    low = state.theta < 0
    assert abs((right - p)[low].sum()) < 4 * np.sqrt((p * (1 - p))[low].sum())


def test_rows_stand_alone() -> None:
    rows_stand_alone(everything())


def test_mastery_is_the_mean_over_items() -> None:
    mastery_is_the_mean_over_items(everything())


def test_extreme_weights_stay_probabilities() -> None:
    simulator = Logistic(Course.of(2), [[900.0, 0, 0, 0, 0, 0], [-900.0, 0, 0, 0, 0, 0]])
    state, _ = enrolled(simulator, range(2))
    p = np.empty(2)
    with np.errstate(all="raise"):
        simulator.p_correct(state, np.array([0, 1]), p)
    assert p[0] == 1.0
    assert 0.0 <= p[1] < 1e-300


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"weights": np.zeros((4, 6))},
            r"logistic.weights = array of shape \(4, 6\): must be one number or of shape \(3, 6\)",
        ),
        ({"weights": np.full((3, 6), np.nan)}, "logistic.weights = nan: must be finite"),
        ({"spread": -1.0}, "logistic.spread = -1.0"),
    ],
)
def test_what_is_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message):
        Logistic(**{"course": course(), "weights": np.zeros((3, 6))} | changes)


# Tables


@pytest.mark.parametrize("size", [3, 8, 9])
@pytest.mark.parametrize("columns", [6, 13])
def test_tables_round_trip(tmp_path, size, columns) -> None:
    selection = Selection(0.125, 3.5, 0.75)
    weights = everything(columns=columns).weights[:size]
    simulator = Logistic(course(), weights, spread=0.25, raw=True, selection=selection)
    write_logistic(tmp_path, simulator)
    back = read_logistic(tmp_path)
    assert back.course.hash == simulator.course.hash
    np.testing.assert_allclose(back.weights, simulator.weights, rtol=1e-7)
    assert (back.spread, back.raw, back.selection) == (0.25, True, selection)
    assert ("right_last" in (tmp_path / "skills.csv").read_text()) == (columns == 13)


def test_broken_tables_are_refused(tmp_path) -> None:
    write_logistic(tmp_path, everything())
    with pytest.raises(InputError, match=r"no such file or folder.*'pfa'"):
        read_logistic("pfaa")
    whole = (tmp_path / "skills.csv").read_text()
    (tmp_path / "skills.csv").write_text(whole.replace("lag", "lug"))
    with pytest.raises(InputError, match="without lag"):
        read_logistic(tmp_path)
    (tmp_path / "skills.csv").write_text(whole)
    (tmp_path / "counts.csv").write_text("of," + ",".join(COLUMNS) + "\na,0,0,0,0,0,0\n")
    with pytest.raises(InputError, match=r"counts.csv = '1 rows': must be one for each of 6 names"):
        read_logistic(tmp_path)
    (tmp_path / "counts.csv").unlink()
    (tmp_path / "learners.csv").write_text("who,spread,raw\n(all),wide,0\n")
    with pytest.raises(InputError, match=r"learners.csv.*wide.*: must be numbers"):
        read_logistic(tmp_path)


def test_names_that_hold_the_separator_survive(tmp_path) -> None:
    skills = ["a;b", 'c "d"', "e,f", "g\nh"]
    made = Logistic(Course.of(skills, {"one;two": skills, "three": ["e,f"]}), np.zeros((4, 6)))
    write_logistic(tmp_path, made)
    assert read_logistic(tmp_path).course.hash == made.course.hash


@pytest.mark.parametrize("name", ["afm", "pfa", "best_lr", "practice", "irt", "das3h", "rltutor"])
def test_shipped_learners_get_better_with_practice(name) -> None:
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        simulator = instantiate(compose("train", [f"simulator={name}"]).simulator)
    assert (SHIPPED / name / "card.md").is_file()
    before = np.empty((400, simulator.course.n_skills), np.float32)
    after = before.copy()
    state, luck = enrolled(simulator, range(400))
    simulator.mastery(state, before)
    for t in range(3 * simulator.course.n_items):
        step(simulator, state, luck, t % simulator.course.n_items, days=0.003)
    simulator.mastery(state, after)
    assert 0.15 < before.mean() < 0.6
    assert before.mean() + 0.05 < after.mean() < 0.95
