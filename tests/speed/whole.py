"""Whole commands, minutes each: `make bench AGAINST=COMMIT PARTS=demonstration,reaching` runs them by name.

They use the command line alone, so at any commit.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import coursewright
from speed.measuring import Row

ENOUGH = 0.915  # E_p on KSS, 30 steps
SEEDS = (0, 1)
STEPS = range(240_000, 520_000, 20_000)
QUICK, USUAL = "kss_quick", "kss"  # what is meant for it, and what earlier commits have
HARDLY = 8_000  # steps: what is left is the start, the comparison at the end, and the writing


def cpu(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> float:
    """Processor seconds of one command and all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "coursewright", *arguments],
        cwd=folder,
        env=os.environ | environment,
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def demonstration() -> list[Row]:
    """`coursewright demo` where nothing was compiled or kept before, and once more."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve()
        (home / "numba").mkdir(mode=0o700)
        kept = {"HOME": name, "XDG_CACHE_HOME": f"{name}/cache", "NUMBA_CACHE_DIR": str(home / "numba")}
        places = [home / "first", home / "warm"]
        for place in places:
            place.mkdir()
        first, warm = (cpu(["demo"], place, kept) for place in places)
    return [
        Row("coursewright demo, the first time", f"{first:.0f} s", float("nan"), ""),
        Row("coursewright demo, warm", f"{warm:.0f} s", float("nan"), ""),
    ]


def reaching() -> list[Row]:
    """Training by `experiment=kss_quick` with ever more steps until two seeds reach E_p .915 on the mean.

    Its processor seconds, above those of a training that hardly takes a step.
    """
    experiments = Path(coursewright.__file__).parent / "configs/experiment"
    chosen = QUICK if (experiments / f"{QUICK}.yaml").is_file() else USUAL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()

        def train(seed: int, steps: int) -> tuple[float, float]:
            run = f"{seed}-{steps}"
            given = [f"experiment={chosen}", f"seed={seed}", f"agent.steps={steps}", "learners=5000"]
            taken = cpu(["train", *given, "tracker=none", f"hydra.run.dir={run}"], folder, {})
            return taken, json.loads((folder / run / "summary.json").read_text())["eval/return"]

        train(0, HARDLY)  # compiles
        start, _ = train(0, HARDLY)
        for steps in STEPS:
            taken, reached = np.mean([train(seed, steps) for seed in SEEDS], axis=0)
            print(f"{steps:,} steps: E_p {reached:.4f}, {taken - start:.1f} s", file=sys.stderr, flush=True)
            if reached >= ENOUGH:
                return [Row("KSS T=30, training to E_p .915", f"{taken - start:.1f} s", float("nan"), "")]
    raise RuntimeError(f"E_p {ENOUGH} was not reached with {max(STEPS):,} steps")
