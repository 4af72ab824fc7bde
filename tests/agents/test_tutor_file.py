"""A tutor file as a policy: simulated learners have the same lessons from it as from the original."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from broken_words import seal
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tutor_file import TutorFile
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.errors import InputError
from coursewright.scripts.app import run
from coursewright.scripts.studies import doubts, names_of
from live_tutor import TUTOR
from small_tasks import small_task


def same_lessons(task, file, policy, learners=40) -> None:
    found, wanted = rollout(task, file, learners), rollout(task, policy, learners)
    np.testing.assert_array_equal(found.item, wanted.item)
    np.testing.assert_array_equal(found.returned, wanted.returned)
    assert len(np.unique(wanted.item)) > 2


def test_the_file_teaches_as_the_original_with_a_past_and_in_another_process():
    task = kss(10)
    file = TutorFile(TUTOR, task)
    same_lessons(task, file, NInARow(2)(task, 0, SilentTracker()))
    same_lessons(task, pickle.loads(pickle.dumps(file)), file)


def test_a_file_of_another_course_is_refused_in_a_line():
    with pytest.raises(InputError, match=r"tutor.onnx, of 10 items \(0, 1, 2, ...\): must be one of this"):
        TutorFile(TUTOR, bkt())
    with pytest.raises(InputError, match="of 10 actions: must be one of 11"):
        TutorFile(TUTOR, replace(kss(10), stop=True))


def test_a_task_that_the_file_was_not_made_for_is_told_in_a_line(tmp_path):
    task = kss(10)
    assert list(doubts(TutorFile(TUTOR, task), TUTOR)) == []
    (line,) = doubts(TutorFile(TUTOR, kss(30)), Path("my/tutor.onnx"))
    assert (
        line == "my/tutor.onnx was made for something else: budget = 30 steps here and 10 steps in the file"
    )
    words, easier = json.loads(TUTOR.with_suffix(".json").read_text()), replace(task, goal=["2", "5"])
    changed = {"prerequisites": {"1": ["0"]}, "longest_pause": 1.0}
    changed["items"] = [*words["items"][:-1], words["items"][-1] | {"minutes": 3.0}]
    seal(TUTOR, words | changed, tmp_path / "tutor.onnx")
    (line,) = doubts(TutorFile(tmp_path / "tutor.onnx", easier), Path("tutor.onnx"))
    assert "minutes of '9' = 1.0 here and 3.0 in the file; prerequisites of '" in line
    assert line.endswith("longest_pause, goal differ too")


def test_files_of_one_name_are_told_apart_by_their_folders():
    rules = {"n_in_a_row": None}
    assert names_of(None, rules) == {}
    assert names_of("a/n_in_a_row.onnx", rules) == {Path("a/n_in_a_row.onnx"): "n_in_a_row (file)"}
    found = names_of(["a/tutor.onnx", "b/tutor.onnx", "c.onnx"], rules)
    assert list(found.values()) == ["a-tutor", "b-tutor", "c"]
    with pytest.raises(InputError, match=r"^policy = a/x\.onnx, a/x\.onnx: must be files of different names"):
        names_of(["a/x.onnx", "a/x.onnx"], rules)


@pytest.mark.slow
def test_locks_delays_and_days_are_the_file_s_own(tmp_path):
    from coursewright.agents.export.whole import write
    from coursewright.agents.schedulers.fsrs import FsrsRetention

    task = replace(small_task(), steps=20, unlock_after=2, delays=(0.5, 3.0))
    policy = FsrsRetention(0.85)(task, 0, SilentTracker())
    write(policy, task, tmp_path / "tutor.onnx")
    same_lessons(task, TutorFile(tmp_path / "tutor.onnx", task), policy)


TASK = ["simulator=kss_cseal18", "task=kss", "task.steps=10"]


@pytest.mark.parametrize(
    ("verb", "words", "said"),
    [
        ("simulate", ["simulator=bkt_v0", "task=mastery", "to=log.parquet"], "must be one of this course"),
        ("evaluate", ["runs=."], "must be null beside runs"),
        (
            "evaluate",
            [*TASK, f"policy=[{TUTOR},absent.onnx]"],
            "policy = 'absent.onnx': there is no such file",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_before_anything(
    verb, words, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    own = [] if any(word.startswith("policy=") for word in words) else [f"policy={TUTOR}"]
    assert run(verb, [*own, *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_file_is_simulated_and_compared_with_rules(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("simulate", [f"policy={TUTOR}", *TASK, "learners=20", "to=log.parquet"]) == 0
    assert " rows of 20 learners" in capsys.readouterr().out
    few = ["learners=50", "tracker=none", "workers=2", "reference=n_in_a_row", "hydra.run.dir=compared"]
    left = [
        f"~policies.{name}" for name in ("tuned_mastery", "tuned_rule", "thompson", "ucb", "zpdes", "riarit")
    ]
    left += [f"~policies.oracle_{name}" for name in ("greedy", "beam", "exact")]
    (tmp_path / "again").mkdir()
    for suffix in (".onnx", ".json"):
        (tmp_path / "again" / f"tutor{suffix}").write_bytes(TUTOR.with_suffix(suffix).read_bytes())
    own = [f"policy=[{TUTOR},again/tutor.onnx]", "policies.n_in_a_row.n=2"]
    assert run("evaluate", [*own, *TASK, *few, *left]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "The same choices for every learner: live-tutor = again-tutor = n_in_a_row." in told
    assert run("simulate", [f"policy={TUTOR}", *TASK[:2], "learners=2", "to=longer.parquet"]) == 0
    assert "tutor.onnx was made for something else: budget = " in capsys.readouterr().out
