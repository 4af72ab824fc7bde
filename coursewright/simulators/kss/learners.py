"""KSS, the "knowledge structure" simulator (Liu et al., CSEAL, KDD 2019; EduSim).

`dynamics.py` holds its learners' answers and learning, `arrival.py` their arrival.  `Variant` holds the
differences of its published forms; the default is the first, `cseal18`, the others are in `variants.py`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.asking import Answers, told
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.kss.arrival import FEWEST, LOWEST, READY, WARM_UP_ROUNDS, Arrival, Past, enrol
from coursewright.simulators.kss.dynamics import (
    CAP,
    EDGES,
    FOLLOWERS,
    MASTERED,
    SKILLS,
    TRANSFER,
    Dynamics,
    KssState,
    ability_at,
    opportunity,
    p_answer,
)
from coursewright.simulators.luck import ANSWER, Luck
from coursewright.simulators.protocol import Prologue, Response

DIFFICULTY = [0, 2, 3, 3, 3, 0, 1, 3, 4, 4]  # the published seed 10
FAR = 2.25  # ability this far from the difficulty: in float32, P(correct) is 1/4 or 1 exactly


@dataclass(frozen=True)
class Variant:
    """The differences between the forms of KSS; the defaults are `cseal18`.

    Attributes
    ----------
    difficulty : of each skill's item, `[10]`, on the scale of abilities.
    highest_start : abilities start at U{-3, ..., highest_start} - .1 k.
    most_targets : so many targets are drawn: U{3, ..., most_targets}.
    with_replacement : True where the same target may be drawn again (it then counts once).
    certain : True where answers are 1[p >= .5] rather than drawn with chance p.
    learns_first : True where an answer comes from the ability after practice rather than before.
    by_table : True where an item must be one that may follow the last accepted item.
    towards_targets : True where an item must be a target or lead to one; where this leaves nothing, the
        targets are allowed.
    warm_up_by_table : True where the table holds in the warm-up too.
    warm_up_kept : True where the abilities gained in the warm-up are there when the episode starts.
    warm_up_records : the most records that a warm-up has; its last round asks once if two do not fit.
    ready_ability : ability at which the warm-up moves on to the next skill; None: where p is .6.

    Raises `InputError` for a value out of range.
    """

    difficulty: tuple[float, ...] = tuple(DIFFICULTY)
    highest_start: int = 0
    most_targets: int = SKILLS
    with_replacement: bool = False
    certain: bool = False
    learns_first: bool = False
    by_table: bool = True
    towards_targets: bool = True
    warm_up_by_table: bool = False
    warm_up_kept: bool = False
    warm_up_records: int = 2 * WARM_UP_ROUNDS
    ready_ability: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "difficulty", tuple(float(b) for b in self.difficulty))
        if len(self.difficulty) != SKILLS or not np.isfinite(self.difficulty).all():
            raise reject("kss.difficulty", self.difficulty, f"{SKILLS} finite numbers")
        for field, low, high in (
            ("highest_start", LOWEST, int(CAP)),
            ("most_targets", FEWEST, SKILLS),
            ("warm_up_records", 1, 2 * WARM_UP_ROUNDS),
        ):
            value = getattr(self, field)
            if int(value) != value or not low <= value <= high:
                raise reject(f"kss.{field}", value, f"a whole number in [{low}, {high}]")
        if self.ready_ability is not None and not np.isfinite(self.ready_ability):
            raise reject("kss.ready_ability", self.ready_ability, "a finite ability, or none")


CSEAL18 = Variant()


@kernel
def _p_correct(ability: Floats, certain: bool, difficulty: Floats, item: Ints, out: Floats) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            out[i] = p_answer(ability[i, item[i]], difficulty[item[i]])
            if certain:
                out[i] = 1.0 if out[i] >= MASTERED else 0.0


@kernel
def _practise(
    ability: Floats,
    last: Ints,
    bare: tuple[Any, ...],
    item: Ints,
    taught: Bools,
    answers: tuple[Any, ...],
) -> None:
    dynamics, out = Dynamics(*bare), Answers(*answers)
    for i in range(item.shape[0]):
        k = item[i]
        if k < 0:
            continue
        out.correct[i] = opportunity(ability, i, k, taught[i], out.fate[i], out.step[i], ANSWER, dynamics)
        out.grade[i] = out.correct[i]
        out.minutes[i] = 1.0
        if taught[i]:
            last[i] = k


@kernel
def _allowed(follows: Bools, last: Ints, goal: Bools, relevant: Bools, out: Bools) -> None:
    for i in range(last.shape[0]):
        some = False
        for k in range(SKILLS):
            out[i, k] = relevant[i, k] and (last[i] < 0 or follows[last[i], k])
            some = some or out[i, k]
        if not some:
            for k in range(SKILLS):
                out[i, k] = goal[i, k]


@kernel
def _mastery(ability: Floats, difficulty: Floats, out: Mastery) -> None:
    for i in range(out.shape[0]):
        for k in range(SKILLS):
            gap = ability[i, k] - difficulty[k]
            if gap < -FAR:  # the usual case, and an exponential less
                out[i, k] = 0.25
            elif gap > FAR:
                out[i, k] = 1.0
            else:
                out[i, k] = p_answer(ability[i, k], difficulty[k])


@dataclass(frozen=True, eq=False)
class Kss:
    """A population of KSS learners; mastery of a skill is p_k, for drawn and for certain answers."""

    variant: Variant = CSEAL18

    @cached_property
    def course(self) -> Course:
        """Ten skills, one item each, and the published prerequisite graph."""
        return Course.of(SKILLS, prerequisites=EDGES, difficulty=self.variant.difficulty)

    @property
    def restricts(self) -> bool:
        """True where only items that may follow the last one, or that lead to a target, are allowed."""
        return self.variant.by_table or self.variant.towards_targets

    @property
    def transfer(self) -> Floats:
        """W = (I - A/2)^-1 `[10, 10]`: how growth in one skill carries over to those it leads to."""
        return TRANSFER

    @cached_property
    def follows(self) -> Bools:
        """`[10, 10]`, `[l, k]` True where item k may follow item l."""
        return _followers(self.variant.by_table)

    @cached_property
    def _bare(self) -> tuple[Any, ...]:
        return tuple(self.dynamics)

    @cached_property
    def dynamics(self) -> Dynamics:
        """The constants of the learners' answers and learning."""
        variant = self.variant
        return Dynamics(bool(variant.certain), self.course.difficulty, bool(variant.learns_first))

    @cached_property
    def _arrival(self) -> Arrival:
        variant, course = self.variant, self.course
        ready = course.difficulty + ability_at(READY)
        if variant.ready_ability is not None:
            ready = np.full(SKILLS, variant.ready_ability)
        return Arrival(
            variant.highest_start,
            variant.most_targets,
            variant.with_replacement,
            course.ancestors if variant.towards_targets else np.ones((SKILLS, SKILLS), bool),
            _followers(variant.warm_up_by_table),
            ready,
            course.order,
            variant.warm_up_kept,
        )

    def empty(self, batch: int) -> KssState:
        """Learners of ability 0 with every skill as a target and no past."""
        return KssState(
            ability=np.zeros((batch, SKILLS)),
            last=np.full(batch, -1, np.int64),
            goal=np.ones((batch, SKILLS), bool),
            relevant=np.ones((batch, SKILLS), bool),
        )

    @property
    def learns_first(self) -> bool:
        """True in the variants that answer after the practice."""
        return bool(self.variant.learns_first)

    def enrol(self, state: KssState, rows: Ints, luck: Luck) -> Prologue | None:
        """New learners with targets, a warm-up, and at least one target still to master."""
        item = np.zeros((len(rows), self.variant.warm_up_records), np.int64)
        correct, taught = np.zeros_like(item), np.zeros(item.shape, bool)
        length = np.zeros(len(rows), np.int64)
        past = Past(item, correct, taught, length)
        enrol(self._arrival, self.dynamics, state, rows, luck.learner, past)
        return Prologue(state.goal[rows], item, correct, length, taught)

    def p_correct(self, state: KssState, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now; 0 or 1 where answers are certain."""
        _p_correct(state.ability, self.variant.certain, self.course.difficulty, item, out)

    def practise(self, state: KssState, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """Answer and grow, in the variant's order; a row that is not taught only answers."""
        _practise(state.ability, state.last, self._bare, item, taught, told(luck, out))

    def accept(self, state: KssState, item: Ints) -> None:
        """Take `item [batch]` (-1: none) for the last accepted one."""
        state.last[:] = np.where(item >= 0, item, state.last)

    def foreseen(self, goal: Bools, last: Ints) -> KssState:
        """Learners of ability 0 with these targets, of whom `last [batch]` was accepted last."""
        blank, serves = self.empty(len(goal)), self._arrival.serves
        blank.relevant[:] = (goal[:, None, :] & serves[None, :, :]).any(axis=2)
        return blank._replace(last=last.copy(), goal=goal.copy())

    def elapse(self, state: KssState, days: Floats, luck: Luck) -> None:
        """Nothing: these learners do not forget."""

    def allowed(self, state: KssState, out: Bools) -> None:
        """The items that may follow the last one and lead to a target; if there is none, the targets."""
        _allowed(self.follows, state.last, state.goal, state.relevant, out)

    def mastery(self, state: KssState, out: Mastery) -> None:
        """p_k of each skill, `[batch, 10]`."""
        _mastery(state.ability, self.course.difficulty, out)


def _followers(by_table: bool) -> Bools:
    """`[10, 10]`, `[l, k]` True where item k may follow item l: by the published table, or always."""
    follows = np.full((SKILLS, SKILLS), not by_table)
    for before, after in enumerate(FOLLOWERS):
        follows[before, after] = True
    return follows
