"""The mark of models that invent learning: when it is given, where it is written, who reads it."""

import json
import logging
from dataclasses import dataclass, replace

import numpy as np
import pytest
from omegaconf import OmegaConf

from coursewright.data.log import learner_log
from coursewright.data.synthetic import simulate_log
from coursewright.errors import InputError
from coursewright.fitting.folder import Trials, fit_model
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.invented import Invented, Trial, unseen_spread
from coursewright.fitting.judging.null_world import Gains
from coursewright.fitting.logistic.models import AfmModel, BestLrModel
from coursewright.fitting.model import Estimates
from coursewright.scripts.making import warn_of_invented
from coursewright.simulators.folders import invents_learning
from null_worlds import nobody_learns

NULL = Gains(np.array([0.2, 0.0, -0.1]), np.array([0.9, 0.8, np.nan]))
REAL = Gains(np.array([0.3, 0.1, np.nan]), np.array([0.5, 0.4, np.nan]))


@dataclass(frozen=True)
class Reluctant:
    """It can be fitted to the log alone."""

    name: str = "reluctant"

    def fit(self, log):
        raise InputError("model.fit = this: no")


@pytest.fixture(scope="module")
def trial():
    return Trial.of(nobody_learns("alike", 0), worlds=2)


@pytest.mark.parametrize(
    ("model", "unfit"), [(BestLrModel(individual=False), True), (AfmModel(items=True), False)]
)
def test_a_model_that_counts_without_intercepts_is_marked(trial, model, unfit):
    log = nobody_learns("alike", 0)
    found = trial.invented(model, model.fit(log))
    assert found.unfit is unfit
    assert found.facts == {"invents_learning": unfit}
    assert not found.left_out
    assert found.words.startswith("It invents learning: unfit" if unfit else "It invents no learning. Where")
    assert np.isfinite(found.real.gain).all()


def test_the_words_hold_all_figures():
    words = Invented(NULL, REAL).words
    assert words.startswith(
        "It invents learning: unfit to train policies. Where nobody learns, 50 practices of "
    )
    assert "by +0.200, +0.000, -0.100 (at most 0.03 either way; in the log: +0.300, +0.100, –)" in words
    assert words.endswith("by 0.90, 0.80, – in log odds (at most 0.15; in the log: 0.50, 0.40, –)")


def test_a_test_that_is_left_out_says_why_and_marks_nothing(trial):
    log = nobody_learns("alike", 0)
    item = ItemDifficultyModel()
    fitted = item.fit(log)
    few = log.take(np.flatnonzero(log.learner < 9))
    other = item.fit(replace(log, items=tuple(f"other {name}" for name in log.items)))

    class Strange:
        name = "strange"

        def fit(self, _):
            return other

    for found, reason in (
        (Trial.of(log, 0).invented(item, fitted), "worlds=0"),
        (Trial.of(few).invented(item, fitted), "learners: 9, and it takes 10 to tell how much they differ"),
        (trial.invented(Reluctant(), fitted), "the model cannot be fitted there (model.fit = this: no)"),
        (trial.invented(Strange(), other), "its learners know none of the skills that are practised most"),
    ):
        assert found.left_out == reason
        assert found.words == f"Null worlds, where nobody learns: left out; {reason}"
        assert not found.unfit
        assert not found.facts
    with pytest.raises(InputError, match=r"worlds = 1: must be 0 \(none\) or at least 2"):
        Trial.of(log, 1)


def test_a_spread_that_few_learners_cannot_show_is_warned_of():
    fitted = Estimates(("easiness[a]", "spread", "learn_sd"), np.array([0.3, 0.42, 0.0]))
    assert unseen_spread(fitted, 1) == [
        "learners differ (spread 0.42) as one learner cannot show: simulated ones may be anybody"
    ]
    assert "as 9 learners hardly show" in unseen_spread(fitted, 9)[0]
    assert unseen_spread(fitted, 10) == []
    assert unseen_spread(Estimates(("spread",), np.array([0.0])), 1) == []


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Fits to a log of 120 learners, by name."""
    log, home = learner_log(simulate_log(120, 6), "made up"), tmp_path_factory.mktemp("fits")
    models = {"old": BestLrModel(individual=False), "items": ItemDifficultyModel()}
    made = {
        name: fit_model(log, home / name, model, draws=0, trials=Trials(2, worlds=2))
        for name, model in models.items()
    }
    made["untested"] = fit_model(log, home / "untested", models["old"], draws=0, trials=Trials(2, worlds=0))
    return made


def test_fit_writes_the_mark_into_card_facts_and_report(folders):
    facts = {
        name: json.loads((made.folder / "population.json").read_text()).get("invents_learning")
        for name, made in folders.items()
    }
    assert facts == {"old": True, "items": False, "untested": None}
    card = (folders["old"].folder / "card.md").read_text(encoding="utf-8")
    assert "## Invented learning\n\nIt invents learning: unfit to train policies." in card
    assert "warning: It invents learning" in folders["old"].report
    assert (
        "## Invented learning\n\nIt invents no learning." in (folders["items"].folder / "card.md").read_text()
    )
    assert "left out; worlds=0." in (folders["untested"].folder / "card.md").read_text()
    assert "invents learning" not in folders["items"].report + folders["untested"].report


def test_train_warns_of_learners_who_invent_learning(folders, caplog):
    caplog.set_level(logging.WARNING)
    for name in ("items", "untested"):
        warn_of_invented(OmegaConf.create({"_target_": "x", "folder": str(folders[name].folder)}))
    warn_of_invented(OmegaConf.create({"_target_": "x", "folder": "bkt_v0"}))
    warn_of_invented(OmegaConf.create({"_target_": "x"}))
    assert not caplog.messages
    folder = str(folders["old"].folder)
    wrapped = {"_target_": "x", "learners": {"a": {"folder": "bkt_v0"}, "b": [{"folder": folder}]}}
    warn_of_invented(OmegaConf.create(wrapped))
    assert caplog.messages == [
        f"{folder}: these learners invent learning (see its card.md): a policy may live on it"
    ]
    assert invents_learning(folder)


@dataclass(frozen=True)
class Various:
    """Item difficulty that says of its learners that they differ."""

    name: str = "various"

    def fit(self, log):
        fitted = ItemDifficultyModel().fit(log)
        object.__setattr__(fitted, "estimates", lambda: Estimates(("spread",), np.array([0.42])))
        return fitted


def test_a_spread_from_one_learner_is_warned_of_in_card_and_report(tmp_path):
    log = replace(learner_log(simulate_log(1, 40), "made up"), min_group=1)
    made = fit_model(log, tmp_path / "one", Various(), draws=0)
    card = (made.folder / "card.md").read_text(encoding="utf-8")
    for text in (made.report, card):
        assert (
            "learners differ (spread 0.42) as one learner cannot show: simulated ones may be anybody" in text
        )
    assert "left out; learners: 1, and it takes 10 to tell how much they differ." in card
