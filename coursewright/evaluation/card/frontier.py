"""Schedules on one frontier: recall, minutes, and the time that each saves at equal recall."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from coursewright.agents.schedulers.cost_adr import PRICES
from coursewright.errors import reject
from coursewright.evaluation.card.card import DECK, Card, Schedule, Score, score
from coursewright.evaluation.card.exact import card_grid, optimum
from coursewright.evaluation.card.schedules import (
    AnkiCard,
    CostAdr,
    FixedRetention,
    MemorizeCard,
    MemriseCard,
    SspMmcCard,
)
from coursewright.evaluation.card.stationary import stationary
from coursewright.progress import each

RETENTIONS = (0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98)
OPTIMAL_PRICES = (0, 4, 16, 32, 64, 128, 256, 384)
CLEARLY = 0.01  # as a share of the minutes: less is noise, or the curve between two points
ERRORS = 3.0  # standard errors of the minutes: less is noise, too
STEPS = 200  # points of a frontier's curve
BASE, ADR, BEST = "fixed retention", "Cost-ADR", "exact optimum"
MEMRISE, ANKI = "Memrise", "Anki SM-2"
STILL, SSP, RANDOM = "stationary optimum", "SSP-MMC", "MEMORIZE"
GOALS = (30, 90, 365, 1000, 3000, 10_000)  # stabilities, days
WEIGHTS_OF_REVIEWS = (3, 10, 30, 100, 300, 1000, 3000, 10_000)  # q


class Point(NamedTuple):
    """One schedule on the frontier: its family, its setting in words, its score."""

    family: str
    setting: str
    score: Score


class Saved(NamedTuple):
    """A family beside fixed retention.

    `coverage` is the common interval of recall as a share of that of fixed retention; `time` is the mean of
    the minutes saved in it over the mean of fixed retention's.  A family of one point has no interval: its
    `time` is at its own recall, its coverage 0.
    """

    family: str
    coverage: float
    time: float


@dataclass(frozen=True)
class Frontier:
    """Points of all families, on the same cards with the same luck."""

    points: tuple[Point, ...]

    def of(self, family: str) -> tuple[Point, ...]:
        """A family's points, from low recall to high."""
        mine = [point for point in self.points if point.family == family]
        return tuple(sorted(mine, key=lambda point: point.score.recall))

    @property
    def families(self) -> tuple[str, ...]:
        """The families, fixed retention first."""
        return tuple(dict.fromkeys(point.family for point in self.points))

    def minutes(self, family: str, recall: float) -> float:
        """Minutes a day of a deck at this recall, between a family's points; NaN beyond them."""
        return float(_curve(self.of(family))(recall))

    def saved(self, family: str) -> Saved:
        """The time that a family saves at equal recall."""
        base, mine = self.of(BASE), self.of(family)
        if len(mine) == 1:
            theirs = self.minutes(BASE, mine[0].score.recall)
            return Saved(family, 0.0, (theirs - mine[0].score.deck) / theirs)
        ends = [(points[0].score.recall, points[-1].score.recall) for points in (base, mine)]
        low, high = max(low for low, _ in ends), min(high for _, high in ends)
        if low >= high:
            return Saved(family, 0.0, float("nan"))
        recalls = np.linspace(low, high, STEPS)
        fixed = np.array([self.minutes(BASE, recall) for recall in recalls])
        saved = fixed - np.array([self.minutes(family, recall) for recall in recalls])
        coverage = (high - low) / (ends[0][1] - ends[0][0])
        return Saved(family, float(coverage), float(saved.mean() / fixed.mean()))

    def dominating(self, point: Point) -> str:
        """The family with the fewest minutes at a point's recall or above; "" if none needs clearly less.

        Clearly: `CLEARLY` of the point's minutes, and more than three of their standard errors.
        """
        found = {}
        clear = max(CLEARLY * point.score.deck, ERRORS * DECK * point.score.minutes_se)
        for family in self.families:
            lowest = self.of(family)[0].score.recall
            minutes = self.minutes(family, max(lowest, point.score.recall))
            if family != point.family and point.score.deck - minutes > clear:
                found[family] = minutes
        return min(found, key=found.__getitem__, default="")

    @property
    def rows(self) -> tuple[Point, ...]:
        """The points by family, and in a family by minutes."""
        by_minutes = sorted(self.points, key=lambda point: point.score.minutes)
        return tuple(point for family in self.families for point in by_minutes if point.family == family)

    @property
    def table(self) -> pd.DataFrame:
        """One row a point, with the minutes of fixed retention at the same recall beside its own.

        `dominated_by` is the family that needs clearly fewer minutes for it, "" where there is none.
        """
        rows = [
            {
                "family": point.family,
                "setting": point.setting,
                "recall": point.score.recall,
                "recall_se": point.score.recall_se,
                "deck_minutes": point.score.deck,
                "deck_minutes_se": DECK * point.score.minutes_se,
                "fixed_minutes": self.minutes(BASE, point.score.recall),
                "dominated_by": self.dominating(point),
            }
            for point in self.rows
        ]
        return pd.DataFrame(rows)


def _curve(points: Sequence[Point]) -> Callable[[float], float]:
    """Minutes as a smooth, monotone function of recall; of points with the same recall, the first."""
    recalls = np.array([point.score.recall for point in points])
    minutes = np.array([point.score.deck for point in points])
    kept = np.concatenate([[True], np.diff(recalls) > 0.0])
    if kept.sum() < 2:
        return lambda recall: float(minutes[0]) if recall == recalls[0] else float("nan")
    found = PchipInterpolator(recalls[kept], minutes[kept], extrapolate=False)
    return lambda recall: float(found(recall))


def frontier(
    card: Card,
    cards: int = 20_000,
    seed: int = 0,
    own: Mapping[str, Schedule | Mapping[str, Schedule]] | None = None,
    prices: Sequence[float] = OPTIMAL_PRICES,
) -> Frontier:
    """All families of schedules, and schedules of your `own` by name, or by name and setting.

    Raises `InputError` where one of your own has a family's name.
    """
    families = {BASE, ADR, MEMRISE, ANKI, BEST, STILL, SSP, RANDOM}
    for name in own or {}:
        if name in families:
            raise reject("own", name, "another name: a family is called so")
    w, grid = card.weights, card_grid(card)
    given: list[tuple[str, str, Schedule]] = [
        *((BASE, f"{r:g}", FixedRetention(r, w)) for r in RETENTIONS),
        *((ADR, f"price {p:g}", CostAdr(p, weights=w)) for p in PRICES),
        (MEMRISE, "", MemriseCard()),
        (ANKI, "", AnkiCard()),
        *((BEST, f"price {p:g}", optimum(card, p, grid)) for p in each(prices, BEST, "prices")),
        *((STILL, f"price {p:g}", stationary(card, p, grid)) for p in each(prices, STILL, "prices")),
        *((SSP, f"goal {days:g} d", SspMmcCard(days, w)) for days in GOALS),
        *((RANDOM, f"q {q:g}", MemorizeCard(q, w)) for q in WEIGHTS_OF_REVIEWS),
        *(
            (name, setting, schedule)
            for name, part in (own or {}).items()
            for setting, schedule in (part if isinstance(part, Mapping) else {"": part}).items()
        ),
    ]
    taught = each(given, "cards of a schedule", "schedules")
    return Frontier(tuple(Point(f, setting, score(card, s, cards, seed)) for f, setting, s in taught))
