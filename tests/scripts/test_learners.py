"""The learners of a run: found from any working folder, and known from others in their place."""

import csv
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
from omegaconf import OmegaConf

from compared import only
from coursewright.agents.kept import likeness
from coursewright.scripts.app import run
from coursewright.simulators.folders import SHIPPED
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.logistic.tables import read_logistic

MINE = ["simulator=bkt", "simulator.folder=mine", "task=mastery", "task.steps=5", "learners=20"]
LINE = [*MINE, "tracker=none"]
LEARNERS = ["agent=random", "learners=10", "tracker=none"]
TINY = ["agent.steps=80", "agent.learners=16", "agent.imitate=null", "agent.layers=[4]"]
THINKS = [*LINE, "tutor=model", *TINY]
FEW = [*only("random"), "reference=random", "~figures.path", "~figures.teaching"]


def changed(table, column, value):
    """Every row of a table gets another value, as a refit gives it."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {column: value} for row in rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A working folder with learners of one's own, and a finished run of a network and one of a rule."""
    place = tmp_path_factory.mktemp("made") / "my work"
    place.mkdir()
    with pytest.MonkeyPatch.context() as here:
        here.chdir(place)
        shutil.copytree(SHIPPED / "bkt_ednet", "mine")
        (place / "mine" / "draws.csv").unlink(missing_ok=True)
        assert run("train", [*LINE, "agent=random", "hydra.run.dir=rule"]) == 0
        assert run("train", [*LINE, "agent=ppo", *TINY, "hydra.run.dir=net"]) == 0
    return place


@pytest.fixture(scope="module")
def thought(made):
    """Beside it a run whose tutor thinks by a model of its own folder, with more in that than data."""
    with pytest.MonkeyPatch.context() as here:
        here.chdir(made)
        shutil.copytree("mine", "model")
        (made / "model" / "sessions.npz").write_bytes(b"learners' own answers")
        (made / "model" / "extra.py").write_text("raise SystemExit\n")
        assert run("train", [*THINKS, "agent=ppo", "hydra.run.dir=thinks"]) == 0
    return made


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    """The folder, which is put back in order afterwards: runs know it by its path."""
    yield from as_it_was(made, tmp_path, monkeypatch)


@pytest.fixture
def thinking(thought, tmp_path, monkeypatch):
    """The same, with the run whose tutor thinks."""
    yield from as_it_was(thought, tmp_path, monkeypatch)


def as_it_was(place, tmp_path, monkeypatch):
    shutil.copytree(place, tmp_path / "kept", symlinks=True)
    monkeypatch.chdir(place)
    yield place
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(place)
    shutil.copytree(tmp_path / "kept", place, symlinks=True)


def calls(at=""):
    """Every verb that opens the run of a network, and that of a rule."""
    compared = [*FEW, "baseline=random", "learners=20", "tracker=none", "workers=1"]
    yield "evaluate", [f"runs={at}net", *compared, f"hydra.run.dir={at}report"]
    yield "evaluate", [f"runs={at}rule", *compared, "name=other", f"hydra.run.dir={at}report2"]
    yield "export", [f"run={at}net", "whole=false", f"to={at}policy.onnx"]
    yield "train", [f"resume={at}net"]


def said(capsys, verb, words):
    capsys.readouterr()
    return run(verb, words), capsys.readouterr()


def test_a_run_works_from_any_folder(home, monkeypatch):
    assert OmegaConf.load("net/config.yaml").simulator.folder == str(home / "mine")
    monkeypatch.chdir(home.parent)
    for verb, words in calls("my work/"):
        assert run(verb, words) == 0, verb


@pytest.mark.slow
def test_a_moved_folder_is_told_in_a_whole_line_and_can_be_named(home, capsys):
    (home / "mine").rename(home / "elsewhere")
    for verb, words in calls():
        code, told = said(capsys, verb, words)
        assert code == 2
        assert f"simulator.folder = {home / 'mine'}); put it back there" in told.err
        assert told.err.count("\n") == 1
        if verb != "train":
            assert "learners_folder=FOLDER" in told.err
            assert run(verb, [*words, "learners_folder=elsewhere"]) == 0


def test_changed_learners_are_not_taken_for_the_training_s(home, capsys, caplog):
    changed(home / "mine" / "parameters.csv", "learn", "0.02")
    for verb, words in calls():
        code, told = said(capsys, verb, words)
        if verb == "export":  # the network is the same; only its learners are no longer there
            assert code == 0
            assert "has other parameters now" in told.out + told.err + caplog.text
            continue
        assert code == 2, verb
        assert told.err.count("\n") == 1
        assert f"simulator.folder = {home / 'mine'} has other parameters now than at the training" in told.err
        assert "coursewright simulate policy=" in told.err
    code, told = said(capsys, "simulate", [*MINE, "policy=net", "to=log.parquet"])
    assert code == 0  # on purpose, and told
    assert "has other parameters now" in told.out + told.err + caplog.text


def test_an_interrupted_run_does_not_go_on_with_other_learners(home, capsys):
    (home / "rule" / "summary.json").unlink()
    changed(home / "mine" / "parameters.csv", "prior", "0.05")
    for words in (["resume=rule"], [*LINE, "agent=random", "hydra.run.dir=rule"]):
        code, told = said(capsys, "train", words)
        assert code == 2
        assert "has other parameters now" in told.err


