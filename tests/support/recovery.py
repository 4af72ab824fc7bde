"""Recovery: five simulated logs of each kind of learner, a fit to each, and a table.

    export PYTHONPATH=.:tests/support
    python tests/support/recovery.py            # every world, as the table of docs/recovery.md
    python tests/support/recovery.py bkt fsrs   # some of it

A world is a population of known learners and the model that is fitted to them.  Each of five logs is written
by the code of `coursewright simulate` and read as `log=file` reads it; the parameters compared are those of
`fitted.simulator()`, which are the ones that are taught.  The standard error of a mean over five logs is that
of the fit's own interval (the spread over resamples of the learners of the first log) over the root of five.
The spread over the five logs would have four degrees of freedom only, and three such standard errors are
passed by chance once in 25 times.  Parameters that a table holds for each skill or item are judged together:
by their mean, and by the one that is furthest off.
"""

import sys
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import stats

from coursewright.agents.logs import write_log
from coursewright.agents.rule import AnyAllowed, RulePolicy
from coursewright.data.read import LogFile
from coursewright.envs.rollout import Group
from coursewright.envs.schedule import Fixed, Schedule
from coursewright.envs.task import Task
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.coded import Coded
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.logistic.dash import DashModel
from coursewright.fitting.logistic.models import AfmModel, BestLrModel, Das3hModel, IrtModel, PfaModel
from coursewright.fitting.logistic.practice import PracticeModel
from coursewright.fitting.memory.act_r import ActRModel
from coursewright.fitting.memory.fsrs import FsrsModel
from coursewright.fitting.memory.hlr import HlrModel
from coursewright.fitting.model import Proxying, Redrawing
from coursewright.fitting.refit import redrawn
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import FIELDS, BktParameters
from coursewright.simulators.lists import unpack
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.das3h import COLUMNS as WINDOWED
from coursewright.simulators.logistic.das3h import Das3h
from coursewright.simulators.logistic.fixed_items import FixedItems
from coursewright.simulators.logistic.irt import Irt
from coursewright.simulators.logistic.published import afm, best_lr, pfa
from coursewright.simulators.logistic.worth import BENDS, COLUMNS, EASINESS, LAST
from coursewright.simulators.luck import Luck, Seeds, Split, uniforms
from coursewright.simulators.memory.act_r import ActR
from coursewright.simulators.memory.fsrs import HIGHEST, LOWEST, WEIGHTS, Fsrs
from coursewright.simulators.memory.hlr import Hlr

LOGS = 5
REFITS = 20
MANY = 200  # where a fit draws without refitting
SAME = 1e-6  # numbers closer than this are the same
STRICT = 3.0  # standard errors that a parameter, or a mean over many, may be off
CHANCE = 0.0027  # that the furthest of several is further off than allowed, were all true


@dataclass(frozen=True)
class Mixed:
    """Pauses drawn evenly from a list of `days`."""

    days: tuple[float, ...]

    @property
    def longest(self) -> float:
        """The longest of them."""
        return max(self.days)

    def gaps(self, luck: Luck, out: np.ndarray) -> None:
        """One draw a row."""
        uniforms(luck.fate, luck.step, 77 << 32, out)
        out[:] = np.array(self.days)[(out * len(self.days)).astype(int)]


@dataclass(frozen=True, eq=False)
class World:
    """Learners, the model that is to find them, how much is seen of them, and what it cannot find.

    `refits` give the standard errors: more of them where sums of many correlated weights are judged.
    """

    learners: Any
    model: Any
    pauses: Schedule = field(default_factory=Fixed)
    n: int = 1000
    steps: int = 40
    cannot: Mapping[str, str] = field(default_factory=dict)
    refits: int = REFITS


