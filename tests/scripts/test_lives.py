"""Commands that meet, that are stopped, and that lose their parent."""

import os
import shlex
import signal
import subprocess
import time

import pytest

from compared import only
from coursewright.scripts.life import read
from lives import SMALL, below, finish, results, run_on, same, start, until

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="ends processes by signals"),
    pytest.mark.slow,  # whole commands, a minute each; .ci/run asks for them by name
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    finish(folder, "train", *SMALL, "tracker=csv", "hydra.run.dir=run")
    return folder / "run"


@pytest.mark.parametrize(
    ("sent", "tracker", "code"),
    [
        (signal.SIGINT, "wandb", 130),
        (signal.SIGTERM, "csv", 143),
        (signal.SIGKILL, "csv", -9),
    ],
)
def test_a_stopped_training_says_how_to_go_on_and_ends_as_it_would_have(whole, tmp_path, sent, tracker, code):
    place = tmp_path / "an odd=folder, (really)"
    place.mkdir()
    run = place / "run"
    running = start(place, "train", *SMALL, f"tracker={tracker}", "hydra.run.dir=run")
    until(lambda: (run / "metrics.csv").is_file() and (run / "metrics.csv").read_text().count("\n") > 6)
    running.send_signal(sent)
    out, err = running.communicate(timeout=60)
    assert running.returncode == code, err
    assert "Traceback" not in err
    state = finish(place, "status", "run=run").splitlines()[1].split()[0]
    command = "coursewright train resume=run"
    if sent == signal.SIGKILL:
        assert state == "died"
    else:
        assert state == "interrupted"
        assert err.splitlines()[-1] == f"interrupted; go on with: {command}"
    if tracker == "wandb":
        assert "wandb sync" in out  # it was closed
    finish(place, *shlex.split(command)[1:])
    assert read(run).state == "done"
    steps = [line.partition(",")[0] for line in (run / "metrics.csv").read_text().splitlines()]
    assert len(steps) == len(set(steps)) > 8
    if tracker == "csv":
        same(whole, run)
    else:
        assert results(whole)["metrics.csv"] == results(run)["metrics.csv"]


def test_of_two_that_do_the_same_one_is_refused(whole, tmp_path):
    both = [start(tmp_path, "train", *SMALL, "tracker=csv", "hydra.run.dir=run") for _ in range(2)]
    ends = [(running.communicate(timeout=120)[1], running.returncode, running.pid) for running in both]
    (_, good, winner), (err, bad, _) = sorted(ends, key=lambda end: end[1])
    assert (good, bad) == (0, 2)
    assert err.count("\n") == 1
    assert (
        f"hydra.run.dir = run: must be a folder in which no other process works (process {winner} on" in err
    )
    same(whole, tmp_path / "run")


SWEEP = ["train", "-m", "seed=0,1,2", *SMALL, "tracker=csv", "hydra.sweep.dir=runs"]


@pytest.fixture(scope="module")
def whole_sweep(tmp_path_factory):
    """A sweep that nothing disturbed."""
    folder = tmp_path_factory.mktemp("sweep")
    finish(folder, *SWEEP)
    return folder / "runs"


def at_work(runs):
    """True where two jobs of a sweep have logged something."""
    return len(list(runs.glob("*/metrics.csv"))) >= 2


def test_a_sweep_that_is_killed_leaves_no_orphans_and_goes_on(whole_sweep, tmp_path):
    running = start(tmp_path, *SWEEP)
    until(lambda: at_work(tmp_path / "runs"))
    states = [read(path).state for path in (tmp_path / "runs").iterdir() if path.is_dir()]
    assert sorted(states) == ["queued", "running", "running"]
    workers = below(running.pid)
    assert len(workers) >= 2
    running.kill()
    running.wait()
    time.sleep(5)
    assert run_on(workers) == set()
    out = finish(tmp_path, "status", "sweep=runs").splitlines()
    assert out[4] == "3 runs: 2 died, 1 queued"
    assert out[5].endswith(f"it goes on with: coursewright {shlex.join(SWEEP)}")
    again = start(tmp_path, *SWEEP)
    until(lambda: read(tmp_path / "runs").process == again.pid)
    second = start(tmp_path, *SWEEP)
    _, err = second.communicate(timeout=60)
    assert (second.returncode, err.count("\n")) == (2, 1)
    assert (
        f"hydra.sweep.dir = runs: must be a folder in which no other process works (process {again.pid}"
        in err
    )
    assert again.wait(timeout=300) == 0
    same(whole_sweep, tmp_path / "runs")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_terminal_stops_a_whole_sweep(tmp_path, sent):
    running = start(tmp_path, *SWEEP)
    until(lambda: at_work(tmp_path / "runs"))
    workers = below(running.pid)
    os.killpg(running.pid, sent)  # as Ctrl-C does: everybody in the terminal gets it
    _, err = running.communicate(timeout=60)
    assert running.returncode == 128 + sent
    assert err.strip() == f"interrupted; go on with: coursewright {shlex.join(SWEEP)}"
    until(lambda: not run_on(workers), 5)
    states = [read(path).state for path in (tmp_path / "runs").iterdir() if path.is_dir()]
    assert sorted(states) == ["interrupted", "interrupted", "queued"]
    assert read(tmp_path / "runs").state == "interrupted"


def test_a_comparison_that_is_killed_leaves_no_orphans(tmp_path):
    left_out = only("random", "oracle_beam")
    arguments = ["learners=20_000", "reference=random", "tracker=none", "policies.oracle_beam.kss_width=400"]
    running = start(tmp_path, "evaluate", *left_out, *arguments, "hydra.run.dir=report")
    until(lambda: len(below(running.pid)) >= 3)  # with the tracker of joblib's resources
    time.sleep(1)
    workers = below(running.pid)
    running.kill()
    running.wait()
    time.sleep(5)
    assert run_on(workers) == set()


def test_commands_of_one_second_have_folders_of_their_own(tmp_path):
    one = ["train", "agent=random", "learners=20", "tracker=none"]
    running = [start(tmp_path, *one) for _ in range(2)]
    for command in running:
        _, err = command.communicate(timeout=120)
        assert command.returncode == 0, err
    made = [path.parent for path in tmp_path.glob("outputs/train/*/*/summary.json")]
    assert len(made) == 2
    for folder in made:
        assert subprocess.list2cmdline([str(folder.relative_to(tmp_path))]) == str(
            folder.relative_to(tmp_path)
        )


def test_odd_settings_make_folders_that_are_typed_back(tmp_path):
    odd = "tags=[a b],[],[c\\,d]"
    finish(
        tmp_path, "train", "-m", odd, "agent=random", "learners=20", "tracker=none", "hydra.sweep.dir=runs"
    )
    made = [path.parent.relative_to(tmp_path) for path in tmp_path.glob("runs/*/summary.json")]
    assert len(made) == 3
    assert finish(tmp_path, "train", f"resume={made[0]}") == f"finished before: {made[0]}\n"
