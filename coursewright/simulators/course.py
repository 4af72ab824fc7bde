"""The course: skills, items, which item needs which skills, and what comes before what."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from coursewright.errors import InputError, reject, unknown
from coursewright.simulators.arrays import Bools, Floats, Ints


class Lists(NamedTuple):
    """Lists of whole numbers, packed for kernels: list i is `values[start[i]:start[i + 1]]`."""

    start: Ints
    values: Ints

    def row(self, i: int) -> list[int]:
        """List i as it was before packing."""
        return [int(value) for value in self.values[self.start[i] : self.start[i + 1]]]


def pack(lists: Sequence[Sequence[int]]) -> Lists:
    """Pack one list of whole numbers a row into two flat arrays."""
    start = np.zeros(len(lists) + 1, np.int64)
    start[1:] = np.cumsum([len(row) for row in lists])
    return Lists(start, np.array([value for row in lists for value in row], np.int64))


def unpack(lists: Lists) -> list[list[int]]:
    """The lists that were packed."""
    return [part.tolist() for part in np.split(lists.values, lists.start[1:-1])]


@dataclass(frozen=True, eq=False)
class Course:
    """What can be taught.  Build one with `Course.of`, which takes names and edges.

    Attributes
    ----------
    skills, items : names for people; an item's place in `items` is its action index.
    q_matrix : bool `[items, skills]`, True where the item needs the skill.
    prerequisites : bool `[skills, skills]`, `[p, k]` True where p comes before k; acyclic.
    minutes : `[items]`, how long an item takes.
    difficulty : `[items]`, on the scale of the learner model that uses it (0 where none does).
    kind, format : `[items]` names such as "practice" and "text".
    """

    skills: tuple[str, ...]
    items: tuple[str, ...]
    q_matrix: Bools
    prerequisites: Bools
    minutes: Floats
    difficulty: Floats
    kind: tuple[str, ...]
    format: tuple[str, ...]

    def __post_init__(self) -> None:
        n_items, n_skills = len(self.items), len(self.skills)
        for field, names in (("course.skills", self.skills), ("course.items", self.items)):
            if not names:
                raise reject(field, "()", "at least one name")
            if len(set(names)) < len(names):
                twice = next(name for i, name in enumerate(names) if name in names[:i])
                raise reject(field, repr(twice), "named once")
        shapes = {
            "q_matrix": (n_items, n_skills),
            "prerequisites": (n_skills, n_skills),
            "minutes": (n_items,),
            "difficulty": (n_items,),
        }
        for field, shape in shapes.items():
            array = getattr(self, field)
            if array.shape != shape:
                raise reject(f"course.{field}", f"array of shape {array.shape}", f"of shape {shape}")
            array.setflags(write=False)
        for field in ("kind", "format"):
            if len(getattr(self, field)) != n_items:
                raise reject(f"course.{field}", f"{len(getattr(self, field))} names", f"{n_items} names")
        bare = np.flatnonzero(~self.q_matrix.any(axis=1))
        if len(bare):
            raise reject(f"course.items[{self.items[bare[0]]}]", "no skill", "at least one skill an item")
        wrong = np.flatnonzero(~((self.minutes > 0) & np.isfinite(self.minutes)))
        if len(wrong):
            raise reject(
                f"course.minutes[{self.items[wrong[0]]}]",
                self.minutes[wrong[0]],
                "a positive number of minutes",
            )
        wrong = np.flatnonzero(~np.isfinite(self.difficulty))
        if len(wrong):
            at = f"course.difficulty[{self.items[wrong[0]]}]"
            raise reject(at, self.difficulty[wrong[0]], "a finite number")
        _ = self.order  # refuses a cycle

    @classmethod
    def of(
        cls,
        skills: Sequence[str] | int,
        items: Mapping[str, str | Sequence[str]] | None = None,
        prerequisites: Sequence[Sequence[str | int]] = (),
        minutes: float | Mapping[str, float] = 1.0,
        difficulty: Sequence[float] | None = None,
        kind: str | Sequence[str] = "practice",
        format: str | Sequence[str] = "text",
    ) -> Self:
        """Build a course from names.

        Parameters
        ----------
        skills : names, or how many (then they are called "0", "1", ...).
        items : item name -> the skill or skills it needs; by default one item a skill, of the same name.
        prerequisites : edges `[before, after]`, by skill name or place.
        minutes : per item, or one number for all.

        Raises
        ------
        InputError : an unknown skill or item, a cycle, non-positive minutes, a name used twice.
        """
        if isinstance(skills, str):
            raise reject("course.skills", repr(skills), "a list of names, or how many")
        names = tuple(str(k) for k in range(skills)) if isinstance(skills, int) else tuple(map(str, skills))
        table = {name: [name] for name in names} if items is None else dict(items)
        item_names = tuple(map(str, table))
        q_matrix = np.zeros((len(table), len(names)), bool)
        for i, (item, needed) in enumerate(table.items()):
            for skill in [needed] if isinstance(needed, str) else needed:
                q_matrix[i, _place(f"course.items[{item}]", skill, names)] = True
        graph = np.zeros((len(names), len(names)), bool)
        for before, after in prerequisites:
            place = [_place("course.prerequisites", skill, names) for skill in (before, after)]
            graph[place[0], place[1]] = True
        taken = np.ones(len(table))
        if isinstance(minutes, Mapping):
            for item, value in minutes.items():
                taken[_place("course.minutes", item, item_names)] = value
        else:
            taken[:] = minutes
        return cls(
            skills=names,
            items=item_names,
            q_matrix=q_matrix,
            prerequisites=graph,
            minutes=taken,
            difficulty=np.zeros(len(table)) if difficulty is None else np.array(difficulty, np.float64),
            kind=(kind,) * len(table) if isinstance(kind, str) else tuple(kind),
            format=(format,) * len(table) if isinstance(format, str) else tuple(format),
        )

    @property
    def n_skills(self) -> int:
        """How many skills there are."""
        return len(self.skills)

    @property
    def n_items(self) -> int:
        """How many items there are."""
        return len(self.items)

    @cached_property
    def order(self) -> Ints:
        """Skills in prerequisite order, `[skills]`.

        First those without prerequisites, as listed; then each as soon as its last prerequisite has
        come, first come first (Kahn, CACM 1962).
        """
        waiting = self.prerequisites.sum(axis=0).astype(np.int64)
        order: list[int] = []
        ready = [k for k in range(self.n_skills) if waiting[k] == 0]
        while ready:
            skill = ready.pop(0)
            order.append(skill)
            for after in np.flatnonzero(self.prerequisites[skill]):
                waiting[after] -= 1
                if waiting[after] == 0:
                    ready.append(int(after))
        if len(order) < self.n_skills:
            raise reject("course.prerequisites", self._cycle(set(order)), "free of cycles")
        return np.array(order, np.int64)

    def _cycle(self, done: set[int]) -> str:
        """One cycle, for the error message: every skill left over has a predecessor left over."""
        path = [next(k for k in range(self.n_skills) if k not in done)]
        while True:
            before = next(int(p) for p in np.flatnonzero(self.prerequisites[:, path[-1]]) if p not in done)
            if before in path:
                loop = [*path[path.index(before) :], before]
                return " -> ".join(self.skills[k] for k in reversed(loop))
            path.append(before)

    @cached_property
    def ancestors(self) -> Bools:
        """`[skills, skills]`, `[a, k]` True where a path of prerequisites leads from a to k, or a is k."""
        reach = np.eye(self.n_skills, dtype=bool)
        for skill in self.order:
            for before in np.flatnonzero(self.prerequisites[:, skill]):
                reach[:, skill] |= reach[:, before]
        return reach

    @cached_property
    def parents(self) -> Lists:
        """The prerequisites of each skill, packed."""
        return pack([np.flatnonzero(self.prerequisites[:, k]).tolist() for k in range(self.n_skills)])

    @cached_property
    def needed(self) -> Lists:
        """The skills of each item, packed; a skill comes before its own prerequisites.

        In that order a multi-skill item can teach one skill after the other in place, and each still
        sees its prerequisites as they were when the item began.
        """
        rank = np.argsort(self.order)
        return pack([sorted(np.flatnonzero(row).tolist(), key=lambda k: -rank[k]) for row in self.q_matrix])

    @cached_property
    def items_of(self) -> Lists:
        """The items that need each skill, packed."""
        return pack([np.flatnonzero(self.q_matrix[:, k]).tolist() for k in range(self.n_skills)])

    @cached_property
    def waiting(self) -> Lists:
        """The items that wait for each skill, packed.

        An item waits for the direct prerequisites of its skills, except for those that it practises itself.
        """
        before = self.parents
        lists: list[list[int]] = [[] for _ in self.skills]
        for item in range(self.n_items):
            own = self.needed.row(item)
            for skill in {p for k in own for p in before.row(k)} - set(own):
                lists[skill].append(item)
        return pack(lists)

    @cached_property
    def one_to_one(self) -> bool:
        """Whether item i is just skill i: the fast and common case."""
        return self.q_matrix.shape[0] == self.q_matrix.shape[1] and bool(
            (self.q_matrix == np.eye(self.n_skills, dtype=bool)).all()
        )

    @property
    def by_item(self) -> "Course":
        """The same items, each of them a skill of its own, without prerequisites."""
        one_each, none = np.eye(self.n_items, dtype=bool), np.zeros((self.n_items, self.n_items), bool)
        return replace(self, skills=self.items, q_matrix=one_each, prerequisites=none)

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits that two courses share only if all their contents agree."""
        digest = hashlib.sha256()
        for names in (self.skills, self.items, self.kind, self.format):
            digest.update("\x1f".join(names).encode() + b"\x1e")
        for array in (self.q_matrix, self.prerequisites, self.minutes, self.difficulty):
            digest.update(array.tobytes() + b"\x1e")
        return digest.hexdigest()[:16]

    def skill(self, name: str | int) -> int:
        """The place of a skill, by name or place; an unknown one is an InputError."""
        return _place("skill", name, self.skills)

    def item(self, name: str | int) -> int:
        """The place of an item, by name or place; an unknown one is an InputError."""
        return _place("item", name, self.items)


def _place(field: str, name: str | int, names: tuple[str, ...]) -> int:
    if str(name) in names:
        return names.index(str(name))
    if isinstance(name, int) and 0 <= name < len(names):
        return name
    raise unknown(field, name, names)


def read_edges(path: str | Path) -> list[list[str]]:
    """Prerequisite edges from a two-column CSV (before, after) with a header line.

    Raises `InputError` where a line has fewer than two columns, or where the file is no text.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            edges = [[name.strip() for name in row[:2]] for row in csv.reader(file) if any(row)][1:]
    except (OSError, UnicodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"prerequisites = {path}: cannot be read ({reason})") from error
    short = next((edge for edge in edges if len(edge) < 2), None)
    if short is not None:
        raise reject(f"line of {path}", short[0], "before,after")
    return edges
