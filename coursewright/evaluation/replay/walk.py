"""The way of a log's learners through a tutor's memory: before each response a choice, after it a belief."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from coursewright.evaluation.replay.responses import Responses
from coursewright.progress import Progress
from coursewright.simulators.arrays import Bools, Floats, Ints

DISALLOWED = -1e7  # a score below it is that of an action which is not allowed
CELLS = 2**22  # learners times items at a time
TOGETHER = 1000  # learners

Arrays = Mapping[str, npt.NDArray[Any]]


class Tutor(Protocol):
    """A tutor file in use; `coursewright_runtime.Tutor` is one."""

    words: Any

    @property
    def items(self) -> Sequence[str]:
        """The items of the course."""
        ...

    @property
    def skills(self) -> Sequence[str]:
        """The skills of the course."""
        ...

    def new(self, keys: Iterable[int]) -> Any:
        """The states `[batch, columns]` of new learners, who have these keys."""
        ...

    def run(
        self,
        state: Any,
        item: Any,
        correct: Any,
        *,
        taught: Any,
        days: Any,
        minutes: Any,
        goal: Any,
        mask: Any,
    ) -> Arrays:
        """The outputs of the file `[batch, ...]`, by name, after an event of each learner."""
        ...


class Changes(NamedTuple):
    """Each change of a belief: after so many responses of a `[learner]`, a `skill` is known with `belief`."""

    learner: Ints
    after: Ints
    skill: Ints
    belief: npt.NDArray[np.float32]


class Walk(NamedTuple):
    """Choices and beliefs of a tutor, response by response; `[rows]` in the order of `Responses`.

    Attributes
    ----------
    chosen : places of the items that it would have given instead; -1 where it had none to give.
    open : True where the item that was given was among those that it could choose from.
    among : the number of items to choose from.
    alike : the number of those that need the same skills as the given one.
    chance : of a right answer to the given item, as it foresaw; nan where it foresees none.
    changes : None where the tutor has no beliefs.
    """

    chosen: Ints
    open: Bools
    among: Ints
    alike: Ints
    chance: Floats
    changes: Changes | None


def kinds_of(words: Mapping[str, Any]) -> Ints:
    """A number for each item `[items]`; items that need the same skills share it."""
    sets: dict[tuple[str, ...], int] = {}
    return np.array([sets.setdefault(tuple(sorted(item["skills"])), len(sets)) for item in words["items"]])


def walk(tutor: Tutor, given: Responses, goal: Bools) -> Walk:
    """Tell `tutor` each response of `given`; `goal [skills]` is what the learners are to know."""
    lengths = given.lengths
    first = np.cumsum(lengths) - lengths
    longest = np.argsort(-lengths, kind="stable")
    size = max(1, min(TOGETHER, CELLS // len(tutor.items)))
    rows = len(given.item)
    way = _Way(tutor, given, goal, rows)
    with Progress("replaying", rows, "responses") as progress:
        for at in range(0, len(longest), size):
            some = longest[at : at + size]
            way.together(some, first[some], lengths[some], progress)
    return way.walk()


class _Way:
    def __init__(self, tutor: Tutor, given: Responses, goal: Bools, rows: int) -> None:
        self.tutor, self.given, self.goal = tutor, given, goal
        self.kind = kinds_of(tutor.words)
        self.delays = max(1, len(tutor.words["delays"]))
        self.chosen = np.full(rows, -1)
        self.open = np.zeros(rows, bool)
        self.among, self.alike = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
        self.chance = np.full(rows, np.nan)
        self.changes: list[Changes] = []

    def together(self, learners: Ints, first: Ints, lengths: Ints, progress: Progress) -> None:
        """Teach some learners, the longest first, each from its row `first` on."""
        state = self.tutor.new(learners.tolist())
        nothing, none = np.full(len(learners), -1), np.zeros(len(learners), np.float32)
        seen = self._run(state, nothing, nothing, first, none, none)
        belief = self._changed(learners, 0, None, seen)
        for step in range(int(lengths.max())):
            n = int((lengths > step).sum())
            row = first[:n] + step
            self._note(row, {name: value[:n] for name, value in seen.items()})
            last = lengths[:n] == step + 1
            follows = np.where(last, row, row + 1)
            pause = np.where(last, 0.0, self.given.pause[follows]).astype(np.float32)
            minutes = self.given.minutes[row].astype(np.float32)
            seen = self._run(
                state[:n], self.given.item[row], self.given.correct[row], follows, pause, minutes
            )
            belief = self._changed(learners[:n], step + 1, belief, seen)
            state = seen["next_state"]
            progress.more(n)

    def _run(
        self, state: npt.NDArray[Any], item: Ints, correct: Ints, follows: Ints, days: Any, minutes: Any
    ) -> Arrays:
        return self.tutor.run(
            state,
            item,
            correct,
            taught=item >= 0,
            days=days,
            minutes=minutes,
            goal=self.goal[None],
            mask=self._mask(follows),
        )

    def _mask(self, rows: Ints) -> Bools:
        mask = np.ones((len(rows), len(self.tutor.items)), bool)
        if self.given.allowed is not None:
            for n, row in enumerate(rows.tolist()):
                places = self.given.allowed[row]
                if places is not None:
                    mask[n] = False
                    mask[n, places] = True
        return mask

    def _note(self, row: Ints, seen: Arrays) -> None:
        """Set down what the tutor would have chosen in the place of each `row`."""
        n, items, given = np.arange(len(row)), len(self.tutor.items), self.given.item[row]
        scores = seen["scores"][:, : items * self.delays].reshape(len(row), self.delays, items)
        free = np.any(scores > DISALLOWED, axis=1)
        self.chosen[row] = np.maximum(seen.get("next_item", seen["action"]), -1)
        self.open[row] = free[n, given]
        self.among[row] = free.sum(axis=1)
        self.alike[row] = (free & (self.kind == self.kind[given][:, None])).sum(axis=1)
        if "chance" in seen:
            self.chance[row] = seen["chance"][n, given]

    def _changed(self, learners: Ints, after: int, before: Any, seen: Arrays) -> Any:
        if "belief" not in seen:
            return None
        belief = seen["belief"]
        differs = np.ones(belief.shape, bool) if before is None else belief != before[: len(belief)]
        who, skill = np.nonzero(differs)
        self.changes.append(Changes(learners[who], np.full(len(who), after), skill, belief[who, skill]))
        return belief

    def walk(self) -> Walk:
        """All that was set down, the changes in order of learner, response and skill."""
        changes = None
        if self.changes:
            parts = [np.concatenate(part) for part in zip(*self.changes, strict=True)]
            order = np.lexsort((parts[2], parts[1], parts[0]))
            changes = Changes(*(part[order] for part in parts))
        return Walk(self.chosen, self.open, self.among, self.alike, self.chance, changes)