class Row(NamedTuple):
    """One kind of parameter: how many, the mean truth, the mean bias and its standard error.

    `worst_z` is the furthest from its truth, in standard errors of its own; `allowed` is how far it may be.
    """

    kind: str
    size: int
    truth: float
    bias: float
    error: float
    worst_z: float
    allowed: float

    @property
    def found(self) -> bool:
        """True where the estimates leave the truth likely."""
        return abs(self.bias) <= STRICT * self.error + SAME and self.worst_z <= self.allowed

    @property
    def trivial(self) -> bool:
        """True where learners lack it and the model lacks it as well."""
        return abs(self.truth) < SAME and abs(self.bias) < SAME and self.worst_z == 0.0

    def shown(self, world: World) -> str:
        """A row of the table."""
        verdict = "" if self.found else "not found" if self.kind not in world.cannot else "not found; card"
        error = f"{self.error:.4f}" if self.error > 0.0 else "held"
        worst = f"{self.worst_z:.1f} of {self.allowed:.1f}" if self.error > 0.0 else "–"
        numbers = f"{self.size} | {self.truth:.3f} | {self.bias:+.4f} | {error} | {worst}"
        return f"| {self.kind} | {numbers} | {verdict} |"


class Recovery(NamedTuple):
    """The rows of a world, and what the fit's card says that it could not determine, or of its fault."""

    rows: Sequence[Row]
    said: str


# Learners as numbers


@singledispatch
def parameters(learners: Any) -> dict[str, np.ndarray]:
    """Parameters that a log can tell of these learners: `kind -> [parameters]`, sums where only sums show."""
    raise TypeError(type(learners))


def _level(learners: Any, easiness: np.ndarray) -> np.ndarray:
    """Log odds of each item before any practice: its skills' easiness less its own difficulty."""
    needs = unpack(learners.course.needs)
    return np.array([sum(easiness[k] for k in row) for row in needs]) - learners.course.difficulty


@parameters.register
def _(learners: Logistic) -> dict[str, np.ndarray]:
    skills, items = learners.course.n_skills, learners.course.n_items
    w = learners.weights
    found = {"level": _level(learners, w[:skills, EASINESS])}
    for at, name in enumerate(COLUMNS[1:], 1):
        shared = name in ("seen", "lag", *BENDS, *LAST)
        found[f"{name} of skills"] = w[:1, at] if shared else w[:skills, at]
        if len(w) > skills:
            found[f"{name} of items"] = w[skills : skills + 1, at]
        if len(w) > skills + items:
            found[f"{name} of all"] = w[skills + items :, at]
    return found | {"spread": np.array([learners.spread])}


@parameters.register
def _(learners: Irt) -> dict[str, np.ndarray]:
    # only products with the discrimination and differences to the mean ability show in answers
    scale = np.exp(np.log(learners.discrimination).mean())
    mean = np.array([np.mean(learners.mean[row]) for row in unpack(learners.course.needs)])
    return {
        "difficulty": (learners.course.difficulty - mean) * scale,
        "growth": learners.growth * scale,
        "discrimination": learners.discrimination / scale,
        "guess": learners.guess,
        "spread": np.array([learners.spread * scale]),
        "skill_spread": np.array([learners.skill_spread * scale]),
    }


@parameters.register
def _(learners: Das3h) -> dict[str, np.ndarray]:
    found = {"level": _level(learners, learners.weights[:, 0])}
    found |= {name: learners.weights[:, at] for at, name in enumerate(WINDOWED) if at}
    return found | {"spread": np.array([learners.spread])}


@parameters.register
def _(learners: FixedItems) -> dict[str, np.ndarray]:
    return {"p_correct": learners.p}


@parameters.register
def _(learners: Bkt) -> dict[str, np.ndarray]:
    found = {name: np.asarray(getattr(learners.parameters, name))[0] for name in FIELDS}
    spreads = {name: np.array([getattr(learners, name)]) for name in ("prior_sd", "learn_sd")}
    return found | spreads


@parameters.register
def _(learners: Fsrs) -> dict[str, np.ndarray]:
    found = {f"w{k}": learners.table[:1, k] for k in range(21)}
    shares = {"first_grades": learners.first_grades, "right_grades": learners.right_grades}
    found |= {name: np.array(values) for name, values in shares.items()}
    return found | {"same_day": np.array([learners.same_day]), "spread": np.array([learners.spread])}


