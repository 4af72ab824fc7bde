"""Commands that are stopped on the way, and the files they leave."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

COMMAND = [sys.executable, "-m", "coursewright"]
# A training of some seconds with several checkpoints; the small network is no faster, but smaller on disk.
SMALL = ["agent.steps=20_000", "agent.learners=64", "agent.checkpoint_every=3_000", "learners=50"]
# Neither lives nor clocks, nor what names them, are results.
LIFE = {".lock", "state.json", "timing.csv", "train.log", "wandb-train.id", "multirun.yaml"}


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A command in a session of its own, as from a terminal of its own."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path, *arguments: str) -> str:
    """Run a command to its end, which must be a good one, and return its output."""
    running = start(folder, *arguments)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    return out


def until(true: Callable[[], object], patience: float = 120.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def below(process: int) -> set[int]:
    """All processes that a process has started, and those that they have."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parent = {int(pid): int(above) for pid, above in map(str.split, listed.splitlines())}
    found: set[int] = {process}
    while more := {pid for pid, above in parent.items() if above in found} - found:
        found |= more
    return found - {process}


def run_on(processes: set[int]) -> set[int]:
    """Those of some processes that still run."""
    listed = subprocess.run(["ps", "-eo", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    alive = {int(pid) for pid, state in map(str.split, listed.splitlines()) if not state.startswith("Z")}
    return processes & alive


def results(folder: Path) -> dict[str, bytes]:
    """Every result below a folder, by its path; checkpoints, logs and lives are none."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in LIFE
        and not path.name.startswith("checkpoint")
        and path.suffix != ".log"
        and not {"wandb", ".hydra"} & set(path.relative_to(folder).parts)
    }


def same(one: Path, other: Path) -> None:
    """Both folders hold the same results, byte for byte."""
    mine, theirs = results(one), results(other)
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if mine[name] != theirs[name]] == []
    assert not [path for path in os.listdir(one.parent) if path.endswith(".part")]
