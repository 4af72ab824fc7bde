"""One learner's lesson: answers in, the next item out."""

import json
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from coursewright_runtime.tutor import Tutor

Moment = datetime | float  # a float: days since any fixed moment, the same for a whole lesson
DAY = 86_400.0  # seconds
LATEST = 1e6  # days, 2,700 years: seconds or milliseconds in their place are more
FOREIGN = -2  # the action where another tutor wrote the state
LARGEST = 3.0e38  # of a float32
Array = np.ndarray[Any, Any]
Names = Iterable[str] | None


class TutorError(ValueError):
    """Something given cannot be used; nothing has changed."""


class Choice(NamedTuple):
    """The tutor's next step for a learner.

    `item` is to be given now (None, with `stop`: the lessons are to end), then `wait` days pass.  The chances
    that skills are known, `belief [skills]`, and of right answers, `chance [items]`, are None where the tutor
    holds no model of the learner.  `scores [actions]`, `observation [columns]`.
    """

    item: str | None
    wait: float
    stop: bool
    scores: Array
    chance: Array | None
    belief: Array | None
    observation: Array


class Lesson:
    """A learner's state, a cache of the responses so far; `Tutor.begin`, `load` and `replay` make one.

    It changes by `observe` alone, answer by answer, from whatever threads.  `state [1, width]` and `goal
    [1, skills]` are arrays, `seen` is the latest moment of an event in days, or None.
    """

    def __init__(self, tutor: "Tutor", state: Array, goal: Array, seen: float | None) -> None:
        self.tutor, self.state, self.goal, self.seen = tutor, state, goal, seen
        self._turn = threading.Lock()

    def observe(
        self,
        item: str,
        correct: int | None,
        minutes: float = 0.0,
        at: Moment | None = None,
        taught: bool = True,
        past: bool = False,
        offered: Names = None,
    ) -> None:
        """Note the answer to an item: 1 right, 0 wrong, None where nothing was asked or it was helped.

        First the time up to the moment `at` passes, none where it is before the latest; then the answer
        counts.  `minutes` were spent.  `taught` is False where the learner did not work through the item,
        `past` True where it was before the lessons (`at` is not used), `offered` are the items that could
        have been chosen instead (all).  Raises `TutorError`, and notes nothing, for what cannot be used.
        """
        tutor, goal = self.tutor, self.goal
        if not isinstance(item, str) or item not in tutor.place:
            raise refused("item", item, f"not one of the tutor's {len(tutor.items)} items; names are texts")
        if not (correct is None or (isinstance(correct, int | np.integer | np.bool_) and correct in (0, 1))):
            raise refused("correct", correct, "allowed: 1 right, 0 wrong, None where nothing was asked")
        minutes = amount("minutes", minutes, "allowed: a finite number >= 0")
        mask = tutor.mask(offered, name="offered")
        place, answer = tutor.place[item], -1 if correct is None else int(correct)
        with self._turn:
            days, seen = (0.0, self.seen) if past else self._days(at)
            state = self.state
            if days > 0.0 or offered is not None:
                state = tutor.run(state, days=days, goal=goal, mask=mask)["next_state"]
            told = tutor.run(state, place, answer, taught=taught, past=past, minutes=minutes, goal=goal)
            self.state, self.seen = told["next_state"], seen

    def next(self, at: Moment | None = None, only: Names = None, exclude: Names = None) -> Choice | None:
        """The choice among the items `only` (all) without those of `exclude`; None where none is left.

        A text is one name.  Nothing changes, so asking again gives the same.
        """
        tutor, (days, _) = self.tutor, self._days(at)
        found = tutor.run(self.state, days=days, goal=self.goal, mask=tutor.mask(only, exclude))
        first = {name: rows[0] for name, rows in found.items()}
        action = int(first["action"])
        if action == FOREIGN:
            raise TutorError("state: another tutor's; replay the responses")
        if action < 0:
            return None
        item = int(first.get("next_item", action))
        name, wait, stop = tutor.items[item] if item >= 0 else None, first.get("wait", 0.0), first.get("stop")
        told = (first["scores"], first.get("chance"), first.get("belief"), first["observation"])
        return Choice(name, float(wait), bool(stop), *told)

    def save(self) -> str:
        """The lesson as JSON, for `Tutor.load`."""
        goal = [name for name, wanted in zip(self.tutor.skills, self.goal[0], strict=True) if wanted]
        kept = {"stamp": self.tutor.stamp, "seen": self.seen, "goal": goal, "state": self.state[0].tolist()}
        return json.dumps(kept, ensure_ascii=False)

    def _days(self, at: Moment | None) -> tuple[float, float | None]:
        """Days since the last event, and the moment in days."""
        if at is None:
            return 0.0, self.seen
        now = days_of(at)
        before = now if self.seen is None else self.seen
        return max(0.0, now - before), max(now, before)


def days_of(at: Moment) -> float:
    """A moment in days; that of a datetime is since 1970-01-01 UTC, and without a zone it is read as UTC."""
    if isinstance(at, datetime):
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() / DAY
    return amount("at", at, "allowed: a datetime, or days since any fixed moment (no seconds)", LATEST)


def refused(name: str, value: object, allowed: str) -> TutorError:
    """The refusal of a value: "name = value: allowed"."""
    shown = repr(value)
    return TutorError(f"{name} = {shown if len(shown) <= 80 else shown[:77] + '...'}: {allowed}")


def amount(name: str, value: Any, allowed: str, most: float = LARGEST) -> float:
    """A number from 0 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= most:
        raise refused(name, value, allowed)
    return float(value)
