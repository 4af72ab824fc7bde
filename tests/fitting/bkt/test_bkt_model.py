"""BKT as a learner model: the kept skills, the files of its folder, and the shipped one."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from omegaconf import OmegaConf

import coursewright
from coursewright.data.log import learner_log
from coursewright.data.readers.ednet import read_ednet
from coursewright.data.synthetic import GUESS, LEARN, PRIOR, SKILLS, SLIP, simulate_log, synthetic_log
from coursewright.errors import InputError
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.folder import Trials, fit_model
from coursewright.fitting.judging.scores import comparison
from coursewright.scripts.making import warn_of_invented
from coursewright.simulators.folders import invents
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from places import DATA
from small_logs import coded

EDNET = DATA / "ednet"
COMMITTED = Path(coursewright.__file__).parent / "simulators" / "populations" / "bkt_ednet"
MODEL = BktModel(min_learners=100, n_skills=20)
FILES = (
    "card.md",
    "draws.csv",
    "estimates.csv",
    "items.csv",
    "parameters.csv",
    "population.json",
    "skills.csv",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("fit") / "bkt_made_up"
    return fit_model(synthetic_log(), out, MODEL, draws=20, command="make it")


def test_the_shipped_log_gives_back_what_it_was_made_with(made):
    kept = made.fitted.kept
    order = [SKILLS.index(name) for name in kept.skills]
    truth = np.stack([PRIOR, LEARN, np.zeros(5), GUESS, SLIP], axis=1)[order]
    within = np.abs(kept.theta - truth)[:, [0, 1, 3, 4]] / kept.standard_errors[:, [0, 1, 3, 4]]
    assert within.max() < 4.0
    assert kept.standard_errors[:, [0, 1, 3, 4]].max() < 0.06


def test_the_folder_holds_parameters_draws_and_card(made):
    assert sorted(path.name for path in made.folder.iterdir()) == sorted(FILES)
    kept = made.fitted.kept
    point = BktParameters.read(made.folder / "parameters.csv")
    draws = BktParameters.read(made.folder / "draws.csv")
    assert point.skills == draws.skills == kept.skills
    assert (point.n_draws, draws.n_draws) == (1, 20)
    assert point.prior == pytest.approx(kept.parameters.prior, rel=1e-5)
    with (made.folder / "parameters.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["learners"]) for row in rows] == kept.learners.tolist()
    assert float(rows[0]["slip_se"]) == pytest.approx(kept.standard_errors[0, 4], rel=1e-5)


def test_intervals_are_those_of_the_draws_in_the_folder(made):
    draws = BktParameters.read(made.folder / "draws.csv")
    at = made.doubt.names.index(f"learn[{draws.skills[1]}]")
    low, high = np.quantile(np.asarray(draws.learn)[:, 1], [0.025, 0.975])
    assert (made.doubt.low[at], made.doubt.high[at]) == pytest.approx((low, high), rel=1e-5)


def test_card_and_report_say_what_was_done(made):
    card = (made.folder / "card.md").read_text(encoding="utf-8")
    for part in (
        "# bkt_made_up",
        "`make it`",
        "MIT",
        "12,000 rows of 300 learners",
        "rows dropped: none",
        "20 resamples of whole learners (seed 0)",
    ):
        assert part in card
    item, bkt = made.scores["item difficulty"], made.scores["bkt"]
    assert f"{item.auc.mean():.3f} ± {item.auc.std(ddof=1):.3f}" in card
    for text in (card, made.report):
        assert comparison(bkt, item, "bkt") in text
    assert bkt.auc.mean() > item.auc.mean() + 0.05


def test_running_it_again_gives_identical_files_and_fewer_files_replace_more(made, tmp_path):
    again = fit_model(synthetic_log(), tmp_path / "bkt_made_up", MODEL, draws=20, command="make it")
    for name in FILES:
        assert (again.folder / name).read_bytes() == (made.folder / name).read_bytes()
    fit_model(synthetic_log(), again.folder, MODEL, draws=0)
    assert read_bkt(again.folder).draws is None  # those of the fit before have gone


def test_the_skills_with_most_learners_are_kept_in_the_logs_order():
    rows = simulate_log(n_learners=200, opportunities=6).to_pandas()
    number = rows["learner"].astype(int)
    skill = rows["skills"].str[0]
    left_out = ((skill == "equations") & (number >= 120)) | ((skill == "decimals") & (number >= 90))
    log = coded(learner_log(pa.Table.from_pandas(rows[~left_out], preserve_index=False), "made up").table)
    some = BktModel(min_learners=100, n_skills=10).fit(log)
    assert set(some.kept.skills) == set(SKILLS) - {"decimals"}
    assert some.kept.skills == tuple(sorted(some.kept.skills))
    assert some.simulator().course.n_items == 16
    assert "1 of 5 skills are left out: 4 have at least 100 learners, 4 of these" in some.warnings()[0]
    fewer = BktModel(min_learners=100, n_skills=3).fit(log)
    assert fewer.kept.skills == ("fractions", "percentages", "ratios")
    assert np.array_equal(fewer.predict(log), BktModel().fit(log).predict(log))  # all skills predict
    assert replace(fewer, settings=BktModel(by_skill=True)).simulator().course.items == fewer.kept.skills


def test_a_class_of_forty_is_asked_for_fewer_learners():
    few, many = (coded(simulate_log(n_learners=n, opportunities=6)) for n in (40, 210))
    assert BktModel(min_learners=None, n_skills=20).least(BktModel().fit(few).everything) == 20
    assert BktModel(min_learners=None, n_skills=20).least(BktModel().fit(many).everything) == 100
    assert len(BktModel(min_learners=None, n_skills=20).fit(few).kept.skills) > 0


def test_wrong_wishes_are_refused_before_anything_is_written(tmp_path):
    log = learner_log(simulate_log(n_learners=30), "made up")
    with pytest.raises(InputError, match=r"model.min_learners = 100: must be at most 30"):
        fit_model(log, tmp_path / "x", MODEL)
    with pytest.raises(InputError, match=r"model.n_skills = 0"):
        BktModel(n_skills=0)
    with pytest.raises(InputError, match="folds = 1: must be from 2 to the 30 learners"):
        fit_model(log, tmp_path / "x", BktModel(), draws=2, trials=Trials(folds=1))
    assert not (tmp_path / "x").exists()


def test_a_log_without_a_sound_skill_is_refused(tmp_path):
    columns = {
        "learner": np.repeat(np.arange(50).astype(str), 6),
        "item": ["i"] * 300,
        "skills": [["k"]] * 300,
        "time": np.tile(np.arange(6.0), 50),
        "correct": np.tile([1, 1, 1, 0, 0, 0], 50),
    }
    with pytest.raises(InputError, match="none has a sound fit"):
        fit_model(learner_log(pa.table(columns), "made up"), tmp_path / "x", MODEL, trials=Trials(min_rows=2))


def test_warnings_name_skills_and_kinds(made):
    poor = made.fitted.kept.subset(np.array([0, 1]))
    errors = poor.standard_errors.copy()
    errors[0, 0], errors[1, 1] = np.nan, 0.5
    troubled = replace(poor, standard_errors=errors, switched=np.array([True, False]))
    lines = replace(made.fitted, everything=troubled, chosen=np.arange(2)).warnings()
    assert len(lines) == 3
    assert lines[0].startswith("no standard error")
    assert lines[0].endswith(f"1 of 2 skills ({poor.skills[0]})")
    assert lines[1].endswith(f"1 of 2 skills ({poor.skills[1]})")
    assert lines[2].startswith("label switching")
    assert made.fitted.warnings() == []


def test_the_committed_ednet_folder_is_a_valid_simulator():
    point, draws = (BktParameters.read(COMMITTED / f"{name}.csv") for name in ("parameters", "draws"))
    assert (point.n_skills, point.n_draws, draws.n_draws) == (20, 1, 200)
    assert point.skills == draws.skills
    assert not np.asarray(point.forget).any()
    prior, learn = np.asarray(point.prior), np.asarray(point.learn)
    assert (np.maximum(point.guess, point.slip) < 0.5).all()
    assert ((prior > 0.01) & (prior < 0.99) & (learn > 0.005) & (learn < 0.9)).all()
    card = (COMMITTED / "card.md").read_text(encoding="utf-8")
    assert "CC BY-NC 4.0" in card
    assert "coursewright fit log=ednet" in card


def test_the_committed_population_is_marked_wherever_it_is_met(caplog):
    """The figures of the mark are those of the slow test below, which fits the population anew."""
    assert invents("bkt_ednet") == "learning and differences between learners"
    card = (COMMITTED / "card.md").read_text(encoding="utf-8")
    assert f"It invents {invents('bkt_ednet')}: unfit to train policies." in card
    root = COMMITTED.parents[3]
    described = (root / "coursewright" / "configs" / "simulator" / "bkt_ednet.yaml").read_text(
        encoding="utf-8"
    )
    for text in (described, (root / "README.md").read_text(encoding="utf-8")):
        assert "invent" in text
        assert "claims about people" in text
    warn_of_invented(OmegaConf.create({"folder": "bkt_ednet", "rho": 0.1}))
    assert "bkt_ednet: these learners invent learning and differences between learners" in caplog.text


@pytest.mark.slow
@pytest.mark.skipif(not EDNET.is_dir(), reason=f"the EdNet sample is not at {EDNET}")
def test_ednet_gives_the_reference_figures_and_the_committed_folder(tmp_path):
    command = "coursewright fit log=ednet log.path=FOLDER model.by_skill=true draws=200 out=bkt_ednet"
    model = BktModel(min_learners=None, n_skills=20, by_skill=True)
    made = fit_model(read_ednet(EDNET), tmp_path / "bkt_ednet", model, draws=200, command=command)
    assert made.scores["bkt"].auc.mean() >= 0.615
    assert made.scores["item difficulty"].auc.mean() == pytest.approx(0.656, abs=0.005)
    assert made.scores["item difficulty"].auc.std(ddof=1) == pytest.approx(0.012, abs=0.002)
    assert (made.scores["bkt"].learners, made.fitted.kept.learners.min()) == (474, 177)
    for name in ("parameters.csv", "draws.csv"):
        ours, committed = (BktParameters.read(folder / name) for folder in (made.folder, COMMITTED))
        assert ours.skills == committed.skills
        for field in ("prior", "learn", "guess", "slip"):
            assert getattr(ours, field) == pytest.approx(getattr(committed, field), abs=1e-4)
    assert (made.folder / "card.md").read_text() == (COMMITTED / "card.md").read_text()
    assert invents(made.folder) == invents("bkt_ednet")
    assert read_bkt(made.folder).course.hash == read_bkt("bkt_ednet").course.hash
