"""Fits of FSRS, HLR, ACT-R and DASH: gradients, recovery, and their warnings about a log."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import fsrs as py_fsrs
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from scipy.optimize import approx_fprime
from sklearn.metrics import roc_auc_score

from coursewright.data.log import in_order
from coursewright.data.readers.anki import read_anki
from coursewright.data.schema import as_schema
from coursewright.errors import InputError
from coursewright.fitting.judging.causality import peeks
from coursewright.fitting.judging.held_out import by_time
from coursewright.fitting.logistic.dash import DashModel
from coursewright.fitting.memory import act_r, hlr
from coursewright.fitting.memory.act_r import ActRModel
from coursewright.fitting.memory.fsrs import FsrsModel, Problem
from coursewright.fitting.memory.fsrs_slopes import whole
from coursewright.fitting.memory.hlr import HlrModel
from coursewright.fitting.memory.reviews import reviews_of
from coursewright.simulators.course import Course
from coursewright.simulators.logistic.das3h import Das3h
from coursewright.simulators.logistic.tables import read_das3h
from coursewright.simulators.memory.act_r import ActR
from coursewright.simulators.memory.fsrs import FIRST_GRADES, HIGHEST, LOWEST, WEIGHTS, Fsrs
from coursewright.simulators.memory.hlr import Hlr
from coursewright.simulators.memory.tables import read_act_r, read_fsrs, read_hlr
from places import DATA
from review_logs import GAPS, reviewed
from small_logs import coded

ANKI = DATA / "anki"
COURSE = Course.of(["x", "y"], items={"p": "x", "q": "x", "r": ["x", "y"]})
TRUE_WEIGHTS = np.clip(np.array(WEIGHTS) * np.random.default_rng(4).uniform(0.8, 1.25, 21), LOWEST, HIGHEST)
LEARNERS = {
    "fsrs": Fsrs(COURSE, TRUE_WEIGHTS.tolist(), same_day=0.8),
    "hlr": Hlr(COURSE, 1.2, -0.5, 0.3, (0.5, -0.5, 0.0), first=0.4),
    "act_r": ActR(COURSE, a=0.25, c=0.4, s=0.4, tau=-1.0, first=0.4),
}
MODELS = {"fsrs": FsrsModel(), "hlr": HlrModel(), "act_r": ActRModel(), "dash": DashModel()}
READERS = {"fsrs": read_fsrs, "hlr": read_hlr, "act_r": read_act_r, "dash": read_das3h}


@pytest.fixture(scope="module")
def fits():
    """Each model's log (DASH shares HLR's), and the fit to it."""
    logs = {name: reviewed(learners, 120, 25) for name, learners in LEARNERS.items()}
    logs["dash"] = logs["hlr"]
    return {name: (logs[name], model.fit(coded(logs[name]))) for name, model in MODELS.items()}


def log_of(rows, **more):
    learner, item, time, correct = zip(*rows, strict=True)
    columns = {"learner": learner, "item": item, "skills": [["s"]] * len(rows), "time": time}
    return in_order(as_schema(pa.table(columns | {"correct": pa.array(correct, pa.int8())} | more)))[0]


# Reviews


def test_reviews_are_regrouped() -> None:
    table = log_of(
        [("b", "j", 5.0, 1), ("a", "j", 1.0, 0), ("a", "i", 2.0, 1), ("a", "j", 4.5, 1), ("a", "j", 4.5, -1)]
    )
    reviews = reviews_of(coded(table))
    assert reviews.start.tolist() == [0, 1, 4, 5]
    assert [reviews.items[i] for i in reviews.item] == ["i", "j", "j", "j", "j"]
    assert reviews.gap.tolist() == [0.0, 0.0, 3.5, 0.0, 0.0]
    assert reviews.first.tolist() == [True, True, False, False, True]
    assert reviews.correct.tolist() == [1, 0, 1, -1, 1]
    assert reviews.in_rows(reviews.day).tolist() == table["time"].to_pylist()


def test_grades_come_from_the_log_where_it_has_them() -> None:
    rows = [("a", "i", float(t), correct) for t, correct in enumerate((0, 1, 1, 1, 1, 1, 0))]
    grade = pa.array([0.0, 1 / 3, 2 / 3, 1.0, None, 0.0, 1.0])
    table = log_of(rows, grade=grade)
    assert reviews_of(coded(table)).grade.tolist() == [1, 2, 3, 4, 3, 2, 1]
    assert reviews_of(coded(table), grades=False).grade.tolist() == [1, 3, 3, 3, 3, 3, 1]


# FSRS


def random_weights(seed):
    rng = np.random.default_rng(seed)
    return np.clip(np.array(WEIGHTS) * rng.uniform(0.6, 1.5, 21), np.array(LOWEST) + 1e-4, HIGHEST)


def nats_by_py_fsrs(table, w):
    """-ln P of the answers, over reviews a day or more after the last, by the published package."""
    scheduler = py_fsrs.Scheduler(w, learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    cards, total = {}, 0.0
    for row in table.to_pylist():
        key = (row["learner"], row["item"])
        # the same rounding: a gap may miss a whole day by a tenth of a millisecond
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=row["time"], microseconds=50)
        if key in cards:
            recalled = scheduler.get_card_retrievability(cards[key], now)
            if recalled < 1.0:
                total -= math.log(recalled if row["correct"] else 1.0 - recalled)
        rating = py_fsrs.Rating(1 + round(3 * row["grade"]))
        cards[key], _ = scheduler.review_card(cards.get(key, py_fsrs.Card(card_id=0)), rating, now)
    return total


def test_days_are_counted_by_midnights_where_the_calendar_counts() -> None:
    # Late on day 0, early on day 1 (a third of a day later), late on day 2, early on day 3, for two learners
    times = [0.9, 1.2, 2.9, 3.1]
    table = log_of([(who, "p", time, int(time < 3.0)) for who in "uv" for time in times])
    reviews = reviews_of(coded(table))
    assert whole(reviews.dates).tolist() == [0.0, 1.0, 1.0, 1.0] * 2
    assert whole(reviews.gap).tolist() == [0.0, 0.0, 1.0, 0.0] * 2
    by_hours, by_dates = (FsrsModel(calendar=calendar).fit(coded(table)) for calendar in (False, True))
    assert (by_hours.scored, by_dates.scored) == (2, 6)
    assert by_hours.predict(coded(table))[1] == by_hours.same_day
    assert by_dates.predict(coded(table))[1] != by_dates.same_day


@pytest.mark.parametrize("seed", [0, 1])
def test_loss_equals_py_fsrs(seed) -> None:
    gaps = np.array([0.125, 0.5, 1.0, 3.0, 9.0, 27.0])
    table = reviewed(LEARNERS["fsrs"], 12, 40, gaps=gaps)
    problem = Problem.of(reviews_of(coded(table)), pull=0.0, recency=False)
    w = random_weights(seed)
    assert problem.at(w)[0] == pytest.approx(nats_by_py_fsrs(table, w.tolist()), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_fsrs_gradient(fits, seed) -> None:
    problem = Problem.of(reviews_of(coded(fits["fsrs"][0])), pull=0.7, recency=bool(seed % 2))
    w = random_weights(seed)
    step = 1e-6 * np.maximum(w, 0.01)
    sides = [[problem.at(w + sign * row)[0] for row in np.diag(step)] for sign in (1.0, -1.0)]
    numeric = (np.array(sides[0]) - sides[1]) / (2 * step)
    found = problem.at(w)[1]
    assert (found != 0.0).all()
    np.testing.assert_allclose(found, numeric, rtol=2e-5, atol=2e-4 * np.abs(found).max())


def test_fsrs_recovers_the_weights_that_made_a_log() -> None:
    # w7, w12 and w18 are hardly told by any log, w10 hardly apart from w8: true and fixed at their defaults
    held = [7, 10, 12, 18]
    true = TRUE_WEIGHTS.copy()
    true[held] = np.array(WEIGHTS)[held]
    table = reviewed(replace(LEARNERS["fsrs"], weights=true.tolist()), 600, 50, seed=8)
    fitted = FsrsModel(fixed=held, pull=0.0, recency=False).fit(coded(table))
    assert fitted.converged
    free = np.setdiff1d(np.arange(21), held)
    z = (fitted.weights - true)[free] / fitted.standard_errors[free]
    assert np.abs(z).max() < 3.8, z  # normal quantile at .0027 / 17, two-sided
    # the truth is as likely as it should be: twice the difference is chi-squared
    problem = Problem.of(reviews_of(coded(table)), pull=0.0, recency=False)
    gain = 2 * (problem.at(true)[0] - problem.at(fitted.weights)[0])
    assert 0.0 < gain < stats.chi2.ppf(1 - 0.0027, len(free))
    # and some weights are told well
    assert (fitted.standard_errors < 0.21 * true)[[2, 4, 5, 6, 15, 16, 17, 20]].all()


def test_fsrs_fit_beats_the_defaults_and_keeps_what_is_fixed(fits) -> None:
    table, fitted = fits["fsrs"]
    problem = Problem.of(reviews_of(coded(table)), pull=1.0, recency=True)
    assert problem.at(fitted.weights)[0] < problem.at(np.array(WEIGHTS))[0] - 1.0
    some = FsrsModel(fixed=[0, 8, 20]).fit(coded(table)).weights
    assert (some == WEIGHTS)[[0, 8, 20]].all()
    assert (some != WEIGHTS).sum() > 10
    np.testing.assert_allclose(FsrsModel(pull=1e9).fit(coded(table)).weights, WEIGHTS, atol=1e-4)


def test_fsrs_says_what_a_log_does_not_tell(fits) -> None:
    table, _ = fits["fsrs"]
    without = FsrsModel(grades=False).fit(coded(table))
    # right is Good: no Hard and no Easy, neither at first (w1, w3) nor later (w15, w16)
    assert without.untold == (1, 3, 15, 16)
    assert "nothing of these weights, which stay as they were: w1, w3, w15, w16" in without.warnings()[0]
    assert np.isnan(without.standard_errors[[1, 3, 15, 16]]).all()
    few = FsrsModel().fit(coded(table.slice(0, 60)))
    assert any("mostly the defaults" in line for line in few.warnings())


def test_fsrs_describes_grades_and_days(fits) -> None:
    _, fitted = fits["fsrs"]
    np.testing.assert_allclose(fitted.first_grades, FIRST_GRADES, atol=4 * 0.5 / np.sqrt(300))
    assert fitted.same_day == pytest.approx(0.8, abs=4 * 0.4 / np.sqrt(200))
    assert sum(fitted.right_grades) == pytest.approx(1.0)


# Half-life regression


def test_hlr_loss_by_hand() -> None:
    # one item, right, then wrong after 2 days: x = (sqrt 2, 1, 1, 1); h of a wrong answer is 2 / log2 10^4
    table = log_of([("a", "i", 0.0, 1), ("a", "i", 2.0, 0)])
    w = np.array([0.5, -0.1, 0.2, 0.3])
    half_life = 2 ** (0.5 * math.sqrt(2) - 0.1 + 0.5)
    p = 2 ** (-2 / half_life)
    expected = (p - 0.0001) ** 2 + 0.01 * (half_life - 2 / math.log2(1e4)) ** 2
    error, _, predicted = hlr.walk(w, reviews_of(coded(table)), alpha=0.01)
    assert error == pytest.approx(expected, rel=1e-12)
    assert predicted.tolist() == pytest.approx([0.0, p])


@pytest.mark.parametrize("alpha", [0.0, 0.01])
def test_hlr_gradient(fits, alpha) -> None:
    reviews = reviews_of(coded(fits["hlr"][0]))
    w = np.array([0.7, -0.3, 0.4, 0.2, -0.3, 0.1])
    numeric = approx_fprime(w, lambda v: hlr.walk(v, reviews, alpha)[0], 1e-7)
    np.testing.assert_allclose(hlr.walk(w, reviews, alpha)[1], numeric, rtol=1e-4)


def test_hlr_recovers_half_lives() -> None:
    table = reviewed(LEARNERS["hlr"], 2_000, 25, gaps=GAPS[1:6], seed=3)
    fitted = HlrModel(ridge=1e-6).fit(coded(table))
    right, wrong, bias, *lexeme = fitted.weights
    # squared error on single answers is unbiased; bias and lexeme only count together
    assert (right, wrong) == pytest.approx((1.2, -0.5), abs=0.1)
    assert (bias + np.array(lexeme)).tolist() == pytest.approx([0.8, -0.2, 0.3], abs=0.15)
    assert fitted.first == pytest.approx(0.4, abs=4 * 0.49 / np.sqrt(5_000))


def test_hlr_without_lexemes(fits) -> None:
    fitted = HlrModel(lexeme=False).fit(coded(fits["hlr"][0]))
    assert not fitted.weights[3:].any()
    assert fitted.weights[:3].all()


# ACT-R


def test_act_r_gradient(fits) -> None:
    reviews = reviews_of(coded(fits["act_r"][0]))
    theta = np.array([0.3, 0.35, 0.5, -0.8])
    for history in (4, 32):
        numeric = approx_fprime(theta, lambda v, n=history: act_r.walk(v, reviews, 0.025, n)[0], 1e-7)
        np.testing.assert_allclose(act_r.walk(theta, reviews, 0.025, history)[1], numeric, rtol=1e-4)


def test_act_r_recovers_its_constants() -> None:
    table = reviewed(LEARNERS["act_r"], 2_000, 25, seed=5)
    fitted = ActRModel().fit(coded(table))
    assert fitted.converged
    reviews = reviews_of(coded(table))
    step = 1e-4 * np.eye(4)
    gradients = [[act_r.walk(fitted.theta + s * e, reviews, 0.025, 32)[1] for e in step] for s in (1, -1)]
    errors = np.sqrt(np.diag(np.linalg.inv((np.array(gradients[0]) - gradients[1]) / 2e-4)))
    z = (fitted.theta - [0.25, 0.4, 0.4, -1.0]) / errors
    assert (errors < [0.03, 0.05, 0.05, 0.1]).all(), errors
    assert np.abs(z).max() < 4.0, z


# All of them


@pytest.mark.parametrize("name", ["fsrs", "hlr", "act_r"])
def test_predictions_are_the_simulator_s_own_chances(fits, name) -> None:
    _, fitted = fits[name]
    chances: list = []
    table = reviewed(fitted.simulator(), 40, 30, seed=9, chances=chances)
    np.testing.assert_allclose(fitted.predict(coded(table)), chances[0], rtol=1e-9)


def test_dash_predicts_what_das3h_learners_with_items_as_skills_answer(fits) -> None:
    _, fitted = fits["dash"]
    simulator = fitted.simulator()
    assert isinstance(simulator, Das3h)
    assert simulator.course.skills == ("p", "q", "r")
    chances: list = []
    alike = replace(simulator, spread=0.0, memory=64)
    table = reviewed(alike, 40, 30, seed=9, gaps=np.array([0.02, 0.7, 5.0, 11.0]), chances=chances)
    without_learners = replace(fitted, linear=replace(fitted.linear, spread=0.0))
    # eight digits of each weight are simulated
    np.testing.assert_allclose(without_learners.predict(coded(table)), chances[0], rtol=1e-6)


def test_dash_shares_its_windows_between_items(fits) -> None:
    names = fits["dash"][1].estimates().names
    assert sum(name.startswith("easiness[") for name in names) == 3
    assert sum(name.startswith(("right_", "tried_")) for name in names) == 10


@pytest.mark.parametrize("name", MODELS)
def test_fits_rest_on_the_past_and_know_new_items(fits, name) -> None:
    table, fitted = fits[name]
    assert peeks(fitted, coded(table)) == []
    renamed = table.set_column(1, "item", pa.array([f"new {item}" for item in table["item"].to_pylist()]))
    p = fitted.predict(coded(renamed))
    assert (np.isfinite(p) & (p >= 0.0) & (p <= 1.0)).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_written_fit_is_read_back(fits, name, tmp_path) -> None:
    _, fitted = fits[name]
    fitted.write(tmp_path)
    written, read = fitted.simulator(), READERS[name](tmp_path)
    assert read.course.items == written.course.items
    assert np.array_equal(read.course.q_matrix, written.course.q_matrix)
    chances: list = []
    for simulator in (written, read):
        reviewed(simulator, 5, 20, chances=chances)
    assert np.array_equal(chances[0], chances[1])


def test_one_learner_with_one_history_can_be_fitted() -> None:
    answers = np.random.default_rng(0).random(40) < 0.7
    rows = [("a", "i", 2.0 * t, int(right)) for t, right in enumerate(answers)]
    for model in MODELS.values():
        p = model.fit(coded(log_of(rows))).predict(coded(log_of(rows)))
        assert (np.isfinite(p) & (p >= 0) & (p <= 1)).all()


def test_broken_tables_are_refused(fits, tmp_path) -> None:
    with pytest.raises(InputError, match="there is no such file or folder"):
        read_fsrs(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"holds no items\.csv; was it fitted by another kind"):
        read_fsrs(tmp_path)
    fits["hlr"][1].write(tmp_path)
    with pytest.raises(InputError, match=r"holds learners of kind 'hlr', not 'fsrs'"):
        read_fsrs(tmp_path)
    text = (tmp_path / "parameters.csv").read_text()
    (tmp_path / "parameters.csv").write_text(text.replace("\nbias,", "\nbias,x"))
    with pytest.raises(InputError, match=r"bias in .* must be a number"):
        read_hlr(tmp_path)
    (tmp_path / "parameters.csv").write_text(text.replace("\nbias,", "\nbiased,"))
    with pytest.raises(InputError, match="parameter = 'bias': no such name"):
        read_hlr(tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FsrsModel(fixed=[21]), "model.fixed = 21: must be numbers of weights, 0 to 20"),
        (lambda: FsrsModel(pull=-1.0), "model.pull"),
        (lambda: FsrsModel(iterations=0), "model.iterations"),
        (lambda: HlrModel(alpha=-1.0), "model.alpha"),
        (lambda: HlrModel(ridge=float("inf")), "model.ridge"),
        (lambda: ActRModel(h=0.0), "model.h"),
        (lambda: ActRModel(history=0), "model.history"),
        (lambda: DashModel(penalty=0.0), "model.penalty"),
        (
            lambda: FsrsModel().fit(coded(log_of([("a", "i", 0.0, 1), ("a", "i", 0.5, 0)]))),
            "a day or more after",
        ),
    ],
)
def test_what_is_refused(make, message) -> None:
    with pytest.raises(InputError, match=message):
        make()


# One person's reviews


@pytest.mark.skipif(not ANKI.is_dir(), reason=f"the Anki sample is not at {ANKI}")
def test_fitted_weights_predict_later_reviews_better_than_the_defaults() -> None:
    # the log has neither Hard nor Easy (but for one review), so that their weights stay fixed
    table = read_anki(next(ANKI.glob("*.csv.gz"))).table
    (fold,) = by_time(coded(table), 1)
    fitted = FsrsModel(fixed=[1, 3, 15, 16]).fit(coded(table.take(pa.array(fold.train))))
    reviews = reviews_of(coded(table))
    scored = fold.scored & (reviews.in_rows(whole(reviews.gap)) >= 1.0)
    right = table["correct"].to_numpy()[scored] == 1
    log_loss, auc = {}, {}
    for name, weights in (("fitted", fitted.weights), ("default", np.array(WEIGHTS))):
        p = replace(fitted, weights=weights).predict(coded(table))[scored]
        log_loss[name] = -np.mean(np.log(np.where(right, p, 1.0 - p)))
        auc[name] = roc_auc_score(right, p)
    # figures of README.md, on the last fifth of 12,580 reviews
    assert scored.sum() == 1_337
    assert log_loss["default"] == pytest.approx(0.4515, abs=5e-4)
    assert log_loss["fitted"] < log_loss["default"] - 0.0015
    assert auc["fitted"] > auc["default"]
