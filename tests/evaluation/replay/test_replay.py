"""A log's learners go through a tutor's memory; the tutor is a plain one, whose choices follow by hand."""

import json
import stat
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursewright.data.log import learner_log
from coursewright.errors import InputError
from coursewright.evaluation.replay.found import Settings, numbers, replay
from coursewright.evaluation.replay.report import NO_VERDICT, sentences, write_replay
from coursewright.evaluation.replay.responses import responses_of
from coursewright.scripts.app import run
from live_tutor import TUTOR

ITEMS = {"a1": ["A"], "a2": ["A"], "b1": ["B"], "ab": ["A", "B"]}
SKILLS = ["A", "B"]


class PlainTutor:
    """It believes (right + 1) / (answers + 2) of a skill, and gives the first free item of the lower belief.

    Time halves what it knows of answers each day.
    """

    items, skills = tuple(ITEMS), tuple(SKILLS)
    words: ClassVar = {
        "items": [{"name": name, "skills": skills} for name, skills in ITEMS.items()],
        "delays": [],
        "made_by": {"agent": "plain"},
        "stamp": 1,
    }
    needs = np.array([[skill in skills for skill in SKILLS] for skills in ITEMS.values()])

    def new(self, keys):
        return np.zeros((len(list(keys)), 4), np.float32)

    def run(self, state, item, correct, *, taught, days, minutes, goal, mask):
        state = state.copy()
        told = (item >= 0) & (correct >= 0)
        state[:, :2] += self.needs[item] * (told & (correct > 0))[:, None]
        state[:, 2:] += self.needs[item] * told[:, None]
        state *= 0.5 ** np.asarray(days, np.float32)[:, None]
        belief = (state[:, :2] + 1) / (state[:, 2:] + 2)
        chance = np.where(self.needs[None], belief[:, None], 1.0).min(axis=2)
        lowest = belief.argmin(axis=1)
        wish = self.needs[:, :].T[lowest] & (self.needs.sum(axis=1) == 1) & mask
        scores = np.where(mask, wish.astype(np.float32), -1e8)
        action = np.where(mask.any(axis=1), scores.argmax(axis=1), -1)
        return {"next_state": state, "scores": scores, "action": action, "belief": belief, "chance": chance}


def rows(*told, **more):
    """A log from (learner, item, day, correct)."""
    learner, item, time, correct = zip(*told, strict=True)
    table = pa.table(
        {
            "learner": learner,
            "item": item,
            "skills": [ITEMS.get(name, ["Z"]) for name in item],
            "time": pa.array(time, pa.float64()),
            "correct": pa.array(correct, pa.int8()),
            **more,
        }
    )
    return replace(learner_log(table, "made up"), min_group=1)


def test_choices_and_beliefs_follow_by_hand():
    log = rows(("x", "a1", 0.0, 1), ("x", "b1", 1.0, 0), ("x", "a2", 2.0, 1), ("y", "a1", 5.0, 0))
    found = replay(log, PlainTutor(), Settings())
    # x: A and B tie (.5), so a1; after a right answer and a day A is (.5+1)/(.5+2) = .6, so b1; after a wrong
    # answer there and a day B is (0+1)/(.5+2) = .4, so b1 again.  y is new: a1.
    assert [found.tutor.items[c] for c in found.walk.chosen] == ["a1", "b1", "b1", "a1"]
    table = found.responses_table()
    assert table["same_item"].tolist() == [True, True, False, True]
    assert table["chance"].tolist() == pytest.approx([0.5, 0.5, 1.25 / 2.25, 0.5])
    assert table["day"].tolist() == [0.0, 1.0, 2.0, 0.0]
    assert found.path(0)[:, 1].tolist() == pytest.approx([0.5, 0.5, 0.4, 0.4])
    assert found.agreement("same_item").value == 0.75
    assert found.agreement("random_item").value == 0.25
    assert found.agreement("random_skills").value == pytest.approx((2 + 1 + 2 + 2) / 16)


