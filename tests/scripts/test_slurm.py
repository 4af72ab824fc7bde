"""A sweep on a real SLURM node loses two jobs, of which one is killed and one is cancelled."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import slurm

LACKING = slurm.missing()
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"SLURM is not installed: no {', '.join(LACKING)}")

TRAIN = [
    *[sys.executable, "-m", "coursewright", "train", "-m", "agent=ppo,round_robin", "seed=0,1,2"],
    *["agents.ppo.steps=120_000", "agents.ppo.learners=64", "agents.ppo.checkpoint_every=2_048"],
    *["learners=50", "tracker=csv"],
]
LOST = ("CANCELLED", "FAILED")


@pytest.fixture(scope="module")
def folder():
    """Short, because a socket's path may have a hundred letters only."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def env(folder):
    with slurm.cluster(folder / "cluster", cpus=2) as env:
        yield env


def until(true, running, seconds=240):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "nothing happened"
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)


def kept(sweep):
    """The files that each run of a sweep left behind, by agent and seed; it may have cost other times."""
    found = {}
    for summary in sweep.rglob("summary.json"):
        run = summary.parent
        given = OmegaConf.load(run / "config.yaml")
        files = {file.name: file.read_bytes() for file in run.iterdir() if file.suffix in (".onnx", ".csv")}
        files.pop("timing.csv", None)
        found[str(given.name), int(given.seed)] = files | {"summary.json": summary.read_bytes()}
    return found


@pytest.mark.slow  # .ci/run asks for it by name
def test_a_sweep_that_lost_jobs_ends_as_if_it_had_not(folder, env):
    whole = subprocess.run(
        [*TRAIN, "hydra.sweep.dir=whole/runs"], cwd=folder, capture_output=True, check=False
    )
    assert whole.returncode == 0, whole.stderr.decode()
    command = [*TRAIN, "hydra/launcher=slurm", "hydra.sweep.dir=lost/runs"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=env, **streams) as driver:
        until(lambda: len(list(folder.glob("lost/**/checkpoint.npz"))) == 2, driver)
        running = subprocess.check_output(["squeue", "-h", "-t", "R", "-o", "%i"], env=env, text=True).split()
        assert [job[-2:] for job in sorted(running)] == ["_0", "_1"]
        process = slurm.process(running[0], env)
        subprocess.run(["scancel", running[1]], env=env, check=True)  # both at once, before either is done
        os.kill(process, signal.SIGKILL)
        _, errors = driver.communicate(timeout=400)
    lines = errors.splitlines()
    assert driver.returncode == 1
    assert len(lines) == 3, errors
    assert all(line.startswith("error: ") and "ended without a result" in line for line in lines[:2])
    assert {state for line in lines[:2] for state in LOST if state in line} == set(LOST)
    assert "2 of 6 jobs failed" in lines[2]
    assert len(list(folder.glob("lost/**/summary.json"))) == 4
    again = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert len(kept(folder / "lost")) == 6
    assert kept(folder / "lost") == kept(folder / "whole")
