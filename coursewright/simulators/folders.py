"""Populations as folders of tables that people can open: the folder behind a name, and the course in it.

| file | one row per | columns |
|---|---|---|
| `population.json` | | format, kind of learners, licence of their log, and all else that is no table |
| `items.csv` | item | item, skills (joined by ";"), minutes, difficulty, and a model's own columns |
| `skills.csv` | skill | skill, and a model's own columns; absent: skills in order of appearance |
| `prerequisites.csv` | edge | before, after; absent where there is none |

A `card.md` beside them describes their origin.  A folder without `population.json` is of format 1, which
named no kind; its tables are read where they are those of today.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coursewright.errors import InputError, absent, reject
from coursewright.simulators.arrays import Floats
from coursewright.simulators.course import Course, read_edges
from coursewright.simulators.lists import pairs, unpack

SHIPPED = Path(__file__).parent / "populations"
FORMAT = 2
FACTS, ITEMS, SKILLS, EDGES = "population.json", "items.csv", "skills.csv", "prerequisites.csv"
OPTIONAL = (EDGES, "draws.csv", "counts.csv", "sessions.npz")  # files that some populations lack
INVENTS = "invents"  # an entry of the facts: what practice changes in these learners though nobody learned
BETWEEN = ";"
DIGITS = 8  # of a number in a table


class Folder(NamedTuple):
    """A population's folder, and the entries of its `population.json` (none in a folder of format 1)."""

    path: Path
    facts: Mapping[str, Any]


def open_folder(folder: str | Path, kind: str, table: str, field: str = "simulator.folder") -> Folder:
    """A folder of your own (by path) or a shipped one (by name) with `table` of learners of this `kind`.

    Raises `InputError` where there is none, and for learners of another kind or of a later format.
    """
    for path in _places(folder):
        facts = _facts(path, field)
        if facts.get("kind", kind) != kind:
            raise InputError(f"{field} = {folder}: holds learners of kind {facts['kind']!r}, not {kind!r}")
        if (path / table).is_file():
            return Folder(path, facts)
    if Path(folder).is_dir():
        kinds = "was it fitted by another kind of model, or by an earlier version? (its card.md says)"
        raise InputError(f"{field} = {folder}: holds no {table}; {kinds}")
    shipped, beside = (
        [path.parent for path in sorted(places) if _facts(path.parent, field).get("kind", kind) == kind]
        for places in (SHIPPED.glob(f"*/{FACTS}"), Path(folder).parent.glob(f"*/{table}"))
    )
    if Path(folder).exists():
        raise reject(field, folder, "a folder, not a file")
    known = [*map(str, beside), *(path.name for path in shipped)]
    raise absent(field, folder, "a folder that fit wrote", known)


def kind_of(folder: str | Path, field: str = "simulator.folder") -> str:
    """The kind of the learners in a folder of your own.  Raises `InputError` where it does not say."""
    kind = _facts(Path(folder), field).get("kind")
    if not isinstance(kind, str):
        raise reject(f"{field} ({Path(folder) / FACTS})", "without a kind", "a folder that fit wrote")
    return kind


def _places(folder: str | Path) -> tuple[Path, Path]:
    """The places where a folder may be: a path of one's own, then the shipped one of that name."""
    return Path(folder), SHIPPED / str(folder)


def _facts(path: Path, field: str) -> dict[str, Any]:
    try:
        facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise InputError(f"{field} = {path / FACTS}: cannot be read ({error})") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
        raise reject(f"{field} ({path / FACTS})", "without a format", "an object with a format and a kind")
    if facts["format"] > FORMAT:
        raise reject(
            f"{field} ({path / FACTS}): format", facts["format"], f"at most {FORMAT}; update the package"
        )
    return facts


