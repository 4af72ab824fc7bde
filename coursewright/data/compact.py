"""A stored log in memory without its text: numbers in place of names."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from coursewright.data.log import Into, LearnerLog, sorted_ids
from coursewright.data.schema import SCHEMA
from coursewright.data.stream import batches, changes, iterate, open_stored

NAMES = ("learner", "item", "skills")
AT_ONCE = 5_000  # learners
Codes = npt.NDArray[np.int32]


def read_stored(path: str | Path, into: Into | None = None, licence: str | None = None) -> LearnerLog:
    """All of the log in the folder `path` in memory, its names as numbers (dictionary-encoded columns).

    Given an `into`, the rows go there instead, a batch at a time.  `licence` None is the one stored with it.

    A row takes some 25 bytes, and as much again for a moment while the rows are put in order, against
    hundreds as text.  The rows and their order are those of the log before it was stored.  Evaluation
    columns (allowed, propensity) stay on disk.  Raises `InputError` as `open_stored`.
    """
    stored = open_stored(path)
    licence = stored.licence if licence is None else licence
    if into is not None:
        return into(batches(stored), stored.source, licence, stored.dropped, stored.timed)
    names = {name: _Numbers() for name in NAMES}
    pieces: dict[str, list[npt.NDArray[np.generic]]] = {}
    first = pq.read_schema(stored.parts[0]).names
    columns = [name for name in first if name not in ("allowed", "propensity")]
    for rows in batches(stored, columns):
        for name in columns:
            pieces.setdefault(name, []).append(_numeric(rows[name], names.get(name)))
        pieces.setdefault("length", []).append(pc.list_value_length(rows["skills"]).to_numpy())
    whole = {name: np.concatenate(pieces.pop(name)) for name in list(pieces)}
    order = np.argsort(names["learner"].rank()[whole["learner"]], kind="stable")
    offsets = np.append(0, np.cumsum(whole.pop("length"), dtype=np.int32)).astype(np.int32)
    kinds = {field.name: field.type for field in SCHEMA if field.name not in NAMES}
    table = {name: pa.array(values, kinds.get(name), from_pandas=True) for name, values in whole.items()}
    for name in NAMES:
        table[name] = pa.DictionaryArray.from_arrays(table[name], names[name].known)
    table["skills"] = pa.ListArray.from_arrays(pa.array(offsets), table["skills"])
    return LearnerLog(
        pa.table(table).take(pa.array(order)),
        stored.source,
        licence,
        stored.reordered,
        stored.dropped,
        duplicates=stored.duplicates,
        timed=stored.timed,
    )


class BySkill(NamedTuple):
    """The answers to each skill, as `fitting.Sequences` has them; learners are numbered as they come.

    first [skills + 1], start [sequences + 1], learner [sequences], correct [opportunities].
    """

    skills: tuple[str, ...]
    learners: tuple[str, ...]
    first: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    learner: npt.NDArray[np.int64]
    correct: npt.NDArray[np.int8]


def by_skill(path: str | Path) -> BySkill:
    """The log in the folder `path` as BKT needs it: 1 byte per answer, 16 per skill that a learner met.

    As much again while it is put together.  Raises `InputError` as `open_stored`.
    """
    numbers, learners = _Numbers(), list[str]()
    pieces: dict[str, list[_Piece]] = {}
    for table in iterate(path, AT_ONCE):
        names, found = _grouped(table, numbers, len(learners))
        learners += names
        for skill, piece in found:
            pieces.setdefault(skill, []).append(piece)
    skills = tuple(sorted_ids(numbers.known))
    ordered = [pieces.pop(skill) for skill in skills]
    whole = _Piece(*map(np.concatenate, zip(*(piece for skill in ordered for piece in skill), strict=True)))
    sequences = [sum(len(piece.learner) for piece in skill) for skill in ordered]
    first, start = (np.append(0, np.cumsum(lengths)) for lengths in (sequences, whole.length))
    return BySkill(skills, tuple(learners), first, start, whole.learner, whole.correct)


class _Piece(NamedTuple):
    """Some learners' answers to one skill: learner and length [sequences], correct [opportunities]."""

    learner: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    correct: npt.NDArray[np.int8]


def _grouped(table: pa.Table, numbers: "_Numbers", known: int) -> tuple[list[str], list[tuple[str, _Piece]]]:
    """The names of the whole learners in `table`, numbered from `known`, and their answers by skill."""
    begins = np.append(0, changes(table["learner"]))
    learner = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, table.num_rows))) + known
    each = pc.list_value_length(table["skills"]).to_numpy()
    skill = numbers.number(pc.list_flatten(table["skills"]))
    learner, correct = np.repeat(learner, each), np.repeat(table["correct"].to_numpy(), each)
    order = np.lexsort((learner, skill))
    skill, learner, correct = skill[order], learner[order], correct[order]
    found = []
    for begin, end in pairwise([*np.flatnonzero(np.diff(skill, prepend=-1)), len(skill)]):
        starts = np.flatnonzero(np.diff(learner[begin:end], prepend=-1))
        lengths = np.diff(np.append(starts, end - begin))
        piece = _Piece(learner[begin:end][starts], lengths, correct[begin:end].copy())
        found.append((numbers.known[skill[begin]], piece))
    return table["learner"].take(pa.array(begins)).to_pylist(), found


class _Numbers:
    """Names and the numbers that they were given in order of appearance."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}
        self.known: list[str] = []

    def number(self, names: pa.ChunkedArray) -> Codes:
        """The numbers [rows] of `names` [rows]."""
        encoded = names.combine_chunks().dictionary_encode()
        names_here = encoded.dictionary.to_pylist()
        for name in names_here:
            if name not in self.of:
                self.of[name] = len(self.known)
                self.known.append(name)
        codes: Codes = np.array([self.of[name] for name in names_here], dtype=np.int32)
        return np.asarray(codes[np.asarray(encoded.indices)], dtype=np.int32)

    def rank(self) -> Codes:
        """The place of each number's name in sorted order."""
        place = {name: at for at, name in enumerate(sorted_ids(self.known))}
        return np.array([place[name] for name in self.known], dtype=np.int32)


def _numeric(column: pa.ChunkedArray, names: _Numbers | None) -> npt.NDArray[np.generic]:
    if names is None:
        return np.asarray(column.to_numpy())
    return names.number(pc.list_flatten(column) if pa.types.is_list(column.type) else column)
