"""Schedules of a card: fixed retention, Cost-ADR, and those that know no model of memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coursewright.agents.schedulers.anki import (
    EASE,
    FIRST,
    FIRST_EASY,
    lapse_interval,
    next_ease,
    passing_interval,
)
from coursewright.agents.schedulers.cost_adr import HEADS, adr_retentions, check_price
from coursewright.agents.schedulers.memrise import RUNGS, next_rung
from coursewright.errors import reject
from coursewright.evaluation.card.card import Cards
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import kernel
from coursewright.simulators.memory.fsrs import AGAIN, EASY, WEIGHTS, interval


@dataclass(frozen=True, eq=False)
class CostAdr:
    """Cost-ADR for a price of a minute in [0, 1024] (see `agents/schedulers/cost_adr.py`)."""

    price: float
    heads: Sequence[Sequence[float]] = HEADS
    weights: tuple[float, ...] = WEIGHTS

    def __post_init__(self) -> None:
        check_price(self.price, "price")

    def begin(self, batch: int) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def retentions(self, cards: Cards) -> Floats:
        """The desired retention of each card `[batch]`."""
        out, heads = np.empty(len(cards.left)), np.array(self.heads, np.float64)
        adr_retentions(cards.stability, cards.difficulty, heads, float(self.price), out)
        return out

    def intervals(self, cards: Cards, memory: tuple[()]) -> Floats:
        """See `Schedule`."""
        out = np.empty(len(cards.left))
        _at_retentions(cards, self.retentions(cards), np.array(self.weights), out)
        return out


@kernel
def _at_retentions(cards: Cards, retention: Floats, w: Floats, out: Floats) -> None:
    for i in range(out.shape[0]):
        out[i] = interval(cards.stability[i], retention[i], w)


@dataclass(frozen=True)
class FixedRetention:
    """The ordinary FSRS schedule: a review when recall has fallen to the desired retention."""

    retention: float
    weights: tuple[float, ...] = WEIGHTS

    def __post_init__(self) -> None:
        if not 0.0 < self.retention < 1.0:
            raise reject("retention", self.retention, "a probability in (0, 1)")

    def begin(self, batch: int) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def intervals(self, cards: Cards, memory: tuple[()]) -> Floats:
        """See `Schedule`."""
        out = np.empty(len(cards.left))
        _at_retentions(cards, np.full(len(out), self.retention), np.array(self.weights), out)
        return out


@kernel
def _climb(grade: Ints, rung: Ints, days: Floats, out: Floats) -> None:
    for i in range(out.shape[0]):
        rung[i] = next_rung(rung[i], grade[i] > AGAIN, days.shape[0])
        out[i] = days[rung[i]]


class Rung(NamedTuple):
    """The rung `[batch]`, -1 before the first answer."""

    rung: Ints


@dataclass(frozen=True)
class MemriseCard:
    """Memrise's ladder, as `agents/schedulers/memrise.py` climbs it."""

    days: tuple[float, ...] = RUNGS

    def begin(self, batch: int) -> Rung:
        """Below the first rung."""
        return Rung(np.full(batch, -1, np.int64))

    def intervals(self, cards: Cards, memory: Rung) -> Floats:
        """See `Schedule`."""
        out = np.empty(len(cards.left))
        _climb(cards.grade, memory.rung, np.array(self.days), out)
        return out


class Eased(NamedTuple):
    """The `interval` in days (0: none yet) and `ease`, `[batch]` each."""

    interval: Floats
    ease: Floats


@kernel
def _eased(cards: Cards, memory: Eased, out: Floats) -> None:
    for i in range(out.shape[0]):
        grade, known = cards.grade[i], memory.interval[i]
        if known == 0.0:
            out[i] = FIRST_EASY if grade == EASY else FIRST
        else:
            out[i] = lapse_interval(known, 0.0)
            if grade > AGAIN:
                out[i] = passing_interval(grade, known, cards.elapsed[i], memory.ease[i])
            memory.ease[i] = next_ease(memory.ease[i], grade)
        memory.interval[i] = out[i]


@dataclass(frozen=True)
class AnkiCard:
    """Anki's SM-2 with all four grades, no fuzz, and an interval of a day after a lapse."""

    def begin(self, batch: int) -> Eased:
        """No interval yet."""
        return Eased(np.zeros(batch), np.full(batch, EASE))

    def intervals(self, cards: Cards, memory: Eased) -> Floats:
        """See `Schedule`."""
        out = np.empty(len(cards.left))
        _eased(cards, memory, out)
        return out
