"""Memory learners as folders of tables, as a fit writes them.

| file | one row per | columns |
|---|---|---|
| `parameters.csv` | parameter | parameter, value |
| `items.csv`, `skills.csv` | item, skill | those of `simulators/folders.py` |
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course
from coursewright.simulators.folders import (
    ITEMS,
    course_files,
    open_folder,
    read_course,
    read_rows,
    table_text,
    write_facts,
    write_texts,
)
from coursewright.simulators.memory.act_r import ActR
from coursewright.simulators.memory.fsrs import Fsrs
from coursewright.simulators.memory.hlr import Hlr

PARAMETERS = "parameters.csv"
HISTORY = 32  # presentations kept, where a folder does not say


def write_memory(
    folder: Path,
    kind: str,
    estimates: tuple[Sequence[str], Floats],
    course: Course,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Write parameters, by name and in all their digits, and the course into `folder`, which must be there.

    `estimates` is names and values `[parameters]`; `facts` go into `population.json`.
    """
    names, values = estimates
    parameters = table_text(("parameter", "value"), names, [[str(value)] for value in values.tolist()])
    write_texts(folder, course_files(course) | {PARAMETERS: parameters})
    write_facts(folder, kind, course, facts)


def read_fsrs(folder: str | Path) -> Fsrs:
    """FSRS learners from a shipped folder (by name) or one of your own (by path).

    Raises `InputError` where there is no such folder or a table is broken; so do the other readers here.
    """
    course, values, _ = _read(folder, "fsrs")
    return Fsrs(
        course,
        [values[f"w{k}"] for k in range(21)],
        first_grades=[values[f"first_grades[{at}]"] for at in range(4)],
        right_grades=[values[f"right_grades[{at}]"] for at in range(3)],
        same_day=values["same_day"],
    )


def read_hlr(folder: str | Path) -> Hlr:
    """Half-life learners, likewise."""
    course, values, _ = _read(folder, "hlr")
    lexeme = [values[f"lexeme[{item}]"] for item in course.items]
    return Hlr(course, values["right"], values["wrong"], values["bias"], lexeme, values["first"])


def read_act_r(folder: str | Path, history: int | None = None) -> ActR:
    """ACT-R learners, likewise; `history` presentations of each item are kept (None: as in the fit)."""
    course, values, facts = _read(folder, "act_r")
    history = facts.get("history", HISTORY) if history is None else history
    a, c, s, tau, h, first = (values[name] for name in ("a", "c", "s", "tau", "h", "first"))
    return ActR(course, a, c, s, tau, h, history, first)


class _Values(dict[str, float]):
    """Parameters by name; asking for one that the table lacks is an error that people can read."""

    def __missing__(self, name: str) -> float:
        raise unknown("parameter", name, list(self))


def _read(folder: str | Path, kind: str) -> tuple[Course, _Values, Mapping[str, Any]]:
    path, facts = open_folder(folder, kind, ITEMS)
    rows = read_rows(path / PARAMETERS, ("parameter", "value"))
    return read_course(path), _Values({row["parameter"]: _number(path, row) for row in rows}), facts


def _number(folder: Path, row: dict[str, str]) -> float:
    try:
        return float(row["value"])
    except (TypeError, ValueError) as error:
        raise reject(f"{row['parameter']} in {folder}", repr(row["value"]), "a number") from error
