"""Learners of whom responses leave one number in doubt: their intercept.  All else follows from the answers.

    P(item a) = guess_a + (1 - guess_a) / (1 + exp(-z_a)),
    z_a = slope_a (theta + share_a Σ_c worth_c - difficulty_a),    theta ~ N(0, spread²)

over the counters c that the item touches.  What a counter is worth depends on what was answered, and when.
"""

from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np

from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.lists import Lists
from coursewright.simulators.protocol import Simulator


class Form(NamedTuple):
    """The constants of the formula: `[items]` each, and the counters that each item touches."""

    difficulty: Floats
    slope: Floats
    guess: Floats
    share: Floats
    touched: Lists
    spread: float

    @classmethod
    def of(cls, difficulty: Floats, touched: Lists, spread: float) -> Self:
        """A plain sum: slope and share are 1, and nobody guesses."""
        ones = np.ones(len(difficulty))
        return cls(difficulty, ones, np.zeros_like(ones), ones, touched, spread)


@runtime_checkable
class OneIntercept(Simulator[Any], Protocol):
    """Learners who differ in their intercept alone."""

    @property
    def form(self) -> Form | None:
        """The constants; None where these learners differ in more."""
        ...

    def record(self, state: Any, item: Ints, taught: Bools, correct: Ints) -> None:
        """Let the answers `correct [batch]` to `item [batch]` (-1: none) of taught rows count."""
        ...

    def place(self, state: Any, theta: Floats) -> None:
        """Give these learners the intercepts `theta [batch]`, on the scale of the formula."""
        ...

    def foresee(self, state: Any, days: float, out: Floats) -> None:
        """Write the worth of every counter `days` from now, `[batch, counters, 3]`.

        First as it will be if nothing happens, then after a wrong answer now, then after a right one.  With
        an `out` of one column only the first is found.
        """
        ...
