"""Logistic learners as folders of tables, written by a fit or committed here.

| file | one row per | columns |
|---|---|---|
| `items.csv` | item | those of `simulators/folders.py`; IRT also discrimination, guess |
| `skills.csv` | skill | skill, `COLUMNS` (or `PLAIN`) of `worth.py` or of `das3h.py`; IRT: mean, growth |
| `counts.csv` | item, in Best-LR everything last | the same of items; `practice` and Best-LR alone |
| `learners.csv` | (one row) | spread, and raw (1: raw counts) or, for IRT, skill_spread |

Where able learners stay longer, `learners.csv` also has staying, mean_ln_rows, sd_ln_rows (`selection.py`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from coursewright.simulators.arrays import Floats
from coursewright.simulators.folders import (
    ITEMS,
    SKILLS,
    course_files,
    open_folder,
    read_course,
    read_numbers,
    read_rows,
    table_text,
    write_facts,
    write_texts,
)
from coursewright.simulators.logistic import das3h, fixed_items, irt, worth
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.das3h import Das3h
from coursewright.simulators.logistic.fixed_items import FixedItems
from coursewright.simulators.logistic.irt import Irt
from coursewright.simulators.logistic.rltutor import POWER, SCALE, Rltutor
from coursewright.simulators.logistic.selection import NONE, Selection

COUNTS, LEARNERS, CHANCES = "counts.csv", "learners.csv", "parameters.csv"
ALL = "(all)"
GROWING = ("mean", "growth")
STAYING = ("staying", "mean_ln_rows", "sd_ln_rows")


def read_logistic(folder: str | Path) -> Logistic:
    """AFM, PFA or Best-LR learners from a shipped folder (by name) or one of your own (by path).

    Raises `InputError` where there is no such folder or a table is broken; so do the other readers here.
    """
    path = open_folder(folder, "logistic", SKILLS).path
    course = read_course(path)
    weights = _counters(path / SKILLS, course.skills)
    if (path / COUNTS).is_file():
        everything = len(read_rows(path / COUNTS, ())) != course.n_items
        weights = np.vstack([weights, _counters(path / COUNTS, (*course.items, *[ALL] * everything))])
    spread, raw = read_numbers(path / LEARNERS, (ALL,), ("spread", "raw"))[0].tolist()
    selection = NONE
    if STAYING[0] in read_rows(path / LEARNERS, ())[0]:
        selection = Selection(*read_numbers(path / LEARNERS, (ALL,), STAYING)[0].tolist())
    return Logistic(course, weights, spread, bool(raw), selection)


def read_irt(folder: str | Path) -> Irt:
    """IRT learners with growth, likewise."""
    path = open_folder(folder, "irt", SKILLS).path
    course = read_course(path)
    shape = read_numbers(path / ITEMS, course.items, irt.COLUMNS)
    mean, growth = read_numbers(path / SKILLS, course.skills, GROWING).T
    spread, own = read_numbers(path / LEARNERS, (ALL,), ("spread", "skill_spread"))[0]
    return Irt(course, mean, growth, shape[:, 0], shape[:, 1], float(spread), float(own))


def read_das3h(folder: str | Path, memory: int = 64) -> Das3h:
    """DAS3H learners, likewise; `memory` answers of each skill are kept with their times."""
    path = open_folder(folder, "das3h", SKILLS).path
    course = read_course(path)
    weights = read_numbers(path / SKILLS, course.skills, das3h.COLUMNS)
    spread = read_numbers(path / LEARNERS, (ALL,), ("spread",))[0, 0]
    return Das3h(course, weights, float(spread), memory)


def read_rltutor(folder: str | Path, memory: int = 64, scale: float = SCALE, power: float = POWER) -> Rltutor:
    """RLTutor learners over the DAS3H learners of a folder."""
    return Rltutor(read_das3h(folder, memory), scale, power)


def read_fixed_items(folder: str | Path) -> FixedItems:
    """Learners who never change, likewise."""
    path = open_folder(folder, "fixed_items", CHANCES).path
    course = read_course(path)
    return FixedItems(course, read_numbers(path / CHANCES, course.items, ("p_correct",))[:, 0])


def write_logistic(folder: Path, learners: Logistic) -> None:
    """Write the tables that `read_logistic` reads into `folder`, which must be there."""
    skills, course, weights = learners.course.n_skills, learners.course, learners.weights
    names = worth.COLUMNS
    if not weights[:, len(worth.PLAIN) :].any():
        names = worth.PLAIN
        weights = weights[:, : len(names)]
    columns: tuple[str, ...] = ("who", "spread", "raw")
    who = [learners.spread, float(learners.raw)]
    if learners.selection.sd > 0.0:
        columns, who = (*columns, *STAYING), [*who, *learners.selection]
    files = course_files(course) | {
        SKILLS: table_text(("skill", *names), course.skills, weights[:skills].tolist()),
        LEARNERS: table_text(columns, (ALL,), [who]),
    }
    if len(learners.weights) > skills:
        counted = (*course.items, ALL)[: len(weights) - skills]
        files[COUNTS] = table_text(("of", *names), counted, weights[skills:].tolist())
    write_texts(folder, files)
    write_facts(folder, "logistic", learners.course)


def _counters(path: Path, names: Sequence[str]) -> Floats:
    """Weights of counters; a table may lack the columns of bends and last answers, which are then 0."""
    bent = worth.COLUMNS[-1] in read_rows(path, ())[0]
    return read_numbers(path, names, worth.COLUMNS if bent else worth.PLAIN)


def write_irt(folder: Path, learners: Irt) -> None:
    """Write the tables that `read_irt` reads."""
    growing = np.stack([learners.mean, learners.growth], axis=1)
    spreads = [[learners.spread, learners.skill_spread]]
    files = course_files(learners.course, irt.COLUMNS, learners.shape) | {
        SKILLS: table_text(("skill", *GROWING), learners.course.skills, growing.tolist()),
        LEARNERS: table_text(("who", "spread", "skill_spread"), (ALL,), spreads),
    }
    write_texts(folder, files)
    write_facts(folder, "irt", learners.course)


def write_das3h(folder: Path, learners: Das3h) -> None:
    """Write the tables that `read_das3h` reads."""
    rows = learners.weights.tolist()
    files = course_files(learners.course) | {
        SKILLS: table_text(("skill", *das3h.COLUMNS), learners.course.skills, rows),
        LEARNERS: table_text(("who", "spread"), (ALL,), [[learners.spread]]),
    }
    write_texts(folder, files)
    write_facts(folder, "das3h", learners.course)


def write_fixed_items(folder: Path, learners: FixedItems) -> None:
    """Write the tables that `read_fixed_items` reads; chances have six digits."""
    chances = [[f"{p:.{fixed_items.DIGITS}g}"] for p in learners.p.tolist()]
    files = course_files(learners.course)
    write_texts(folder, files | {CHANCES: table_text(("item", "p_correct"), learners.course.items, chances)})
    write_facts(folder, "fixed_items", learners.course)
