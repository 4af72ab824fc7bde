"""Memories that a tutor can keep from answers alone: FSRS, half-life regression, ACT-R.

Nothing is drawn here.  An answer that was seen moves the state of a model in O(1), or, for ACT-R, in as
many powers as it keeps presentations.  An item that was shown and not asked counts as in the model's fit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.branch_free import power, room
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import Luck
from coursewright.simulators.memory import act_r, fsrs, hlr
from coursewright.simulators.memory.act_r import ActR, ActRState, strength_at
from coursewright.simulators.memory.fsrs import LONGEST_INTERVAL, Fsrs, FsrsState, interval
from coursewright.simulators.memory.hlr import Hlr, HlrState

STABLE = 0.9  # recall at the age that is called stability
RARE = 0.01  # share of grades that a tutor without grades may leave out
HALLEY, NEAR = 60, 1e-5  # steps at most, and the relative step that ends them: its cube is what is left
YOUNGEST, OLDER, TINY = 0.01, 1.15, 1e-300  # the first age in days, and the factor to the next
HALVINGS = 60  # of an interval of days, in which an age is looked for


class Memory(Protocol):
    """A memory model that is told answers instead of drawing them; its state is that of `model`."""

    @property
    def model(self) -> Any:
        """The learners."""
        ...

    @property
    def exact(self) -> bool:
        """True where the state follows from right and wrong: no learner has traits, no answer a grade."""
        ...

    def on(self, course: Course) -> "Memory":
        """The same memory for another course; an item that the model does not know is an average one."""
        ...

    def tell(self, state: Any, item: Ints, correct: Ints) -> None:
        """Move the state by a response to `item [batch]` (-1: none): 1 right, 0 wrong, -1 only shown."""
        ...

    def recalls(self, state: Any, out: Floats) -> None:
        """P(recall) of every item now, `[batch, items]`; 0: never met."""
        ...

    def due_in(self, state: Any, item: Ints, recall: Floats, out: Floats) -> None:
        """Days from its last review until P(recall) of `item [batch]` is `recall [batch]`; 0: never met."""
        ...

    def stabilities(self, state: Any, out: Floats) -> None:
        """Days from its last review until P(recall) of an item is .9, `[batch, items]`; 0: never met."""
        ...

    def lost_in(self, state: Any, item: Ints, lost: Floats, out: Floats) -> None:
        """Days from now until 1 - P(recall) of `item [batch]`, summed over them, is `lost [batch]`.

        `item` was reviewed just now.
        """
        ...


@kernel
def _tell_fsrs(state: FsrsState, item: Ints, constants: fsrs.Constants, correct: Ints) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            mark = fsrs.AGAIN if correct[i] == 0 else fsrs.GOOD
            fsrs.review(state, fsrs.memory_now(state, constants, i, item[i]), i, item[i], mark)


@kernel
def _due_fsrs(state: FsrsState, item: Ints, recall: Floats, out: Floats) -> None:
    for i in range(item.shape[0]):
        known = state.stability[i, item[i]]
        out[i] = interval(known, recall[i], state.weights[i]) if known > 0.0 else 0.0


@kernel
def _lost_fsrs(state: FsrsState, item: Ints, lost: Floats, out: Floats) -> None:
    """The integral is t - S / (F (1 - c)) ((1 + F t / S)^(1 - c) - 1), with c = w20; Halley's method."""
    for i in range(item.shape[0]):
        c = state.weights[i, 20]
        rate = state.factor[i] / max(state.stability[i, item[i]], fsrs.LEAST_STABILITY)
        t = max(lost[i], np.sqrt(2.0 * lost[i] / (c * rate)))
        for _ in range(HALLEY):
            base = 1.0 + rate * t
            kept = power(base, -c)
            if kept >= 1.0:
                break
            step = (t - (base * kept - 1.0) / (rate * (1.0 - c)) - lost[i]) / (1.0 - kept)
            step /= 1.0 - 0.5 * step * c * rate * kept / (base * (1.0 - kept))
            t -= step
            if abs(step) <= NEAR * t:
                break
        out[i] = min(t, float(LONGEST_INTERVAL))


