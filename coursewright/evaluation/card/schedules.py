"""Schedules of a card: fixed retention, Cost-ADR, SSP-MMC, MEMORIZE, and those that know no memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.agents.fsrs_grid import LONGEST, SHORTEST
from coursewright.agents.schedulers.anki import (
    EASE,
    FIRST,
    FIRST_EASY,
    lapse_interval,
    next_ease,
    passing_interval,
)
from coursewright.agents.schedulers.by_memory import begun
from coursewright.agents.schedulers.cost_adr import HEADS, adr_retentions, check_price
from coursewright.agents.schedulers.memrise import RUNGS, next_rung
from coursewright.agents.schedulers.ssp_mmc import ShortestPath
from coursewright.errors import reject
from coursewright.evaluation.card.card import Cards
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import POLICY, Seeds, Split, identify, uniforms
from coursewright.simulators.memory.answered import FsrsMemory
from coursewright.simulators.memory.fsrs import AGAIN, EASY, LONGEST_INTERVAL, WEIGHTS, Fsrs, interval


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


@dataclass(frozen=True, eq=False)
class SspMmcCard:
    """SSP-MMC over FSRS (see `agents/schedulers/ssp_mmc.py`); a card at the `goal` is reviewed no more.

    Its aim is another one than the frontier's: the fewest seconds until a stability is reached.
    """

    goal: float
    weights: tuple[float, ...] = WEIGHTS

    def __post_init__(self) -> None:
        if not SHORTEST < self.goal < LONGEST:
            raise reject("goal", self.goal, f"days in ({SHORTEST:g}, {LONGEST:g})")

    @cached_property
    def _path(self) -> ShortestPath:
        return ShortestPath(Fsrs(Course.of(1), self.weights), float(self.goal))

    def begin(self, batch: int) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def intervals(self, cards: Cards, memory: tuple[()]) -> Floats:
        """See `Schedule`."""
        out, retention = np.empty(len(cards.left)), self._path.retentions(cards.stability, cards.difficulty)
        _at_retentions(cards, np.where(retention > 0.0, retention, 0.5), np.array(self.weights), out)
        return np.where(retention > 0.0, out, float(LONGEST_INTERVAL))


class Turns(NamedTuple):
    """The reviews so far, `[batch]`."""

    turn: Ints


@dataclass(frozen=True, eq=False)
class MemorizeCard:
    """MEMORIZE by FSRS's recall (see `agents/schedulers/memorize.py`), in whole days of one or more."""

    q: float
    weights: tuple[float, ...] = WEIGHTS

    def __post_init__(self) -> None:
        if not 0.0 < self.q < np.inf:
            raise reject("q", self.q, "a positive, finite number")

    def begin(self, batch: int) -> Turns:
        """No review yet."""
        return Turns(np.zeros(batch, np.int64))

    def intervals(self, cards: Cards, memory: Turns) -> Floats:
        """See `Schedule`; draws belong to the card and the review."""
        rows = np.arange(len(cards.left))
        memories, draw, days = FsrsMemory(Fsrs(Course.of(1), self.weights)), *np.empty((2, len(rows)))
        learners = begun(memories, len(rows))
        learners.stability[:, 0], learners.difficulty[:, 0] = cards.stability, cards.difficulty
        uniforms(identify(Seeds(), rows, Split.TRAIN, np.zeros_like(rows)).fate, memory.turn, POLICY, draw)
        memory.turn[:] += 1
        wanted = -np.log1p(-draw) * np.sqrt(self.q)
        memories.lost_in(learners, np.zeros_like(rows), wanted, days)
        return np.maximum(np.rint(days), 1.0)
