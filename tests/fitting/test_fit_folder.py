"""From a log and any learner model to a folder; intervals by refits; gaps that the log leaves."""

import csv
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from coursewright.data.log import learner_log
from coursewright.data.synthetic import GUESS, LEARN, PRIOR, SKILLS, SLIP, simulate_log, synthetic_log
from coursewright.errors import InputError
from coursewright.files import fill_atomically
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.folder import Trials, fit_model
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.held_out import by_time, plan
from coursewright.fitting.model import Estimates
from coursewright.fitting.refit import Doubt, refits
from coursewright.simulators.knowledge.tables import read_bkt
from small_logs import coded


def log_of(learners, opportunities=8):
    return learner_log(simulate_log(learners, opportunities), "made up", "free", {"a bad row": 7})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("fit") / "mine"
    return fit_model(log_of(200), out, BktModel(), draws=40, command="make it")


def estimates(folder):
    with (folder / "estimates.csv").open() as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_the_folder_holds_parameters_estimates_and_card(made):
    assert sorted(p.name for p in made.folder.iterdir()) == [
        "card.md",
        "draws.csv",
        "estimates.csv",
        "items.csv",
        "parameters.csv",
        "population.json",
        "skills.csv",
    ]
    assert read_bkt(made.folder).parameters.skills == tuple(sorted(SKILLS))
    card = (made.folder / "card.md").read_text(encoding="utf-8")
    assert "`make it`" in card
    assert "8,000 rows of 200 learners; rows dropped: 7 (a bad row)" in card
    for text in (card, made.report):
        assert "better than bkt on 0 of 5 folds by AUC" in text
        assert "| item difficulty | " in text


def test_intervals_hold_the_truth_as_often_as_they_say(made):
    found, inside = estimates(made.folder), []
    for name, values in (("prior", PRIOR), ("learn", LEARN), ("guess", GUESS), ("slip", SLIP)):
        for skill, truth in zip(SKILLS, values, strict=True):
            row = found[f"{name}[{skill}]"]
            assert float(row["low"]) < float(row["value"]) < float(row["high"])
            inside.append(float(row["low"]) <= truth <= float(row["high"]))
    # 20 intervals of 95 %, from percentiles over 40 draws: 14 or fewer would happen once in 10,000 logs.
    assert sum(inside) >= 15


def test_running_it_again_gives_identical_files(tmp_path):
    one, two = (fit_model(log_of(30), tmp_path / a / "mine", BktModel(), draws=4) for a in "ab")
    for path in one.folder.iterdir():
        assert path.read_bytes() == (two.folder / path.name).read_bytes()


def test_without_draws_there_are_no_intervals(tmp_path):
    made = fit_model(log_of(30), tmp_path / "a", ItemDifficultyModel(), draws=0)
    assert all(row["low"] == row["high"] == "" for row in estimates(made.folder).values())
    assert "none (draws=0)" in (made.folder / "card.md").read_text()
    assert list(made.scores) == ["item_difficulty"]


def test_a_log_of_few_learners_is_split_by_time(tmp_path):
    log = replace(log_of(3), min_group=1)
    made = fit_model(log, tmp_path / "a", ItemDifficultyModel(), draws=0)
    assert "split by time (only 3 learners have at least 10 rows)" in made.report.replace("Split", "split")
    assert made.scores["item_difficulty"].rows == 3 * 8  # the last fifth of 40 rows each
    (fold,) = by_time(coded(log.table), 10)
    for one in range(3):
        mine = np.flatnonzero(coded(log.table).learner == one)
        assert np.isin(mine[:32], fold.train).all()
        assert (fold.test[fold.scored & np.isin(fold.test, mine)] == mine[32:]).all()
    assert len(plan(coded(log_of(5).table)).folds) == 5


def test_wrong_wishes_are_refused_before_anything_is_written(tmp_path):
    for wrong, words in (
        ({"draws": -1}, "draws = -1"),
        ({"trials": Trials(min_rows=41)}, "min_rows = 41: must be at most 40, which 10 learners have"),
        ({"trials": Trials(folds=1)}, "folds = 1"),
        ({"trials": Trials(worlds=1)}, r"worlds = 1: must be 0 \(none\) or at least 2"),
    ):
        with pytest.raises(InputError, match=words):
            fit_model(log_of(20), tmp_path / "x", ItemDifficultyModel(), **{"draws": 0} | wrong)
    wide = replace(log_of(20), min_group=1)
    with pytest.raises(InputError, match="min_rows = 41: must be at most 40, the most rows of any learner"):
        fit_model(wide, tmp_path / "x", ItemDifficultyModel(), trials=Trials(min_rows=41))
    with pytest.raises(InputError, match="one learner leaves no learners to resample"):
        fit_model(replace(log_of(1), min_group=1), tmp_path / "x", ItemDifficultyModel(), draws=5)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"^out = .* cannot be written"):
        fit_model(log_of(20), tmp_path / "file", ItemDifficultyModel(), draws=0)
    assert not (tmp_path / "x").exists()


