"""The answers in a learner's browser: whatever the stored text, what can be read of it is kept."""

import json
import subprocess
from pathlib import Path

import pytest

from packages import NODE

pytestmark = pytest.mark.skipif(NODE is None, reason="no node here")
RESPONSES = [
    {"item": 'sums "1" {a}', "correct": 1, "minutes": 0.5, "time": 20000.25},
    {"item": "Brüche\\", "correct": 0, "minutes": 2, "time": 20000.5, "wait": 3},
    {"item": "17", "correct": None, "minutes": 0, "time": 20001},
]
STATE = json.dumps({"stamp": 5, "seen": None, "goal": ["a"], "state": [0.5] * 9})
WHOLE = {"learner": "0af3", "responses": RESPONSES, "state": STATE}


def read(*texts):
    done = subprocess.run(
        [NODE, Path(__file__).with_name("kept.mjs")],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def compact(value):
    """JSON as JavaScript writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def test_a_whole_text_is_read_whole():
    nobody, whole = read(None, compact(WHOLE))
    assert nobody == {"learner": "", "responses": [], "state": "", "damaged": False}
    assert whole == WHOLE | {"damaged": False}


def test_a_text_cut_anywhere_keeps_every_whole_response():
    text = compact(WHOLE)
    ends = [text.index(compact(response)) + len(compact(response)) for response in RESPONSES]
    found = read(*(text[:length] for length in range(len(text))))
    for length, left in enumerate(found):
        whole = sum(end <= length for end in ends)
        assert (left["damaged"], left["responses"]) == (True, RESPONSES[:whole])
        assert left["learner"] == ("0af3" if length >= text.index(",") else "")


@pytest.mark.parametrize(
    "spoiled",
    [
        {"correct": "yes"},
        {"correct": -1},
        {"item": 7},
        {"minutes": None},
        {"minutes": -1},
        {"time": 1.8e12},
        {"wait": "3"},
    ],
)
def test_one_spoiled_response_costs_no_other(spoiled):
    told = WHOLE | {"responses": [RESPONSES[0], RESPONSES[1] | spoiled, RESPONSES[2]]}
    assert read(compact(told)) == [
        {"learner": "0af3", "responses": [RESPONSES[0], RESPONSES[2]], "state": "", "damaged": True}
    ]


def test_any_other_text_is_damaged():
    strange = ["", "{broken", "[]", "null", "7", '"a"', '{"x":1}', compact(WHOLE | {"responses": [None]})]
    for left in read(*strange):
        assert (left["damaged"], left["responses"], left["state"]) == (True, [], "")
