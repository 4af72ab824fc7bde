"""Offers of some learner models beyond `protocol.Simulator`; code that needs one looks with `isinstance`.

A population made of other populations (`strata`, `platform/`) offers all of these and hands on those that its
members have; the contract test holds every such wrapper to it.
"""

from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np

from coursewright.simulators.arrays import Bools, Ints
from coursewright.simulators.luck import Luck
from coursewright.simulators.protocol import Prologue, Simulator, empty_response


@runtime_checkable
class Restricting(Protocol):
    """Learners whose platform may forbid an item, by rules of the published model and from visible facts."""

    @property
    def restricts(self) -> bool:
        """True where `allowed` ever forbids an item; where False, it is never called."""
        ...

    def allowed(self, state: Any, out: Bools) -> None:
        """Write True where the learner's platform offers an item, `[batch, items]`."""
        ...


@runtime_checkable
class Stratified(Protocol):
    """A population made of named strata; the names tell the mechanism by which their learners differ."""

    @property
    def strata(self) -> tuple[str, ...]:
        """The names."""
        ...

    def stratum(self, state: Any) -> Ints:
        """Each learner's stratum `[batch]`: a label for reports, no feature unless a task asks for it."""
        ...


@runtime_checkable
class Assisting(Protocol):
    """Learners who may be helped while they answer; others never set `Response.assisted`."""

    @property
    def assists(self) -> bool:
        """True where an answer can be an assisted one, which is no evidence of mastery."""
        ...


@runtime_checkable
class Paced(Protocol):
    """Learners who may be quicker than the course says."""

    @property
    def quickest(self) -> float:
        """Minutes that hardly any item takes less than; it bounds the steps within a budget of minutes."""
        ...


@runtime_checkable
class Sequential(Protocol):
    """Learners whose platform looks at the last accepted item to find the next allowed ones."""

    def accept(self, state: Any, item: Ints) -> None:
        """Take `item [batch]` (-1: none) for the last accepted one, even if nothing was learned from it."""
        ...


@runtime_checkable
class Staying(Protocol):
    """Learners whose ability goes with how long they stay, as their log's did."""

    def enrol_staying(self, state: Any, rows: Ints, luck: Luck, n_rows: Ints) -> Prologue | None:
        """Put new learners into `rows` as `enrol` does, of those who stay for `n_rows` rows, one number each.

        Replays of a log know that number.  Nobody who teaches does: there learners come from `enrol`.
        """
        ...


@runtime_checkable
class LearningFirst(Protocol):
    """Learners who may learn from an opportunity before they answer; others answer as they were before it."""

    @property
    def learns_first(self) -> bool:
        """True where an answer comes from the state after the practice."""
        ...


@runtime_checkable
class Factorised(Protocol):
    """Learners who may know each skill for itself: nothing that is seen of one tells of another."""

    @property
    def skills_apart(self) -> bool:
        """True where skills are independent and every item needs one."""
        ...


@runtime_checkable
class Studying(Protocol):
    """Learners to whom an item that is shown is not the same as one that is asked: they count answers."""

    def study(self, state: Any, item: Ints, luck: Luck) -> None:
        """Show `item [batch]` (-1: none) without asking, as the study rows of a log do."""
        ...


@runtime_checkable
class Foredrawn(Protocol):
    """Learners whose state may hold events to come that were drawn already, such as the day of forgetting."""

    def redraw(self, state: Any, luck: Luck) -> None:
        """Draw those events anew, by this luck; the learners stay as they are now.

        Planners ask for it: a copy of a learner must not know the learner's future.
        """
        ...


@runtime_checkable
class Resampled(Protocol):
    """Learners fitted to a log, whose parameters are known with doubt."""

    def resampled(self) -> Simulator[Any] | None:
        """The same learners with a bootstrap draw of the parameters each, or None."""
        ...


def restricts(simulator: Simulator[Any]) -> TypeGuard[Restricting]:
    """True where these learners' platform ever forbids an item; where False, nobody asks for `allowed`.

    It is asked at every step, and `isinstance` with a protocol takes ten times as long.
    """
    return bool(getattr(simulator, "restricts", False))


def assists(simulator: Simulator[Any]) -> bool:
    """True where an answer of these learners can be an assisted one."""
    return isinstance(simulator, Assisting) and simulator.assists


def quickest(simulator: Simulator[Any]) -> float:
    """Minutes that hardly any item takes less than: by the course, where nobody is quicker."""
    if isinstance(simulator, Paced):
        return simulator.quickest
    return float(simulator.course.minutes.min())


def learns_first(simulator: Simulator[Any]) -> bool:
    """True where an answer of these learners comes from the state after the practice."""
    return isinstance(simulator, LearningFirst) and simulator.learns_first


def skills_apart(simulator: Simulator[Any]) -> bool:
    """True where nothing that is seen of one skill of these learners tells of another."""
    return isinstance(simulator, Factorised) and simulator.skills_apart


def redraw(simulator: Simulator[Any], state: Any, luck: Luck) -> None:
    """Draw anew the events to come that a state holds already; most hold none."""
    if isinstance(simulator, Foredrawn):
        simulator.redraw(state, luck)


def enrol_staying(
    simulator: Simulator[Any], state: Any, rows: Ints, luck: Luck, n_rows: Ints
) -> Prologue | None:
    """Put new learners who stay for `n_rows [rows]` into `rows`; any learners, where these do not differ."""
    if isinstance(simulator, Staying):
        return simulator.enrol_staying(state, rows, luck, n_rows)
    return simulator.enrol(state, rows, luck)


def study(simulator: Simulator[Any], state: Any, item: Ints, luck: Luck) -> None:
    """Show `item [batch]` (-1: none) without asking; where answers do not count, that is practice."""
    if isinstance(simulator, Studying):
        simulator.study(state, item, luck)
    else:
        simulator.practise(state, item, np.ones(len(item), bool), luck, empty_response(len(item)))


def resampled(simulator: Simulator[Any]) -> Simulator[Any] | None:
    """The same learners with a bootstrap draw of the parameters each; None where there are no draws."""
    return simulator.resampled() if isinstance(simulator, Resampled) else None