@parameters.register
def _(learners: Hlr) -> dict[str, np.ndarray]:
    single = {name: np.array([getattr(learners, name)]) for name in ("right", "wrong", "first")}
    return single | {"bias + lexeme": learners.constant}


@parameters.register
def _(learners: ActR) -> dict[str, np.ndarray]:
    return {name: np.array([getattr(learners, name)]) for name in ("a", "c", "s", "tau", "first")}


# Logs, fits, judgement


def simulated(world: World, seed: int, folder: Path) -> Coded:
    """One log of the world's learners, through its file."""
    return Coded.of(LogFile(written(world, seed, folder))())


def written(world: World, seed: int, folder: Path) -> Path:
    """The file of one log, written by the code of `coursewright simulate`."""
    task = Task(world.learners, steps=world.steps, days=world.pauses, features=("attempts",),
                seeds=Seeds(seed, seed))  # fmt: skip
    policy = RulePolicy("random_legal", task, AnyAllowed(), seed)
    path = folder / f"{seed}.parquet"
    write_log(task, policy, path, Group(world.n, Split.TRAIN), "made up")
    return path


def recover(name: str, logs: int = LOGS) -> Recovery:
    """Fit a world's model to `logs` logs, and resample the first for standard errors."""
    world, first = WORLDS[name], zlib.crc32(name.encode())  # worlds do not share their learners' luck
    with tempfile.TemporaryDirectory() as folder:
        coded = [simulated(world, first + log, Path(folder)) for log in range(logs)]
    fits = [world.model.fit(log) for log in coded]
    truth = parameters(world.learners)
    learners = fits[0].simulator()
    assert learners.course.items == world.learners.course.items, "name items in sorted order"
    found = [parameters(fit.simulator()) for fit in fits]
    draws = MANY if isinstance(fits[0], Redrawing) else world.refits
    again = [parameters(fit.simulator()) for fit in redrawn(fits[0], coded[0], world.model, draws)[1]]
    rows = [_row(kind, truth[kind], [f[kind] for f in found], [a[kind] for a in again]) for kind in truth]
    fault = [fits[0].proxy] if isinstance(fits[0], Proxying) else []
    return Recovery(rows, "\n".join([*fits[0].undetermined(), *fits[0].warnings(), *fault]))


def _row(kind: str, truth: np.ndarray, found: Sequence[np.ndarray], again: Sequence[np.ndarray]) -> Row:
    off = np.mean(found, axis=0) - truth
    spread = np.std(again, axis=0, ddof=1) / np.sqrt(len(found))
    together = float(np.std(np.mean(again, axis=1), ddof=1) / np.sqrt(len(found)))
    size, freedom = len(truth), len(again) - 1
    allowed = STRICT if size == 1 else float(stats.t.ppf(1.0 - CHANCE / (2.0 * size), freedom))
    held = spread < SAME  # not fitted: right or wrong
    worst = float(
        np.max(
            np.where(
                held, np.where(np.abs(off) > SAME, np.inf, 0.0), np.abs(off) / np.where(held, 1.0, spread)
            )
        )
    )
    return Row(kind, size, float(np.mean(truth)), float(np.mean(off)), together, worst, allowed)


# Worlds

