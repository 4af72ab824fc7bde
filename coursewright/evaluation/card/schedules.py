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
from coursewright.agents.schedulers.memrise import RUNGS, next_rung
from coursewright.errors import reject
from coursewright.evaluation.card.card import Cards
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.branch_free import exp
from coursewright.simulators.kernel import kernel
from coursewright.simulators.memory.fsrs import AGAIN, EASY, LONGEST_INTERVAL, WEIGHTS, interval

# Cost-ADR (open-spaced-repetition, fsrs-rs `cost_adr.rs`, BSD-3): coefficients of (1, x, y, xy, x^2)
HEADS = (
    (-0.202, 9.14, -0.0978, 0.226, -5.31),
    (-7.44, 24.1, -0.375, 1.81, -22.9),
    (-5.82, 22.3, 1.72, -1.99, -19.4),
)
PRICES = (0, 1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)  # of a minute, in use there
LEAST_S, MOST_PRICE = 0.001, 1024.0
LOWEST_RETENTION, RANGE = 0.30, 0.695


@kernel
def _softplus(x: float) -> float:
    return float(max(x, 0.0) + np.log1p(exp(-abs(x))))


@kernel
def _adr(cards: Cards, heads: Floats, price: float, w: Floats, retention: Floats, out: Floats) -> None:
    z = np.log(1.0 + price) / np.log(1.0 + MOST_PRICE)
    for i in range(out.shape[0]):
        x = np.log(max(cards.stability[i], LEAST_S) / LEAST_S) / np.log(LONGEST_INTERVAL / LEAST_S)
        y = (cards.difficulty[i] - 1.0) / 9.0
        a, b, c = 0.0, 0.0, 0.0
        for place in range(heads.shape[1]):
            phi = 1.0 if place == 0 else (x if place == 1 else (y if place == 2 else x * y))
            phi = x * x if place == 4 else phi
            a += heads[0, place] * phi
            b += heads[1, place] * phi
            c += heads[2, place] * phi
        raised = a - _softplus(b) * z - _softplus(c) * z * z
        retention[i] = LOWEST_RETENTION + RANGE / (1.0 + exp(-raised))
        out[i] = interval(cards.stability[i], retention[i], w)


@dataclass(frozen=True, eq=False)
class CostAdr:
    """Adaptive desired retention: DR = .30 + .695 sigma(a phi - softplus(b phi) z - softplus(c phi) z^2).

    phi = (1, x, y, xy, x^2) with x = ln(S / .001) / ln(36500 / .001) and y = (D - 1) / 9, and
    z = ln(1 + price) / ln 1025 for a price of a minute in [0, 1024]; retention can only fall with it.
    """

    price: float
    heads: Sequence[Sequence[float]] = HEADS
    weights: tuple[float, ...] = WEIGHTS

    def __post_init__(self) -> None:
        if not 0.0 <= self.price <= MOST_PRICE:
            raise reject("price", self.price, f"a number in [0, {MOST_PRICE:g}]")

    def begin(self, batch: int) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def retentions(self, cards: Cards) -> Floats:
        """The desired retention of each card `[batch]`."""
        return self._both(cards)[0]

    def intervals(self, cards: Cards, memory: tuple[()]) -> Floats:
        """See `Schedule`."""
        return self._both(cards)[1]

    def _both(self, cards: Cards) -> tuple[Floats, Floats]:
        retention, out = np.empty((2, len(cards.left)))
        _adr(cards, np.array(self.heads), float(self.price), np.array(self.weights), retention, out)
        return retention, out


@kernel
def _fixed(cards: Cards, retention: float, w: Floats, out: Floats) -> None:
    for i in range(out.shape[0]):
        out[i] = interval(cards.stability[i], retention, w)


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
        _fixed(cards, self.retention, np.array(self.weights), out)
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