def write_facts(folder: Path, kind: str, course: Course, more: Mapping[str, object] | None = None) -> None:
    """Write `population.json`: the format, the kind of learners, their licence, and `more` facts."""
    licence = {} if course.licence is None else {"licence": course.licence}
    facts = {"format": FORMAT, "kind": kind, **licence, **(more or {})}
    (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def add_facts(folder: Path, more: Mapping[str, object]) -> None:
    """Add entries to the `population.json` of `folder`, where it has one."""
    if more and (folder / FACTS).is_file():
        facts = {**_facts(folder, "out"), **more}
        (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def invents(folder: str | Path) -> str:
    """The invention of a folder's learners (a path, or a shipped name), as its facts tell: "learning".

    It is "nothing" where null worlds find none, "cannot tell" where they leave it open, and "" where nobody
    looked (see `fitting/judging/invented.py`).
    """
    said = (_facts(path, "simulator.folder").get(INVENTS) for path in _places(folder))
    return next((str(found) for found in said if found), "")


def read_course(path: Path, skills: Sequence[str] | None = None) -> Course:
    """The course in the folder `path`, with these `skills`; without any, those that its items need."""
    rows = read_rows(path / ITEMS, ("item", "skills"))
    items = {row["item"]: split_names(row["skills"]) for row in rows}
    if len(items) < len(rows):
        raise reject(f"rows of {path / ITEMS}", "an item twice", "one for each item")
    numbers = {
        name: _column(path / ITEMS, rows, name) for name in ("minutes", "difficulty") if name in rows[0]
    }
    if skills is None and (path / SKILLS).is_file():
        skills = [next(iter(row.values())) for row in read_rows(path / SKILLS, ())]
    if skills is None:
        skills = list(dict.fromkeys(skill for needed in items.values() for skill in needed))
    course = Course.of(
        skills,
        items,
        prerequisites=read_edges(path / EDGES) if (path / EDGES).is_file() else (),
        minutes=dict(zip(items, numbers["minutes"].tolist(), strict=True)) if "minutes" in numbers else 1.0,
        difficulty=numbers["difficulty"].tolist() if "difficulty" in numbers else None,
    )
    return licensed(course, path)


def licensed(course: Course, path: Path) -> Course:
    """The course with the licence that `population.json` in the folder `path` tells of, if it does."""
    facts = _facts(path, "simulator.folder")
    return replace(course, licence=str(facts["licence"] or "unknown")) if "licence" in facts else course


def course_files(course: Course, more: Sequence[str] = (), values: Floats | None = None) -> dict[str, str]:
    """File name -> content, as `read_course` reads it; `values [items, more]` are columns beside."""
    needed = [join_names([course.skills[k] for k in row]) for row in unpack(course.needs)]
    numbers = np.stack([course.minutes, course.difficulty], axis=1)
    numbers = numbers if values is None else np.hstack([numbers, values])
    rows = [[skills, *row] for skills, row in zip(needed, numbers.tolist(), strict=True)]
    files = {
        ITEMS: table_text(("item", "skills", "minutes", "difficulty", *more), course.items, rows),
        SKILLS: table_text(("skill",), course.skills, [[]] * course.n_skills),
    }
    edges = [(course.skills[a], course.skills[b]) for a, b in zip(*pairs(course.children), strict=True)]
    if edges:
        files[EDGES] = _csv([("before", "after"), *edges])
    return files


def write_texts(folder: Path, files: Mapping[str, str]) -> None:
    """Write each text into `folder`, which must be there."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table that has these `columns`, at least one row."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"simulator.folder = {path}: cannot be read ({reason})") from error
    missing = [name for name in columns if not rows or name not in rows[0]]
    if missing or not rows:
        raise reject(f"columns of {path}", "without " + (", ".join(missing) or "rows"), ", ".join(columns))
    return rows


def read_numbers(path: Path, names: Sequence[str], columns: Sequence[str]) -> Floats:
    """The numbers of a table whose first column holds `names`, in that order: `[names, columns]`."""
    rows = read_rows(path, columns)
    found = [next(iter(row.values())) for row in rows]
    if found != list(names):
        wrong = next((name for name in found if name not in names), f"{len(found)} rows")
        raise reject(f"rows of {path}", repr(wrong), f"one for each of {len(names)} names, in order")
    return np.stack([_column(path, rows, name) for name in columns], axis=1)


def _column(path: Path, rows: Sequence[Mapping[str, str]], name: str) -> Floats:
    try:
        return np.array([float(row[name]) for row in rows])
    except (TypeError, ValueError) as error:
        raise reject(f"{path}", str(error), "numbers") from error


def table_text(header: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table whose first column holds `names`, with numbers of eight digits."""
    cells = [[value if isinstance(value, str) else _number(value) for value in row] for row in rows]
    return _csv([header, *([name, *row] for name, row in zip(names, cells, strict=True))])


def rounded(values: Floats, digits: int = DIGITS) -> Floats:
    """Numbers as a table holds them: a population in memory and the one read from its folder are the same."""
    flat = [float(_number(value, digits)) for value in np.ravel(values).tolist()]
    return np.array(flat, np.float64).reshape(np.shape(values))


def _number(value: float, digits: int = DIGITS) -> str:
    return f"{value + 0.0:.{digits}g}"


def join_names(names: Sequence[str]) -> str:
    """Names in one cell, joined by ";"; a name that holds one is quoted, as in the table itself."""
    return _csv([names], BETWEEN).removesuffix("\n")


def split_names(cell: str) -> list[str]:
    """The names that `join_names` joined."""
    return next(csv.reader(io.StringIO(cell, newline=""), delimiter=BETWEEN), [""])


def _csv(rows: Iterable[Sequence[Any]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()
