"""Small groups: what too few learners met is pooled in all that is made of a log."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from coursewright.data.log import learner_log
from coursewright.data.readers.ednet import read_ednet
from coursewright.errors import InputError
from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.folder import Trials, fit_model
from coursewright.fitting.groups import distinct, grouped
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.held_out import held_out, plan
from coursewright.fitting.judging.scores import Score
from coursewright.fitting.logistic.dash import DashModel
from coursewright.fitting.logistic.models import AfmModel, BestLrModel, Das3hModel, IrtModel, PfaModel
from coursewright.fitting.logistic.practice import PracticeModel
from coursewright.fitting.memory.hlr import HlrModel
from coursewright.fitting.neural.training import NeuralModel
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.lists import unpack
from coursewright.simulators.logistic.tables import read_irt
from small_logs import coded, uneven_log

EDNET = Path(__file__).parents[3] / "shared" / "data" / "ednet"
NEVER_WORSE = 0.005
MODELS = {
    "item_difficulty": ItemDifficultyModel(),
    "irt": IrtModel(),
    "best_lr": BestLrModel(),
    "das3h": Das3hModel(),
    "dash": DashModel(),
    "afm": AfmModel(items=True),
    "pfa": PfaModel(items=True),
    "hlr": HlrModel(),
    "gru": NeuralModel(epochs=8, hidden=16, width=16),
}

QUICK = ("item_difficulty", "irt", "dash", "hlr")


def log_of(rows):
    """A log of (learner, item, skills) with answers drawn at random, a minute apart."""
    chance = np.random.default_rng(0)
    learner, item, skills = zip(*rows, strict=True)
    columns = {"learner": learner, "item": item, "skills": skills, "time": np.arange(len(rows)) / 1440.0}
    return learner_log(
        pa.table({**columns, "correct": chance.integers(0, 2, len(rows)).astype(np.int8)}), "x"
    )


def meetings(item, skills, learners):
    return [(f"p{number}", item, skills) for number in learners]


COMMON = [
    *meetings("a1", ["a"], range(12)),
    *meetings("b1", ["b"], range(12)),
    *meetings("ab", ["a", "b"], range(12)),
]


def named(log):
    """The items and skills that are called by name, and the skills that the course says each item needs."""
    course = course_of(log)
    needs = [tuple(course.skills[k] for k in needed) for needed in unpack(course.needs)]
    return dict(zip(course.items, needs, strict=True))


def test_rare_items_of_a_skill_become_one():
    rows = [*COMMON, *meetings("r1", ["a"], range(6)), *meetings("r2", ["a"], range(6, 11))]
    groups = grouped(Coded.of(log_of(rows)), 10)
    assert named(groups.log) == {"a1": ("a",), "ab": ("a", "b"), "b1": ("b",), "others of a (2)": ("a",)}
    assert groups.words == "2 items met by fewer than 10 learners each became 1"
    assert len(set(groups.log.exact.tolist())) == 5  # a model may still tell them apart
    assert groups.log.rows == len(rows)


def test_rare_items_join_those_with_the_same_skills_or_with_one_of_them():
    both = [*meetings("r1", ["a", "b"], range(6)), *meetings("r2", ["a", "b"], range(6, 12))]
    assert "others of a + b (2)" in named(grouped(Coded.of(log_of([*COMMON, *both])), 10).log)
    mixed = [*meetings("r1", ["a", "b"], range(6)), *meetings("r2", ["a"], range(6, 12))]
    course = named(grouped(Coded.of(log_of([*COMMON, *mixed])), 10).log)
    assert course["others of a (2)"] == ("a",)


def test_a_pool_that_is_too_small_is_left_out_and_counted():
    rows = [*COMMON, *meetings("r1", ["a"], range(3)), *meetings("r2", ["a"], range(3))]
    groups = grouped(Coded.of(log_of(rows)), 10)
    assert list(named(groups.log)) == ["a1", "ab", "b1"]
    assert groups.words == "6 rows left out, of what fewer than 10 learners met even together"


def test_rare_skills_become_one_too():
    rows = [*COMMON, *meetings("r1", ["s1"], range(6)), *meetings("r2", ["s2"], range(6, 12))]
    groups = grouped(Coded.of(log_of(rows)), 10)
    assert named(groups.log)["others (2)"] == ("others (2)",)
    assert groups.log.skills == ("a", "b", "others (2)")
    alone = grouped(Coded.of(log_of([*COMMON, *meetings("a1", ["a", "s1"], range(3))])), 10)
    assert alone.log.skills == ("a", "b")  # the rows stay: they have another skill
    assert (alone.rows, alone.lost) == (0, 1)


def test_what_is_left_out_may_make_others_rare():
    """Without the rows of its only item alone, skill c is rare; and so is the item that has it beside a."""
    rows = [*COMMON, *meetings("c1", ["c"], range(9)), *meetings("ac", ["a", "c"], [9])]
    groups = grouped(Coded.of(log_of(rows)), 10)
    assert list(named(groups.log)) == ["a1", "ab", "b1"]
    assert (groups.rows, groups.lost) == (10, 1)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_has_a_name_was_met_by_enough_learners(seed):
    chance = np.random.default_rng(seed)
    skills = [f"s{k}" for k in range(9)]
    of_item = {f"i{k}": list(chance.choice(skills, chance.integers(1, 4), replace=False)) for k in range(60)}
    share = chance.dirichlet(np.full(60, 0.4))
    rows = [(f"p{p}", i, of_item[i]) for p in range(40) for i in chance.choice(list(of_item), 8, p=share)]
    log = Coded.of(log_of(rows))
    for least in (2, 5, 10):
        groups = grouped(log, least)
        found = groups.log
        assert (distinct(found.learner, found.item, len(found.items)) >= least).all()
        met = distinct(found.learner[found.row_of_need], found.needs.values, len(found.skills))
        assert (met >= least).all()
        assert found.rows + groups.rows == log.rows
        course = course_of(found)  # which refuses an item without a skill
        assert all(set(needs) == set(found.pooled.get(item, needs)) for item, needs in named(found).items())
        assert course.items == found.items


def test_a_log_of_few_learners_names_the_remedy():
    rows = meetings("a1", ["a"], range(3))
    with pytest.raises(InputError, match=r"min_group = 10: must be at most 3, .* say min_group=1"):
        grouped(Coded.of(log_of(rows)), 10)
    assert "everything is named" in grouped(Coded.of(log_of(rows)), 1).words
    with pytest.raises(InputError, match=r"min_group = 0"):
        grouped(Coded.of(log_of(rows)), 0)


def test_a_name_that_the_log_has_already_is_not_given_twice():
    taken = meetings("others of a (2)", ["a"], range(12))
    rows = [*COMMON, *taken, *meetings("r1", ["a"], range(6)), *meetings("r2", ["a"], range(6, 12))]
    items = grouped(Coded.of(log_of(rows)), 10).log.items
    assert {"others of a (2)", "others of a (2)*"} <= set(items)


def many_items(learners=120, items=400, answers=40):
    """Rasch learners on so many items that few learners meet most of them, as in EdNet."""
    chance = np.random.default_rng(3)
    share = 1.0 / np.arange(1, items + 1) ** 1.1
    ability, easiness = chance.normal(0, 1, learners), chance.normal(0.3, 1, items)
    who = np.repeat(np.arange(learners), answers)
    item = chance.choice(items, len(who), p=share / share.sum())
    right = chance.random(len(who)) < 1 / (1 + np.exp(-ability[who] - easiness[item]))
    columns = {
        "learner": [f"p{n}" for n in who],
        "item": [f"i{n}" for n in item],
        "skills": [[f"s{n % 6}"] for n in item],
        "time": np.tile(np.arange(answers) * 0.4, learners),
        "correct": right.astype(np.int8),
    }
    return learner_log(pa.table(columns), "made up", "free")


def aucs(log, model, folds=2):
    """The mean AUC of the fit that names every item, and of the one that pools the rare ones."""
    whole = Coded.of(log)
    parts = (whole, grouped(whole, 10).log)
    return [float(Score.of(held_out(one, model, plan(one, folds).folds)).auc.mean()) for one in parts]


@pytest.mark.parametrize(
    "name", [name if name != "gru" else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_pooling_hardly_costs_prediction(name):
    log = many_items()
    pooled = grouped(Coded.of(log), 10)
    assert pooled.items > 250, "most items are rare"
    every, few = aucs(log, MODELS[name])
    assert few > every - NEVER_WORSE, (every, few)


@pytest.mark.slow
@pytest.mark.skipif(not EDNET.is_dir(), reason="the EdNet sample is not here")
@pytest.mark.parametrize("name", ["item_difficulty", "irt", "best_lr"])
def test_pooling_hardly_costs_prediction_on_ednet(name):
    every, few = aucs(read_ednet(EDNET), MODELS[name])
    assert few > every - NEVER_WORSE, (every, few)


def test_a_pooled_item_has_the_mean_of_what_it_stands_for():
    log = grouped(Coded.of(many_items()), 10).log
    fitted = IrtModel().fit(log)
    item, hidden = fitted.linear.parts[0], fitted.linear.parts[-1]
    code, n = log.finest[0], len(log.items)
    for pool in log.pooled:
        inside = log.item == log.items.index(pool)
        assert abs(hidden.own[code[inside] - n, 0].mean()) < 1e-9
    assert item.names == log.items
    assert not [name for name in fitted.estimates().names if "\0" in name]
    assert fitted.simulator().course.items == log.items


def test_a_folder_says_what_is_pooled_and_under_which_licence(tmp_path):
    log = many_items()
    fit_model(log, tmp_path / "mine", IrtModel(), draws=0, trials=Trials(folds=2, worlds=0))
    card = (tmp_path / "mine" / "card.md").read_text()
    assert "items met by fewer than 10 learners each became 6" in card
    assert "**Licence**: free." in card
    assert json.loads((tmp_path / "mine" / "population.json").read_text())["licence"] == "free"
    assert read_irt(tmp_path / "mine").course.licence == "free"
    assert (tmp_path / "mine").stat().st_mode & 0o077
    own = replace(log, min_group=1, licence=None)
    made = fit_model(own, tmp_path / "own", IrtModel(), draws=0, trials=Trials(folds=2, worlds=0))
    assert "min_group=1: everything is named" in made.report
    assert "min_group=1: everything is named" in (tmp_path / "own" / "card.md").read_text()
    assert read_irt(tmp_path / "own").course.licence == "unknown"
    assert (tmp_path / "own").stat().st_mode & 0o077 == 0, "one's own answers are one's own"


def test_shipped_populations_tell_the_licence_of_their_log():
    assert read_bkt("bkt_ednet").course.licence.startswith("derived from CC BY-NC 4.0 data (EdNet")
    assert read_bkt("bkt_v0").course.licence is None  # no log stands behind it


def test_single_learners_answers_stay_out_of_a_folder():
    log = grouped(Coded.of(many_items(20, 20, 12)), 10).log
    with pytest.raises(InputError, match=r"model.sessions = True: must be false.*min_group=1"):
        NeuralModel(sessions=True, epochs=1).fit(log)


@pytest.mark.parametrize("model", [BestLrModel(), PracticeModel()], ids=["best_lr", "practice"])
def test_a_pool_that_is_met_again_is_no_item_met_again(model) -> None:
    """A learner meets a pool many times and its items seldom: counts of the pool would pile up in replays."""
    log = grouped(coded(uneven_log()), 190).log
    assert len(log.items) > len(log.pooled) > 0
    learners = model.fit(log).simulator()
    counted = learners.weights[learners.course.n_skills :][: learners.course.n_items]
    pool = np.array([name in log.pooled for name in learners.course.items])
    assert not counted[pool].any()
    assert learners.course.difficulty[pool].all()
    assert counted[~pool].any(axis=1).all()