def test_only_the_allowed_are_chosen_from_and_helped_answers_tell_nothing():
    log = rows(
        ("x", "a1", 0.0, 1),
        ("x", "a2", 0.0, 1),
        ("x", "b1", 1.0, 1),
        allowed=pa.array([["b1", "ab"], None, ["a1", "a2"]], pa.list_(pa.string())),
        assisted=[True, False, False],
    )
    found = replay(log, PlainTutor(), Settings())
    assert [found.tutor.items[c] for c in found.walk.chosen] == ["b1", "a1", "a1"]
    assert found.walk.open.tolist() == [False, True, False]
    assert found.walk.among.tolist() == [2, 4, 2]
    assert found.agreement("random_item").value == pytest.approx((0 + 1 / 4 + 0) / 3)
    assert found.path(0)[1].tolist() == [0.5, 0.5]
    assert any(
        "2 of 3 responses were to items that the tutor could not choose" in s for s in sentences(found)
    )


def test_an_untimed_log_passes_no_days():
    log = rows(*[(who, "a1", 3.0, 1) for who in "xy" for _ in range(3)])
    assert not log.timed
    assert replay(log, PlainTutor(), Settings()).path(0)[-1, 0] == pytest.approx(4 / 5)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(list(ITEMS)), st.integers(0, 9), st.integers(-1, 1)),
        min_size=1,
        max_size=40,
    )
)
def test_a_learner_is_replayed_as_if_alone(told):
    log = rows(*[(str(who), item, float(day), right) for who, item, day, right in told])
    if not log.timed:
        return
    together = replay(log, PlainTutor(), Settings(ids=True)).responses_table()
    for learner, mine in together.groupby("learner"):
        alone = rows(*[row for row in log_rows(log) if row[0] == learner])
        if not alone.timed:
            continue
        told_alone = replay(alone, PlainTutor(), Settings(ids=True)).responses_table()
        assert mine.reset_index(drop=True).equals(told_alone)


def log_rows(log):
    columns = log.table.to_pydict()
    return list(zip(*(columns[name] for name in ("learner", "item", "time", "correct")), strict=True))


def classroom(learners=12, rare=3):
    """A class in which a few met `b1`, and all met an item that the course lacks."""
    told = []
    for n in range(learners):
        told += [
            (f"pupil-{n}", "a1", 0.0, 1),
            (f"pupil-{n}", "elsewhere", 0.5, 1),
            (f"pupil-{n}", "a2", 1.0, n % 2),
        ]
        if n < rare:
            told.append((f"pupil-{n}", "b1", 2.0, 1))
    told.append(("pupil-0", "own-secret", 3.0, 1))
    return replace(rows(*told), min_group=10)


def test_items_that_the_course_lacks_are_counted_and_named_unless_few_met_them():
    told = responses_of(classroom(), PlainTutor.items).lost
    assert told == "13 of 40 rows left out, of 2 items that the course lacks ('elsewhere' and 1 more)"
    stranger = rows(*[(f"pupil-{n}", "a1", 0.0, 1) for n in range(12)], ("x", "zzz", 0.0, 1))
    lost = responses_of(stranger, PlainTutor.items).lost
    assert lost.endswith("that the course lacks ('zzz'); 1 learner is gone with them")


def test_a_log_of_another_course_is_refused_in_a_line():
    with pytest.raises(InputError, match="its 1 items are none of the 4 of the tutor's course"):
        replay(rows(("x", "zzz", 0.0, 1)), PlainTutor(), Settings())
    with pytest.raises(InputError, match=r"min_group = 10: must be at most 3"):
        replay(classroom(3), PlainTutor(), Settings())
    with pytest.raises(InputError, match=r"settings.goal = 'C': no such name"):
        replay(classroom(), PlainTutor(), Settings(goal=["C"]))


def test_neither_learners_nor_small_groups_are_named(tmp_path):
    found = replay(classroom(), PlainTutor(), Settings(shown=3))
    made = write_replay(found, tmp_path, "csv", {})
    for path in [made.page, *made.tables.values()]:
        text = path.read_text()
        assert "pupil" not in text
        assert "own-secret" not in text
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in made.tables.values())
    assert "b1" not in found.responses_table()["item"].tolist()
    assert "B" not in found.mastery_table()["skill"].tolist()
    # B alone was met by three; the pool takes A in, so that nothing comes out by subtraction.
    assert found.by_skill["skill"].tolist() == ["others (2)"]
    assert all(sentence in " ".join(made.page.read_text().split()) for sentence in NO_VERDICT)


def test_numbers_stand_for_learners_each_once_in_no_order_of_ids():
    names = numbers(200, 0)
    assert len(set(names)) == 200
    assert list(names) != sorted(names)
    assert numbers(200, 0) == names != numbers(200, 1)