def test_a_folder_is_filled_whole_or_not_at_all(tmp_path):
    def fails(part):
        (part / "first.csv").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left"):
        fill_atomically(tmp_path / "a", fails)
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True)
class Rows:
    """Not a model: remembers the rows that it was fitted to."""

    name: str = "rows"

    def fit(self, log):
        if not {0, 1} <= set(log.correct.tolist()):
            raise InputError("log.correct = one outcome")
        return log


def test_resamples_are_whole_learners_under_new_names():
    log = coded(log_of(12, 3).table)
    whole = by_learner(log)
    for drawn in refits(log, Rows(), draws=5, seed=3):
        assert drawn.learners == tuple(map(str, range(12)))
        assert (np.diff(drawn.learner) >= 0).all()
        assert all(rows in whole for rows in by_learner(drawn))


def by_learner(log):
    """The rows of each learner: item, skills, day, answer."""
    skills = [log.skill_sets[1][k] for k in log.skill_sets[0]]
    rows = [(log.items[i], *rest) for i, *rest in zip(log.item, skills, log.day, log.correct, strict=True)]
    return [rows[a:b] for a, b in pairwise(log.start)]


def test_resamples_that_cannot_be_fitted_are_left_out():
    rows = {"learner": ["a", "b"], "item": ["i"] * 2, "skills": [["k"]] * 2, "time": [0.0] * 2}
    log = learner_log(pa.table({**rows, "correct": [0, 1]}), "made up").table
    fitted = refits(coded(log), Rows(), draws=40, seed=0)
    assert 5 < len(fitted) < 35  # half of the resamples hold one learner twice


class Drawn:
    def __init__(self, names, values):
        self.names, self.values = names, values

    def estimates(self):
        return Estimates(self.names, np.array(self.values))


def test_what_cannot_be_told_apart_is_named():
    rng = np.random.default_rng(0)
    names = ("learn[a]", "learn[b]", "slip[a]", *(f"easiness[{k}]" for k in range(6)), "level")
    values = [0.5, 0.3, 0.1, -2.0, -1.0, 0.0, 1.0, 2.0, 0.5, 4.0]
    draws = []
    for _ in range(40):
        wide = rng.uniform(0.1, 0.9)
        same = rng.normal()
        easiness = [v + rng.normal(0, 0.05) for v in values[3:8]] + [rng.normal(0, 2.0)]
        draws.append(
            Drawn(names, [wide, 0.3 + rng.normal(0, 0.01), 0.1 + 0.01 * same, *easiness, 4.0 - same])
        )
    doubt = Doubt.of(Estimates(names, np.array(values)), draws)
    vague, tied = doubt.warnings()
    assert "2 (learn[a], easiness[5]) of 10 parameters" in vague
    assert "|r| > 0.95: 1 (slip[a] and level) pairs" in tied
    low, high = np.quantile([d.values[0] for d in draws], [0.025, 0.975])
    assert (doubt.low[0], doubt.high[0]) == pytest.approx((low, high))


def test_a_parameter_that_most_refits_lack_has_no_interval():
    every = Estimates(("a", "b"), np.array([1.0, 2.0]))
    doubt = Doubt.of(every, [Drawn(("a",), [v]) for v in (0.0, 1.0, 2.0)] + [Drawn(*every)])
    assert np.isfinite(doubt.low[0])
    assert np.isnan(doubt.low[1])
    assert doubt.draws[:3, 1].tolist() == pytest.approx([np.nan] * 3, nan_ok=True)
    assert Doubt.of(every, []).warnings() == []


def test_a_folder_with_another_fit_is_refused_and_the_same_model_may_come_again(tmp_path):
    log = synthetic_log()
    for _ in range(2):
        fit_model(log, tmp_path / "mine", ItemDifficultyModel(), draws=0)
    before = {file.name: file.read_bytes() for file in (tmp_path / "mine").iterdir()}
    with pytest.raises(InputError, match=r"out = .*mine: must be a new or empty folder, or one .* of bkt"):
        fit_model(log, tmp_path / "mine", BktModel(), draws=0)
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "mine").iterdir()}


def test_odd_names_and_few_draws_are_told_in_the_card(tmp_path):
    rows = simulate_log(60, 8).to_pandas()
    rows["skills"] = [
        ["a|b\n\x1b[31m" if name == "ratios" else name for name in names] for names in rows["skills"]
    ]
    log = learner_log(pa.Table.from_pandas(rows, preserve_index=False), "made up")
    made = fit_model(log, tmp_path / "odd", BktModel(), draws=3)
    card = (made.folder / "card.md").read_text(encoding="utf-8")
    assert r"| learn[a\|b\n\x1b[31m] |" in card
    assert "\x1b" not in card + made.report
    assert "3 draws are too few for 95 % intervals" in card