ITEMS = {"a": "x", "b": "x", "c": "y", "d": "y", "e": "z", "f": "z"}
COURSE = Course.of(["x", "y", "z"], ITEMS, difficulty=[0.5, -0.3, 0.2, -0.6, 0.0, 0.4])
SKILLS = Course.of(["x", "y", "z"])
CARDS = Course.of(["p", "q", "r", "s"])
PAIRS = Course.of(["p", "q", "r", "s"], {"p": "p", "q": "q", "qr": ["q", "r"], "r": "r", "s": "s"})
DAYS = Mixed((0.3, 1.0, 2.0, 4.0, 8.0, 16.0))
PAUSES = Mixed((0.1, 0.3, 1.0, 2.0))
MOMENTS = Mixed(tuple(seconds / 86_400.0 for seconds in (4, 20, 150, 1200, 10_000, 50_000, 250_000)))
HOURS = Mixed((0.01, 0.02, 0.2, 0.4, 2.0, 4.0, 12.0))
CHANCES = {
    "prior": [0.3, 0.5, 0.2, 0.4], "learn": [0.1, 0.06, 0.2, 0.12],
    "guess": [0.2, 0.25, 0.15, 0.2], "slip": [0.1, 0.08, 0.12, 0.1],
}  # fmt: skip
KNOWING = BktParameters(**CHANCES, skills=CARDS.skills)
FORGETFUL = BktParameters(**CHANCES, forget=[0.05, 0.1, 0.08, 0.03], skills=CARDS.skills)
TYPICAL, ASSUMED, ALIKE = "Learners are fitted as alike", "by assumption", "learners fitted as alike"
SEVERAL = "need several skills"
WHY_ALIKE = dict.fromkeys(("level", "success of skills", "failure of skills", "spread"), ALIKE)
WHY_3PL = dict.fromkeys(("difficulty", "growth", "guess", "spread"), ASSUMED)


def _best_lr(lag: bool) -> Logistic:
    skills = [[-0.5, 0.4, 0.1], [0.0, 0.3, 0.2], [0.3, 0.5, -0.1]]
    made = best_lr(COURSE, skills, [[0.3, 0.15]] * 6, [0.1, -0.1], 0.8)
    weights = made.weights.copy()
    weights[:3, 4:6], weights[3:9, 4:6] = (0.8 * lag, -0.15 * lag), (0.5 * lag, -0.1 * lag)
    return replace(made, weights=weights)


def _pfa(course: Course, spread: float = 0.8) -> Logistic:
    return pfa(course, [-1.0, 0.0, 0.5], [0.5, 0.3, 0.4], [0.1, 0.2, -0.1], spread)


def _pfa_lag() -> Logistic:
    made = _pfa(COURSE)
    weights = made.weights.copy()
    weights[:, 4:6] = 0.8, -0.15
    return replace(made, weights=weights)


def _practice() -> Logistic:
    weights = np.zeros((3 + 6, len(COLUMNS)))
    skills, items = {"seen": 0.6, "lag": -0.05, "lag_1min": -0.2, "lag_1h": 0.15}, {"opportunity": 0.2}
    for name, weight in skills.items():
        weights[:3, COLUMNS.index(name)] = weight
    for name, weight in (items | {"right_last": 0.6, "wrong_last": -0.2}).items():
        weights[3:, COLUMNS.index(name)] = weight
    weights[:3, :2] = [[-0.5, 0.5], [0.0, 0.2], [0.3, 0.4]]
    return Logistic(COURSE, weights, spread=0.8)


def _das3h(course: Course) -> Das3h:
    right, tried = [0.3, 0.2, 0.25, 0.2, 0.3], [0.1, 0.05, 0.15, 0.1, 0.1]
    return Das3h(course, np.array([[-0.6 + 0.5 * k, *right, *tried] for k in range(course.n_skills)]), 0.8)


def _irt(guess: float, a: Sequence[float] = (1.0,) * 6, own: float = 0.0) -> Irt:
    course = Course.of(["x", "y", "z"], ITEMS, difficulty=[-1.5, -0.6, 0.0, 0.6, 1.2, 2.0])
    return Irt(course, [0.0] * 3, [0.5, 0.3, 0.15], list(a), [guess] * 6, 1.0, own)


def _fsrs() -> Fsrs:
    """Every weight off its default by up to a quarter; w7 inside its bounds, which its default is not."""
    weights = np.array(WEIGHTS) * np.random.default_rng(4).uniform(0.8, 1.25, 21)
    weights[7] = 0.03
    return Fsrs(CARDS, np.clip(weights, LOWEST, HIGHEST), same_day=0.8)