@dataclass(frozen=True, eq=False)
class FsrsMemory:
    """FSRS-6 as a tutor without grades keeps it: a right answer is Good, as with Anki's two buttons.

    Intervals are FSRS's own: whole days, at least one.
    """

    model: Fsrs

    @property
    def exact(self) -> bool:
        """True where all have the same weights, and right answers are Good (a fit leaves others a trace)."""
        _, hard, _, easy = self.model.first_grades
        other = max(hard + easy, 1.0 - float(self.model.right_grades[1]))
        return bool(other <= RARE and self.model.spread == 0.0 and len(self.model.table) == 1)

    def on(self, course: Course) -> "FsrsMemory":
        """See `Memory`; no weight belongs to an item, and learners who differ are at their mean."""
        weights = self.model.table.mean(axis=0).tolist()
        return FsrsMemory(replace(self.model, course=course, weights=weights, spread=0.0))

    def tell(self, state: FsrsState, item: Ints, correct: Ints) -> None:
        """See `Memory`."""
        _tell_fsrs(state, item, self.model.constants, correct)

    def recalls(self, state: FsrsState, out: Floats) -> None:
        """See `Memory`; R itself, also within a day."""
        fsrs.recalls(state, (room(out.shape[1]), room(out.shape[1])), out)

    def due_in(self, state: FsrsState, item: Ints, recall: Floats, out: Floats) -> None:
        """See `Memory`."""
        _due_fsrs(state, item, recall, out)

    def lost_in(self, state: FsrsState, item: Ints, lost: Floats, out: Floats) -> None:
        """See `Memory`."""
        _lost_fsrs(state, item, lost, out)

    def stabilities(self, state: FsrsState, out: Floats) -> None:
        """S itself, at most 36,500 days."""
        np.minimum(state.stability, LONGEST_INTERVAL, out=out)


@kernel
def _tell_hlr(item: Ints, state: HlrState, correct: Ints) -> None:
    for i in range(item.shape[0]):
        if item[i] >= 0:
            state.right[i, item[i]] += correct[i] == 1
            state.wrong[i, item[i]] += correct[i] == 0
            state.last[i, item[i]] = state.now[i]


@inlined
def _half_life(state: HlrState, constants: hlr.Constants, i: int, a: int) -> float:
    right, wrong, constant, _ = constants
    log_half = hlr.log_half_life(state.right[i, a], state.wrong[i, a], right, wrong, constant[a])
    return float(2.0 ** min(max(log_half, hlr.LOG_SHORTEST), hlr.LOG_LONGEST))


@kernel
def _due_hlr(state: HlrState, constants: hlr.Constants, item: Ints, recall: Floats, out: Floats) -> None:
    for i in range(item.shape[0]):
        wanted = min(max(recall[i], hlr.LEAST), 1.0)
        met = state.last[i, item[i]] >= 0.0
        out[i] = -np.log2(wanted) * _half_life(state, constants, i, item[i]) if met else 0.0


@kernel
def _lost_hlr(state: HlrState, constants: hlr.Constants, item: Ints, lost: Floats, out: Floats) -> None:
    """The integral is t - (1 - exp(-n t)) / n, with n = ln 2 / h; Halley's method."""
    for i in range(item.shape[0]):
        n = np.log(2.0) / _half_life(state, constants, i, item[i])
        t = max(lost[i], np.sqrt(2.0 * lost[i] / n))
        for _ in range(HALLEY):
            kept = np.exp(-n * t)
            if kept >= 1.0:
                break
            step = (t - (1.0 - kept) / n - lost[i]) / (1.0 - kept)
            step /= 1.0 - 0.5 * step * n * kept / (1.0 - kept)
            t -= step
            if abs(step) <= NEAR * t:
                break
        out[i] = min(t, float(LONGEST_INTERVAL))


@kernel
def _stable_hlr(state: HlrState, constants: hlr.Constants, wanted: float, out: Floats) -> None:
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            met = state.last[i, a] >= 0.0
            out[i, a] = -np.log2(wanted) * _half_life(state, constants, i, a) if met else 0.0


@dataclass(frozen=True, eq=False)
class HlrMemory:
    """Half-life regression: counts of right and wrong answers, and the day of the last one."""

    model: Hlr

    @property
    def exact(self) -> bool:
        """True: learners are all alike, and only answers count."""
        return True

    def on(self, course: Course) -> "HlrMemory":
        """See `Memory`."""
        own = dict(zip(self.model.course.items, self.model.constant - self.model.bias, strict=True))
        return HlrMemory(replace(self.model, course=course, lexeme=[own.get(a, 0.0) for a in course.items]))

    def tell(self, state: HlrState, item: Ints, correct: Ints) -> None:
        """See `Memory`."""
        _tell_hlr(item, state, correct)

    def recalls(self, state: HlrState, out: Floats) -> None:
        """See `Memory`."""
        hlr.recalls(state, self.model.constants, out)

    def due_in(self, state: HlrState, item: Ints, recall: Floats, out: Floats) -> None:
        """See `Memory`."""
        _due_hlr(state, self.model.constants, item, recall, out)

    def lost_in(self, state: HlrState, item: Ints, lost: Floats, out: Floats) -> None:
        """See `Memory`."""
        _lost_hlr(state, self.model.constants, item, lost, out)

    def stabilities(self, state: HlrState, out: Floats) -> None:
        """See `Memory`."""
        _stable_hlr(state, self.model.constants, STABLE, out)


