"""A command's folders: new ones where a clock names them, the same where a person does."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra

from coursewright.errors import InputError
from coursewright.files import HOST
from coursewright.scripts.app import run
from coursewright.scripts.claims import occupied
from coursewright.scripts.life import STATE, State, read, works
from coursewright.simulators.folders import SHIPPED


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        yield


def composed(*overrides, verb="train"):
    return compose(verb, list(overrides), return_hydra_config=True)


def test_a_clock_names_a_new_folder_each_time(tmp_path):
    told = []
    for _ in range(2):
        with occupied([composed("name='a=b, c'", "seed=3")], several=False) as words:
            told += words
    paths = [word.removeprefix("hydra.run.dir=") for word in told]
    assert len(set(paths)) == 2
    for path in paths:
        assert re.fullmatch(r"outputs/train/[\d-]{10}/[\d-]{8}-kss_cseal18-kss-a_b_c-3(-2)?", path)
        assert (tmp_path / path).is_dir()


def test_a_person_names_the_same_folder_each_time(tmp_path):
    with occupied([composed("hydra.run.dir='a=b, c'")], several=False) as words:
        assert words == []
    assert not list(tmp_path.iterdir())  # Hydra makes it


def test_a_verb_without_a_folder_gets_none(tmp_path):
    with occupied([composed("run=x", verb="export")], several=False) as words:
        assert words == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("group", "choices", "study"),
    [
        ("experiment", ["kss"], "kss-t30"),
        ("experiment", ["kss", "bkt_ednet"], "2-studies"),
        ("simulator", ["kss_v3"], "kss_v3-kss"),
        ("simulator", ["kss_v3", "kss_edusim19"], "2-studies"),
    ],
)
def test_a_sweep_is_named_by_its_study_and_its_jobs_wait(tmp_path, group, choices, study):
    jobs = [composed(f"{group}={name}", f"seed={seed}") for name in choices for seed in range(2)]
    with occupied(jobs, several=True) as (word,):
        path = word.removeprefix("hydra.sweep.dir=")
        assert re.fullmatch(rf"outputs/sweep/[\d-]{{10}}/[\d-]{{8}}-{study}", path)
        folders = {
            "__".join(sorted([f"{group}-{name}", f"seed-{seed}"])) for name in choices for seed in range(2)
        }
        made = [folder for folder in (tmp_path / path).iterdir() if folder.is_dir()]
        assert {folder.name for folder in made} == folders
        assert {read(folder).state for folder in made} == {"queued"}
        assert re.fullmatch(rf"[\d-]{{19}}-{study}", read(tmp_path / path).group)
        assert works(tmp_path / path)
    assert not works(tmp_path / path)


def test_jobs_of_verbs_without_names_are_numbered(tmp_path):
    with occupied([composed(verb="fit"), composed("model=pfa", verb="fit")], several=True) as (word,):
        path = tmp_path / word.removeprefix("hydra.sweep.dir=")
    assert {folder.name for folder in path.iterdir() if folder.is_dir()} == {"0", "1"}


def test_two_jobs_in_one_folder_are_refused():
    jobs = [composed("seed=1"), composed("seed=1")]
    with (
        pytest.raises(InputError, match=r"^hydra.sweep.subdir = seed-1: [^\n]*$"),
        occupied(jobs, several=True),
    ):
        pass


def test_an_import_removes_what_a_killed_one_left(tmp_path):
    left = tmp_path / f".stored.{HOST}.999999999.part"
    left.mkdir()
    (left / "part-0000.arrows").write_text("a learner's answers")
    (tmp_path / "log.csv").write_text("learner,item,skills,time,correct\na,b,c,0,1\na,b,c,1,0\n")
    command = [sys.executable, "-m", "coursewright", "import", "log=file", "log.path=log.csv", "to=stored"]
    subprocess.run(command, check=True, capture_output=True)
    assert not left.exists()
    assert (tmp_path / "stored").stat().st_mode & 0o077 == 0


@pytest.fixture
def refused(tmp_path):
    GlobalHydra.instance().clear()  # the command starts its own
    (tmp_path / "bad.csv").write_text("learner,item,skills,time,correct\na,b,c,yesterday,1\n")
    return ["log=file", "log.path=bad.csv"]


def test_a_refused_command_takes_the_folder_that_it_made_with_it(tmp_path, refused):
    assert run("fit", refused) == 2
    assert run("fit", [*refused, "hydra.run.dir=a/b"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_a_tutor_that_was_read_before_a_refusal_is_no_result(tmp_path):
    line = ["simulator=pfa", "task=mastery", "agent=oracle_beam", "tracker=none"]
    line += ["tutor=" + str(SHIPPED / "pfa")]
    GlobalHydra.instance().clear()
    assert run("train", line) == 2
    assert not list(tmp_path.iterdir())


def test_a_refused_command_leaves_a_folder_that_was_there(tmp_path, refused):
    (tmp_path / "mine").mkdir()
    assert run("fit", [*refused, "hydra.run.dir=mine"]) == 2
    assert (tmp_path / "mine").is_dir()


def ended(error, folder):
    """A command that ends so, in the folder `ours` that it made and filled by `folder`."""
    with pytest.raises(type(error)), occupied([composed("hydra.run.dir=ours/x")], several=False):
        _fail(error, folder)


def _fail(error, fill):
    path = Path("ours", "x")
    path.mkdir(parents=True)
    fill(path)
    raise error


def test_a_refused_command_leaves_a_folder_in_which_another_works():
    def taken(path):
        State.now("running", "").write(path)
        told = json.loads((path / STATE).read_text())
        (path / STATE).write_text(json.dumps(told | {"process": 1}))

    ended(SystemExit(2), taken)
    assert Path("ours/x", STATE).is_file()


def test_a_refusal_after_a_result_leaves_it():
    ended(SystemExit(2), lambda path: (path / "metrics.csv").write_text("step\n1\n"))
    assert Path("ours/x/metrics.csv").is_file()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), ZeroDivisionError()])
def test_a_command_that_ends_otherwise_leaves_its_folder(error):
    ended(error, lambda path: None)
    assert Path("ours/x").is_dir()


def test_a_refusal_that_is_an_error_takes_its_folder_with_it():
    ended(InputError("log.path = x: no such file"), lambda path: State.now("running", "").write(path))
    assert not Path("ours").exists()
