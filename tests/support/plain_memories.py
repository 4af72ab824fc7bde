"""FSRS-6, half-life regression and ACT-R of one item, written out from their definitions in plain Python."""

import math

from coursewright.simulators.memory.fsrs import WEIGHTS


class PlainFsrs:
    """FSRS-6 with Again and Good, written out from its definition."""

    def __init__(self, item: int) -> None:
        self.s = self.d = 0.0
        self.last: float | None = None

    def p(self, now: float) -> float:
        if self.last is None:
            return 0.7
        days = math.floor(now - self.last + 1e-9)
        return (1.0 + (0.9 ** (-1 / WEIGHTS[20]) - 1.0) * days / self.s) ** -WEIGHTS[20]

    def tell(self, correct: int, now: float) -> None:
        w, grade = WEIGHTS, 3 if correct else 1
        easiest = w[4] - math.exp(3 * w[5]) + 1.0
        if self.last is None:
            self.s = w[grade - 1]
            self.d = min(max(w[4] - math.exp(w[5] * (grade - 1)) + 1.0, 1.0), 10.0)
        else:
            r, s, d = self.p(now), self.s, self.d
            if math.floor(now - self.last + 1e-9) < 1:
                factor = math.exp(w[17] * (grade - 3 + w[18])) * s ** -w[19]
                self.s = s * (max(factor, 1.0) if correct else factor)
            elif correct:
                self.s = s * (1 + math.exp(w[8]) * (11 - d) * s ** -w[9] * (math.exp((1 - r) * w[10]) - 1))
            else:
                kept = w[11] * d ** -w[12] * ((s + 1) ** w[13] - 1) * math.exp((1 - r) * w[14])
                self.s = min(kept, s / math.exp(w[17] * w[18]))
            self.s = max(self.s, 0.001)
            moved = d + (10 - d) / 9 * (-w[6] * (grade - 3))
            self.d = min(max(w[7] * easiest + (1 - w[7]) * moved, 1.0), 10.0)
        self.last = now

    @property
    def stability(self) -> float:
        return self.s


class PlainHlr:
    def __init__(self, item: int) -> None:
        self.right = self.wrong = 0
        self.constant = 1.1 + (0.3, 0.0, -0.5)[item]
        self.last: float | None = None

    @property
    def half_life(self) -> float:
        raw = 2.0 ** (0.8 * math.sqrt(1 + self.right) - 0.4 * math.sqrt(1 + self.wrong) + self.constant)
        return min(max(raw, 15 / 1440), 274.0)

    def p(self, now: float) -> float:
        if self.last is None:
            return 0.2
        return min(max(2.0 ** (-(now - self.last) / self.half_life), 0.0001), 0.9999)

    def tell(self, correct: int, now: float) -> None:
        self.right, self.wrong, self.last = self.right + correct, self.wrong + 1 - correct, now

    @property
    def stability(self) -> float:
        return 0.0 if self.last is None else self.half_life * math.log(0.9) / math.log(0.5)


class PlainActR:
    def __init__(self, item: int) -> None:
        self.traces: list[tuple[float, float]] = []

    def strength(self, now: float) -> float:
        return sum(max(1.0, 86_400 * 0.025 * (now - t)) ** -d for t, d in self.traces[-3:])

    def p(self, now: float) -> float:
        if not self.traces:
            return 0.1
        return 1.0 / (1.0 + math.exp((-0.70421 - math.log(self.strength(now))) / 0.25489))

    def tell(self, correct: int, now: float) -> None:
        self.traces.append((now, 0.21697 * self.strength(now) + 0.17679))

    @property
    def stability(self) -> float:
        if not self.traces:
            return 0.0
        low, high = 0.0, 36_500.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if self.p(self.traces[-1][0] + middle) > 0.9 else (low, middle)
        return high


PLAIN = {"fsrs": PlainFsrs, "hlr": PlainHlr, "act_r": PlainActR}