@kernel
def _tell_act_r(state: ActRState, constants: act_r.Constants, item: Ints) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a < 0:
            continue
        strength = strength_at(state.now[i], state, constants.h, i, a)
        place = state.met[i, a] % state.time.shape[2]
        state.time[i, a, place] = state.now[i]
        state.decay[i, a, place] = constants.c * strength + constants.a
        state.met[i, a] += 1


@inlined
def _lasts(state: ActRState, constants: act_r.Constants, i: int, a: int, wanted: float) -> float:
    """Days after the last presentation until recall falls to `wanted`, by halving; at most 36,500."""
    if state.met[i, a] == 0:
        return 0.0
    last, low, high = state.time[i, a, (state.met[i, a] - 1) % state.time.shape[2]], 0.0, 1.0
    s, tau = constants.s, constants.tau
    while high < LONGEST_INTERVAL:
        if act_r.recall(strength_at(last + high, state, constants.h, i, a), s, tau) <= wanted:
            break
        low, high = high, 4.0 * high
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        above = act_r.recall(strength_at(last + middle, state, constants.h, i, a), s, tau) > wanted
        low, high = (middle, high) if above else (low, middle)
        if high - low < 1e-6 * high:
            break
    return min(high, float(LONGEST_INTERVAL))


@kernel
def _lost_act_r(state: ActRState, constants: act_r.Constants, item: Ints, lost: Floats, out: Floats) -> None:
    """By trapezoids between ages that grow by a fixed factor."""
    for i in range(item.shape[0]):
        since, before, summed, t = 0.0, 0.0, 0.0, YOUNGEST
        while t < LONGEST_INTERVAL:
            strength = strength_at(state.now[i] + t, state, constants.h, i, item[i])
            gone = 1.0 - act_r.recall(strength, constants.s, constants.tau)
            part = 0.5 * (before + gone) * (t - since)
            if summed + part >= lost[i]:
                break
            since, before, summed, t = t, gone, summed + part, OLDER * t
        slope, short = (gone - before) / (t - since), lost[i] - summed
        root = np.sqrt(max(before * before + 2.0 * slope * short, 0.0))
        out[i] = min(since + 2.0 * short / max(before + root, TINY), float(LONGEST_INTERVAL))


@kernel
def _due_act_r(state: ActRState, constants: act_r.Constants, item: Ints, recall: Floats, out: Floats) -> None:
    for i in range(item.shape[0]):
        out[i] = _lasts(state, constants, i, item[i], recall[i])


@kernel
def _stable_act_r(state: ActRState, constants: act_r.Constants, wanted: float, out: Floats) -> None:
    for i in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[i, a] = _lasts(state, constants, i, a, wanted)


@dataclass(frozen=True, eq=False)
class ActRMemory:
    """ACT-R: right or wrong, an answer is a presentation, so that what was seen says only when."""

    model: ActR

    @property
    def exact(self) -> bool:
        """True: learners are all alike, and only times count."""
        return True

    def on(self, course: Course) -> "ActRMemory":
        """See `Memory`; no constant belongs to an item."""
        return ActRMemory(replace(self.model, course=course))

    def tell(self, state: ActRState, item: Ints, correct: Ints) -> None:
        """See `Memory`."""
        _tell_act_r(state, self.model.constants, item)

    def recalls(self, state: ActRState, out: Floats) -> None:
        """See `Memory`."""
        traces = out.shape[1] * state.time.shape[2]
        act_r.recalls(state, self.model.constants, (room(traces), room(traces)), out)

    def due_in(self, state: ActRState, item: Ints, recall: Floats, out: Floats) -> None:
        """See `Memory`; by halving, to a millionth."""
        _due_act_r(state, self.model.constants, item, recall, out)

    def lost_in(self, state: ActRState, item: Ints, lost: Floats, out: Floats) -> None:
        """See `Memory`."""
        _lost_act_r(state, self.model.constants, item, lost, out)

    def stabilities(self, state: ActRState, out: Floats) -> None:
        """See `Memory`; every item costs some twenty sums over its presentations."""
        _stable_act_r(state, self.model.constants, STABLE, out)


MEMORIES: Mapping[type, Callable[[Any], Memory]] = {Fsrs: FsrsMemory, Hlr: HlrMemory, ActR: ActRMemory}


def memory_of(model: object) -> Memory | None:
    """The memory of these learners as a tutor keeps it; None where answers do not tell it."""
    make = MEMORIES.get(type(model))
    return None if make is None else make(model)


def nobody(batch: int) -> Luck:
    """Luck for models that draw nothing."""
    none = np.zeros(batch, np.int64)
    return Luck(none.astype(np.uint64), none.astype(np.uint64), none, none, none)
