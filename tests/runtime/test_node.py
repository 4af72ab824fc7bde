"""The JavaScript runtime, in node: parity with the original and with the Python runtime, and its refusals."""

import json
import subprocess
from pathlib import Path

import pytest

from broken_words import CHANGED, NO_JSON, placed
from coursewright_runtime import Tutor, key_of
from live_tutor import TUTOR
from packages import JS, NODE, lacking
from tutor_files import MADE, QUICK, episodes_of, loose_columns, made

HERE = Path(__file__).parent
HISTORY = [
    {"item": item, "correct": (1, 0, None)[step % 3], "minutes": 1.5, "at": (0, 0.7, 0.5, 2.1, 2.8)[step]}
    for step, item in enumerate(["a1", "a1", "b1", "bc", "a1"])
]


def ask(names, opened=()):
    """The answers of `in_node.mjs` about some tutors, and what is said of each path that is to be `opened`.

    The schedule's lesson goes on in the other language.
    """
    if why := lacking():
        pytest.skip(why)
    tutors = []
    for name in names:
        tutor = made(name)
        told = {
            "path": str(tutor.path),
            "episodes": episodes_of(tutor, 5),
            "loose": loose_columns(tutor.task),
        }
        if name == "a schedule":
            told |= {"history": HISTORY, "saved": Tutor(tutor.path).replay(HISTORY, key="bob").save()}
        tutors.append(told)
    asked = json.dumps({"tutors": tutors, "opened": [str(path) for path in opened]})
    done = subprocess.run([NODE, HERE / "in_node.mjs"], input=asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *found, said = json.loads(done.stdout)
    return dict(zip(names, found, strict=True)), said


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Each kind of words: its name, a tutor file, and what is to be said of it."""
    return list(placed(TUTOR.with_suffix(".json"), tmp_path_factory.mktemp("words")))


@pytest.fixture(scope="module")
def asked(rows):
    return ask(QUICK, [path for _, path, _ in rows])


@pytest.fixture
def answers(asked):
    return asked[0]


def test_words_that_were_changed_are_refused_and_what_is_free_is_not(asked, rows):
    """The same table as for Python, in test_python.py."""
    pairs = zip(rows, asked[1], strict=True)
    assert {name: (found, said) for (name, _, said), found in pairs if found != said} == {}


def agree(answers):
    for name, found in answers.items():
        assert (name, found["golden"], found["followed"]) == (name, None, None)
        assert found["spoiled"][0].startswith("response 4 (")
        assert found["spoiled"][1].startswith("response 5 (")
        assert " scores of " in found["spoiled"][1]


def test_node_follows_the_original(answers):
    agree(answers)


@pytest.mark.slow
def test_node_follows_the_original_with_every_tutor():
    agree(ask([name for name in MADE if name not in QUICK])[0])


def test_both_languages_hold_the_same_lesson(answers):
    found, tutor = answers["a schedule"], Tutor(made("a schedule").path)
    here = tutor.replay(HISTORY, key="ann", at=0.0)
    assert json.loads(found["lesson"]["saved"]) == json.loads(here.save())
    assert found["lesson"]["again"] == found["lesson"]["saved"]
    assert found["lesson"]["choice"] == here.next().item
    assert json.loads(found["loaded"]) == json.loads(tutor.replay(HISTORY, key="bob").save())
    assert found["keys"] == [str(key_of(key)) for key in ("", "a", "foobar", "Ÿ")]


def test_null_is_nothing_and_a_text_is_one_name(answers):
    found = answers["a schedule"]
    assert {name: pair for name, pair in found["same"].items() if pair[0] != pair[1]} == {}
    assert found["opened"]


OPTIONS = "allowed: minutes, at, taught, past, offered"
SAID = {
    "item": "item = 'zz': not one of the tutor's 7 items",
    "item, a list": 'item = ["a1"]: not one of the tutor\'s 7 items',
    "correct": "correct = 2: allowed: 1 right, 0 wrong, null where nothing was asked",
    "correct, missing": "correct = undefined: allowed",
    "minutes": "minutes = NaN: allowed: a finite number >= 0",
    "minutes, negative": "minutes = -1: allowed",
    "minutes, text": "minutes = '2': allowed",
    "minutes, beyond float32": "minutes = 1e+39: allowed: a finite number >= 0, at most 3e+38",
    "at": "at = NaN: allowed: a Date, or days >= 0",
    "at, milliseconds": "at = 1795863084605: allowed: a Date, or days >= 0 since a fixed moment, at most",
    "taught": "taught = 'no': allowed: true or false",
    "past": "past = 1: allowed: true or false",
    "offered": "offered = 'q': not one of the tutor's 7 items",
    "an option": f"minute = 3: no option of observe; {OPTIONS}",
    "no options": f"the last argument of observe = 1.5: allowed: an object of {OPTIONS[9:]}",
    "next, a name": "the last argument of next = 'a1': allowed: an object of at, only, exclude",
    "only": "only = 'q': not one of the tutor's 7 items",
    "only, a number": "only = 3: allowed: names of the tutor's items in a list, or one name",
    "exclude": "exclude = 'q': not one",
    "goal": "goal = 'q': not one of the tutor's 5 skills",
    "goal, empty": "goal = []: allowed: at least one skill",
    "key": "key = 1.5: allowed: a whole number from 0",
    "state": "state = '{}': not the text of a lesson; replay the responses",
    "state, NaN": "state of tutor ",
    "state, no moment": "state = '{",
    "state, no goal": "goal = []: allowed",
    "state, of another tutor": "state of tutor 5: this file is ",
    "stamp": "state of tutor 5: this file is ",
    "waiting": "save: 1 answers are still being noted; await each observe before it",
    "another's": "state of another tutor: this file is ",
    "words, changed": f"words: {CHANGED}",
    "words, changed in a text": f"words: {CHANGED}",
    "words, missing": "words = undefined: the JSON file of the tutor",
    "words, no JSON": f"words: {NO_JSON}",
    "words, nowhere": "nowherenowhere",
    "file": "not an ONNX file that runs here",
    "file, a number": "file = 5: allowed: the bytes of an ONNX file",
    "history": "history[1]: correct = 7: allowed",
    "history, missing": "history = null: allowed: an array of { item, correct, ... }",
    "history, time": "history[0]: time = 3: no option of replay; allowed: item, correct, minutes, at",
    "history, null": "history[0]: each response = null: allowed: an object of item, correct",
    "run, item": "item = 7: allowed: whole numbers, -1 to 6",
    "run, half an item": "item = 0.7: allowed: whole numbers, -1 to 6",
    "run, text": "item = '3': allowed: whole numbers, -1 to 6",
    "run, many": "item = shape [3]: allowed: one value, or shape [1]",
    "run, correct": "correct = 7: allowed: whole numbers, -1 to 1",
    "run, days": "days = NaN: allowed: 0 to 3e+38",
    "run, days back": "days = -1: allowed: 0 to",
    "run, minutes": "minutes = -3: allowed: 0 to",
    "run, past": "past = 'no': allowed: true or false",
    "run, goal": "goal = shape [3]: allowed: shape [5], or",
    "run, mask": "mask = 2: allowed: true or false",
    "run, an option": "day = 3: no option of run; allowed: item, correct",
    "run, state": "state = shape [2]: allowed: ",
}


def test_the_same_is_refused_in_javascript(answers):
    found = answers["a schedule"]["refusals"]
    assert found.keys() == SAID.keys()
    assert {name: told for name, told in found.items() if not told.startswith(SAID[name])} == {}
    assert max(map(len, found.values())) < 200


def test_the_check_is_a_command(answers, tmp_path):
    check, path = JS / "check.js", tmp_path / ("a long way " * 9) / "my tutor.onnx"
    path.parent.mkdir()
    for suffix in (".onnx", ".json"):
        path.with_suffix(suffix).write_bytes(made("a schedule").path.with_suffix(suffix).read_bytes())
    broken = path.with_name("broken.onnx")
    broken.write_bytes(path.read_bytes())
    for given, code, says in (
        ([path], 0, f"{path}: follows its golden trace\n"),
        ([], 2, "one tutor file is needed: npx coursewright-runtime tutor.onnx\n"),
        ([broken], 2, f"{broken.with_suffix('.json')}: cannot be read (no such file or directory)\n"),
    ):
        done = subprocess.run([NODE, check, *given], capture_output=True, text=True)
        assert (done.returncode, done.stdout + done.stderr) == (code, says)
    about = json.loads((JS / "package.json").read_text())
    assert about["bin"] == {"coursewright-runtime": "check.js"}
    assert {"check.js", "index.js"} <= set(about["files"])
