"""Strata: a population made of named groups whose learners differ by mechanism.

The names tell of learning (a low prior, a slow pace, fast forgetting), never of persons: the effect of a
policy on each group can then be traced to a mechanism of the model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np

from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.capabilities import (
    Sequential,
    Stratified,
    assists,
    enrol_staying,
    learns_first,
    quickest,
    redraw,
    resampled,
    restricts,
    study,
)
from coursewright.simulators.course import Course
from coursewright.simulators.luck import STRATUM, Luck, Seeds, identify, uniforms
from coursewright.simulators.protocol import Prologue, Response, Simulator


class Members(tuple[Any, ...]):
    """The states of all strata; made from its parts, as NamedTuples are."""

    def __new__(cls, *states: Any) -> Self:
        """One state a stratum."""
        return super().__new__(cls, states)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


class StrataState(NamedTuple):
    """A batch of learners: each one's population `label [batch]`, and a state of the batch for each of them.

    In the state of population s only the rows with label s mean anything.
    """

    label: Ints
    members: Members


class Past(NamedTuple):
    """The past of the learners of a stratum: True where there is one, and its width."""

    given: bool
    width: int


@dataclass(frozen=True, eq=False)
class Strata:
    """A mixture of populations: each learner belongs to one of them, drawn when they enrol.

    A call reaches a population only for its own learners, so that any learner models can be mixed.

    Attributes
    ----------
    members : name -> the population of that stratum; all have the same course.
    shares : name -> share of the learners, above 0; scaled to add up to 1.
    told_as : name -> the stratum that its learners are told as, where several populations make up one, such
        as draws of its parameters; one that is left out has its own name.
    """

    members: Mapping[str, Simulator[Any]]
    shares: Mapping[str, float]
    told_as: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.members:
            raise reject("strata.members", "{}", "at least one stratum")
        for name in self.shares:
            if name not in self.members:
                raise unknown("strata.shares", name, tuple(self.members))
        for name in self.told_as:
            if name not in self.members:
                raise unknown("strata.told_as", name, tuple(self.members))
        for name, member in self.members.items():
            if not 0.0 < self.shares.get(name, 0.0) < np.inf:
                raise reject(f"strata.shares[{name}]", self.shares.get(name), "a finite number > 0")
            if isinstance(member, Stratified) and member.strata:
                raise reject(f"strata.members[{name}]", "itself stratified", "a population without strata")
            if member.course.hash != self.course.hash:
                raise reject(
                    f"strata.members[{name}]", "another course", f"the course of {next(iter(self.members))}"
                )

    @cached_property
    def strata(self) -> tuple[str, ...]:
        """The names."""
        return tuple(dict.fromkeys(self.told_as.get(name, name) for name in self.members))

    @cached_property
    def _stratum_of(self) -> Ints:
        """The stratum of each population, `[members]`, a place in `strata`."""
        return np.array([self.strata.index(self.told_as.get(name, name)) for name in self.members])

    @cached_property
    def course(self) -> Course:
        """The course that all members share; its licence names that of each population."""
        courses = [member.course for member in self.members.values()]
        licences = dict.fromkeys(course.licence or "unknown" for course in courses)
        if len(licences) == 1:
            return courses[0]
        return replace(courses[0], licence="; ".join(licences))

    @property
    def restricts(self) -> bool:
        """True where any member restricts."""
        return any(map(restricts, self.members.values()))

    @property
    def assists(self) -> bool:
        """True where any member assists."""
        return any(map(assists, self.members.values()))

    @property
    def learns_first(self) -> bool:
        """True where any member does."""
        return any(map(learns_first, self.members.values()))

    @property
    def skills_apart(self) -> bool:
        """False: what is seen of one skill tells of the stratum, and so of another skill."""
        return False

    @property
    def quickest(self) -> float:
        """Minutes: those of the quickest member."""
        return min(map(quickest, self.members.values()))

    def resampled(self) -> "Strata | None":
        """The same strata under their fits' doubt; None where no member was fitted with draws."""
        drawn = {name: resampled(member) for name, member in self.members.items()}
        if all(member is None for member in drawn.values()):
            return None
        return replace(self, members={name: drawn[name] or self.members[name] for name in self.members})

    @cached_property
    def edges(self) -> Floats:
        """The ends of the populations on the unit interval that labels are drawn from, `[members]`."""
        share = np.array([self.shares[name] for name in self.members], np.float64)
        return np.cumsum(share / share.sum())

    @cached_property
    def past(self) -> Past:
        """The past that learners of some stratum bring along, found by enrolling one learner in each."""
        someone = identify(Seeds(), np.zeros(1, np.int64), 0, np.zeros(1, np.int64))
        rows = np.zeros(1, np.int64)
        found = [member.enrol(member.empty(1), rows, someone) for member in self.members.values()]
        widths = [prologue.item.shape[1] for prologue in found if prologue is not None]
        return Past(bool(widths), max(widths, default=0))

    def empty(self, batch: int) -> StrataState:
        """Everybody in the first population."""
        states = (member.empty(batch) for member in self.members.values())
        return StrataState(np.zeros(batch, np.int64), Members(*states))

    def stratum(self, state: StrataState) -> Ints:
        """Each learner's stratum, `[batch]`, a place in `strata`."""
        return self._stratum_of[state.label]

    def _own(self, state: StrataState) -> Iterator[tuple[Simulator[Any], Any, Bools]]:
        """Each population that has learners, its state, and which rows are its own, `[batch]`."""
        for s, member in enumerate(self.members.values()):
            mine = state.label == s
            if mine.any():
                yield member, state.members[s], mine

    def enrol(self, state: StrataState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners, each in a stratum of their own luck, with the past of that one's learners."""
        return self._arrive(state, rows, luck, None)

    def enrol_staying(self, state: StrataState, rows: Ints, luck: Luck, n_rows: Ints) -> Prologue | None:
        """The same for learners who stay for `n_rows [rows]`; strata have the same shares of them."""
        return self._arrive(state, rows, luck, n_rows)

    def _arrive(self, state: StrataState, rows: Ints, luck: Luck, n_rows: Ints | None) -> Prologue | None:
        draw = np.empty(len(rows))
        uniforms(luck.learner[rows], np.zeros(len(rows), np.int64), STRATUM, draw)
        state.label[rows] = np.minimum((self.edges <= draw[:, None]).sum(axis=1), len(self.members) - 1)
        skills, width = self.course.n_skills, self.past.width
        merged = Prologue(
            goal=np.ones((len(rows), skills), bool),
            item=np.zeros((len(rows), width), np.int64),
            correct=np.zeros((len(rows), width), np.int64),
            length=np.zeros(len(rows), np.int64),
            taught=np.ones((len(rows), width), bool),
        )
        for s, member in enumerate(self.members.values()):
            mine = np.flatnonzero(state.label[rows] == s)
            if not len(mine):
                continue
            own = state.members[s], rows[mine], luck
            prologue = member.enrol(*own) if n_rows is None else enrol_staying(member, *own, n_rows[mine])
            if prologue is not None:
                wide = prologue.item.shape[1]
                merged.goal[mine] = prologue.goal
                merged.item[mine, :wide] = prologue.item
                merged.correct[mine, :wide] = prologue.correct
                merged.length[mine] = prologue.length
                if prologue.taught is not None and merged.taught is not None:
                    merged.taught[mine, :wide] = prologue.taught
        return merged if self.past.given else None

    def accept(self, state: StrataState, item: Ints) -> None:
        """Take `item [batch]` (-1: none) for the last accepted one, where that matters to a stratum."""
        for member, own, mine in self._own(state):
            if isinstance(member, Sequential):
                member.accept(own, np.where(mine, item, -1))

    def p_correct(self, state: StrataState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        for member, own, mine in self._own(state):
            asked = mine & (item >= 0)
            p = np.empty(len(item))
            member.p_correct(own, np.where(mine, item, -1), p)
            out[asked] = p[asked]

    def practise(self, state: StrataState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """One opportunity, each learner by the rules of their stratum."""
        there = item >= 0
        out.assisted[there] = out.ended[there] = False  # some members never write these
        for member, own, mine in self._own(state):
            member.practise(own, np.where(mine, item, -1), taught, luck, out)

    def study(self, state: StrataState, item: Ints, luck: Luck) -> None:
        """Show an item without asking, each learner by the rules of their stratum."""
        for member, own, mine in self._own(state):
            study(member, own, np.where(mine, item, -1), luck)

    def elapse(self, state: StrataState, days: Floats, luck: Luck) -> None:
        """Days pass for everybody."""
        for member, own, mine in self._own(state):
            member.elapse(own, np.where(mine, days, 0.0), luck)

    def redraw(self, state: StrataState, luck: Luck) -> None:
        """Draw anew the events to come that some learner's state holds."""
        for member, own, _ in self._own(state):
            redraw(member, own, luck)

    def allowed(self, state: StrataState, out: Bools) -> None:
        """The items that each learner's own population allows."""
        for member, own, mine in self._own(state):
            allowed = np.ones_like(out)
            if restricts(member):
                member.allowed(own, allowed)
            out[mine] = allowed[mine]

    def mastery(self, state: StrataState, out: Mastery) -> None:
        """Mastery `[batch, skills]` as each learner's own population has it."""
        for member, own, mine in self._own(state):
            level = np.empty_like(out)
            member.mastery(own, level)
            out[mine] = level[mine]
