"""Killed at random moments, told to go on: the results are those of an undisturbed command, byte for byte."""

import os
import random
import shutil
import time
from typing import NamedTuple

import pytest

from lives import SMALL, below, finish, results, run_on, same, start, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="ends processes by signals"),
]


class Case(NamedTuple):
    """A command, what goes on with it, and the folder of its results."""

    first: list[str]
    again: list[str]
    made: str


FEW = [f"~policies.{name}" for name in ("thompson", "ucb", "tuned_mastery", "expected_gain", "n_in_a_row")]
RUN = "hydra.run.dir=run"
CASES = {
    "csv": Case(["train", *SMALL, "tracker=csv", RUN], ["train", "resume=run"], "run"),
    "wandb": Case(["train", *SMALL, "tracker=wandb", RUN], ["train", "resume=run"], "run"),
    "sweep": Case(["train", "-m", "seed=0,1,2", *SMALL, "tracker=csv", "hydra.sweep.dir=runs"], [], "runs"),
    "evaluate": Case(
        [
            "evaluate",
            *FEW,
            "reference=random",
            "learners=300",
            "policies.oracle_beam.kss_width=50",
            "tracker=csv",
            RUN,
        ],
        [],
        "run",
    ),
    "import": Case(["import", "log=file", "log.path=log.csv", "to=stored", RUN], [], "stored"),
    "fit": Case(["fit", "draws=10", "out=mine", RUN], [], "mine"),
}
KILLS = {"csv": 14, "wandb": 10, "sweep": 8, "evaluate": 6, "import": 6, "fit": 6}


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    """A command's name, its undisturbed results, and how long they took."""
    folder = tmp_path_factory.mktemp(request.param)
    write_log(folder)
    finish(folder, *CASES[request.param].first)  # compiles, too
    shutil.rmtree(folder / CASES[request.param].made)
    begin = time.monotonic()
    finish(folder, *CASES[request.param].first)
    return request.param, folder / CASES[request.param].made, time.monotonic() - begin


def write_log(folder):
    """A log of an outside party, for `import`."""
    draw = random.Random(0)
    rows = [f"l{n % 997},i{draw.randrange(50)},s{n % 7},{n},{draw.randrange(2)}" for n in range(200_000)]
    (folder / "log.csv").write_text("\n".join(["learner,item,skills,time,correct", *rows, ""]))


@pytest.mark.parametrize("kill", range(max(KILLS.values())))
def test_a_killed_command_ends_as_if_nothing_had_happened(case, kill, tmp_path):
    name, whole, seconds = case
    if kill >= KILLS[name]:
        pytest.skip(f"{KILLS[name]} kills are enough")
    first, again, made = CASES[name]
    write_log(tmp_path)
    running = start(tmp_path, *first)
    time.sleep(seconds * random.Random(f"{name}{kill}").uniform(0.05, 1.0))
    workers = below(running.pid)
    running.kill()
    running.communicate()
    until(lambda: not run_on(workers), 5.0)
    begun = (tmp_path / "run" / "config.yaml").is_file()
    if name != "import" or not (tmp_path / made).is_dir():  # what is there whole is not made again
        finish(tmp_path, *(again if again and begun else first))
    if name != "wandb":
        same(whole, tmp_path / made)
    else:
        ours, theirs = results(whole), results(tmp_path / made)
        assert {key: ours[key] == theirs[key] for key in ours} == dict.fromkeys(ours, True)
    assert not list(tmp_path.rglob("*.part"))
