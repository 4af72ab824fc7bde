"""The JavaScript runtime, in node: parity with the original and with the Python runtime, and its refusals."""

import json
import subprocess
from pathlib import Path

import pytest

from coursewright_runtime import Tutor, key_of
from packages import NODE, lacking
from tutor_files import MADE, QUICK, episodes_of, loose_columns, made

HERE = Path(__file__).parent
HISTORY = [
    {
        "item": item,
        "correct": (1, 0, None)[step % 3],
        "minutes": 1.5,
        "at": (0.0, 0.7, 0.5, 2.1, 2.8)[step],
    }  # once backwards
    for step, item in enumerate(["a1", "a1", "b1", "bc", "a1"])
]


def ask(names):
    """The answers of `in_node.mjs` about some tutors; the schedule's lesson goes on in the other language."""
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
    done = subprocess.run(
        [NODE, HERE / "in_node.mjs"], input=json.dumps({"tutors": tutors}), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(names, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def answers():
    return ask(QUICK)


def agree(answers):
    for name, found in answers.items():
        assert (name, found["golden"], found["followed"]) == (name, None, None)
        assert found["spoiled"].startswith("response 4 (")


def test_node_follows_the_original(answers):
    agree(answers)


@pytest.mark.slow
def test_node_follows_the_original_with_every_tutor():
    agree(ask([name for name in MADE if name not in QUICK]))


def test_both_languages_hold_the_same_lesson(answers):
    found, tutor = answers["a schedule"], Tutor(made("a schedule").path)
    here = tutor.replay(HISTORY, key="ann", at=0.0)
    assert json.loads(found["lesson"]["saved"]) == json.loads(here.save())
    assert found["lesson"]["again"] == found["lesson"]["saved"]
    assert found["lesson"]["choice"] == here.next().item
    assert json.loads(found["loaded"]) == json.loads(tutor.replay(HISTORY, key="bob").save())
    assert found["keys"] == [str(key_of(key)) for key in ("", "a", "foobar", "Ÿ")]


SAID = {
    "item": "item = 'zz': not one of the tutor's 7 items",
    "correct": "correct = 2: allowed: 1 right, 0 wrong, null where nothing was asked",
    "correct, missing": "correct = undefined: allowed",
    "minutes": "minutes = NaN: allowed: a finite number >= 0",
    "minutes, negative": "minutes = -1: allowed",
    "minutes, text": "minutes = '2': allowed",
    "at": "at = NaN: allowed: a Date, or days since",
    "at, in seconds": "at = 1790000000: allowed",
    "offered": "offered = 'q': not one of the tutor's 7 items",
    "only": "only = 'q': not one of the tutor's 7 items",
    "exclude": "exclude = 'q': not one",
    "goal": "goal = 'q': not one of the tutor's 5 skills",
    "key": "key = 1.5: allowed: a whole number from 0",
    "state": "state = '{}': not the text of a lesson; replay the responses",
    "state, NaN": "state of tutor ",
    "stamp": "state of tutor 5: this file is ",
    "words": "the words of tutor 5, and the ONNX file is tutor ",
    "words, missing": "words = undefined: the JSON file of the tutor",
    "file": "not an ONNX file that runs here",
    "history": "history[1]: correct = 7: allowed",
}


def test_the_same_is_refused_in_javascript(answers):
    found = answers["a schedule"]["refusals"]
    assert found.keys() == SAID.keys()
    assert {name: told for name, told in found.items() if not told.startswith(SAID[name])} == {}
