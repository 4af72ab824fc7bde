"""The interface of all learner models, and nothing more."""

from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Luck


class Prologue(NamedTuple):
    """The facts known about learners when they arrive, for the newly enrolled rows only.

    `goal [rows, skills]` is True at skills that each wants; `item` and `correct` `[rows, width]` are the
    visible past (a warm-up), of which the first `length [rows]` entries count; `taught [rows, width]`
    says which of them the platform accepted and taught (None: all).
    """

    goal: Bools
    item: Ints
    correct: Ints
    length: Ints
    taught: Bools | None = None


class Response(NamedTuple):
    """The response to a step, `[batch]` each, written in place.

    `correct` is 1, 0, or -1 where nothing was asked; `grade` a finer mark (equal to `correct` where
    the model has none); `minutes` the time spent; `assisted` True where help was given; `ended` True where
    the learner dropped out.
    """

    correct: Ints
    grade: Ints
    minutes: Floats
    assisted: Bools
    ended: Bools


def empty_response(batch: int) -> Response:
    """A response for `batch` learners to whom nothing has happened yet."""
    return Response(
        correct=np.full(batch, -1, np.int64),
        grade=np.full(batch, -1, np.int64),
        minutes=np.zeros(batch),
        assisted=np.zeros(batch, bool),
        ended=np.zeros(batch, bool),
    )


S = TypeVar("S")


class Simulator(Protocol[S]):
    """A population of learners; the state `S` is a NamedTuple of arrays `[batch, ...]`, changed in place.

    Row i depends on row i alone: never on the batch size or on its neighbours.  Every draw comes
    from `luck` (see `luck.uniform`), never from a generator with a state.
    """

    @property
    def course(self) -> Course:
        """The course that the learners can be taught."""
        ...

    def empty(self, batch: int) -> S:
        """A state with safe values everywhere."""
        ...

    def enrol(self, state: S, rows: Ints, luck: Luck) -> Prologue | None:
        """Put new learners into `rows`; `luck` is the whole batch's.  None: no goal and no past."""
        ...

    def p_correct(self, state: S, item: Ints, out: Floats) -> None:
        """P(correct) `[batch]` if `item [batch]` were asked now."""
        ...

    def practise(self, state: S, item: Ints, taught: Bools, luck: Luck, out: Response) -> None:
        """One opportunity on `item [batch]`, in the model's own order of answering and learning.

        Rows with `taught` False only answer.  A row with item -1 is left untouched: neither its
        state nor its response changes.
        """
        ...

    def elapse(self, state: S, days: Floats, luck: Luck) -> None:
        """Let `days [batch]` pass; nothing happens in a model without forgetting."""
        ...

    def mastery(self, state: S, out: Mastery) -> None:
        """Latent mastery, float32 `[batch, skills]` in [0, 1]; no policy but an oracle may see it."""
        ...


State = TypeVar("State", bound=tuple)  # type: ignore[type-arg]


def clone(state: State) -> State:
    """A copy of a state, for planners that try things out.  A state may hold further states."""
    return type(state)(*(clone(a) if isinstance(a, tuple) else a.copy() for a in state))


def shares(state: tuple[Any, ...], array: npt.NDArray[Any]) -> bool:
    """True where a part of the state may be a part of the array, and change with it."""
    return any(shares(a, array) if isinstance(a, tuple) else np.may_share_memory(a, array) for a in state)


def take(state: State, rows: Ints) -> State:
    """A new state that holds copies of the given rows, in that order (rows may repeat)."""
    return type(state)(*(take(a, rows) if isinstance(a, tuple) else a[rows] for a in state))


def spread(state: State, rows: Ints, batch: int) -> State:
    """As `take`, where each of `batch` learners has equally many entries, one learner's after another's."""
    return type(state)(*(_spread(part, rows, batch) for part in state))


def _spread(part: Any, rows: Ints, batch: int) -> Any:
    if isinstance(part, tuple):
        return spread(part, rows, batch)
    each = len(part) // batch
    return part[rows if each == 1 else (rows[:, None] * each + np.arange(each)).ravel()]


def joined(state: State, other: State) -> State:
    """The entries of one state and then those of another, of the same learners' kind."""
    pairs = zip(state, other, strict=True)
    return type(state)(*(joined(a, b) if isinstance(a, tuple) else np.concatenate([a, b]) for a, b in pairs))


def overwrite(state: tuple[Any, ...], saved: tuple[Any, ...]) -> None:
    """Write a `clone` back into the arrays that it was a copy of."""
    for array, old in zip(state, saved, strict=True):
        if isinstance(array, tuple):
            overwrite(array, old)
        else:
            array[...] = old


def put(state: tuple[Any, ...], rows: Ints, taken: tuple[Any, ...]) -> None:
    """Write back the rows that `take` gave (each row once)."""
    for array, new in zip(state, taken, strict=True):
        if isinstance(array, tuple):
            put(array, rows, new)
        else:
            array[rows] = new