def _bkt(spread: float = 0.0, forgets: bool = False, form: Literal["time", "opportunity"] = "time") -> Bkt:
    return Bkt(CARDS, FORGETFUL if forgets else KNOWING, 0.1, form, 1.0 * spread, 0.8 * spread)


WORLDS: dict[str, World] = {
    "item_difficulty": World(
        FixedItems(COURSE, np.array([0.3, 0.5, 0.6, 0.7, 0.8, 0.9])), ItemDifficultyModel()
    ),
    "afm": World(afm(SKILLS, [-1.0, 0.0, 0.5], [0.12, 0.06, 0.02], 1.0), AfmModel()),
    "pfa": World(_pfa(SKILLS), PfaModel()),
    "pfa/alike": World(_pfa(SKILLS, 0.0), PfaModel(individual=False)),
    "pfa/differing": World(_pfa(SKILLS), PfaModel(individual=False), cannot=WHY_ALIKE),
    "pfa_lag": World(_pfa_lag(), PfaModel(items=True, lag=True), HOURS),
    "best_lr": World(_best_lr(False), BestLrModel()),
    "best_lr_lag": World(_best_lr(True), BestLrModel(lag=True), HOURS),
    "practice": World(_practice(), PracticeModel(), MOMENTS),
    "das3h": World(_das3h(COURSE), Das3hModel(), HOURS),
    "dash": World(_das3h(CARDS), DashModel(), HOURS, refits=40),
    "irt": World(_irt(0.0), IrtModel()),
    "irt/guessed": World(_irt(0.2), IrtModel(), cannot=WHY_3PL),
    "irt/guess": World(_irt(0.2), IrtModel(guess=True)),
    "irt/guess,discrimination": World(
        _irt(0.2, (0.8, 1.2, 1.5, 0.7, 1.0, 1.1)), IrtModel(guess=True, discrimination=True)
    ),
    "irt/own_skills": World(
        _irt(0.0, own=0.6),
        IrtModel(),
        cannot=dict.fromkeys(
            ("skill_spread", "spread", "difficulty", "growth"), "one ability for all skills"
        ),
    ),
    "bkt": World(_bkt(), BktModel()),
    "bkt/forgetting": World(_bkt(0.0, True, "opportunity"), BktModel(forgetting=True)),
    "bkt/per_day": World(_bkt(0.0, True), BktModel(forgetting=True, per_day=True), PAUSES),
    "bkt/differing": World(
        _bkt(1.0),
        BktModel(),
        cannot=dict.fromkeys(("prior", "learn", "prior_sd", "learn_sd"), TYPICAL),
    ),
    "bkt/individual": World(_bkt(1.0), BktModel(individual=True)),
    "bkt/individual,per_day": World(
        _bkt(1.0, True), BktModel(individual=True, forgetting=True, per_day=True), PAUSES
    ),
    "bkt/several_skills": World(
        Bkt(PAIRS, KNOWING),
        BktModel(),
        cannot=dict.fromkeys(("prior", "learn", "guess", "slip"), SEVERAL),
    ),
    "fsrs": World(_fsrs(), FsrsModel(), DAYS, n=2000),
    "hlr": World(Hlr(CARDS, 1.0, -0.4, 0.3, (0.5, -0.5, 0.0, 0.2), first=0.4), HlrModel(), DAYS),
    "act_r": World(ActR(CARDS, a=0.25, c=0.4, s=0.4, tau=-1.0, first=0.4), ActRModel(), DAYS),
}


def report(names: Sequence[str]) -> None:
    """Print the table, world by world."""
    print("| world | parameters | how many | truth | bias | its se | furthest, in se | |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        for row in recover(name).rows:
            if not row.trivial:
                print(f"| `{name}` {row.shown(WORLDS[name])}", flush=True)


if __name__ == "__main__":
    report(sys.argv[1:] or list(WORLDS))
