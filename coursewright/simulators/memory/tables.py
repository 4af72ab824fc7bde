"""Memory learners as tables that people can open, and populations read from a folder of them.

| file | a row a | columns |
|---|---|---|
| `parameters.csv` | parameter | parameter, value |
| `course.csv` | item and skill that it needs | item, skill, minutes |
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from coursewright.errors import InputError, reject, unknown
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.memory.act_r import ActR
from coursewright.simulators.memory.fsrs import Fsrs
from coursewright.simulators.memory.hlr import Hlr

SHIPPED = Path(__file__).parents[1] / "populations"


def write_memory(folder: Path, names: Sequence[str], values: Floats, course: Course) -> None:
    """Write parameters, by name, and the course into `folder`, which must be there."""
    _write(folder / "parameters.csv", ("parameter", "value"), zip(names, map(float, values), strict=True))
    needs = [
        (name, course.skills[k], float(course.minutes[i]))
        for i, name in enumerate(course.items)
        for k in course.q_matrix[i].nonzero()[0]
    ]
    _write(folder / "course.csv", ("item", "skill", "minutes"), needs)


def read_fsrs(folder: str | Path) -> Fsrs:
    """FSRS learners from a shipped folder (by name) or one of your own (by path).

    Raises `InputError` where there is no such folder or a table is broken; so do the other readers here.
    """
    course, values = _read(_folder(folder))
    return Fsrs(
        course,
        [values[f"w{k}"] for k in range(21)],
        first_grades=[values[f"first_grades[{at}]"] for at in range(4)],
        right_grades=[values[f"right_grades[{at}]"] for at in range(3)],
        same_day=values["same_day"],
    )


def read_hlr(folder: str | Path) -> Hlr:
    """Half-life learners, likewise."""
    course, values = _read(_folder(folder))
    lexeme = [values[f"lexeme[{item}]"] for item in course.items]
    return Hlr(course, values["right"], values["wrong"], values["bias"], lexeme, values["first"])


def read_act_r(folder: str | Path, history: int = 32) -> ActR:
    """ACT-R learners, likewise; `history` presentations of each item are kept."""
    course, values = _read(_folder(folder))
    a, c, s, tau, h, first = (values[name] for name in ("a", "c", "s", "tau", "h", "first"))
    return ActR(course, a, c, s, tau, h, history, first)


class _Values(dict[str, float]):
    """Parameters by name; asking for one that the table lacks is an error that people can read."""

    def __missing__(self, name: str) -> float:
        raise unknown("parameter", name, list(self))


def _folder(folder: str | Path) -> Path:
    for path in (Path(folder), SHIPPED / str(folder)):
        if (path / "course.csv").is_file():
            return path
    if Path(str(folder)).is_dir():
        kind = "was it fitted by another kind of model? (its card.md says)"
        raise InputError(f"simulator.folder = {folder}: holds no course.csv; {kind}")
    raise unknown(
        "simulator.folder", str(folder), sorted(p.parent.name for p in SHIPPED.glob("*/course.csv"))
    )


def _read(folder: Path) -> tuple[Course, _Values]:
    table = _rows(folder / "parameters.csv", ("parameter", "value"))
    values = _Values({name: _number(folder, name, value) for name, value in table})
    items: dict[str, list[str]] = {}
    minutes: dict[str, float] = {}
    for item, skill, taken in _rows(folder / "course.csv", ("item", "skill", "minutes")):
        items.setdefault(item, []).append(skill)
        minutes[item] = _number(folder, f"minutes of {item}", taken)
    skills = tuple(dict.fromkeys(skill for needed in items.values() for skill in needed))
    return Course.of(skills, items, minutes=minutes), values


def _rows(path: Path, columns: tuple[str, ...]) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not rows or not set(columns) <= set(rows[0]):
        raise reject(f"columns of {path}", ", ".join(rows[0]) if rows else "none", ", ".join(columns))
    return [[row[name] or "" for name in columns] for row in rows]


def _number(folder: Path, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise reject(f"{name} in {folder}", repr(text), "a number") from error


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
