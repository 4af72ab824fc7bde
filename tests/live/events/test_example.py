"""The example of docs/: a class plays through xAPI, with statements sent twice and others declared void."""

import os
import subprocess
import sys
from pathlib import Path

from live_tutor import TUTOR
from load import TOKEN

SCRIPT = Path(__file__).parents[3] / "docs" / "xapi_class.py"


def played(address, *more):
    line = [
        sys.executable,
        "-I",
        str(SCRIPT),
        "--service",
        address,
        "--words",
        str(TUTOR.with_suffix(".json")),
    ]
    line += ["--learners", "5", "--answers", "18", *more]
    environment = {**os.environ, "COURSEWRIGHT_TOKEN": TOKEN}
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=environment)


def test_each_answer_counts_once_and_none_that_is_void(address, tutor):
    done = played(address)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("counts another number of answers: 0\n")
    again, void = (int(done.stdout.split(word)[1].split(",")[0].split()[0]) for word in ("again", "void"))
    assert again > 0 < void
    told = int(done.stdout.split("5 learners, ")[1].split()[0])
    assert sum(tutor.state(learner).responses for learner in tutor.learners()) == told
    assert played(address, "--token", "another-token-of-mine").stderr.startswith("/enrol: 401 ")
