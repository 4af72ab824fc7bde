"""The contract tests' walk of every configured simulator; as a script, the same walk for one of them.

`python tests/contract.py FILE NAME ...` walks each simulator and writes answers and states: with
NUMBA_DISABLE_JIT=1 that is the plain-Python reference.
"""

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from inspect import getmembers, isclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

import coursewright
from coursewright.simulators import capabilities
from coursewright.simulators.luck import Luck, Seeds, identify
from coursewright.simulators.protocol import Simulator, empty_response

CONFIGS = Path(coursewright.__file__).parent / "configs" / "simulator"
FOLDER = CONFIGS.parents[1] / "simulators" / "populations"
GIVEN = {  # settings for simulators that read a folder or a class of yours
    "custom": "simulator._target_=coursewright.simulators.kss.learners.Kss",
    "bkt": f"simulator.folder={FOLDER}/bkt_v0",
}


def names() -> list[str]:
    """Every configured simulator that needs nothing from its user, and those of `GIVEN`."""
    stems = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    return [name for name in stems if name in GIVEN or "???" not in (CONFIGS / f"{name}.yaml").read_text()]


def made(name: str) -> Simulator[Any]:
    """The simulator of a YAML file, made anew each time."""
    return instantiate(_composed(name))


@cache
def _composed(name: str) -> Any:
    overrides = [f"simulator={name}", *([GIVEN[name]] if name in GIVEN else [])]
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        return compose("train", overrides).simulator


def flat(state: Any) -> list[np.ndarray]:
    """The arrays of a state, of the states in it too."""
    return [a for part in state for a in (flat(part) if isinstance(part, tuple) else [part])]


def optional() -> dict[str, Any]:
    """Every capability that a learner model may have, by name: the protocols of `capabilities.py`."""
    found = getmembers(capabilities, isclass)
    return {name: kind for name, kind in found if kind.__module__ == capabilities.__name__}


def held(simulator: Any) -> dict[str, list[Any]]:
    """The populations that a simulator is made of, by field."""
    found = {}
    for field in fields(simulator) if is_dataclass(simulator) else ():
        value = getattr(simulator, field.name)
        inside = list(value.values()) if isinstance(value, Mapping) else [value]
        if inside and all(hasattr(part, "practise") for part in inside):
            found[field.name] = inside
    return found


def dropped(simulator: Any) -> set[str]:
    """The capabilities that a simulator keeps from those who hold it, though its members may have them.

    A field for any `Simulator` may hold learners with every capability, another those that its members have.
    """
    may_have = set()
    for field, members in held(simulator).items():
        hint = str(get_type_hints(type(simulator))[field])
        for name, kind in optional().items():
            if "protocol.Simulator" in hint or any(isinstance(member, kind) for member in members):
                may_have.add(name)
    return {name for name in may_have if not isinstance(simulator, optional()[name])}


class Walk:
    """Learners `number` walk through random items, gaps and missing lessons, all keyed by their number.

    Attributes
    ----------
    answers : `correct [batch]`, step after step; p : P(correct) `[batch]` before each.
    """

    def __init__(self, simulator: Simulator[Any], number: np.ndarray) -> None:
        self.simulator = simulator
        self.number = number
        batch = len(number)
        self.luck: Luck = identify(Seeds(1, 2), number, 0, np.zeros(batch, np.int64))
        self.state = simulator.empty(batch)
        self.prologue = simulator.enrol(self.state, np.arange(batch), self.luck)
        self.response = empty_response(batch)
        self.answers: list[np.ndarray] = []
        self.p: list[np.ndarray] = []

    def plan(self, t: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Items (-1: none), lessons and gaps of step t for the first `size` numbers there are."""
        rng = np.random.default_rng(1000 + t)
        item = rng.integers(0, self.simulator.course.n_items, size)
        item[rng.random(size) < 0.05] = -1
        gap = np.where(rng.random(size) < 0.3, rng.exponential(2.0, size), 0.0)
        return item, rng.random(size) < 0.9, np.where(item >= 0, gap, 0.0)

    def step(self, t: int, size: int) -> None:
        """One step of everybody; `size` is the number of learners that the plan is made for."""
        item, taught, days = (np.ascontiguousarray(part[self.number]) for part in self.plan(t, size))
        p = np.full(len(item), 0.5)
        self.simulator.p_correct(self.state, item, p)
        self.simulator.practise(self.state, item, taught, self.luck, self.response)
        self.luck.step[:] += item >= 0
        self.simulator.elapse(self.state, days, self.luck)
        self.p.append(p)
        self.answers.append(self.response.correct.copy())

    def mastery(self) -> np.ndarray:
        """Mastery now, `[batch, skills]`."""
        out = np.full((len(self.number), self.simulator.course.n_skills), np.nan, np.float32)
        self.simulator.mastery(self.state, out)
        return out


LEARNERS, STEPS = 6, 25


def short_walk(name: str) -> dict[str, np.ndarray]:
    """Six learners, twenty-five steps: answers, chances, mastery and the whole state."""
    walk = Walk(made(name), np.arange(LEARNERS))
    for t in range(STEPS):
        walk.step(t, LEARNERS)
    arrays = {"answers": np.array(walk.answers), "p": np.array(walk.p), "mastery": walk.mastery()}
    return arrays | {f"state{j}": array for j, array in enumerate(flat(walk.state))}


if __name__ == "__main__":
    np.seterr(over="ignore")  # whole numbers of 64 bits wrap around in the hash; only numpy minds
    file, *chosen = sys.argv[1:]
    walked = {f"{name}/{key}": a for name in chosen for key, a in short_walk(name).items()}
    np.savez(file, **walked)
