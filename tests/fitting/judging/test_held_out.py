"""Held-out figures against scikit-learn, calibration against closed forms, and models that cheat."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hydra import initialize_config_module
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

import coursewright
from coursewright.data.log import learner_log
from coursewright.data.synthetic import simulate_log, synthetic_log
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.calibration import calibration, recalibration
from coursewright.fitting.judging.causality import peeks
from coursewright.fitting.judging.held_out import (
    HeldOut,
    Scored,
    by_fold,
    held_out,
    plan,
    resampled_figures,
    units,
)
from coursewright.fitting.judging.replay import replay
from coursewright.fitting.judging.scores import Score
from coursewright.scripts.making import learner_models
from small_logs import coded

MODELS = sorted(p.stem for p in (Path(coursewright.__file__).parent / "configs" / "model").glob("*.yaml"))


def made_up(n=4_000, learners=200, stretch=1.0, seed=0):
    """Calibrated predictions, then moved away from 1/2 by `stretch` on the logit scale."""
    rng = np.random.default_rng(seed)
    true = expit(rng.normal(0.3, 1.0, n))
    correct = (rng.random(n) < true).astype(np.int8)
    learner = np.sort(rng.integers(0, learners, n))
    return HeldOut(learner, rng.integers(0, 3, n), correct, expit(stretch * logit(true)))


def test_weighted_figures_equal_scikit_learns():
    held = made_up(500)
    p = np.round(held.p, 2)  # with ties
    weight = np.random.default_rng(1).integers(0, 3, 500).astype(float)
    for w in (weight, np.ones(500)):
        auc, loss, rmse = Scored.of(np.arange(500), held.correct, p).figures(w)
        assert auc == pytest.approx(roc_auc_score(held.correct, p, sample_weight=w), abs=1e-12)
        assert loss == pytest.approx(log_loss(held.correct, p, sample_weight=w), abs=1e-12)
        assert rmse == pytest.approx(np.sqrt(np.average((held.correct - p) ** 2, weights=w)), abs=1e-12)
    assert np.isnan(Scored.of(np.arange(3), np.ones(3, np.int8), p[:3]).figures()[0])


def test_folds_are_by_learner_and_every_answer_is_scored_once():
    log = synthetic_log().table
    short = pa.concat_tables([log, log.slice(0, 9).set_column(0, "learner", pa.array(["9999"] * 9))])
    log, seen = coded(short), []

    class Spy:
        name = "spy"

        def fit(self, train):
            self.inside = set(train.learners)
            return self

        def predict(self, test):
            assert not self.inside & set(test.learners)
            assert "9999" not in self.inside | set(test.learners)
            seen.extend(test.learners)
            return np.full(test.rows, 0.5)

    score = Score.of(held_out(log, Spy(), plan(log).folds))
    assert len(seen) == len(set(seen)) == score.learners == 300
    assert score.rows == short.num_rows - 9
    assert score.auc.tolist() == [0.5] * 5
    assert score.log_loss == pytest.approx(np.log(2))
    assert score.rmse == pytest.approx(0.5)


def test_rows_without_a_question_are_history_but_not_scored():
    whole = coded(synthetic_log().table)
    log = replace(whole, correct=np.where(np.arange(whole.rows) % 5 == 0, np.int8(-1), whole.correct))
    score = Score.of(held_out(log, ItemDifficultyModel(), plan(log, folds=3).folds))
    assert score.rows == (log.correct >= 0).sum()
    assert np.isfinite(score.auc).all()


def test_scores_equal_scikit_learns():
    log = coded(synthetic_log().table)
    held = held_out(log, ItemDifficultyModel(), plan(log, folds=2).folds)
    score = Score.of(held)
    parts = [(held.correct[held.fold == k], held.p[held.fold == k]) for k in range(2)]
    assert score.auc == pytest.approx([roc_auc_score(y, p) for y, p in parts], abs=1e-12)
    assert score.log_loss == pytest.approx([log_loss(y, p) for y, p in parts], abs=1e-12)
    assert by_fold(held)[:, 0].tolist() == score.auc.tolist()


def test_an_unseen_item_gets_the_intercept():
    log = synthetic_log().table
    unseen = log.slice(0, 2).set_column(1, "item", pa.array(["new", "newer"]))
    p = ItemDifficultyModel().fit(coded(log)).predict(coded(unseen))
    assert p[0] == p[1]
    assert 0.2 < p[0] < 0.9


def test_resamples_are_of_whole_learners_and_the_same_for_every_model():
    held = made_up(2_000, learners=40)
    copies = HeldOut(*(np.concatenate([column] * 4) for column in vars(held).values()))
    one, four = resampled_figures(held, 0, 200), resampled_figures(copies, 0, 200)
    assert four == pytest.approx(one)  # four times the rows of the same learners tell no more
    better = replace(held, p=np.where(held.correct == 1, 0.9, 0.1))
    assert (resampled_figures(better, 0, 50)[:, 0] == 1.0).all()
    single = HeldOut(np.zeros(2_000, int), *list(vars(held).values())[1:])
    assert (units(single.learner) == np.arange(2_000)).all()
    assert resampled_figures(single, 0, 100)[:, 0].std() > 0.003


def test_calibrated_predictions_are_found_calibrated():
    found = calibration(made_up(20_000, 500))
    assert found.slope[1] < 1.0 < found.slope[2]
    assert found.intercept[1] < 0.0 < found.intercept[2]
    assert found.answers.tolist() == [2_000] * 10
    inside = (found.low <= found.predicted) & (found.predicted <= found.high)
    assert inside.sum() >= 8


@pytest.mark.parametrize("stretch", [0.5, 2.0])
def test_a_miscalibrated_model_is_caught_by_its_slope(stretch):
    value, low, high = calibration(made_up(20_000, 500, stretch)).slope
    assert value == pytest.approx(1.0 / stretch, rel=0.06)
    assert not low <= 1.0 <= high


def test_recalibration_equals_unpenalised_logistic_regression():
    held = made_up(3_000, 100, 1.7)
    (slope, *_), (intercept, *_) = recalibration(held.correct.astype(float), held.p, held.unit)
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(held.p)[:, None], held.correct)
    assert (slope, intercept) == pytest.approx((theirs.coef_[0, 0], theirs.intercept_[0]), abs=1e-4)


def test_predictions_next_to_0_and_1_do_not_lead_the_slope_astray():
    held = made_up(3_000, 100)
    sure = np.arange(3_000) % 50 == 0
    p = np.where(sure, np.where(np.arange(3_000) % 100 == 0, 1e-6, 1.0 - 1e-6), held.p)
    (slope, *_), (intercept, *_) = recalibration(held.correct.astype(float), p, held.unit)
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(p)[:, None], held.correct)
    assert (slope, intercept) == pytest.approx((theirs.coef_[0, 0], theirs.intercept_[0]), abs=1e-4)
    perfect = np.where(held.correct == 1, 0.9, 0.1)
    assert np.isnan(recalibration(held.correct.astype(float), perfect, held.unit)[0][0])


def test_errors_count_learners_rather_than_their_responses():
    held = made_up(1_000, 1_000)
    copies = HeldOut(*(np.repeat(column, 5) for column in vars(held).values()))
    one, five = calibration(held), calibration(copies)
    assert five.slope == pytest.approx(one.slope)
    assert five.high - five.low == pytest.approx(one.high - one.low, rel=0.1)
    # A sandwich error of independent responses is the classic one, from the observed information.
    x = np.stack([np.ones(1_000), logit(held.p)], axis=1)
    p = expit(x @ [one.intercept[0], one.slope[0]])
    classic = np.sqrt(np.linalg.inv(x.T @ (x * (p * (1 - p))[:, None]))[1, 1])
    assert (one.slope[2] - one.slope[0]) / 1.959964 == pytest.approx(classic, rel=0.1)


def test_predictions_that_do_not_vary_have_no_slope():
    held = made_up(500)
    found = calibration(replace(held, p=np.full(500, 0.6)))
    assert np.isnan(found.slope[0])
    assert found.observed.tolist() == pytest.approx([held.correct.mean()])


@dataclass(frozen=True)
class Cheat:
    """Predicts well, by means that nobody has who teaches."""

    kind: str

    def predict(self, log):
        learner, correct = log.learner, log.correct
        if self.kind == "answer":
            return 0.5 + 0.1 * correct
        if self.kind == "grade":
            return 0.5 + 0.1 * log.grade
        if self.kind == "assisted":
            return 0.5 + 0.1 * log.assisted
        if self.kind == "later":
            return 0.5 + 0.1 * np.append(correct[1:], 0)
        if self.kind == "length":
            return 1.0 / np.bincount(learner)[learner]
        if self.kind == "others":
            return np.full(len(correct), 0.9 - 0.001 * len(log.learners))
        before = np.append(0, np.cumsum(correct)[:-1])  # honest: right answers so far
        return 0.2 + 0.01 * (before - np.append(0, np.cumsum(correct))[log.start[learner]])


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("answer", "outcome of that row"),
        ("grade", "outcome of that row"),
        ("assisted", "outcome of that row"),
        ("later", "outcome of that row or of later ones"),
        ("length", "later rows are left out"),
        ("others", "other learners are left out"),
    ],
)
def test_a_model_that_peeks_is_caught(kind, words):
    log = simulate_log(20, 3)
    log = log.append_column("grade", pa.array(log["correct"].to_numpy().astype(float)))
    assert any(words in line for line in peeks(Cheat(kind), coded(learner_log(log, "").table)))


def test_an_honest_model_does_not_peek():
    assert peeks(Cheat("none"), coded(synthetic_log().table)) == []


@pytest.fixture(scope="module")
def models():
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        return learner_models(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_no_model_peeks_and_all_can_be_simulated(name, models):
    """Every model of configs/model predicts from the learner's own past alone, and its learners answer."""
    model = models[name]
    if hasattr(model, "epochs"):
        model = replace(model, epochs=1)
    if hasattr(model, "min_learners"):
        model = replace(model, n_skills=None)  # of 30 learners
    log = learner_log(simulate_log(30, 4), "").table
    fitted = model.fit(coded(log))
    assert peeks(fitted, coded(log)) == []
    p = fitted.predict(coded(log))
    assert ((p > 0.0) & (p < 1.0)).all()
    assert (replay([fitted.simulator()], coded(log), 2) >= 0).all()


def test_bkt_as_a_model_predicts_as_its_fit_does():
    log = synthetic_log().table
    fitted = BktModel(forgetting=True).fit(coded(log))
    names, values = fitted.estimates()
    assert len(names) == len(values) == 25
    assert (
        values[names.index("slip[ratios]")]
        == fitted.everything.theta[fitted.everything.skills.index("ratios"), 4]
    )
    assert fitted.simulator().forgetting == "opportunity"
    assert fitted.simulator().course.n_items == 20
