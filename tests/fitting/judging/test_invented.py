"""The mark of models that invent learning: when it is given, where it is written, who reads it."""

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
from coursewright.fitting.judging.verdict import Measured
from coursewright.fitting.logistic.models import AfmModel, BestLrModel, PfaModel
from coursewright.fitting.model import Estimates
from coursewright.scripts.making import warn_of_invented
from coursewright.simulators.folders import invents
from null_worlds import nobody_learns

SCATTER = np.array([-0.01, 0.0, 0.01])[:, None]  # standard error .0058, half the interval .0248
NULL = Measured.of(
    Gains(np.array([0.2, 0.0, -0.1]) + SCATTER, np.array([0.9, 0.8, np.nan]) + SCATTER),
)
REAL = Gains(np.array([0.3, 0.1, np.nan]), np.array([0.5, 0.4, np.nan]))


@dataclass(frozen=True)
class Reluctant:
    """It can be fitted to the log alone."""

    name: str = "reluctant"

    def fit(self, log):
        raise InputError("model.fit = this: no")


@pytest.fixture(scope="module")
def trial():
    return Trial.of(nobody_learns("alike", 0), worlds=4)


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        (BestLrModel(individual=False), "learning, forgetting and differences between learners"),
        (AfmModel(items=True), "cannot tell"),
        (ItemDifficultyModel(), "nothing"),
    ],
)
def test_a_model_that_counts_without_intercepts_is_marked(trial, model, verdict):
    log = nobody_learns("alike", 0)
    found = trial.invented(model, model.fit(log))
    assert found.verdict == verdict
    assert found.unfit == isinstance(model, BestLrModel)
    assert found.facts == {"invents": verdict}
    assert not found.left_out
    begin = {
        "nothing": "It invents no learning. ",
        "cannot tell": "This log cannot tell if it invents learning. ",
    }
    assert found.words.startswith(begin.get(verdict, f"It invents {verdict}: unfit to train policies"))
    assert np.isfinite(found.real.gain).all()


def test_the_words_hold_all_figures():
    words = Invented(NULL, REAL).words
    assert words.startswith(
        "It invents learning, forgetting and differences between learners: unfit to train policies. Where "
        "nobody learns, 50 practices of "
    )
    assert (
        "by +0.200 ± 0.006, +0.000 ± 0.006, -0.100 ± 0.006 (bound 0.03 either way; in the log: +0.300, "
        "+0.100, –)" in words
    )
    assert "by 0.90 ± 0.01, 0.80 ± 0.01, – in log odds (bound 0.15; in the log: 0.50, 0.40, –)" in words
    assert words.endswith("± is the standard error over worlds")


def test_a_log_that_cannot_tell_marks_nothing_and_says_how_to_learn_more():
    wide = Measured.of(Gains(np.array([[0.1] * 3, [-0.1] * 3]), np.zeros((2, 3))))
    found = Invented(wide, REAL)
    assert not found.unfit
    assert found.facts == {"invents": "cannot tell"}
    assert found.words.endswith("Some 95 % interval holds its bound: more worlds (worlds=) narrow it")


@pytest.mark.parametrize("model", [BestLrModel(individual=False), PfaModel(individual=False)])
def test_a_form_that_is_known_to_invent_learning_is_marked_without_worlds(model):
    log = nobody_learns("alike", 0)
    few = log.take(np.flatnonzero(log.learner < 9))
    for found in (
        Trial.of(log, 0).invented(model, model.fit(log)),
        Trial.of(few).invented(model, model.fit(few)),
    ):
        assert found.unfit
        assert found.facts == {"invents": "learning"}
        assert found.words.startswith(
            "It invents learning: unfit to train policies (learners fitted as alike, whose counts stand for "
            "how able they are (docs/recovery.md)). Null worlds, where nobody learns: left out; "
        )
    plain = replace(model, individual=True)
    assert Trial.of(log, 0).invented(plain, plain.fit(log)).facts == {"invents": "not measured"}


def test_clear_figures_count_more_than_the_form(trial):
    log = nobody_learns("alike", 0)
    fit = Measured.of(Gains(np.zeros((2, 3)), np.zeros((2, 3))))
    assert Invented(fit, REAL, proxy="a form").verdict == "nothing"
    assert Invented(fit, REAL, proxy="a form").words.startswith("It invents no learning. Where")
    found = trial.invented(BestLrModel(individual=False), BestLrModel(individual=False).fit(log))
    assert "forgetting" in found.verdict


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
        assert found.facts == {"invents": "not measured"}
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
        name: fit_model(log, home / name, model, draws=0, trials=Trials(2, worlds=4))
        for name, model in models.items()
    }
    made["untested"] = fit_model(log, home / "untested", BestLrModel(), draws=0, trials=Trials(2, worlds=0))
    made["form"] = fit_model(log, home / "form", models["old"], draws=0, trials=Trials(2, worlds=0))
    made["untold"] = fit_model(log, home / "untold", BestLrModel(), draws=0, trials=Trials(2, worlds=2))
    return made


def test_fit_writes_the_mark_into_card_facts_and_report(folders):
    """Card, file, report and `train` say the same, whether worlds were made or not."""
    found = {name: invents(made.folder) for name, made in folders.items()}
    assert found == {
        "old": "learning", "items": "nothing", "form": "learning",
        "untested": "not measured", "untold": "cannot tell",
    }  # fmt: skip
    cards = {name: (made.folder / "card.md").read_text(encoding="utf-8") for name, made in folders.items()}
    for name, begin in (
        ("old", "It invents learning: unfit to train policies (learners fitted as alike"),
        ("form", "It invents learning: unfit to train policies (learners fitted as alike"),
        ("items", "It invents no learning. Where"),
        ("untold", "This log cannot tell if it invents learning. Where"),
        ("untested", "Null worlds, where nobody learns: left out; worlds=0."),
    ):
        assert f"## Invented learning\n\n{begin}" in cards[name]
        unfit = name in ("old", "form")
        assert ("warning: It invents" in folders[name].report) == unfit
        assert begin in folders[name].report
        assert ("unfit to train" in cards[name]) == unfit


def test_train_warns_of_learners_who_invent_learning(folders, caplog):
    caplog.set_level(logging.INFO)
    warn_of_invented(OmegaConf.create({"_target_": "x", "folder": str(folders["items"].folder)}))
    warn_of_invented(OmegaConf.create({"_target_": "x", "folder": "bkt_v0"}))
    warn_of_invented(OmegaConf.create({"_target_": "x"}))
    assert not caplog.messages
    named = ("old", "form", "untold", "untested")
    folder, form, untold, untested = (str(folders[name].folder) for name in named)
    wrapped = {"_target_": "x", "learners": {"a": {"folder": "bkt_v0"}, "b": [{"folder": folder}]}}
    warn_of_invented(OmegaConf.create(wrapped))
    warn_of_invented(OmegaConf.create({"folder": form}))
    warn_of_invented(OmegaConf.create({"folder": untold}))
    warn_of_invented(OmegaConf.create({"folder": untested}))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"{folder}: these learners invent learning (see its card.md): a policy may live on it"),
        ("WARNING", f"{form}: these learners invent learning (see its card.md): a policy may live on it"),
        ("INFO", f"{untold}: the log cannot tell if these learners invent learning (see its card.md)"),
        ("INFO", f"{untested}: nobody measured if these learners invent learning (see its card.md)"),
    ]


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
