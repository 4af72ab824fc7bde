"""KSS learners once more, one at a time and in plain Python: the tests compare the variants with them.

Growth is handed on from skill to skill, half at a time, where the simulator multiplies by a matrix; nothing
is imported from it.  `python tests/plain_kss.py 100000` prints each variant's figures for that many learners.
"""

import math
import random
import sys
from collections.abc import Callable
from statistics import fmean, stdev
from typing import NamedTuple

AFTER = {0: [1, 2], 1: [3], 2: [4, 8], 3: [4], 4: [8], 5: [4, 9], 6: [7], 7: [8], 8: [9], 9: []}
BEFORE = {k: [p for p, after in AFTER.items() if k in after] for k in AFTER}
MAY_FOLLOW = ["012", "0123", "01248", "0134", "01234589", "459", "67", "678", "023456789", "245789"]
IN_ORDER = [0, 5, 6, 1, 2, 7, 3, 4, 8, 9]


def without_replacement(rng: random.Random) -> set[int]:
    return set(rng.sample(range(10), rng.choice(range(3, 11))))


def with_replacement(rng: random.Random) -> set[int]:
    return {rng.choice(range(10)) for _ in range(rng.choice(range(3, 10)))}


class Rules(NamedTuple):
    """One variant."""

    difficulty: list[int]
    starts: list[int]
    targets: Callable[[random.Random], set[int]]
    edusim: bool  # learn first, answer for certain, keep to the table, 20 records
    raw: bool = False


def spread(order: list[int]) -> list[int]:
    """Difficulties 0, 0, 1, 1, 2, 2, 3, 3, 4, 4 in this order of skills."""
    return [order.index(k) // 2 for k in range(10)]


VARIANTS = {
    "edusim19": Rules([0, 1, 2, 3, 3, 0, 3, 3, 4, 4], [-3, -2, -1, 0], without_replacement, True),
    "edusim21": Rules(spread([0, 1, 2, 3, 4, 8, 5, 9, 6, 7]), [-3, -2, -1], with_replacement, True, True),
    "v3": Rules(spread(IN_ORDER), [-3, -2, -1, 0], without_replacement, False),
}


class Learner:
    """One learner, from arrival on."""

    def __init__(self, rules: Rules, rng: random.Random) -> None:
        self.rules, self.rng = rules, rng
        self.score = self.size = 0
        while self.score == self.size:
            self.ability = [rng.choice(rules.starts) - k / 10 for k in range(10)]
            self.targets = rules.targets(rng)
            self.size = len(self.targets)
            self.last: int | None = None
            self.past: list[tuple[int, bool]] = []
            self.warm_up()
            self.score = self.mastered()

    def p(self, k: int) -> float:
        return 0.25 + 0.75 / (1 + math.exp(-1.7 * 5 * (self.ability[k] - self.rules.difficulty[k])))

    def mastered(self) -> int:
        return sum(self.p(k) >= 0.5 for k in self.targets)

    def promote(self, k: int, by: float) -> None:
        self.ability[k] = min(5, self.ability[k] + by)
        for after in AFTER[k]:
            self.promote(after, by / 2)

    def learn(self, k: int) -> None:
        if self.rules.edusim and self.last is not None and str(k) not in MAY_FOLLOW[self.last]:
            return
        self.last = k
        lacking = sum(5 - self.ability[p] for p in BEFORE[k])
        self.promote(k, (5 - self.ability[k]) / math.exp(lacking) / 2)

    def meet(self, k: int) -> bool:
        if self.rules.edusim:
            self.learn(k)
            return self.p(k) >= 0.5
        right = self.rng.random() < self.p(k)
        self.learn(k)
        return right

    def warm_up(self) -> None:
        for _ in range(20):
            if self.rules.edusim and len(self.past) == 20:
                return
            k, times = self.choose()
            if k is None:
                return
            if self.rules.edusim and len(self.past) == 19:
                times = 1
            self.past += [(k, self.meet(k)) for _ in range(times)]

    def choose(self) -> tuple[int | None, int]:
        latest = [k for k, _ in self.past[-3:]]
        if latest and self.past[-1][1] and any(k != latest[-1] for k in latest):
            return latest[-1], 2
        if latest and not self.past[-1][1] and self.rng.random() < 0.7:
            return latest[-1], 1
        if self.rng.random() < 0.1:
            return self.rng.choice(range(10)), 1
        level = self.ability if self.rules.raw else [self.p(k) for k in range(10)]
        return next((k for k in IN_ORDER if level[k] < 0.6), None), 1


def figures(name: str, learners: int, steps: int = 20, seed: int = 0) -> tuple[list[float], list[float]]:
    """Share of the targets mastered at the start, and E_p of uniform random choice, per learner."""
    rng = random.Random(seed)
    start, gain = [], []
    for _ in range(learners):
        learner = Learner(VARIANTS[name], rng)
        for _ in range(steps):
            learner.meet(rng.choice(range(10)))
        start.append(learner.score / learner.size)
        gain.append((learner.mastered() - learner.score) / (learner.size - learner.score))
    return start, gain


if __name__ == "__main__":
    for variant in VARIANTS:
        for quantity, values in zip(("start", "E_p"), figures(variant, int(sys.argv[1])), strict=True):
            print(variant, quantity, f"{fmean(values):.5f} +- {stdev(values) / math.sqrt(len(values)):.5f}")