def test_a_tutor_without_beliefs_shows_no_mastery(tmp_path):
    class Blind(PlainTutor):
        def run(self, *given, **more):
            found = super().run(*given, **more)
            return {name: found[name] for name in ("next_state", "scores", "action")}

    found = replay(classroom(), Blind(), Settings())
    made = write_replay(found, tmp_path, "parquet", {})
    assert set(made.tables) == {"responses", "skills"}
    assert not made.figures
    assert sentences(found)[-1].startswith("This tutor sees no belief")


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (
            "absent.onnx",
            "error: policy = 'absent.onnx': there is no such file or folder",
        ),
        ("a folder", "of a run: coursewright export 'run=a folder' to=tutor.onnx"),
        ("alone.onnx", "alone.json is missing, which belongs to it"),
        ("empty.onnx", "error: policy = empty.onnx: "),
        ("notes.txt", "must be a tutor file (coursewright export run=RUN to=tutor.onnx)"),
    ],
)
def test_a_policy_that_is_no_tutor_is_refused_in_a_line(policy, said, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a folder").mkdir()
    for name in ("alone.onnx", "empty.onnx", "empty.json", "notes.txt"):
        (tmp_path / name).touch()
    before = sorted(tmp_path.iterdir())
    assert run("replay", [f"policy={policy}"]) == 2
    line = capfd.readouterr().err
    assert said in line
    assert line.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def order_alone(folder, header="learner,item,correct"):
    """A table of twelve learners and three items of the kept tutor, in order and no more."""
    rows = [f"p{n},{item},{(n + int(item)) % 2}" for n in range(12) for item in "012"]
    (folder / "answers.csv").write_text("\n".join([header, *rows]) + "\n")


@pytest.mark.parametrize(
    ("header", "words", "said"),
    [
        ("pupil,task,right", ["log=file"], "without learner, item, correct"),
        ("learner,item,right", ["log=mapped"], "without correct"),
        ("learner,item,correct,times", ["log=file"], "has no time, and 'times' looks like it"),
        ("learner,item,correct", ["log=mapped", "log.columns.item=quiz"], "log.columns.item = quiz: must be"),
        ("learner,item,correct", ["log=mapped", "log.unit=weeks"], "log.unit = weeks"),
    ],
)
def test_wrong_columns_are_told_before_anything_is_read_or_made(
    header, words, said, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    order_alone(tmp_path, header)
    monkeypatch.setattr("coursewright.scripts.replay.main", lambda: pytest.fail("too late"))
    assert run("replay", [f"policy={TUTOR}", *words, "log.path=answers.csv"]) == 2
    assert said in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


def test_a_policy_that_is_not_named_is_asked_for(capfd):
    assert run("replay", []) == 2
    line = capfd.readouterr().err
    assert line.startswith(
        "error: policy: must be given, as policy=... (a tutor file, with its .json beside it"
    )


@pytest.mark.slow
def test_order_alone_is_replayed_and_said(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    order_alone(tmp_path)
    line = ["log=file", "log.path=answers.csv", "hydra.run.dir=replayed", "tables=csv"]
    assert run("replay", [f"policy={TUTOR}", *line]) == 0
    told = capfd.readouterr().out
    page = (tmp_path / "replayed" / "report.html").read_text()
    assert "no column of times" in told
    assert "no column of times" in page
    table = (tmp_path / "replayed" / "responses.csv").read_text().splitlines()
    assert len(table) == 1 + 36
    assert {row.split(",")[2] for row in table[1:]} == {"0.0"}


@pytest.mark.slow
def test_a_tutor_agrees_with_its_own_lessons(tmp_path, monkeypatch):
    """A rule's simulated log, replayed through the file of the same rule: every choice is the same."""
    monkeypatch.chdir(tmp_path)
    learners = ["simulator=bkt_v0", "task=mastery", "task.steps=15"]
    assert run("export", [*learners, "agent=mastery_threshold", "to=tutor.onnx"]) == 0
    assert run("simulate", [*learners, "policy=mastery_threshold", "learners=30", "to=log.parquet"]) == 0
    line = ["log=file", "log.path=log.parquet", "hydra.run.dir=replayed"]
    assert run("replay", ["policy=tutor.onnx", *line]) == 0
    found = json.loads((tmp_path / "replayed" / "summary.json").read_text())
    assert found["same_item/value"] == 1.0
    assert found["random_item/value"] == pytest.approx(1 / 20)
