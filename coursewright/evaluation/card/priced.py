"""A trained schedule for every price of a minute: one network, and the price is among its inputs.

It chooses a desired retention among those of the exact optimum.  Its file holds numbers and JSON alone, and
neither torch nor a training is needed to follow it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from coursewright.agents.learning.weights import BROKEN, read_tree, write_tree
from coursewright.errors import InputError, reject
from coursewright.evaluation.card.card import DAYS, Card, Cards
from coursewright.evaluation.card.exact import RETENTIONS
from coursewright.evaluation.card.lives import due
from coursewright.evaluation.card.shown import HIGHEST_PRICE, WIDTH, show
from coursewright.simulators.arrays import Floats, Observation

FORMAT = 1
PRICES = (0, 1, 4, 16, 32, 64, 128, 256, 384)  # of the card's picture


@dataclass(frozen=True, eq=False)
class Priced:
    """Layers of a network, each its weights `[out, in]` and biases `[out]`, with a ReLU between two of them.

    `days` is the horizon of its training, `told` the options and the seed of that.
    """

    layers: Sequence[tuple[Floats, Floats]]
    days: int = DAYS
    told: dict[str, Any] | None = None

    def scores(self, seen: Observation) -> Floats:
        """`seen [batch, WIDTH]` to one score a retention, `[batch, retentions]`."""
        values: Floats = seen.astype(np.float64)
        for place, (weights, biases) in enumerate(self.layers):
            values = (np.maximum(values, 0.0) if place else values) @ weights.T + biases
        return values

    def at(self, price: float, card: Card | None = None) -> "PricedSchedule":
        """The schedule of a card (the published weights where there is none) at a price in [0, 1024]."""
        return PricedSchedule(self, float(price), Card(self.days) if card is None else card)

    def save(self, path: str | Path) -> None:
        """Write it as an .npz file."""
        tree = {"days": self.days, "told": self.told, "layers": [list(layer) for layer in self.layers]}
        write_tree(path, tree, FORMAT)

    @classmethod
    def load(cls, path: str | Path) -> "Priced":
        """Read the file of `save`, which runs nothing of it.

        Raises `InputError` for a file that is missing, broken or of another format.
        """
        tree = read_tree("agent", path, FORMAT)
        try:
            layers = [(weights, biases) for weights, biases in tree["layers"]]
            widths = [WIDTH, *(len(weights) for weights, _ in layers)]
            shapes = [(weights.shape, biases.shape) for weights, biases in layers]
            right = [((n, m), (n,)) for m, n in pairwise(widths)]
            whole = shapes == right and widths[-1] == len(RETENTIONS) and tree["days"] >= 1
            if not whole or not all(np.isfinite(part).all() for layer in layers for part in layer):
                raise ValueError("not the layers of such a network")
        except (*BROKEN, AttributeError) as error:
            raise InputError(f"agent = {path}: not a trained schedule of a card") from error
        return cls(tuple(layers), int(tree["days"]), tree.get("told"))


def priced_schedules(path: str | Path, card: Card) -> dict[str, "PricedSchedule"]:
    """The trained schedule of a file at the prices of the card's picture, by setting."""
    policy = Priced.load(path)
    return {f"price {price:g}": policy.at(price, card) for price in PRICES}


@dataclass(frozen=True, eq=False)
class PricedSchedule:
    """A trained schedule at one price.

    Raises `InputError` for a price out of [0, 1024], and for another horizon than that of the training.
    """

    policy: Priced
    price: float
    card: Card

    def __post_init__(self) -> None:
        if not 0.0 <= self.price <= HIGHEST_PRICE:
            raise reject("price", self.price, f"a number in [0, {HIGHEST_PRICE:g}]")
        if self.card.days != self.policy.days:
            raise reject("card.days", self.card.days, f"{self.policy.days}, for which the agent was trained")

    def begin(self, batch: int) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def retentions(self, cards: Cards) -> Floats:
        """The desired retention of each card `[batch]`."""
        batch = len(cards.left)
        seen = np.empty((batch, WIDTH), np.float32)
        weights = np.tile(self.card.costs.weights, (batch, 1))
        show(cards, weights, np.full(batch, self.price), self.card.days, seen)
        return np.asarray(np.array(RETENTIONS)[self.policy.scores(seen).argmax(axis=1)])

    def intervals(self, cards: Cards, memory: tuple[()]) -> Floats:
        """See `Schedule`."""
        out, weights = np.empty(len(cards.left)), np.tile(self.card.costs.weights, (len(cards.left), 1))
        due(cards.stability, self.retentions(cards), weights, out)
        return out
