"""A file that is there stays, unless the same command made it."""

import json
from concurrent.futures import ThreadPoolExecutor, wait

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bad_lines
import forked
from coursewright.agents.label import Label
from coursewright.errors import InputError
from coursewright.scripts import products
from coursewright_runtime import Tutor

TASK = ["simulator=bkt_v0", "task=mastery", "task.steps=5", "learners=5"]
LABEL = Label("ppo", 0, 10, True, True, ("a",), ("b",), "hash", {"torch": "2"})


@pytest.mark.parametrize("verb", ["export", "simulate", "import"])
def test_a_file_of_ones_own_is_kept(tmp_path, verb):
    forked.import_everything()
    mine = tmp_path / "mine.parquet"
    mine.write_text("learner,item\n")
    (tmp_path / "log.csv").write_text("learner,item,skills,time,correct\na,b,c,0,1\n")
    rule = [*TASK[:3], "agent=mastery_threshold"]
    needed = {"export": rule, "simulate": TASK}.get(verb, [f"log.path={tmp_path}/log.csv"])
    told = bad_lines.told(verb, [*needed, f"to={mine}"])
    assert told.code == 2
    assert told.said.startswith(f"error: to = {mine}: ")
    assert mine.read_text() == "learner,item\n"


def test_a_log_that_no_simulation_wrote_is_kept(tmp_path):
    mine = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"a": [1]}), mine)
    with pytest.raises(InputError, match="holds a log that no simulation wrote; name a new file"):
        products.refuse_other_log(str(mine), "mark")


def test_the_same_simulation_replaces_its_log_and_another_does_not(tmp_path):
    forked.import_everything()
    words = [*TASK, f"to={tmp_path}/log.parquet"]
    assert bad_lines.told("simulate", words).code == 0
    before = (tmp_path / "log.parquet").read_bytes()
    assert bad_lines.told("simulate", words).code == 0
    assert (tmp_path / "log.parquet").read_bytes() == before
    told = bad_lines.told("simulate", [*words, "seed=1"])
    assert not told.fault
    assert "holds the log of another simulation" in told.said


def test_a_policy_of_another_training_is_kept(tmp_path, monkeypatch):
    (tmp_path / "policy.onnx").touch()

    class Exported:
        def __init__(self, path):
            self.label = LABEL

    monkeypatch.setattr("coursewright.agents.export.policy.OnnxPolicy", Exported)
    place = str(tmp_path / "policy.onnx")
    products.refuse_other_policy(place)
    newer = Label(**{**vars(LABEL), "versions": {"torch": "3"}})
    products.refuse_other_policy(place, newer)
    with pytest.raises(InputError, match=r"holds the policy of another training \(ppo, seed 0\)"):
        products.refuse_other_policy(place, Label(**{**vars(LABEL), "seed": 1}))


def test_the_same_export_replaces_its_tutor_and_another_does_not(tmp_path):
    forked.import_everything()
    rule = [*TASK[:3], "agent=mastery_threshold", f"to={tmp_path}/tutor.onnx"]
    assert bad_lines.told("export", rule).code == 0
    before = (tmp_path / "tutor.onnx").read_bytes()
    assert bad_lines.told("export", rule).code == 0
    other = bad_lines.told("export", [*rule, "agent.threshold=0.5"])
    assert (other.code, (tmp_path / "tutor.onnx").read_bytes()) == (2, before)
    assert "holds the tutor of another export; name a new file, or remove that one" in other.said


def test_of_two_exports_at_once_one_leaves_both_files(tmp_path):
    forked.import_everything()
    place = tmp_path / "class 3" / "tutor.onnx"
    rule = [*TASK[:3], "agent=mastery_threshold", f"to={place}"]
    lines = [[*rule, f"agent.threshold={threshold}"] for threshold in (0.5, 0.7)]
    with ThreadPoolExecutor(2) as threads:
        with products.alone_at(str(place), ""):
            asked = [threads.submit(bad_lines.told, "export", line) for line in lines]
            assert not wait(asked, timeout=4.0).done  # they wait for the one that is at work
            assert [path.name for path in place.parent.iterdir()] == [".tutor.lock"]
        done = [one.result() for one in asked]
    assert sorted(one.code for one in done) == [0, 2]
    assert "holds the tutor of another export" in "".join(one.said for one in done)
    assert {path.name for path in place.parent.iterdir()} == {"tutor.onnx", "tutor.json"}
    assert Tutor(place).words["scored"]["learners"] == 100


def test_an_export_to_where_nothing_can_be_written_is_refused_in_a_line(tmp_path):
    (tmp_path / "file").touch()
    turn = products.alone_at(str(tmp_path / "file/tutor.onnx"), "")
    with pytest.raises(InputError, match=r"to = .*file/tutor.onnx: cannot be written \("), turn:
        pass


def test_the_mark_of_a_run_s_tutor_does_not_hang_on_the_place_of_the_run(tmp_path, monkeypatch):
    run = {part: {} for part in ("simulator", "task", "tracker", "seeds", "choices")}
    run |= {"agent": {"_target_": "coursewright.agents.rules.mastery.NInARow", "n": 2}, "seed": 0}
    run |= {"learners": 5, "tutor": None, "tags": [], "name": "mine", "study": "s"}
    folder = tmp_path / "x"
    folder.mkdir()
    for name in ("tutor.csv", "code.json"):
        (folder / name).write_text('{"format": 3}')

    def mark(place, **other):
        (folder / "config.yaml").write_text(json.dumps(run | other))
        return products.tutor_mark({"run": str(place), "trust": [], "to": "a.onnx", "whole": True})

    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    wanted = mark(folder)
    assert {mark(place) for place in ("x", "./x/", "../" + tmp_path.name + "/x", "link")} == {wanted}
    assert mark(folder, name="other", tags=["one"], tracker={}) == wanted
    for other in ({"seed": 1}, {"task": {"steps": 5}}, {"agent": run["agent"] | {"n": 3}}):
        assert mark(folder, **other) != wanted
