"""The Python runtime: it follows the original from raw responses, and refuses by name what it cannot use."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from broken_words import NO_JSON, placed, seal
from coursewright_runtime import Tutor, TutorError, differs, key_of
from live_tutor import TUTOR
from tutor_files import MADE, QUICK, episodes_of, follow, made

ROOT = Path(__file__).parents[2]
WORDS = TUTOR.with_suffix(".json")
SOURCES = ROOT / "runtime/python/coursewright_runtime"


@pytest.fixture(
    scope="module",
    params=[name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MADE],
)
def original(request):
    return made(request.param)


@pytest.fixture(scope="module")
def dated():
    return Tutor(made("a schedule").path)


def test_the_golden_trace_is_followed(original):
    tutor = Tutor(original.path)
    assert differs(tutor) is None
    tutor.words["golden"]["responses"][7]["action"] += 1
    assert differs(tutor).startswith("response 8 (")
    tutor.words["golden"]["responses"][7]["action"] -= 1
    for step, told in enumerate(tutor.words["golden"]["responses"], 1):
        for name in {"observation", "belief", "scores"} & told.keys():
            kept = told[name][-1]
            told[name][-1] += 3e-5 * max(1.0, abs(kept))
            found = differs(tutor)
            assert found.startswith(f"response {step} ({told['item']}): {name} of ")
            assert " is off by " in found
            told[name][-1] = kept
    tutor.words["golden"]["state"][-1] += 1.0
    assert "is off by 1" in differs(tutor)


def test_episodes_are_taught_as_by_the_original(original):
    tutor = Tutor(original.path)
    for episode in episodes_of(original, 5):
        follow(tutor, episode, original.task)


def test_rows_do_not_hang_on_the_batch(original):
    tutor, rng = Tutor(original.path), np.random.default_rng(0)
    together = tutor.new(["ann", "bob", 3, 4, 5, 2**64 - 1, ""])
    alone = [row[None] for row in together]
    for _ in range(5):
        item, correct = rng.integers(len(tutor.items), size=7), rng.integers(-1, 2, 7)
        found = tutor.run(
            together, item, correct, days=rng.random(7) if (timed := rng.random() < 0.5) else 0.0
        )
        if timed:
            together = found["next_state"]
            alone = [row[None] for row in together]
            continue
        ones = [tutor.run(alone[i], item[i], correct[i]) for i in range(7)]
        assert [one["action"][0] for one in ones] == found["action"].tolist()
        together, alone = found["next_state"], [one["next_state"] for one in ones]
        np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-6)


def test_a_replay_is_the_lesson(dated):
    events = [
        {"item": dated.items[step % 3], "correct": (1, 0, None)[step % 3], "minutes": 1.5, "at": step * 0.7}
        for step in range(8)
    ]
    lesson = dated.begin(key="ann", at=0.0)
    for event in events:
        lesson.next(at=event["at"])  # looks leave no trace
        lesson.observe(**event)
        lesson.next(at=event["at"] + 0.3)
    rows = [tuple(event.values()) for event in events]
    for history in (events, rows):
        again = dated.replay(history, key="ann", at=0.0)
        assert again.save() == lesson.save()
    with pytest.raises(TutorError, match=r"history\[1\]: correct = 7: allowed: 1 right"):
        dated.replay([events[0], events[1] | {"correct": 7}])


def test_real_times_become_days(dated):
    begun, zone = datetime(2026, 3, 28, 9, tzinfo=UTC), datetime(2026, 3, 28, 9).astimezone().tzinfo
    by_clock, by_days = dated.begin(at=begun), dated.begin(at=0.0)
    for hours in (1, 30, 30.5):
        moment = begun + timedelta(hours=hours)
        by_clock.observe("a1", 1, at=moment.astimezone(zone))
        by_days.observe("a1", 1, at=hours / 24.0)
    np.testing.assert_allclose(by_clock.state, by_days.state, atol=1e-6)
    later = by_days.next(at=9.0).observation
    assert not np.array_equal(later, by_days.next().observation)
    before = by_days.state
    by_days.observe("a1", None, taught=False, at=0.5)  # a clock that runs backwards: no time passes
    assert by_days.seen == 30.5 / 24.0  # and none passes twice when it has caught up
    days = [c.startswith("days_since") for c in dated.words["state"]["columns"]]
    assert (by_days.state[0, days] <= before[0, days]).all()


def refusals(tutor):
    begin, state = tutor.begin, tutor.begin().state
    item, nan = tutor.items[0], float("nan")
    return [
        (lambda: begin().observe("zz", 1), "item = 'zz': not one of the tutor's 7 items"),
        (lambda: begin().observe(3, 1), "item = 3: not one"),
        (lambda: begin().observe(item, 2), "correct = 2: allowed: 1 right, 0 wrong, None"),
        (lambda: begin().observe(item, nan), "correct = nan: allowed"),
        (lambda: begin().observe(item, 1, minutes=nan), "minutes = nan: allowed: a finite number >= 0"),
        (lambda: begin().observe(item, 1, minutes=-1), "minutes = -1: allowed"),
        (lambda: begin().observe(item, 1, minutes="2"), "minutes = '2': allowed"),
        (lambda: begin().observe(item, 1, at=nan), "at = nan: allowed: a datetime, or days since"),
        (lambda: begin().observe(item, 1, at=-2.0), "at = -2.0: allowed"),
        (lambda: begin().observe(item, 1, offered=["q"]), "offered = 'q': not one of the tutor's 7 items"),
        (lambda: begin().observe([item], 1), "item = .*names are texts"),
        (lambda: begin().observe(item, np.array([1, 0])), "correct = array"),
        (lambda: begin().observe(item, True, minutes=10**400), "minutes = 1000"),
        (lambda: begin().observe(item, 1, taught="no"), "taught = 'no': allowed"),
        (lambda: begin().observe(item, 1, at=1.8e9), "at = 1800000000.0: allowed: .*no seconds"),
        (lambda: begin().next(only=3), "only = 3: allowed: names of items"),
        (lambda: begin(goal=[]), "goal = .*at least one skill"),
        (lambda: begin(key=None), "key = None: allowed: a whole number"),
        (lambda: begin(key=1.5), "key = 1.5: allowed: a whole number"),
        (lambda: tutor.load("[" * 100_000), "not the text of a lesson"),
        (lambda: tutor.run(state, 0.7), "item = 0.7: allowed: -1 to 6"),
        (lambda: begin().next(only=["q"]), "only = 'q': not one"),
        (lambda: begin().next(exclude=["q"]), "exclude = 'q': not one"),
        (lambda: begin(goal=["q"]), "goal = 'q': not one of the tutor's 5 skills"),
        (lambda: begin(key=-1), "key = -1: allowed: a whole number from 0"),
        (lambda: tutor.load("{}"), "state = '{}': not the text of a lesson; replay the responses"),
        (lambda: tutor.run(state, 7), "item = 7: allowed: -1 to 6"),
        (lambda: tutor.run(state, correct=[3]), r"correct = \[3\]: allowed: -1 to 1"),
        (lambda: tutor.run(state, days=[nan]), r"days = \[nan\]: allowed: 0 to"),
        (lambda: tutor.run(state, minutes=-0.5), "minutes = -0.5: allowed"),
        (lambda: tutor.run(state[:, 1:]), "state = "),
        (lambda: tutor.run(state, goal=np.ones((1, 4))), r"goal = \(1, 4\): allowed: shape \(1, 5\)"),
        (lambda: tutor.run(state, [0, 1]), r"item = \(2,\): allowed: shape \(1,\)"),
    ]


def test_what_cannot_be_used_is_refused_by_name(dated):
    for refused, says in refusals(dated):
        with pytest.raises(TutorError, match=says):
            refused()
    lesson = dated.begin(at=1.0)
    before = lesson.save()
    with pytest.raises(TutorError):
        lesson.observe(dated.items[0], 1, minutes=float("inf"), at=2.0)
    assert lesson.save() == before


def test_a_state_of_another_tutor_is_refused(dated):
    kept = json.loads(dated.begin().save())
    states = (kept["state"][1:], [5.0, *kept["state"][1:]], [1e300] * dated.width)
    for other in (kept | {"stamp": 5}, *(kept | {"state": state} for state in states)):
        with pytest.raises(TutorError, match=r"state of tutor .*replay the responses"):
            dated.load(json.dumps(other))


def test_a_file_that_is_no_tutor_is_refused(tmp_path, dated):
    path, words = tmp_path / "my tutor.onnx", tmp_path / "my tutor.json"
    with pytest.raises(TutorError, match=r"my tutor.onnx: cannot be read \(no such file or directory\)"):
        Tutor(path)
    path.write_text("nothing")
    words.write_text("{}")
    with pytest.raises(TutorError, match="not an ONNX file that runs here; `coursewright export"):
        Tutor(path)
    path.write_bytes(dated.path.read_bytes())
    words.unlink()
    with pytest.raises(TutorError, match=r"my tutor.json: cannot be read \(no such file or directory\)"):
        Tutor(path)
    words.write_text("\ufeff" + json.dumps(dated.words), encoding="utf-8")
    assert Tutor(path).items == dated.items
    assert Tutor(path, words=dated.path.with_suffix(".json")).items == dated.items


def test_words_that_were_changed_are_refused_and_what_is_free_is_not(tmp_path):
    """The same table as for JavaScript, in test_node.py."""
    found = {}
    for name, path, said in placed(WORDS, tmp_path):
        try:
            Tutor(path)
        except TutorError as error:
            found[name] = (str(error), said)
        else:
            found[name] = ("", said)
    assert {name: pair for name, pair in found.items() if pair[0] != pair[1]} == {}


def test_words_of_another_tutor_are_refused(tmp_path, dated):
    path = tmp_path / "my tutor.onnx"
    path.write_bytes(dated.path.read_bytes())
    path.with_suffix(".json").write_bytes(WORDS.read_bytes())
    with pytest.raises(
        TutorError, match=r"my tutor\.json: another tutor's words, or changed since the export"
    ):
        Tutor(path)


def test_a_file_of_another_format_is_refused(tmp_path, dated):
    path = tmp_path / "tutor.onnx"
    path.with_suffix(".json").write_bytes(dated.path.with_suffix(".json").read_bytes())
    path.write_bytes(dated.path.read_bytes().replace(b"\n\x06format\x12\x013", b"\n\x06format\x12\x012"))
    with pytest.raises(TutorError, match=r"tutor\.onnx: format 2, not 3: export it again"):
        Tutor(path)


def test_nothing_is_chosen_where_nothing_is_left(dated):
    lesson = dated.begin(goal=["a"])
    assert lesson.next(only=[]) is None
    assert lesson.next(only=["a1"], exclude=["a1"]) is None
    assert lesson.next(only=["a1"]).item == "a1"
    assert lesson.next(only="a1").item == "a1"


def test_a_key_is_the_hash_that_is_promised():
    assert key_of("") == 0xCBF29CE484222325
    assert key_of("a") == 0xAF63DC4C8601EC8C  # the published values of 64-bit FNV-1a
    assert key_of("foobar") == 0x85944171F73967E8
    assert key_of(7) == 7


def test_it_imports_numpy_and_onnxruntime_alone(dated):
    told = "import coursewright_runtime, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout
    assert {"numpy", "onnxruntime"} <= set(found.split())
    heavy = {"coursewright", "torch", "numba", "gymnasium", "onnx", "pandas", "scipy"}
    assert not heavy & set(found.split())
    assert sum(len(path.read_text().splitlines()) for path in SOURCES.glob("*.py")) < 400


def test_a_file_is_checked_from_the_command_line(tmp_path):
    path, words = tmp_path / "tutor.onnx", json.loads(WORDS.read_text())
    asked = [sys.executable, "-m", "coursewright_runtime", str(path)]
    seal(WORDS.with_suffix(".onnx"), words, path)
    done = subprocess.run(asked, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{path}: follows its golden trace\n")
    words["golden"]["responses"][0]["action"] = 999
    seal(WORDS.with_suffix(".onnx"), words, path)
    done = subprocess.run(asked, capture_output=True, text=True)
    assert done.returncode == 1
    assert "response 1 (" in done.stdout
    path.with_suffix(".json").write_text("")
    done = subprocess.run(asked, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, f"{path.with_suffix('.json')}: {NO_JSON}\n")


def test_threads_may_share_a_lesson(dated):
    lesson, one_by_one = dated.begin(), dated.begin()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: lesson.observe("a1", 1), range(60)))
    for _ in range(60):
        one_by_one.observe("a1", 1)
    assert lesson.save() == one_by_one.save()
