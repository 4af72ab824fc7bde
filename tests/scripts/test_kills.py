"""Killed at random moments, told to go on: the results are those of an undisturbed command, byte for byte."""

import functools
import os
import random
import shutil
import time
from typing import NamedTuple

import pytest

from compared import only
from lives import SMALL, below, finish, results, run_on, same, start, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="ends processes by signals"),
]


class Case(NamedTuple):
    """A command, the command that goes on with it, and the folder of its results."""

    first: list[str]
    again: list[str]
    made: str


FEW = only("random", "random_legal", "round_robin", "mastery_threshold", "oracle_greedy")
RUN = "hydra.run.dir=run"
CASES = {
    "csv": Case(["train", *SMALL, "tracker=csv", RUN], ["train", "resume=run"], "run"),
    "wandb": Case(["train", *SMALL, "tracker=wandb", RUN], ["train", "resume=run"], "run"),
    "sweep": Case(["train", "-m", "seed=0,1,2", *SMALL, "tracker=csv", "hydra.sweep.dir=runs"], [], "runs"),
    "evaluate": Case(["evaluate", *FEW, "reference=random", "learners=300", "tracker=csv", RUN], [], "run"),
    "import": Case(["import", "log=file", "log.path=log.csv", "to=stored", RUN], [], "stored"),
    "fit": Case(["fit", "draws=10", "out=mine", RUN], [], "mine"),
}
KILLS = {"csv": 14, "wandb": 10, "sweep": 8, "evaluate": 6, "import": 6, "fit": 6}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """By the name of a command: where its undisturbed results are, and how long they took."""

    @functools.cache
    def made(name):
        folder = tmp_path_factory.mktemp(name)
        write_log(folder)
        finish(folder, *CASES[name].first)  # compiles, too
        shutil.rmtree(folder / CASES[name].made)
        begin = time.monotonic()
        finish(folder, *CASES[name].first)
        return folder / CASES[name].made, time.monotonic() - begin

    return made


def write_log(folder):
    """A log of an outside party, for `import`."""
    draw = random.Random(0)
    rows = [f"l{n % 997},i{draw.randrange(50)},s{n % 7},{n / 10},{draw.randrange(2)}" for n in range(200_000)]
    (folder / "log.csv").write_text("\n".join(["learner,item,skills,time,correct", *rows, ""]))


@pytest.mark.parametrize(("name", "kill"), [(name, kill) for name, n in KILLS.items() for kill in range(n)])
def test_a_killed_command_ends_as_if_nothing_had_happened(undisturbed, name, kill, tmp_path):
    whole, seconds = undisturbed(name)
    first, again, made = CASES[name]
    write_log(tmp_path)
    running = start(tmp_path, *first)
    time.sleep(seconds * random.Random(f"{name}{kill}").uniform(0.05, 1.0))
    workers = below(running.pid)
    running.kill()
    running.communicate()
    until(lambda: not run_on(workers), 5.0)
    begun = (tmp_path / "run" / "config.yaml").is_file()
    if name != "import" or not (tmp_path / made).is_dir():  # a whole folder is not made again
        finish(tmp_path, *(again if again and begun else first))
    if name != "wandb":
        same(whole, tmp_path / made)
    else:
        ours, theirs = results(whole), results(tmp_path / made)
        assert {key: ours[key] == theirs[key] for key in ours} == dict.fromkeys(ours, True)
    assert not list(tmp_path.rglob("*.part"))
