"""A deck of DHP items under a daily budget: the simulation of SSP-MMC (Ye, Su & Cao, KDD 2022).

Each day there are so many seconds.  Reviews that are due come first, in random order; then new items, which
the first practice introduces; nothing begins that does not fit into the seconds left.  An item whose
half-life has reached the goal is done and comes no more.  The formulas are those of the DHP learners.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from coursewright.errors import reject
from coursewright.evaluation.card.halflife import (
    HARDER,
    SECONDS,
    Memorize,
    Seconds,
    Spaced,
    SspMmc,
    Threshold,
)
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import ANSWER, ENROL, GAP, PLAN, Seeds, Split, identify, uniform
from coursewright.simulators.memory.dhp import (
    EASIEST,
    HARDEST,
    after_lapse,
    after_recall,
    first_halflife,
    recall,
)

NEW_HARDEST = 10  # difficulties of new items are 1 to 10, all equally likely


class Items(NamedTuple):
    """The items of a deck, `[deck]` each: `halflife` and `difficulty`, and the days `last` and `due`."""

    halflife: Floats
    difficulty: Floats
    last: Ints
    due: Floats


@dataclass(frozen=True)
class Deck:
    """The simulation: items, `days`, and `budget` in seconds a day; `goal` is a half-life in days.

    Raises `InputError` for numbers that are not positive.
    """

    items: int = 20_000
    days: int = 1000
    budget: float = 600.0
    goal: float = 360.0
    seconds: Seconds = SECONDS

    def __post_init__(self) -> None:
        for name in ("items", "days"):
            if getattr(self, name) < 1:
                raise reject(f"deck.{name}", getattr(self, name), "a whole number >= 1")
        for name in ("budget", "goal"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise reject(f"deck.{name}", getattr(self, name), "a positive, finite number")


@kernel
def _begin(key: np.uint64, items: Items) -> None:
    for a in range(items.due.shape[0]):
        items.due[a] = np.inf
        items.difficulty[a] = EASIEST + np.floor(NEW_HARDEST * uniform(key, 0, ENROL + a))


@kernel
def _due(key: np.uint64, day: int, known: int, due: Floats, order: Ints) -> int:
    """The due items among the first `known` in random order; their number."""
    count = 0
    for a in range(known):
        if due[a] <= day:
            order[count] = a
            count += 1
    for place in range(count - 1, 0, -1):  # Fisher & Yates
        other = int(uniform(key, day, PLAN + place) * (place + 1))
        order[place], order[other] = order[other], order[place]
    return count


@kernel
def _practise(
    key: np.uint64, day: int, count: int, seconds: Seconds, left: float, items: Items, order: Ints
) -> tuple[int, float]:
    """Review items in order while the budget lasts; the number that were, and the seconds left."""
    for place in range(count):
        a = order[place]
        h, d = items.halflife[a], items.difficulty[a]
        p = recall(h, day - items.last[a])
        right = uniform(key, day, ANSWER + a) < p
        cost = seconds.recall if right else seconds.lapse
        if cost > left:
            return place, left
        left -= cost
        items.halflife[a] = after_recall(h, d, p) if right else after_lapse(h, d, p)
        if not right:
            items.difficulty[a] = min(d + HARDER, HARDEST)
    return count, left


@kernel
def _introduce(first: int, count: int, items: Items) -> None:
    for a in range(first, first + count):
        items.halflife[a] = first_halflife(items.difficulty[a])


def lived(deck: Deck, schedule: Spaced, seed: int = 0) -> Ints:
    """The number of items past the goal after each day, `[days]`; every schedule meets the same luck."""
    key = identify(Seeds(luck=seed), np.zeros(1, np.int64), Split.EVALUATE, np.zeros(1, np.int64)).fate[0]
    n = deck.items
    items = Items(np.zeros(n), np.zeros(n), np.zeros(n, np.int64), np.zeros(n))
    _begin(key, items)
    order, draw, known, done = np.zeros(n, np.int64), np.zeros(n), 0, np.zeros(deck.days, np.int64)
    for day in range(deck.days):
        count = _due(key, day, known, items.due, order)
        reviewed, left = _practise(key, day, count, deck.seconds, deck.budget, items, order)
        new = min(int(left // deck.seconds.new), n - known)
        _introduce(known, new, items)
        order[reviewed : reviewed + new] = np.arange(known, known + new)
        known += new
        met = order[: reviewed + new]
        _draw(key, day, met, draw)
        items.last[met] = day
        h = items.halflife[met]
        days = schedule.intervals(h, items.difficulty[met], draw[: len(met)])
        items.due[met] = np.where(h >= deck.goal, np.inf, day + days)
        done[day] = done[day - 1] * (day > 0) + (h >= deck.goal).sum()
    return done


@kernel
def _draw(key: np.uint64, day: int, met: Ints, draw: Floats) -> None:
    for place in range(met.shape[0]):
        draw[place] = uniform(key, day, GAP + met[place])


def day_of(done: Ints, target: int = 6000) -> int:
    """The first day after which so many items are past the goal; the number of days where that never was."""
    reached = np.flatnonzero(done >= target)
    return int(reached[0]) if len(reached) else len(done)


def decks(deck: Deck, seeds: int = 20) -> pd.DataFrame:
    """SSP-MMC and its rivals, means over so many seeds: the day of 6,000 items, and the items at the end."""
    if seeds < 2:
        raise reject("seeds", seeds, "a whole number >= 2")
    given: dict[str, Spaced] = {
        "SSP-MMC": SspMmc(deck.goal, deck.seconds),
        "recall .86": Threshold(0.86),
        "recall .9": Threshold(0.9),
        "MEMORIZE": Memorize(),
    }
    rows = []
    for name, schedule in given.items():
        done = [lived(deck, schedule, seed) for seed in range(seeds)]
        day, end = np.array([(day_of(part), part[-1]) for part in done], float).T
        rows.append({"schedule": name, "day": day.mean(), "day_sd": day.std(ddof=1), "end": end.mean()})
    return pd.DataFrame(rows)
