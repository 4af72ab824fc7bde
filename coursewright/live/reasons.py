"""The reasons for a choice: the things that, were they as usual in the cohort, would change it.

Every feature of every skill that the tutor keeps is set, one at a time, to its median among the learners of
the store; the tutor is asked again; and where it chooses otherwise, that feature was a reason.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import select

from coursewright.live import tables
from coursewright.live.facts import Sight, saw
from coursewright.live.mind import BARRED, Floats, Mind
from coursewright.live.seats import Seat
from coursewright.live.store import Store
from coursewright.live.words import Choice, Reason, Why

MOST, SHOWN, FRESH = 1_000, 3, 60.0  # learners of a cohort, reasons, seconds
BATCH = 512  # asked at once
# Columns that make one statement, so that no mixture arises which no learner could have.
TOGETHER = (
    ("belief",),
    ("attempts", "successes"),
    ("streak",),
    ("days_since",),
    ("warmup_right", "warmup_wrong"),
    ("item_attempts",),
    ("item_days_since",),
)


class Median(NamedTuple):
    """The usual state `[columns]`, and whose it is, in words."""

    state: Floats
    whose: str


class Cohort:
    """The usual state of the learners of a store, looked at anew each minute."""

    def __init__(self, store: Store, mind: Mind, least: int) -> None:
        self._store, self._mind, self._least = store, mind, least
        self._lock, self._at = threading.Lock(), 0.0
        self._known: Median | None = None

    def median(self) -> Median:
        """Of the latest learners; of a beginner where they are fewer than the least that may be shown."""
        with self._lock:
            if self._known is None or time.monotonic() - self._at > FRESH:
                self._known, self._at = self._find(), time.monotonic()
            return self._known

    def forget(self) -> None:
        """Look anew: a learner is gone."""
        with self._lock:
            self._known = None

    def _find(self) -> Median:
        table = tables.learner
        query = select(table.c.state).where(table.c.tutor == self._mind.fingerprint, table.c.turn > 0)
        with self._store.read() as connection:
            rows = connection.scalars(query.order_by(table.c.last.desc()).limit(MOST)).all()
        if len(rows) < self._least:
            new, all_items = self._mind.new([0]), self._mind.mask(None, ())[None]
            return Median(
                self._mind.look(new, self._mind.goals(None)[None], all_items)["next_state"][0], "a beginner"
            )
        states = np.stack([np.frombuffer(row, np.float32) for row in rows])
        return Median(np.median(states, axis=0).astype(np.float32), f"the median of {len(rows):,} learners")


class _Change(NamedTuple):
    """Columns set to the cohort's, in words."""

    features: tuple[str, ...]
    skill: str
    columns: list[int]


def reasons(mind: Mind, cohort: Cohort, seat: Seat, choice: Choice, days: Floats) -> Why:
    """The reasons for the choice that stands for one learner; `days [1]` have passed since the last event."""
    usual = cohort.median()
    if choice.overruled:
        text = f"A teacher chose {choice.item}; the tutor was not asked."
        return Why(choice, [], None, None, usual.whose, text)
    offered, state = mind.mask(None, ())[None], seat.state[None]
    out = mind.look(state, seat.goal[None], offered, days)
    plain = mind.decision(out, 0).choice
    best = mind.ranked(2, state, seat.goal[None], offered, days, plain)
    second = best[1] if len(best) > 1 else None
    margin = None
    if second is not None and second.score is not None and plain.score is not None and _graded(out):
        margin = plain.score - second.score
    items = [one.item for one in best if one.item is not None]
    seen = saw(mind, Sight(out["next_state"][0], seat.goal, out), items) if items else []
    found = _found(mind, seat, usual, plain, days)
    text = _told(plain, found, second, usual, margin, seen)
    return Why(choice, found, second.item if second else None, margin, usual.whose, text, seen)


def _graded(out: Mapping[str, Any]) -> bool:
    """True where scores are a network's; a rule's are 1 for its choice, and 0."""
    scores = out["scores"][0]
    return not set(scores[scores > BARRED].tolist()) <= {0.0, 1.0}


