"""A refusal says what is there instead, and what to type."""

import io
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest

import bad_lines
import forked
import lives
from coursewright import __main__ as command
from coursewright.evaluation.comparison import looks, words
from coursewright.evaluation.comparison.scores import RULE, TRAINED
from coursewright.scripts import launching
from coursewright.scripts.app import run
from coursewright.scripts.output import Output

TASK = ["simulator=bkt_v0", "task=mastery", "task.steps=10", "learners=5", "tracker=none"]


@pytest.fixture(scope="module")
def rule(tmp_path_factory):
    forked.import_everything()
    folder = tmp_path_factory.mktemp("runs") / "rule"
    assert run("train", [*TASK, "agent=random", f"hydra.run.dir={folder}"]) == 0
    return folder


def test_a_finished_run_of_a_rule_is_no_unfinished_training(rule):
    told = bad_lines.told("simulate", [f"policy={rule}", "to=log.parquet"])
    assert not told.fault, told
    instead = "is a finished run of random and holds no network; policy=random teaches as it does"
    assert told.said == f"error: policy = {rule}: {instead}\n"
    told = bad_lines.told("export", [f"run={rule}", "whole=false"])
    assert told.said.endswith("is a finished run of random and holds no network, for it needs none\n")


@pytest.mark.parametrize(
    ("verb", "field", "more"),
    [("evaluate", "runs", []), ("export", "run", []), ("simulate", "policy", ["to=log.parquet"])],
)
def test_an_unfinished_run_is_told_as_one(rule, tmp_path, verb, field, more):
    shutil.copytree(rule, tmp_path / "half")
    (tmp_path / "half" / "summary.json").unlink()
    told = bad_lines.told(verb, [f"{field}={tmp_path}/half", *more])
    assert not told.fault, told
    assert "is not finished and goes on with: coursewright train resume=" in told.said
    assert told.said.count("\n") == 1


def test_a_running_run_is_told_as_one(tmp_path, monkeypatch):
    from coursewright.scripts import recorded
    from coursewright.scripts.life import State

    monkeypatch.setattr(recorded, "works", lambda folder: True)
    running = State("running", "2026-01-01", "host", 12, "", "coursewright train")
    monkeypatch.setattr(recorded, "read_state", lambda folder: running)
    assert recorded.unfinished(tmp_path) == "; it is running, by process 12 on host"


def test_a_reference_that_cannot_do_the_task_is_refused_before_others_are_tuned(rule, monkeypatch):
    from omegaconf import OmegaConf

    from coursewright.errors import InputError
    from coursewright.scripts import studies

    made = []

    def agent_of(config, at):
        def make(task, seed, tracker):
            made.append(at)
            if at == "policies.last":
                raise InputError("no goal")
            return at

        return make

    monkeypatch.setattr(studies, "agent_of", agent_of)
    rules = OmegaConf.create({"one": {"a": 1}, "last": {"a": 2}})
    with pytest.raises(InputError, match=r"reference = last: cannot .*; name another \(reference=random\)"):
        studies.rules(rules, None, 0, {"reference": "last"})
    assert made == ["policies.last"]
    assert list(studies.rules(rules, None, 0, {"reference": "one"})) == ["one"]


@pytest.mark.parametrize(
    ("setting", "near"),
    [("model.fit.draws", "draws"), ("model.fit.forgetting", "model.forgetting")],
)
def test_a_setting_that_stands_elsewhere_is_named(setting, near):
    told = bad_lines.told("fit", [f"{setting}=null"])
    assert not told.fault, told
    assert told.said == f"error: model.fit: no such setting (did you mean {near}?)\n"


def test_status_says_what_it_needs(capsys, monkeypatch):
    assert run("status", []) == 2
    assert capsys.readouterr().err == "error: status: needs sweep=FOLDER or run=FOLDER, and nothing else\n"
    assert run("status", ["run="]) == 2
    assert capsys.readouterr().err.endswith("and nothing else (given: run=)\n")


def test_a_list_takes_one_word(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["coursewright", "list", "agents", "x"])
    assert command.main() == 2
    assert "list = 'agents x'" in capsys.readouterr().err


def test_a_silent_cluster_is_named_as_it_is_typed(monkeypatch):
    silent = SimpleNamespace(returncode=1, stderr="sinfo: error: one\nsinfo: error: two\n")
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: silent)
    with pytest.raises(launching.InputError) as refused:
        launching.refuse_absent_cluster("hydra_plugins.SlurmLauncher")
    assert str(refused.value).startswith("hydra/launcher = submitit_slurm: must be used where SLURM is (its ")
    assert "error:" not in str(refused.value)


def test_a_minus_stays_one_without_the_letters_for_it():
    kept = io.BytesIO()
    out = Output(kept, "ascii", "replace")
    out.write("(−.169 [−.337, .046]) 3 ± 1 × 2… é")
    out.flush()
    assert kept.getvalue().decode() == "(-.169 [-.337, .046]) 3 +- 1 x 2... ?"
    kept = io.BytesIO()
    out = Output(kept, "utf-8", "replace")
    out.write("−")
    out.flush()
    assert kept.getvalue().decode() == "−"


def test_the_reference_differs_from_other_rules_in_grey():
    marks = {looks.marker_of(name, kind, "tuned") for name, kind in (("tuned", RULE), ("other", RULE))}
    assert len(marks | {looks.marker_of("net", TRAINED, "tuned")}) == 3


def test_of_equal_policies_none_does_best(monkeypatch):
    table = pd.DataFrame({"kind": [RULE, RULE]}, index=["random", "twin"])
    found = SimpleNamespace(
        at=lambda condition="point": table,
        twins=lambda name: {"random", "twin"} - {name},
        reference="random",
        aim="return",
        estimate=lambda name: SimpleNamespace(value=0.25),
    )
    monkeypatch.setattr(words, "place", lambda comparison: "over 3 steps")
    (sentence,) = words.verdict(found)
    assert sentence == "Over 3 steps, random and twin make the same choices, with a mean return of .250."


@pytest.mark.slow
def test_a_signal_after_the_end_changes_nothing(tmp_path):
    running = lives.start(tmp_path, "train", *TASK, "agent=random")
    for line in running.stdout:
        if line.startswith("kept in"):
            break
    lives.until(lambda: running.poll() is not None or '"done"' in states(tmp_path))
    if running.poll() is None:
        running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=60)
    assert "Traceback" not in err, err
    assert running.returncode == 0 or (running.returncode in (130, 143) and "go on with" in err)


def states(folder):
    return "".join(path.read_text() for path in folder.rglob("state.json"))
