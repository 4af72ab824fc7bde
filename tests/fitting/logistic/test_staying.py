"""Staying on: long records go with ability in a fit, in its folder and in replays, and in no prediction."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from coursewright.errors import InputError
from coursewright.fitting.coded import Coded
from coursewright.fitting.judging.causality import peeks
from coursewright.fitting.judging.replay import replay
from coursewright.fitting.logistic.fitted import LogisticFit
from coursewright.fitting.logistic.models import AfmModel, BestLrModel, PfaModel
from coursewright.fitting.logistic.practice import PracticeModel
from coursewright.simulators.logistic.selection import NONE
from coursewright.simulators.logistic.tables import read_logistic
from learners import enrolled
from null_worlds import invented, nobody_learns

# In the world of `nobody_learns("stay", ...)` ln rows = ln 60 + .6 theta + N(0, .4²), theta ~ N(0, 1).
SLOPE = 0.6 / (0.6**2 + 0.4**2)


@cache
def fitted() -> LogisticFit:
    return PracticeModel().fit(nobody_learns("stay", 0))


def test_slope_and_spread_of_those_who_stay_are_found() -> None:
    linear = fitted().linear
    assert linear.selection.slope == pytest.approx(SLOPE, abs=0.12)
    assert linear.selection.mean == pytest.approx(np.log(60.0), abs=0.1)
    assert linear.selection.sd == pytest.approx(np.hypot(0.6, 0.4), abs=0.08)
    assert linear.spread == pytest.approx(1.0, abs=0.1)
    estimates = fitted().estimates()
    assert estimates.values[estimates.names.index("staying")] == linear.selection.slope


def test_a_first_prediction_is_that_of_any_learner() -> None:
    log = nobody_learns("stay", 1)
    p, first = fitted().predict(log), log.start[:-1]
    item, skill = (fitted().linear.parts[k] for k in (1, 0))
    level = skill.of("easiness")[0] + item.of("easiness") + (skill.of("easiness") - skill.of("easiness")[0])
    z, w = np.polynomial.hermite_e.hermegauss(41)
    odds = level[log.item[first], None] + fitted().linear.spread * z
    np.testing.assert_allclose(p[first], (1.0 / (1.0 + np.exp(-odds))) @ w / w.sum(), atol=1e-4)


def test_a_prediction_does_not_see_how_long_a_learner_stays() -> None:
    assert peeks(fitted(), nobody_learns("stay", 1)) == []


@dataclass
class SeesLength:
    """The same fit, but its predictions know how long the whole record is."""

    honest: Any

    def predict(self, log: Coded) -> np.ndarray:
        p, rows = self.honest.predict(log), np.diff(log.start)[log.learner]
        return 1.0 / (1.0 + (1.0 - p) / p * np.exp(-self.honest.linear.selection.expected(rows)))


def test_a_prediction_that_sees_it_is_caught() -> None:
    found = peeks(SeesLength(fitted()), nobody_learns("stay", 1))
    assert found == ["the prediction of a row changes when the learner's later rows are left out"]


def test_the_folder_keeps_who_stays_and_teaching_takes_everybody(tmp_path) -> None:
    fitted().write(tmp_path)
    read, made = read_logistic(tmp_path), fitted().simulator()
    assert read.selection == made.selection
    assert read.selection.slope == pytest.approx(fitted().linear.selection.slope, rel=1e-7)
    theta = enrolled(read, range(20_000))[0].theta
    assert theta.std() == pytest.approx(fitted().linear.spread, rel=0.03)
    assert theta.mean() == pytest.approx(0.0, abs=0.03)


def test_replayed_learners_stay_as_the_logs_do() -> None:
    log = nobody_learns("stay", 0)
    answers = replay([fitted().simulator()], log, replicates=8)
    rows = np.diff(log.start)
    length = np.log(rows) - np.log(rows).mean()

    def slope(correct: np.ndarray) -> float:
        return float(np.polyfit(length, np.add.reduceat(correct, log.start[:-1]) / rows, 1)[0])

    simulated = [slope(correct.astype(float)) for correct in answers]
    assert slope(log.correct.astype(float)) == pytest.approx(np.mean(simulated), abs=0.02)
    blind = replay([PracticeModel(staying=False).fit(log).simulator()], log, replicates=8)
    assert np.mean([slope(correct.astype(float)) for correct in blind]) < np.mean(simulated) / 2


def test_equal_records_tell_nothing_and_the_fit_says_so(tmp_path) -> None:
    alike = PracticeModel().fit(nobody_learns("alike", 0))
    assert alike.linear.selection == NONE
    assert "staying: all learners have as many rows" in "\n".join(alike.warnings())
    assert "staying" not in alike.estimates().names
    alike.write(tmp_path)
    assert (tmp_path / "learners.csv").read_text().startswith("who,spread,raw\n")


@pytest.mark.parametrize("make", [PfaModel, BestLrModel])
def test_learners_who_are_alike_have_no_ability_to_go_with_length(make) -> None:
    with pytest.raises(InputError, match=r"model.staying = True: must be false where"):
        make(individual=False, staying=True)


@pytest.mark.parametrize("model", [AfmModel(staying=True), PfaModel(staying=True), BestLrModel(staying=True)])
def test_other_models_take_staying_as_an_option(model) -> None:
    found = model.fit(nobody_learns("stay", 0)).simulator().selection
    assert found.slope == pytest.approx(SLOPE, abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("staying", [True, False])
def test_staying_is_no_learning(staying) -> None:
    """Nobody learns and the able stay: a fit that knows invents nothing, and one that does not, learning."""
    gain, spread = np.split(invented(PracticeModel(staying=staying), "stay").mean(axis=0), [3])
    assert (np.abs(gain).max() <= 0.03) == staying
    assert spread <= 0.15
