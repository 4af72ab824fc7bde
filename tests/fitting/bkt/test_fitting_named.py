"""From a log to a named simulator's folder, and the held-out figures that stand in its card."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import log_loss, roc_auc_score

import coursewright
from coursewright.data.log import learner_log
from coursewright.data.readers.ednet import read_ednet
from coursewright.data.synthetic import GUESS, LEARN, PRIOR, SKILLS, SLIP, simulate_log, synthetic_log
from coursewright.errors import InputError
from coursewright.fitting.bkt.card import comparison, table_of, warnings_of
from coursewright.fitting.bkt.named import fit_bkt
from coursewright.fitting.judging.bkt_folds import Score, bkt_model, cross_validate, item_difficulty
from coursewright.simulators.knowledge.parameters import BktParameters
from places import DATA

EDNET = DATA / "ednet"
COMMITTED = Path(coursewright.__file__).parent / "simulators" / "populations" / "bkt_ednet"
FILES = ("parameters.csv", "draws.csv", "card.md")


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    return fit_bkt(
        synthetic_log(), tmp_path_factory.mktemp("fit") / "bkt_made_up", draws=20, command="make it"
    )


def test_the_shipped_log_gives_back_what_it_was_made_with(named):
    order = [SKILLS.index(name) for name in named.fit.skills]
    truth = np.stack([PRIOR, LEARN, np.zeros(5), GUESS, SLIP], axis=1)[order]
    within = np.abs(named.fit.theta - truth)[:, [0, 1, 3, 4]] / named.fit.standard_errors[:, [0, 1, 3, 4]]
    assert within.max() < 4.0
    assert named.fit.standard_errors[:, [0, 1, 3, 4]].max() < 0.06


def test_the_folder_holds_parameters_draws_and_card(named):
    assert sorted(path.name for path in named.folder.iterdir()) == sorted(FILES)
    point = BktParameters.read(named.folder / "parameters.csv")
    draws = BktParameters.read(named.folder / "draws.csv")
    assert point.skills == draws.skills == named.fit.skills
    assert (point.n_draws, draws.n_draws) == (1, 20)
    assert point.prior == pytest.approx(named.fit.parameters.prior, rel=1e-5)
    with (named.folder / "parameters.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["learners"]) for row in rows] == named.fit.learners.tolist()
    assert float(rows[0]["slip_se"]) == pytest.approx(named.fit.standard_errors[0, 4], rel=1e-5)


def test_card_and_report_say_what_was_done(named):
    card = (named.folder / "card.md").read_text(encoding="utf-8")
    for part in (
        "# bkt_made_up",
        "`make it`",
        "MIT",
        "12,000 rows of 300 learners",
        "rows dropped: none",
        "seed 0",
    ):
        assert part in card
    item, bkt = named.scores["item difficulty"], named.scores["BKT"]
    assert f"{item.auc.mean():.3f} ± {item.auc.std(ddof=1):.3f}" in card
    assert comparison(bkt, item) in card
    assert comparison(bkt, item) in named.report
    assert table_of(named.fit) in named.report
    assert "5 of 5 skills kept; in all 5 have a sound fit" in named.report
    assert "±" in table_of(named.fit)


def test_running_it_again_gives_identical_files(named, tmp_path):
    again = fit_bkt(synthetic_log(), tmp_path / "bkt_made_up", draws=20, command="make it")
    for name in FILES:
        assert (again.folder / name).read_bytes() == (named.folder / name).read_bytes()


def test_the_skills_with_most_learners_are_kept_in_the_logs_order(tmp_path):
    rows = simulate_log(n_learners=200, opportunities=6).to_pandas()
    number = rows["learner"].astype(int)
    skill = rows["skills"].str[0]
    left_out = ((skill == "equations") & (number >= 120)) | ((skill == "decimals") & (number >= 90))
    log = learner_log(pa.Table.from_pandas(rows[~left_out], preserve_index=False), "made up")
    kept = fit_bkt(log, tmp_path / "a", min_learners=100, n_skills=10, draws=2).fit
    assert set(kept.skills) == set(SKILLS) - {"decimals"}
    assert kept.skills == tuple(sorted(kept.skills))
    fewer = fit_bkt(log, tmp_path / "b", min_learners=100, n_skills=3, draws=2).fit
    assert fewer.skills == ("fractions", "percentages", "ratios")


def test_wrong_wishes_are_refused_before_anything_is_written(tmp_path):
    log = learner_log(simulate_log(n_learners=30), "made up")
    with pytest.raises(InputError, match="min_learners = 100: must be at most 30"):
        fit_bkt(log, tmp_path / "x")
    with pytest.raises(InputError, match="n_skills = 0"):
        fit_bkt(log, tmp_path / "x", n_skills=0)
    with pytest.raises(InputError, match="folds = 50: must be from 2 to the 30 learners"):
        fit_bkt(log, tmp_path / "x", min_learners=10, draws=2, folds=50)
    assert not (tmp_path / "x").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"output = .* cannot be written"):
        fit_bkt(log, tmp_path / "file", min_learners=10, draws=2, folds=2)


def test_a_log_without_a_sound_skill_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    columns = {
        "learner": np.repeat(np.arange(50).astype(str), 6),
        "item": ["i"] * 300,
        "skills": [["k"]] * 300,
    }
    guesses = pa.table({**columns, "time": np.tile(np.arange(6.0), 50), "correct": rng.integers(0, 2, 300)})
    declining = guesses.set_column(4, "correct", pa.array(np.tile([1, 1, 1, 0, 0, 0], 50)))
    with pytest.raises(InputError, match="none has a sound fit"):
        fit_bkt(learner_log(declining, "made up"), tmp_path / "x", min_learners=10)


def test_warnings_name_skills_and_kinds(named):
    poor = named.fit.subset(np.array([0, 1]))
    errors = poor.standard_errors.copy()
    errors[0, 0], errors[1, 1] = np.nan, 0.5
    lines = warnings_of(
        type(poor)(**{**vars(poor), "standard_errors": errors, "switched": np.array([True, False])})
    )
    assert len(lines) == 3
    assert lines[0].startswith("no standard error")
    assert lines[0].endswith(f"1 of 2 skills ({poor.skills[0]})")
    assert lines[1].endswith(f"1 of 2 skills ({poor.skills[1]})")
    assert lines[2].startswith("label switching")
    assert warnings_of(poor) == []


def test_folds_are_by_learner_and_every_answer_is_scored_once():
    log = synthetic_log().table
    short = pa.concat_tables([log, log.slice(0, 9).set_column(0, "learner", pa.array(["short"] * 9))])
    seen = []

    def spy(train, test):
        inside, outside = set(train["learner"].to_pylist()), set(test["learner"].to_pylist())
        assert not inside & outside
        assert "short" not in inside | outside
        seen.extend(sorted(outside))
        return np.full(test.num_rows, 0.5)

    score = cross_validate(short, {"spy": spy})["spy"]
    assert len(seen) == len(set(seen)) == score.learners == 300
    assert score.rows == log.num_rows
    assert score.auc.tolist() == [0.5] * 5
    assert score.log_loss == pytest.approx(np.log(2))
    assert score.rmse == pytest.approx(0.5)


def test_rows_without_a_question_are_history_but_not_scored():
    log = synthetic_log().table
    correct = log["correct"].to_numpy().copy()
    correct[::5] = -1
    score = cross_validate(
        log.set_column(4, "correct", pa.array(correct)), {"item": item_difficulty}, folds=3
    )
    assert score["item"].rows == (correct >= 0).sum()
    assert np.isfinite(score["item"].auc).all()


def test_the_true_model_predicts_made_up_learners_better_than_the_item():
    scores = cross_validate(synthetic_log().table, {"BKT": bkt_model(), "item": item_difficulty})
    assert scores["BKT"].auc.mean() > scores["item"].auc.mean() + 0.05
    assert "better than BKT on 0 of 5 folds by AUC" in comparison(scores["BKT"], scores["item"])
    assert "better than BKT on 5 of 5 folds by AUC" in comparison(scores["item"], scores["BKT"])


def test_figures_equal_scikit_learns():
    log = synthetic_log().table
    kept = {}

    def model(train, test):
        p = item_difficulty(train, test)
        y = test["correct"].to_numpy()
        kept.setdefault("auc", []).append(roc_auc_score(y, p))
        kept.setdefault("loss", []).append(log_loss(y, p))
        return p

    score = cross_validate(log, {"item": model}, folds=2)["item"]
    assert isinstance(score, Score)
    assert score.auc.tolist() == kept["auc"]
    assert score.log_loss.tolist() == pytest.approx(kept["loss"])


def test_an_unseen_item_gets_the_intercept():
    log = synthetic_log().table
    unseen = log.slice(0, 2).set_column(1, "item", pa.array(["new", "newer"]))
    p = item_difficulty(log, unseen)
    assert p[0] == p[1]
    assert 0.2 < p[0] < 0.9


def test_the_committed_ednet_folder_is_a_valid_simulator():
    point, draws = (BktParameters.read(COMMITTED / name) for name in FILES[:2])
    assert (point.n_skills, point.n_draws, draws.n_draws) == (20, 1, 200)
    assert point.skills == draws.skills
    assert not np.asarray(point.forget).any()
    prior, learn = np.asarray(point.prior), np.asarray(point.learn)
    assert (np.maximum(point.guess, point.slip) < 0.5).all()
    assert ((prior > 0.01) & (prior < 0.99) & (learn > 0.005) & (learn < 0.9)).all()
    card = (COMMITTED / "card.md").read_text(encoding="utf-8")
    assert "CC BY-NC 4.0" in card
    assert "coursewright fit log=ednet" in card


@pytest.mark.slow
@pytest.mark.skipif(not EDNET.is_dir(), reason=f"the EdNet sample is not at {EDNET}")
def test_ednet_gives_the_reference_figures_and_the_committed_folder(tmp_path):
    command = "coursewright fit log=ednet log.path=../shared/data/ednet"
    named = fit_bkt(read_ednet(EDNET), tmp_path / "bkt_ednet", command=command)
    assert named.scores["BKT"].auc.mean() >= 0.615
    assert named.scores["item difficulty"].auc.mean() == pytest.approx(0.651, abs=0.005)
    assert named.scores["item difficulty"].auc.std(ddof=1) == pytest.approx(0.014, abs=0.002)
    assert (named.scores["BKT"].learners, named.fit.learners.min()) == (474, 177)
    for name in FILES[:2]:
        ours, committed = (BktParameters.read(folder / name) for folder in (named.folder, COMMITTED))
        assert ours.skills == committed.skills
        for field in ("prior", "learn", "guess", "slip"):
            assert getattr(ours, field) == pytest.approx(getattr(committed, field), abs=1e-4)
    assert (named.folder / "card.md").read_text() == (COMMITTED / "card.md").read_text()
