"""The course: skills, items, the skills that each item needs, and the prerequisites of each skill."""

import csv
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from coursewright.errors import InputError, reject, unknown
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.lists import Lists, of_pairs, pack, pairs, table, turned, unpack


@dataclass(frozen=True, eq=False)
class Course:
    """The skills and items that can be taught.  Build one with `Course.of`, which takes names and edges.

    Attributes
    ----------
    skills, items : names for people; an item's place in `items` is its action index.
    needs : the skills of each item, packed, each list in the order of `skills`.
    parents : the direct prerequisites of each skill, packed, each list in the order of `skills`; acyclic.
    minutes : `[items]`, the time that an item takes.
    difficulty : `[items]`, on the scale of the learner model that uses it (0 where none does).
    kind, format : `[items]` names such as "practice" and "text".
    licence : of the log that items and learners were fitted to, a text or URL, or "unknown"; None where no
        log stands behind them.
    """

    skills: tuple[str, ...]
    items: tuple[str, ...]
    needs: Lists
    parents: Lists
    minutes: Floats
    difficulty: Floats
    kind: tuple[str, ...]
    format: tuple[str, ...]
    licence: str | None = None

    def __post_init__(self) -> None:
        n_items, n_skills = len(self.items), len(self.skills)
        for field, names in (("course.skills", self.skills), ("course.items", self.items)):
            if not names:
                raise reject(field, "()", "at least one name")
            if len(set(names)) < len(names):
                twice = Counter(names).most_common(1)[0][0]
                raise reject(field, repr(twice), "named once")
        for field in ("minutes", "difficulty"):
            array = getattr(self, field)
            if array.shape != (n_items,):
                raise reject(f"course.{field}", f"array of shape {array.shape}", f"of shape {(n_items,)}")
            array.setflags(write=False)
        for field, lists, rows in (("needs", self.needs, n_items), ("parents", self.parents, n_skills)):
            if len(lists.start) != rows + 1:
                raise reject(f"course.{field}", f"{len(lists.start) - 1} lists", f"{rows} lists")
            if len(lists.values) and not 0 <= lists.values.min() <= lists.values.max() < n_skills:
                raise reject(f"course.{field}", int(lists.values.max()), f"places in [0, {n_skills})")
            lists.start.setflags(write=False)
            lists.values.setflags(write=False)
        for field in ("kind", "format"):
            if len(getattr(self, field)) != n_items:
                raise reject(f"course.{field}", f"{len(getattr(self, field))} names", f"{n_items} names")
        bare = np.flatnonzero(np.diff(self.needs.start) == 0)
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
        skills : names, or their number (then they are called "0", "1", ...).
        items : item name -> the skill or skills it needs; by default one item a skill, of the same name.
        prerequisites : edges `[before, after]`, by skill name or place.
        minutes : per item, or one number for all.

        Raises
        ------
        InputError : an unknown skill or item, a cycle, non-positive minutes, a name used twice.
        """
        if isinstance(skills, str):
            raise reject("course.skills", repr(skills), "a list of names or a number")
        names = tuple(str(k) for k in range(skills)) if isinstance(skills, int) else tuple(map(str, skills))
        place = {name: k for k, name in enumerate(names)}
        named = {name: [name] for name in names} if items is None else dict(items)
        item_names = tuple(map(str, named))
        needs = [
            [_place(f"course.items[{item}]", skill, place) for skill in _several(needed)]
            for item, needed in named.items()
        ]
        edges = [
            (_place("course.prerequisites", before, place), _place("course.prerequisites", after, place))
            for before, after in prerequisites
        ]
        before, after = np.array(edges, np.int64).reshape(-1, 2).T
        taken = np.ones(len(named))
        if isinstance(minutes, Mapping):
            item_place = {name: a for a, name in enumerate(item_names)}
            for item, value in minutes.items():
                taken[_place("course.minutes", item, item_place)] = value
        else:
            taken[:] = minutes
        return cls(
            skills=names,
            items=item_names,
            needs=of_pairs(*pairs(pack(needs)), len(named)),
            parents=of_pairs(after, before, len(names)),
            minutes=taken,
            difficulty=np.zeros(len(named)) if difficulty is None else np.array(difficulty, np.float64),
            kind=(kind,) * len(named) if isinstance(kind, str) else tuple(kind),
            format=(format,) * len(named) if isinstance(format, str) else tuple(format),
        )

    def __repr__(self) -> str:
        """One line, however many names there are."""
        return f"<Course of {self.n_skills:,} skills and {self.n_items:,} items>"

    @property
    def n_skills(self) -> int:
        """The number of skills."""
        return len(self.skills)

    @property
    def n_items(self) -> int:
        """The number of items."""
        return len(self.items)

    @cached_property
    def q_matrix(self) -> Bools:
        """Bool `[items, skills]`, True where the item needs the skill: for small courses only."""
        return table(self.needs, self.n_skills)

    @cached_property
    def prerequisites(self) -> Bools:
        """Bool `[skills, skills]`, `[p, k]` True where p comes before k: for small courses only."""
        return table(self.children, self.n_skills)

    @cached_property
    def children(self) -> Lists:
        """The skills that each skill is a direct prerequisite of, packed."""
        return turned(self.parents, self.n_skills)

    @cached_property
    def order(self) -> Ints:
        """Skills in prerequisite order, `[skills]`.

        First those without prerequisites, as listed; then each as soon as its last prerequisite has
        come, first come first (Kahn, CACM 1962).
        """
        waiting, children = np.diff(self.parents.start).tolist(), unpack(self.children)
        order = [k for k in range(self.n_skills) if waiting[k] == 0]
        for skill in order:  # it grows on the way
            for after in children[skill]:
                waiting[after] -= 1
                if waiting[after] == 0:
                    order.append(after)
        if len(order) < self.n_skills:
            raise reject("course.prerequisites", self._cycle(set(order)), "free of cycles")
        return np.array(order, np.int64)

    def _cycle(self, done: set[int]) -> str:
        """One cycle, for the error message: every skill left over has a predecessor left over."""
        path = [next(k for k in range(self.n_skills) if k not in done)]
        while True:
            before = next(p for p in self.parents.row(path[-1]) if p not in done)
            if before in path:
                loop = [*path[path.index(before) :], before]
                return " -> ".join(self.skills[k] for k in reversed(loop))
            path.append(before)

    @cached_property
    def ancestors(self) -> Bools:
        """`[skills, skills]`, `[a, k]` True where a path of prerequisites leads from a to k, or a is k.

        For small courses only.
        """
        reach = np.eye(self.n_skills, dtype=bool)
        for skill in self.order:
            for before in self.parents.row(skill):
                reach[:, skill] |= reach[:, before]
        return reach

    @cached_property
    def needed(self) -> Lists:
        """The skills of each item, packed; a skill comes before its own prerequisites.

        In that order a multi-skill item can teach one skill after the other in place, and each still
        sees its prerequisites as they were when the item began.
        """
        rank = np.argsort(self.order)
        item, skill = pairs(self.needs)
        latest_first = np.lexsort((-rank[skill], item))
        return Lists(self.needs.start, np.ascontiguousarray(skill[latest_first]))

    @cached_property
    def items_of(self) -> Lists:
        """The items that need each skill, packed."""
        return turned(self.needs, self.n_skills)

    @cached_property
    def waiting(self) -> Lists:
        """The items that wait for each skill, packed.

        An item waits for the direct prerequisites of its skills, except for those that it practises itself.
        """
        before = unpack(self.parents)
        waits = [list({p for k in own for p in before[k]}.difference(own)) for own in unpack(self.needs)]
        return turned(pack(waits), self.n_skills)

    @cached_property
    def one_to_one(self) -> bool:
        """True where item i is just skill i: the fast and common case."""
        each = np.arange(self.n_skills)
        return self.n_items == self.n_skills and np.array_equal(self.needs.values, each)

    @property
    def by_item(self) -> "Course":
        """The same items, each of them a skill of its own, without prerequisites."""
        each = np.arange(self.n_items + 1)
        none = Lists(np.zeros(self.n_items + 1, np.int64), np.zeros(0, np.int64))
        return replace(self, skills=self.items, needs=Lists(each, each[:-1].copy()), parents=none)

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits that two courses share only if all that is taught agrees."""
        digest = hashlib.sha256()
        for names in (self.skills, self.items, self.kind, self.format):
            digest.update("\x1f".join(names).encode() + b"\x1e")
        for array in (*self.needs, *self.parents, self.minutes, self.difficulty):
            digest.update(array.tobytes() + b"\x1e")
        return digest.hexdigest()[:16]

    @cached_property
    def _skill_place(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.skills)}

    @cached_property
    def _item_place(self) -> dict[str, int]:
        return {name: a for a, name in enumerate(self.items)}

    def skill(self, name: str | int) -> int:
        """The place of a skill, by name or place; an unknown one is an InputError."""
        return _place("skill", name, self._skill_place)

    def item(self, name: str | int) -> int:
        """The place of an item, by name or place; an unknown one is an InputError."""
        return _place("item", name, self._item_place)


def _several(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _place(field: str, name: str | int, places: Mapping[str, int]) -> int:
    if str(name) in places:
        return places[str(name)]
    if isinstance(name, int) and 0 <= name < len(places):
        return name
    raise unknown(field, name, tuple(places))


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