def uses(place):
    compared = [*FEW, "baseline=random", "learners=20", "tracker=none", "workers=1"]
    yield "evaluate", [f"runs={place}", *compared, f"hydra.run.dir={place}-report"]
    yield "export", [f"run={place}", "whole=false", f"to={place}.onnx"]


@pytest.mark.slow
def test_a_run_takes_its_tutor_s_model_along(thinking, capsys):
    held = {path.name for path in (thinking / "thinks" / "tutor").iterdir()}
    assert held == {path.name for path in (SHIPPED / "bkt_ednet").iterdir() if path.name != "draws.csv"}
    assert (thinking / "thinks" / "tutor" / "parameters.csv").read_bytes() == (
        thinking / "model" / "parameters.csv"
    ).read_bytes()
    shutil.rmtree("model")
    (thinking / "thinks").rename("moved")
    for verb, words in uses("moved"):
        assert run(verb, words) == 0, verb
    before = (thinking / "moved" / "policy.npz").read_bytes()
    (thinking / "moved" / "summary.json").unlink()
    (thinking / "moved" / "policy.npz").unlink()
    assert run("train", ["resume=moved"]) == 0
    assert (thinking / "moved" / "policy.npz").read_bytes() == before


@pytest.mark.slow
def test_a_run_s_own_copy_is_known_from_another(thinking, capsys):
    changed(thinking / "model" / "parameters.csv", "learn", "0.02")
    for verb, words in uses("thinks"):
        assert run(verb, words) == 0, verb  # the run has what it was trained with
    (thinking / "thinks" / "summary.json").unlink()
    code, told = said(capsys, "train", [*THINKS, "agent=ppo", "hydra.run.dir=thinks"])
    assert code == 2
    assert f"tutor = {thinking / 'model'} has other parameters now" in told.err
    assert run("train", ["resume=thinks"]) == 0
    changed(thinking / "thinks" / "tutor" / "parameters.csv", "learn", "0.02")
    code, told = said(capsys, "evaluate", ["runs=thinks", *FEW, "baseline=random", "tracker=none"])
    assert code == 2
    assert f"tutor = {thinking / 'thinks' / 'tutor'} has other parameters now" in told.err


def test_a_run_of_an_earlier_version_asks_for_its_model(thinking, capsys):
    shutil.rmtree(thinking / "thinks" / "tutor")
    (thinking / "model").rename("elsewhere")
    code, told = said(capsys, "evaluate", ["runs=thinks", *FEW, "baseline=random", "tracker=none"])
    assert code == 2
    assert f"the tutor's model is not there (tutor = {thinking / 'model'}); put it back there" in told.err


def test_a_link_in_a_copy_leads_nowhere(thinking, capsys):
    table = thinking / "thinks" / "tutor" / "parameters.csv"
    table.unlink()
    table.symlink_to(thinking / "model" / "parameters.csv")
    code, told = said(capsys, "train", ["resume=thinks"])
    assert code == 2
    assert "tutor/parameters.csv is a link to another place" in told.err


def test_a_run_keeps_its_tutor_s_table(home):
    shutil.copyfile("net/tutor.csv", "mine.csv")
    assert run("train", [*LINE, "agent=random", "tutor=mine.csv", "hydra.run.dir=told"]) == 0
    (home / "mine.csv").unlink()
    compared = [*FEW, "baseline=random", "learners=20", "tracker=none", "workers=1"]
    assert run("evaluate", ["runs=told", *compared, "hydra.run.dir=told-report"]) == 0
    (home / "told" / "summary.json").unlink()
    assert run("train", ["resume=told"]) == 0


@dataclass(frozen=True)
class Outside:
    """A class of another package."""

    numbers: object


def test_the_hash_hears_parameters_and_no_rounding():
    learners = read_bkt("bkt_ednet")
    assert likeness(learners) == likeness(read_bkt("bkt_ednet")) != likeness(read_logistic("afm"))
    numbers = np.array([0.3, -1e300, 0.0, np.inf, np.nan, 1.0 - 1e-16])
    first = likeness(Outside(numbers))
    assert first is not None
    assert likeness(Outside(numbers * (1.0 + 2e-16))) == first
    assert likeness(replace(Outside(numbers), numbers=np.append(numbers[:-1], 1.0 - 1e-6))) != first
    assert likeness(Outside(np.array([1, 2]))) != likeness(Outside(np.array([1, 3])))
    assert likeness(Outside(lambda: numbers)) is None


def test_a_tutors_name_is_enough_for_what_its_model_shows(home, capsys):
    task = ["simulator=fsrs", "task=recall", "task.steps=4", "task.features=[goal,stability]", *LEARNERS]
    assert run("train", [*task, "tutor=hlr", "hydra.run.dir=faded"]) == 0
    assert run("train", [*task, "tutor=pfa", "hydra.run.dir=refused"]) == 2
    assert "task.features holds 'stability'" in capsys.readouterr().err
    assert not (home / "refused").exists()


def test_a_tutor_of_bkt_knows_every_skill(home):
    """Practice that shows nothing leaves skills whose fit is not sound; `fit` leaves those out."""
    few = ["simulator=pfa", "task=mastery", "task.steps=4", *LEARNERS]
    assert run("train", [*few, "tutor=bkt", "hydra.run.dir=taught"]) == 0
