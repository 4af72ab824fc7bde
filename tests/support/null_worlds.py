"""Learners of whom nobody learns, fits to their logs, and the learning that the fits invent.

    export PYTHONPATH=.:tests/support
    python tests/support/null_worlds.py                  # every model, as the table of docs/recovery.md
    python tests/support/null_worlds.py best_lr model.individual=false
    python tests/support/null_worlds.py worlds=20 practice

Five worlds of 300 learners, ten skills of one item each, difficulties from -1.5 to 1.5, ability spread 1.
In `alike` everybody answers 120 random items; in `stay` the able stay longer, ln rows = ln 60 + .6 ability +
N(0, .4²).  Seeds from 0 on, fixed beforehand.
"""

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

import coursewright
from coursewright.data.log import learner_log
from coursewright.fitting.coded import Coded
from coursewright.fitting.judging.null_world import Gains, NullWorlds, lessons

LEARNERS, ROWS, WORLDS = 300, 120, 5
DIFFICULTY = np.linspace(-1.5, 1.5, 10)
PAUSES = np.array([20.0, 120.0, 3600.0, 86_400.0]) / 86_400.0  # days
World = Literal["alike", "stay"]
NEURAL = ("dkt", "gru")
FIXED = {"bkt": ["model.min_learners=1", "model.n_skills=null"]}


@cache
def nobody_learns(world: World, seed: int) -> Coded:
    """The log of one world."""
    rng = np.random.default_rng([seed, world == "stay"])
    ability = rng.normal(size=LEARNERS)
    rows = np.full(LEARNERS, ROWS)
    if world == "stay":
        rows = np.exp(np.log(60.0) + 0.6 * ability + 0.4 * rng.normal(size=LEARNERS)).round().astype(int)
        rows = np.clip(rows, 5, 600)
    learner = np.repeat(np.arange(LEARNERS), rows)
    item = rng.integers(0, len(DIFFICULTY), len(learner))
    p = 1.0 / (1.0 + np.exp(DIFFICULTY[item] - ability[learner]))
    columns = {
        "learner": [f"{n:03d}" for n in learner],
        "item": [f"i{n}" for n in item],
        "skills": [[f"s{n}"] for n in item],
        "time": np.cumsum(rng.choice(PAUSES, len(learner))),
        "correct": (rng.random(len(learner)) < p).astype(np.int8),
    }
    return Coded.of(learner_log(pa.table(columns), "made up"))


def invented(model: Any, world: World, worlds: int = WORLDS) -> np.ndarray:
    """Gain of the easiest, the middle and the hardest skill, and the mean spread: `[worlds, 4]`."""
    found = []
    for seed in range(worlds):
        log = nobody_learns(world, seed)
        learners = model.fit(log).simulator()
        gains: Gains = NullWorlds(log, (), lessons(log, 1)).practised(learners)
        found.append([*gains.gain, gains.spread.mean()])
    return np.array(found)


def configured(name: str, *options: str) -> Any:
    """A model of `configs/model`."""
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        choice = [f"model={name}", *FIXED.get(name, []), *options]
        return instantiate(compose("fit", choice).model)


def report(choices: Sequence[tuple[str, ...]], worlds: int) -> None:
    """Print the table: means over the worlds ± their standard errors."""
    print("| model | worlds | easiest | middle | hardest | spread |\n|---|---|---|---|---|---|")
    for choice in choices:
        for world in ("alike", "stay"):
            found = invented(configured(*choice), world, worlds)
            error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
            cells = [f"{m:+.3f} ± {e:.3f}" for m, e in zip(found.mean(axis=0), error, strict=True)]
            print(f"| `{' '.join(choice)}` | {world} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    models = sorted(p.stem for p in (Path(coursewright.__file__).parent / "configs" / "model").glob("*.yaml"))
    options = ("model.individual=false", "model.staying=true")
    more = [(name, option) for option in options for name in ("pfa", "best_lr")]
    every = [*((name,) for name in models if name not in NEURAL), *more, ("practice", "model.staying=false")]
    given = {text.startswith("worlds="): text for text in sys.argv[1:]}.get(True, f"worlds={WORLDS}")
    asked = tuple(text for text in sys.argv[1:] if text != given)
    report([asked] if asked else every, int(given.removeprefix("worlds=")))