def _found(mind: Mind, seat: Seat, usual: Median, plain: Choice, days: Floats) -> list[Reason]:
    changes = [
        change
        for change in _changes(mind)
        if not np.array_equal(seat.state[change.columns], usual.state[change.columns])
    ]
    found: list[tuple[float, Reason]] = []
    for first in range(0, len(changes), BATCH):
        part = changes[first : first + BATCH]
        state = np.tile(seat.state, (len(part), 1))
        state[:, 0] = mind.tutor.stamp
        for row, change in enumerate(part):
            state[row, change.columns] = usual.state[change.columns]
        goal, mask = np.tile(seat.goal, (len(part), 1)), np.ones((len(part), len(mind.items)), bool)
        out = mind.look(state, goal, mask, np.repeat(days, len(part)))
        for row, change in enumerate(part):
            other = mind.decision(out, row).choice
            if (other.item, other.stop) != (plain.item, plain.stop):
                place = mind.place.get(plain.item or "", 0)
                lost = float(out["scores"][row].max() - out["scores"][row, place])
                found.append((lost, _reason(seat, usual, change, other)))
    found.sort(key=lambda one: -one[0])
    return [reason for _, reason in found[:SHOWN]]


def _changes(mind: Mind) -> list[_Change]:
    changes = []
    for features in TOGETHER:
        here = tuple(name for name in features if name in mind.kept)
        if not here:
            continue
        names = mind.items if here[0].startswith("item_") else mind.skills
        for at, name in enumerate(names):
            changes.append(_Change(here, name, [mind.kept[feature].start + at for feature in here]))
    return [*changes, _Change(("spent",), "", [mind.spent])]


def _reason(seat: Seat, usual: Median, change: _Change, other: Choice) -> Reason:
    mine = [float(value) for value in seat.state[change.columns]]
    theirs = [float(value) for value in usual.state[change.columns]]
    value, median, what = _words(change, mine), _words(change, theirs), _what(change)
    instead = other.item or ("the end of the lessons" if other.stop else "nothing")
    text = f"{what}: {value} ({usual.whose}: {median}). Otherwise {instead} would come next."
    return Reason("+".join(change.features), change.skill, value, median, other.item, text)


def _what(change: _Change) -> str:
    return {
        "belief": f"Mastery of {change.skill}",
        "attempts": f"Answers on {change.skill}",
        "successes": f"Right answers on {change.skill}",
        "streak": f"Right in a row on {change.skill}",
        "days_since": f"Time since {change.skill}",
        "warmup_right": f"Answers on {change.skill} before the lessons",
        "warmup_wrong": f"Wrong answers on {change.skill} before the lessons",
        "item_attempts": f"Answers to {change.skill}",
        "item_days_since": f"Time since {change.skill}",
        "spent": "Budget used in this lesson",
    }[change.features[0]]


def _words(change: _Change, values: list[float]) -> str:
    first = change.features[0]
    if first == "belief":
        return f"{100 * values[0]:.0f} %"
    if first == "attempts" and len(values) > 1:
        return f"{values[1]:.0f} of {values[0]:.0f} right"
    if first == "warmup_right" and len(values) > 1:
        return f"{values[0]:.0f} right, {values[1]:.0f} wrong"
    if first.endswith("days_since"):
        return f"{values[0]:.1f} days"
    return f"{values[0]:.4g}"


def _told(
    plain: Choice,
    found: Sequence[Reason],
    second: Choice | None,
    usual: Median,
    margin: float | None,
    seen: Sequence[str],
) -> str:
    first = plain.item or ("the lessons end" if plain.stop else "nothing is allowed")
    lines = [f"Next: {first}."]
    if second is not None:
        by = "" if margin is None else f", whose score is {margin:.3g} less"
        lines.append(f"The runner-up is {second.item}{by}.")
    lines += seen
    if found:
        lines += [reason.text for reason in found]
    else:
        lines.append(f"No single thing, were it as for {usual.whose}, would change the choice.")
    return " ".join(lines)
