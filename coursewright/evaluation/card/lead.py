"""The lead of a schedule for every price: its part of the way from fixed retention to the exact optimum.

Two ways to say it:

- of **time**, the minutes saved beside fixed retention, as a mean over the recalls that all three reach, over
  the same of the optimum.  Its coverage is those recalls as a share of fixed retention's.
- of **worth**, the mean over prices of (J - J of the best fixed retention) / (J of the optimum - the same),
  where J is recall minus price times minutes a day.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from coursewright.evaluation.card.card import Card, Schedule, Score, score
from coursewright.evaluation.card.exact import card_grid, optimum
from coursewright.evaluation.card.frontier import (
    BASE,
    BEST,
    OPTIMAL_PRICES,
    RETENTIONS,
    STEPS,
    Frontier,
    Point,
)
from coursewright.evaluation.card.schedules import FixedRetention

LOW = (0.5, 0.6)  # retentions that are best at high prices, below those of the frontier
TRAINED = "trained agent"


class Lead(NamedTuple):
    """Leads of `time` and of `worth`, 1 for the optimum itself, and the `coverage` of that of time."""

    time: float
    worth: float
    coverage: float


class Ends(NamedTuple):
    """The scores of fixed retention, and of the optimum by price: the two ends of a lead."""

    card: Card
    fixed: Mapping[float, Score]
    best: Mapping[float, Score]
    cards: int
    seed: int


def ends_of(
    card: Card, prices: Sequence[float] = OPTIMAL_PRICES[1:], cards: int = 20_000, seed: int = 0
) -> Ends:
    """The ends for a card, simulated with so many cards."""
    grid = card_grid(card)
    schedules: list[dict[float, Schedule]] = [
        {retention: FixedRetention(retention, card.weights) for retention in (*LOW, *RETENTIONS)},
        {price: optimum(card, price, grid) for price in prices},
    ]
    fixed, best = ({at: score(card, s, cards, seed) for at, s in part.items()} for part in schedules)
    return Ends(card, fixed, best, cards, seed)


def worth(found: Score, price: float) -> float:
    """J of a schedule at a price."""
    return found.recall - price * found.minutes


def lead_of(ends: Ends, schedules: Mapping[float, Schedule]) -> Lead:
    """The lead of schedules by price, for the prices of the ends, on the same cards with the same luck."""
    mine = {price: score(ends.card, schedules[price], ends.cards, ends.seed) for price in ends.best}
    parts = []
    for price, best in ends.best.items():
        fixed = max(worth(found, price) for found in ends.fixed.values())
        parts.append((worth(mine[price], price) - fixed) / (worth(best, price) - fixed))
    families = {
        BASE: {at: found for at, found in ends.fixed.items() if at in RETENTIONS},
        BEST: ends.best,
        TRAINED: mine,
    }
    points = [Point(name, f"{at:g}", found) for name, part in families.items() for at, found in part.items()]
    time, coverage = time_lead(Frontier(tuple(points)), TRAINED)
    return Lead(time, float(np.mean(parts)), coverage)


def time_lead(found: Frontier, family: str) -> tuple[float, float]:
    """The lead of time of a family of a frontier, and its coverage; NaN and 0 where it shares no recalls."""
    reached = [found.of(name) for name in (BASE, BEST, family)]
    low = max(points[0].score.recall for points in reached)
    high = min(points[-1].score.recall for points in reached)
    if low >= high:
        return float("nan"), 0.0
    recalls = np.linspace(low, high, STEPS)
    minutes = [np.array([found.minutes(name, r) for r in recalls]) for name in (BASE, BEST, family)]
    whole = reached[0][-1].score.recall - reached[0][0].score.recall
    time = (minutes[0] - minutes[2]).sum() / (minutes[0] - minutes[1]).sum()
    return float(time), float((high - low) / whole)
