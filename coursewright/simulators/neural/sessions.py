"""Recorded sessions of real (or made-up) people, from which simulated learners may start."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Luck, Split, uniforms
from coursewright.simulators.neural.stored import read_arrays, write_arrays

FIELDS = ("start", "person", "item", "correct")
# The split that each fifth of the people's sessions belongs to: training needs most of them.
PARTS = (Split.TRAIN, Split.TUNE, Split.EVALUATE, Split.FIT, Split.TRAIN)
ROUNDING = 1e-9  # .6 of 5 rows are 3, although .6 is not exact in binary
PERSON = 1  # the purpose of the draw that puts people in order


class Beginnings(NamedTuple):
    """The first rows of each session: `item`, `correct` `[sessions, width]`, `length [sessions]`."""

    item: Ints
    correct: Ints
    length: Ints


@dataclass(frozen=True, eq=False)
class Sessions:
    """Sequences of (item, correct), packed: session s owns the rows start[s] to start[s + 1].

    `start [sessions + 1]`, `person [sessions]` (numbers; only equality matters), `item [rows]` by place
    in the course, `correct [rows]`, 1 or 0.  Raises `InputError` for an empty session or none at all.
    """

    start: Ints
    person: Ints
    item: Ints
    correct: Ints

    def __post_init__(self) -> None:
        for field in FIELDS:
            object.__setattr__(self, field, np.ascontiguousarray(getattr(self, field), np.int64))
        lengths = np.diff(self.start)
        if not len(lengths) or lengths.min() < 1 or self.start[0] != 0:
            raise reject(
                "sessions.start", f"{len(lengths)} sessions", "at least one, each of at least one row"
            )
        rows = int(self.start[-1])
        for field, size in (("person", len(lengths)), ("item", rows), ("correct", rows)):
            if getattr(self, field).shape != (size,):
                raise reject(f"sessions.{field}", f"array of shape {getattr(self, field).shape}", f"[{size}]")
        if not np.isin(self.correct, (0, 1)).all():
            raise reject("sessions.correct", "another number", "1 or 0")

    def __len__(self) -> int:
        return len(self.person)

    @property
    def lengths(self) -> Ints:
        """Rows of each session, `[sessions]`."""
        return np.diff(self.start)

    @cached_property
    def parts(self) -> tuple[Ints, ...]:
        """The sessions of each split, by the split's number.

        People are put in an order that is random but always the same, and dealt out in turn, so that no
        person (let alone a session) belongs to two splits.
        """
        people, place = np.unique(self.person, return_inverse=True)
        if len(people) < len(PARTS):
            allowed = f"at least {len(PARTS)}, to have some in each split"
            raise reject("sessions.person", f"{len(people)} people", allowed)
        draw = np.empty(len(people))
        uniforms(np.zeros(len(people), np.uint64), people, PERSON, draw)
        rank = np.argsort(np.argsort(draw, kind="stable"), kind="stable")
        part = np.array(PARTS)[rank % len(PARTS)][place]
        return tuple(np.flatnonzero(part == split) for split in Split)

    def draw(self, rows: Ints, luck: Luck, purpose: int) -> Ints:
        """A session of their own split for each of `rows`, from the learner's own luck."""
        if not len(luck.split):
            raise reject("luck.split", "not given", "given, as by luck.identify: sessions belong to splits")
        drawn = np.empty(len(rows))
        uniforms(luck.learner[rows], np.zeros(len(rows), np.int64), purpose, drawn)
        chosen = np.empty(len(rows), np.int64)
        for split, part in enumerate(self.parts):
            mine = luck.split[rows] == split
            chosen[mine] = part[(drawn[mine] * len(part)).astype(np.int64)]
        return chosen

    def first(self, share: float) -> "Beginnings":
        """The first `share` of the rows of each session, rounded down."""
        length = np.floor(share * self.lengths + ROUNDING).astype(np.int64)
        place = np.arange(max(1, int(length.max())))
        inside = place < length[:, None]
        row = np.where(inside, self.start[:-1, None] + place, 0)
        return Beginnings(np.where(inside, self.item[row], 0), np.where(inside, self.correct[row], 0), length)

    def last_skills(self, share: float, course: Course) -> Bools:
        """The skills `[sessions, skills]` of the last `share` of each session's rows, rounded up."""
        kept = np.ceil(share * self.lengths - ROUNDING).astype(np.int64)
        skills = np.zeros((len(self), course.n_skills), bool)
        for s, (end, rows) in enumerate(zip(self.start[1:], kept, strict=True)):
            for item in self.item[end - rows : end]:
                skills[s, course.needs.row(item)] = True
        return skills

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read the file of `write`; raises `InputError` where the file is missing or of another kind."""
        return cls(**read_arrays(path, FIELDS))

    def write(self, path: str | Path) -> None:
        """Write a compressed .npz; the same sessions are the same bytes."""
        write_arrays(path, {field: getattr(self, field).astype(np.int32) for field in FIELDS})
