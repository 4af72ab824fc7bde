"""One card of FSRS-6 for five years: days of recall on one side, minutes of work on the other.

The benchmark of srs-simulator (open-spaced-repetition).  A card is learned on day 0 and reviewed exactly when
its schedule says.  With S and D after the last review, an interval of so many days is remembered

    sum over d = 1 ... min(interval, days left) of R(d, S)

(day 0 is not counted).  The review takes place if the interval fits into the days left: recalled with the
chance R, and then Hard, Good or Easy in fixed shares.  A policy is told by its recall (the days remembered,
as a share of all) and by its minutes a day.  Formulas, weights and shares are those of the FSRS learners.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from coursewright.agents.fsrs_grid import LEARNING_SECONDS, REVIEW_SECONDS
from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import ANSWER, Keys, Seeds, Split, identify, uniform
from coursewright.simulators.memory.fsrs import (
    AGAIN,
    FIRST_GRADES,
    HARD,
    RIGHT_GRADES,
    WEIGHTS,
    Fsrs,
    first_difficulty,
    in_range,
    next_difficulty,
    next_stability,
    recall,
)

DAYS = 1825
DECK = 10_000  # cards, in figures of minutes a day for a whole deck


class Costs(NamedTuple):
    """Weights `[21]`, shares of grades (`first [4]`, `right [3]`), and minutes a grade (`[4]` each)."""

    weights: Floats
    first: Floats
    right: Floats
    learning: Floats
    review: Floats


@dataclass(frozen=True, eq=False)
class Card:
    """The benchmark: the horizon in `days`, and the card's FSRS-6 `weights`.

    Raises `InputError` for a horizon below one day, and for weights that FSRS-6 does not allow.
    """

    days: int = DAYS
    weights: tuple[float, ...] = WEIGHTS

    def __post_init__(self) -> None:
        if self.days < 1:
            raise reject("card.days", self.days, "a whole number >= 1")
        Fsrs(Course.of(1), self.weights)

    @cached_property
    def costs(self) -> Costs:
        """The numbers as arrays."""
        minutes = (np.array(LEARNING_SECONDS) / 60.0, np.array(REVIEW_SECONDS) / 60.0)
        return Costs(np.array(self.weights), np.array(FIRST_GRADES), np.array(RIGHT_GRADES), *minutes)


class Cards(NamedTuple):
    """A batch of cards after a review: `stability` and `difficulty [batch]`, the `left` days of the horizon.

    `grade` is that of the last review, `elapsed` the days before it (0 after the first meeting).
    """

    stability: Floats
    difficulty: Floats
    left: Ints
    grade: Ints
    elapsed: Floats


class Schedule(Protocol):
    """A way to choose the next interval of a card."""

    def begin(self, batch: int) -> Any:
        """The memory of new cards: arrays with the batch as their first axis."""
        ...

    def intervals(self, cards: Cards, memory: Any) -> Floats:
        """The days until the next review, `[batch]`, whole and >= 1; the memory is changed in place."""
        ...


class Score(NamedTuple):
    """Mean recall in [0, 1] and minutes a day of one card, with their standard errors."""

    recall: float
    minutes: float
    recall_se: float
    minutes_se: float

    @property
    def deck(self) -> float:
        """Minutes a day of a deck of 10,000 cards."""
        return DECK * self.minutes


@inlined
def drawn(u: float, shares: Floats) -> int:
    """The place that u in [0, 1) falls on among shares that add up to 1."""
    place, left = 0, u
    while place < shares.shape[0] - 1 and left >= shares[place]:
        left -= shares[place]
        place += 1
    return place


@kernel
def learn(rows: Ints, fate: Keys, w: Floats, costs: Costs, cards: Cards, minutes: Floats) -> None:
    """Let new cards be learned in these rows, with weights `w [batch, 21]`; `minutes` are added to."""
    for i in rows:
        grade = AGAIN + drawn(uniform(fate[i], 0, ANSWER), costs.first)
        cards.grade[i], cards.elapsed[i] = grade, 0.0
        cards.stability[i] = w[i, grade - 1]
        cards.difficulty[i] = in_range(first_difficulty(grade, w[i]))
        minutes[i] += costs.learning[grade - 1]


@kernel
def review(
    fate: Keys,
    turn: Ints,
    interval: Floats,
    weights: Floats,
    costs: Costs,
    cards: Cards,
    memory: Floats,
    minutes: Floats,
) -> int:
    """Let the interval pass, and review where it fits; the number of cards that go on.

    `turn [batch]` is the number of the review, `weights [batch, 21]`; `memory` and `minutes` are added to.
    """
    on = 0
    for i in range(fate.shape[0]):
        if cards.left[i] <= 0:
            continue
        w, days, stability, difficulty = weights[i], int(interval[i]), cards.stability[i], cards.difficulty[i]
        recalled = 0.0
        for d in range(1, min(days, cards.left[i]) + 1):
            recalled = recall(d, stability, w)
            memory[i] += recalled
        cards.left[i] -= days
        if cards.left[i] < 0:
            continue
        grade = AGAIN
        if uniform(fate[i], turn[i], ANSWER) < recalled:
            grade = HARD + drawn(uniform(fate[i], turn[i], ANSWER + 1), costs.right)
        cards.stability[i] = next_stability(stability, difficulty, days, recalled, grade, w)
        cards.difficulty[i] = next_difficulty(difficulty, grade, w)
        cards.grade[i] = grade
        cards.elapsed[i] = days
        minutes[i] += costs.review[grade - 1]
        on += cards.left[i] > 0
    return on


def unlearned(batch: int, days: int) -> Cards:
    """Cards before the first meeting, with so many days ahead."""
    left, grade = np.full(batch, days, np.int64), np.zeros(batch, np.int64)
    return Cards(np.zeros(batch), np.zeros(batch), left, grade, np.zeros(batch))


def score(card: Card, schedule: Schedule, cards: int = 20_000, seed: int = 0) -> Score:
    """Recall and minutes of a schedule over so many cards; every schedule meets the same luck.

    Raises `InputError` for fewer than two cards.
    """
    if cards < 2:
        raise reject("cards", cards, "a whole number >= 2")
    fate = identify(Seeds(luck=seed), np.arange(cards), Split.EVALUATE, np.zeros(cards, np.int64)).fate
    memory, minutes, turn = np.zeros(cards), np.zeros(cards), np.zeros(cards, np.int64)
    w, state = np.tile(card.costs.weights, (cards, 1)), unlearned(cards, card.days)
    kept, going = schedule.begin(cards), cards
    learn(np.arange(cards), fate, w, card.costs, state, minutes)
    while going:
        turn += 1
        days = schedule.intervals(state, kept)
        going = review(fate, turn, days, w, card.costs, state, memory, minutes)
    share, rate, root = memory / card.days, minutes / card.days, np.sqrt(cards)
    return Score(float(share.mean()), float(rate.mean()), float(share.std() / root), float(rate.std() / root))
