"""Cards to train on: each with a price of a minute of its own, and weights of its own where they are drawn.

The reward of an interval is minus the days forgotten in it and minus the price of its minutes, as shares of
the horizon.  The rewards of a card therefore add up to J - 1, but for the minutes of the first meeting, with

    J = recall - price x minutes a day.

They come in units of `unit(price)`, so that differences between schedules have one size at every price.

**Luck can be taken out of a reward.**  With a critic's value V of what follows, and the model's own chances P
of the four grades of a review,

    reward - (V(grade drawn) - price x minutes(grade drawn)) + sum over grades of P (V - price x minutes)

has the same mean, whatever V is, and little of the noise (a control variate, as in White & Bowling 2009,
"Learning a value analysis tool for agent evaluation").
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from coursewright.agents.training_learners import first_learner
from coursewright.evaluation.card.card import Card, learn, review, unlearned
from coursewright.evaluation.card.shown import HIGHEST_PRICE, WIDTH, chances, show, show_outcomes
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import ENROL, Keys, Seeds, Split, identify, normal, uniform, uniforms
from coursewright.simulators.memory.fsrs import EASY, HIGHEST, LOWEST, interval

# The spread of drawn weights: of ln w0 ... w3 (first stabilities) and of ln w4 ... w19, and the range of w20.
FIRST_SPREAD, SPREAD, DECAYS = 1.0, 0.15, (0.06, 0.6)
FIRSTS, DECAY = 4, 20  # places of weights
PRICE, OWN, WEIGHT = 0, 1, 2  # indices of draws
UNIT = 100.0
Critic = Callable[[Observation], Floats]  # `[rows, WIDTH]` to values `[rows]`


@kernel
def _draw_weights(key: Keys, base: Floats, lowest: Floats, highest: Floats, out: Floats) -> None:
    for i in range(key.shape[0]):
        for k in range(DECAY):
            spread = FIRST_SPREAD if k < FIRSTS else SPREAD
            out[i, k] = base[k] * np.exp(spread * normal(key[i], 0, ENROL + WEIGHT + 2 * k))
        share = uniform(key[i], 0, ENROL + WEIGHT + 2 * DECAY)
        out[i, DECAY] = DECAYS[0] + (DECAYS[1] - DECAYS[0]) * share
        for k in range(DECAY + 1):
            out[i, k] = min(max(out[i, k], lowest[k]), highest[k])


@kernel
def _draw_prices(key: Keys, highest: float, out: Floats) -> None:
    for i in range(key.shape[0]):
        out[i] = np.exp(uniform(key[i], 0, ENROL + PRICE) * np.log(1.0 + highest)) - 1.0


@kernel
def due(stability: Floats, retention: Floats, weights: Floats, out: Floats) -> None:
    """The ordinary FSRS interval `out [batch]` for desired retentions `[batch]`; `weights [batch, 21]`."""
    for i in range(out.shape[0]):
        out[i] = interval(stability[i], retention[i], weights[i])


def drawn_weights(key: Keys, base: Sequence[float]) -> Floats:
    """Weights `[batch, 21]` around `base`, cut to FSRS's bounds.

    w0 to w3 move by a factor exp N(0, 1), w4 to w19 by exp N(0, .15^2); w20 lies anywhere in [.06, .6], which
    FSRS's bounds cut to .1 from below.
    """
    out = np.empty((len(key), DECAY + 1))
    _draw_weights(key, np.array(base, np.float64), np.array(LOWEST), np.array(HIGHEST), out)
    return out


def held_out(vectors: int, base: Sequence[float]) -> list[tuple[float, ...]]:
    """The weights of so many people who are never trained on."""
    number = np.arange(vectors)
    luck = identify(Seeds(), number, Split.EVALUATE, np.zeros_like(number))
    return [tuple(row) for row in drawn_weights(luck.learner, base).tolist()]


def unit(price: Floats) -> Floats:
    """The factor of rewards at a price: the lead of good schedules grows about as the root of it."""
    return np.asarray(UNIT / np.sqrt(1.0 + price))


class Step(NamedTuple):
    """The observation after a step `[cards, WIDTH]`, the reward `[cards]`, and the cards that are over."""

    seen: Observation
    reward: Floats
    over: Bools


class Lives:
    """A batch of cards that begin anew, with another price and other weights, when their horizon is over.

    `published` is the share of cards with the card's own weights; those of the others are drawn around them.
    """

    def __init__(self, card: Card, cards: int, seed: int, published: float) -> None:
        self.card, self.published = card, published
        self.state = unlearned(cards, card.days)
        self.price, self.minutes = np.zeros((2, cards))
        self.weights = np.tile(card.costs.weights, (cards, 1))
        self.fate = np.zeros(cards, np.uint64)
        self.turn, self.life = np.zeros((2, cards), np.int64)
        self.number = first_learner(seed) + np.arange(cards)

    def begin(self, rows: Ints) -> None:
        """Let other cards be learned in these rows."""
        luck = identify(Seeds(), self.number[rows], Split.TRAIN, self.life[rows])
        self.life[rows] += 1
        self.turn[rows], self.state.left[rows] = 0, self.card.days
        self.fate[rows] = luck.fate
        price, own = np.empty((2, len(rows)))
        _draw_prices(luck.learner, HIGHEST_PRICE, price)
        self.price[rows] = price
        if self.published < 1.0:
            weights = drawn_weights(luck.learner, self.card.weights)
            uniforms(luck.learner, np.zeros_like(rows), ENROL + OWN, own)
            weights[own < self.published] = self.card.costs.weights
            self.weights[rows] = weights
        self.minutes[rows] = 0.0
        learn(rows, self.fate, self.weights, self.card.costs, self.state, self.minutes)

    def seen(self) -> Observation:
        """The observation `[cards, WIDTH]`."""
        out = np.empty((len(self.price), WIDTH), np.float32)
        show(self.state, self.weights, self.price, self.card.days, out)
        return out

    def step(self, retention: Floats, critic: Critic | None = None) -> Step:
        """Wait until recall is at these retentions `[cards]`, and review; cards that are over begin anew.

        With a critic, luck is taken out of the rewards.
        """
        card, state, batch = self.card, self.state, len(self.price)
        days, before, memory = np.empty(batch), state.left.copy(), np.zeros(batch)
        due(state.stability, retention, self.weights, days)
        ahead = None if critic is None else self._outcomes(days, critic)
        self.turn += 1
        self.minutes[:] = 0.0
        review(self.fate, self.turn, days, self.weights, card.costs, state, memory, self.minutes)
        forgotten = np.minimum(days, before) - memory
        reward = -unit(self.price) * (forgotten + self.price * self.minutes) / card.days
        if ahead is not None:
            worth, mean = ahead
            reviewed = state.left >= 0
            reward[reviewed] -= (worth[np.arange(batch), state.grade - 1] - mean)[reviewed]
        over = state.left <= 0
        self.begin(np.flatnonzero(over))
        return Step(self.seen(), reward, over)

    def _outcomes(self, days: Floats, critic: Critic) -> tuple[Floats, Floats]:
        """The worth of each grade after these days `[cards, 4]`, by the critic, and its mean `[cards]`."""
        card, batch = self.card, len(days)
        chance, seen = np.empty((batch, EASY)), np.empty((batch, EASY, WIDTH), np.float32)
        chances(self.state, days, self.weights, card.costs.right, chance)
        show_outcomes(self.state, days, self.weights, self.price, card.days, seen)
        value = critic(seen.reshape(-1, WIDTH)).reshape(batch, EASY)
        value[self.state.left <= days] = 0.0  # nothing follows the last day
        cost = self.price[:, None] * card.costs.review / card.days * unit(self.price)[:, None]
        return value - cost, (chance * (value - cost)).sum(axis=1)
