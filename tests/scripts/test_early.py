"""Everything that `evaluate` and `simulate` read of a run is checked before a folder is made."""

import os
import shutil

import pytest

import bad_lines
import forked
from coursewright.scripts import studies

TASK = ["simulator=bkt_v0", "task=mastery", "task.steps=10"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    forked.import_everything()
    run = tmp_path_factory.mktemp("early") / "run"
    words = [*TASK, "agent=random", "name=mine", "learners=5", "tracker=none", f"hydra.run.dir={run}"]
    assert bad_lines.told("train", words).code == 0
    return run


def text(name, old, new):
    def damage(run):
        file = run / name
        content = file.read_text()
        assert old in content
        file.write_text(content.replace(old, new) if old else new)

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (text("metrics.csv", "", "a,b\n1,2\n"), "its metrics.csv has no column step"),
        (text("metrics.csv", "", "step,train/return\n1,x\n"), "its metrics.csv is truncated or broken"),
        (text("code.json", "", "[]"), "its code.json is truncated or broken (it is no mapping)"),
        (text("config.yaml", "", "- a\n"), "its config.yaml is truncated or broken (it is no mapping)"),
        (text("config.yaml", "study: ", "study: a/"), "study = a/"),
        (text("config.yaml", "steps: 10", "steps: -10"), "steps = -10"),
        (text("config.yaml", "seed: 0", "seed: [0]"), "seed = [0]: must be a whole number"),
        (text("tutor.csv", "skill", "skll"), "skill"),
        (text("summary.json", "", "{"), "must be folders that hold at least one finished run"),
        (lambda run: (run / "policy.onnx").write_text("x"), "policy.onnx"),
    ],
)
def test_a_damaged_run_is_refused_at_once(trained, tmp_path, damage, words):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / "metrics.csv").touch()
    damage(run)
    told = bad_lines.told("evaluate", [f"runs={run}"])
    assert not told.fault, told
    assert words in told.said
    assert "Index" not in told.said
    assert "object" not in told.said


def test_a_reference_that_nobody_is_is_refused_at_once(trained):
    told = bad_lines.told("evaluate", [f"runs={trained}", "reference=nope"])
    assert not told.fault, told
    assert told.said.startswith("error: reference = 'nope': no such name; known: mine, random, ")


def test_a_teacher_that_has_to_be_trained_is_refused_at_once():
    forked.import_everything()
    told = bad_lines.told("simulate", ["policy=ppo", "to=log.parquet"])
    assert not told.fault, told
    assert told.said.startswith("error: policy = ppo: must be the folder of a finished training")


@pytest.mark.parametrize(
    ("agent", "reason"),
    [("oracle_exact", "task: it is not about one FSRS item"), ("oracle_beam", "must be a Bkt or a Kss")],
)
def test_an_oracle_of_other_learners_is_refused_before_a_tutor_is_fitted(agent, reason, monkeypatch):
    forked.import_everything()
    monkeypatch.setattr("coursewright.scripts.making.task_of", lambda *_, **__: pytest.fail("too late"))
    told = bad_lines.told("train", [f"agent={agent}", "simulator=fsrs", "task=recall", "tracker=none"])
    assert not told.fault, told
    assert reason in told.said


def test_a_policy_of_another_task_is_told(trained):
    from omegaconf import OmegaConf

    from coursewright.scripts.making import recipe_of
    from coursewright.scripts.recorded import unlike_training

    config = OmegaConf.load(trained / "config.yaml")
    simulator = recipe_of(config).simulator
    assert list(unlike_training(trained, config, simulator)) == []
    config.task.steps, config.simulator.folder = 60, "other"
    (line,) = unlike_training(trained, config, simulator)
    assert "was trained for something else: simulator.folder = other here and bkt_v0 in its training" in line
    assert line.endswith("and 1 more settings differ")


def test_no_python_class_stands_in_a_message():
    from coursewright.scripts.recorded import reason

    for error in (KeyError("x"), AttributeError("'list' object has no attribute 'get'"), TypeError("a[b]")):
        assert reason(error) == "it holds something else than a run's"
    assert reason(ValueError("two\nlines")) == "two lines"


def test_a_training_too_short_for_a_return_has_no_curve(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,imitation/loss,train/return\n1280,0.5,\n")
    assert studies._curve(tmp_path / "metrics.csv") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX has them")
@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("fit", ["log=file", "log.path=pipe.csv"]),
        ("import", ["log=mapped", "log.path=pipe.csv", "to=there"]),
        ("fit", ["log=stream", "log.path=pipe.csv"]),
        ("simulate", [*TASK, "policy=pipe.onnx", "to=log.parquet"]),
        ("evaluate", [*TASK, "policy=pipe.onnx"]),
    ],
)
def test_nobody_waits_for_a_pipe(verb, words, tmp_path):
    """A reader of a pipe into which nobody writes waited for ever, in silence."""
    for name in ("pipe.csv", "pipe.onnx"):
        os.mkfifo(tmp_path / name)
    told = bad_lines.told(verb, [word.replace("=pipe", f"={tmp_path}/pipe") for word in words])
    assert told.code == 2, told.said
    assert "a pipe or a device" in told.said
    assert told.left == []
