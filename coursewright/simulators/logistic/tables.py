"""Logistic learners as tables that people can open, and populations read from a folder of them.

| file | a row a | columns |
|---|---|---|
| `items.csv` | item | item, skills (joined by ";"), minutes, difficulty; IRT also discrimination, guess |
| `skills.csv` | skill | skill, and `COLUMNS` of `logistic.py` or `das3h.py`; IRT: mean, growth |
| `counts.csv` | item, and everything last | Best-LR alone: `COLUMNS` of `logistic.py` |
| `learners.csv` | (one row) | spread, and raw (1: raw counts) or, for IRT, skill_spread |

A `card.md` beside them says how they came about.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from coursewright.errors import InputError, reject, unknown
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.logistic import counting, das3h, irt
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.das3h import Das3h
from coursewright.simulators.logistic.irt import Irt
from coursewright.simulators.logistic.rltutor import POWER, SCALE, Rltutor

SHIPPED = Path(__file__).parents[1] / "populations"
BETWEEN = ";"
ALL = "(all)"
GROWING = ("mean", "growth")


def read_logistic(folder: str | Path) -> Logistic:
    """AFM, PFA or Best-LR learners from a shipped folder (by name) or one of your own (by path).

    Raises `InputError` where there is no such folder or a table is broken; so do the other readers here.
    """
    path = _folder(folder)
    course, _ = _course(path)
    weights = _numbers(path / "skills.csv", course.skills, counting.COLUMNS)
    if (path / "counts.csv").is_file():
        counted = _numbers(path / "counts.csv", (*course.items, ALL), counting.COLUMNS)
        weights = np.vstack([weights, counted])
    spread, raw = _numbers(path / "learners.csv", (ALL,), ("spread", "raw"))[0]
    return Logistic(course, weights, float(spread), bool(raw))


def read_irt(folder: str | Path) -> Irt:
    """IRT learners with growth, likewise."""
    path = _folder(folder)
    course, shape = _course(path, irt.COLUMNS)
    mean, growth = _numbers(path / "skills.csv", course.skills, GROWING).T
    spread, own = _numbers(path / "learners.csv", (ALL,), ("spread", "skill_spread"))[0]
    return Irt(course, mean, growth, shape[:, 0], shape[:, 1], float(spread), float(own))


def read_das3h(folder: str | Path, memory: int = 64) -> Das3h:
    """DAS3H learners, likewise; `memory` answers of each skill are kept with their times."""
    path = _folder(folder)
    course, _ = _course(path)
    weights = _numbers(path / "skills.csv", course.skills, das3h.COLUMNS)
    spread = _numbers(path / "learners.csv", (ALL,), ("spread",))[0, 0]
    return Das3h(course, weights, float(spread), memory)


def read_rltutor(folder: str | Path, memory: int = 64, scale: float = SCALE, power: float = POWER) -> Rltutor:
    """RLTutor learners over the DAS3H learners of a folder."""
    return Rltutor(read_das3h(folder, memory), scale, power)


def logistic_files(learners: Logistic) -> dict[str, str]:
    """File name -> content, as `read_logistic` reads it."""
    skills, course = learners.course.n_skills, learners.course
    files = _course_files(course) | {
        "skills.csv": _text(("skill", *counting.COLUMNS), course.skills, learners.weights[:skills].tolist()),
        "learners.csv": _text(("who", "spread", "raw"), (ALL,), [[learners.spread, float(learners.raw)]]),
    }
    if len(learners.weights) > skills:
        rest = learners.weights[skills:].tolist()
        files["counts.csv"] = _text(("of", *counting.COLUMNS), (*course.items, ALL), rest)
    return files


def irt_files(learners: Irt) -> dict[str, str]:
    """File name -> content, as `read_irt` reads it."""
    growing = np.stack([learners.mean, learners.growth], axis=1)
    spreads = [[learners.spread, learners.skill_spread]]
    return _course_files(learners.course, irt.COLUMNS, learners.shape) | {
        "skills.csv": _text(("skill", *GROWING), learners.course.skills, growing.tolist()),
        "learners.csv": _text(("who", "spread", "skill_spread"), (ALL,), spreads),
    }


def das3h_files(learners: Das3h) -> dict[str, str]:
    """File name -> content, as `read_das3h` reads it."""
    rows = learners.weights.tolist()
    return _course_files(learners.course) | {
        "skills.csv": _text(("skill", *das3h.COLUMNS), learners.course.skills, rows),
        "learners.csv": _text(("who", "spread"), (ALL,), [[learners.spread]]),
    }


def _folder(folder: str | Path) -> Path:
    for path in (Path(folder), SHIPPED / str(folder)):
        if (path / "items.csv").is_file():
            return path
    if Path(str(folder)).is_dir():
        kind = "was it fitted by another kind of model? (its card.md says)"
        raise InputError(f"simulator.folder = {folder}: holds no items.csv; {kind}")
    raise unknown("simulator.folder", str(folder), sorted(p.parent.name for p in SHIPPED.glob("*/items.csv")))


def _course(folder: Path, more: tuple[str, ...] = ()) -> tuple[Course, Floats]:
    """The course of `items.csv` and `skills.csv`, and the further columns of its items."""
    rows = _rows(folder / "items.csv", ("item", "skills", "minutes", "difficulty", *more))
    names = [row["item"] for row in rows]
    numbers = _numbers(folder / "items.csv", names, ("minutes", "difficulty", *more))
    skills = [next(iter(row.values())) for row in _rows(folder / "skills.csv", ())]
    items = {row["item"]: row["skills"].split(BETWEEN) for row in rows}
    minutes = dict(zip(names, numbers[:, 0].tolist(), strict=True))
    return Course.of(skills, items, minutes=minutes, difficulty=numbers[:, 1].tolist()), numbers[:, 2:]


def _course_files(course: Course, more: tuple[str, ...] = (), values: Floats | None = None) -> dict[str, str]:
    ambiguous = next((name for name in course.skills if BETWEEN in name), None)
    if ambiguous is not None:
        raise reject("course.skills", repr(ambiguous), f"named without {BETWEEN!r}")
    needed = [BETWEEN.join(course.skills[k] for k in np.flatnonzero(row)) for row in course.q_matrix]
    numbers = np.stack([course.minutes, course.difficulty], axis=1)
    numbers = numbers if values is None else np.hstack([numbers, values])
    rows = [[skills, *row] for skills, row in zip(needed, numbers.tolist(), strict=True)]
    return {"items.csv": _text(("item", "skills", "minutes", "difficulty", *more), course.items, rows)}


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"simulator.folder = {path}: cannot be read ({error.strerror})") from error
    missing = [name for name in columns if not rows or name not in rows[0]]
    if missing or not rows:
        raise reject(f"columns of {path}", "without " + (", ".join(missing) or "rows"), ", ".join(columns))
    return rows


def _numbers(path: Path, names: Sequence[str], columns: Sequence[str]) -> Floats:
    """The numbers of a table whose first column holds `names`, in that order: `[names, columns]`."""
    rows = _rows(path, columns)
    found = [next(iter(row.values())) for row in rows]
    if found != list(names):
        wrong = next((name for name in found if name not in names), f"{len(found)} rows")
        raise reject(f"rows of {path}", repr(wrong), f"one for each of {len(names)} names, in order")
    try:
        return np.array([[float(row[name]) for name in columns] for row in rows])
    except (TypeError, ValueError) as error:
        raise reject(f"{path}", str(error), "numbers") from error


def _text(header: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for name, row in zip(names, rows, strict=True):
        cells = [value if isinstance(value, str) else f"{value + 0.0:.8g}" for value in row]
        writer.writerow([name, *cells])
    return out.getvalue()
