"""Half-life regression fitted to a log (Settles & Meeder, ACL 2016, eq. 3).

    sum over answers of (p - p_hat)^2 + alpha (h - h_hat)^2,   plus lambda |w|^2

Duolingo's p is the share of right answers in a session.  A log of single answers has p = 1 or 0, within the
model's limits (.9999, .0001), and h = -t / log2 p from that p, as their code has it.  Such an h lies at one
of its two limits or near them and says little, so that alpha is 0 unless you set it.  First meetings have
no t: they are not scored, and are predicted by the share of right ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from coursewright.errors import reject
from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.descent import lowest
from coursewright.fitting.memory.reviews import Reviews, first_share, reviews_of
from coursewright.fitting.model import Estimates, Teaching
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.memory.hlr import LEAST, LONGEST, MOST, SHORTEST, Hlr, log_half_life, recall
from coursewright.simulators.memory.tables import write_memory

LN2 = float(np.log(2.0))


@dataclass(frozen=True)
class HlrModel:
    """The settings of a fit: `alpha` weighs the half-life's error (days squared), `ridge` is lambda.

    `lexeme` gives each item a weight of its own; a pooled item has the mean weight of those that it stands
    for, over their reviews.
    """

    alpha: float = 0.0
    ridge: float = 0.1
    lexeme: bool = True
    iterations: int = 1000

    needs_times: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for field in ("alpha", "ridge"):
            if not 0.0 <= getattr(self, field) < np.inf:
                raise reject(f"model.{field}", getattr(self, field), "a finite number >= 0")
        if self.iterations < 1:
            raise reject("model.iterations", self.iterations, "at least 1")

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "HLR"

    def fit(self, log: Coded) -> "FittedHlr":
        """Fit to `log` by L-BFGS from w = 0 (a half-life of one day)."""
        reviews, names = _exact(reviews_of(log), log)

        def penalised(w: Floats) -> tuple[float, Floats]:
            error, slope, _ = walk(w, reviews, self.alpha)
            slope[3:] *= self.lexeme
            return error + self.ridge * float(w @ w), slope + 2.0 * self.ridge * w

        weights, converged = lowest(penalised, np.zeros(3 + len(names)), self.iterations)
        n = len(log.items)
        hidden = reviews.item >= n
        met = np.bincount(log.item[reviews.row[hidden]], minlength=n)
        summed = np.bincount(log.item[reviews.row[hidden]], weights[3 + reviews.item[hidden]], minlength=n)
        weights[3 : 3 + n] += summed / np.maximum(met, 1)
        own = dict(zip(names, weights[3:].tolist(), strict=True))
        return FittedHlr(weights[: 3 + n], course_of(log), first_share(reviews), converged, own)


@dataclass(frozen=True, eq=False)
class FittedHlr:
    """`weights [3 + items]`: of sqrt(1 + right), sqrt(1 + wrong), 1, and of each item of `course`.

    `own` has the weight of each item, and of what pooled ones stand for.
    """

    weights: Floats
    course: Course
    first: float
    converged: bool
    own: Mapping[str, float]

    @property
    def teaching(self) -> Teaching:
        """See `read_hlr`."""
        return Teaching(task="recall", simulator="fitted_hlr")

    def estimates(self) -> Estimates:
        """The weights; of bias and each item's own their sum, which shows; P(correct) at a first meeting."""
        sums = self.weights[2] + self.weights[3:]
        names = ("right", "wrong", *(f"bias + lexeme[{item}]" for item in self.course.items), "first")
        return Estimates(names, np.concatenate([self.weights[:2], sums, [self.first]]))

    def warnings(self) -> Sequence[str]:
        """A line where the search did not converge."""
        return [] if self.converged else ["the search did not converge"]

    def undetermined(self) -> Sequence[str]:
        """Plain sentences on what no log tells this model."""
        return [
            "Only the sum of the bias and an item's own weight shows in answers.  The ridge divides it: "
            "compare `bias + lexeme`, which the tables here hold; `parameters.csv` has both.",
            "All learners are alike, by assumption.",
        ]

    def predict(self, log: Coded) -> Floats:
        """P(correct) `[rows]`; an item that the fit did not see has no weight of its own."""
        reviews, names = _exact(reviews_of(log), log)
        pool = dict(zip(reviews.item.tolist(), log.item[reviews.row].tolist(), strict=True))
        alone = [self.own.get(log.items[pool.get(at, at)], 0.0) for at in range(len(names))]
        own = np.array([self.own.get(name, other) for name, other in zip(names, alone, strict=True)])
        p = walk(np.concatenate([self.weights[:3], own]), reviews, 0.0)[2]
        p[reviews.first] = self.first
        return reviews.in_rows(p)

    def simulator(self) -> Hlr:
        """Learners with these weights, over the log's items."""
        right, wrong, bias = self.weights[:3].tolist()
        return Hlr(self.course, right, wrong, bias, self.weights[3:].tolist(), self.first)

    def write(self, folder: Path) -> None:
        """Write the tables that `read_hlr` reads."""
        lexeme = (f"lexeme[{item}]" for item in self.course.items)
        names = ("right", "wrong", "bias", *lexeme, "first")
        write_memory(folder, "hlr", (names, np.append(self.weights, self.first)), self.course)


def _exact(reviews: Reviews, log: Coded) -> tuple[Reviews, tuple[str, ...]]:
    """The reviews by their items proper, and the names of these: see `Coded.finest`."""
    code, names = log.finest
    return reviews._replace(item=code[reviews.row], items=names), names


def walk(w: Floats, reviews: Reviews, alpha: float) -> tuple[float, Floats, Floats]:
    """The summed error at w `[3 + items]`, its gradient, and p_hat `[reviews]` (0 at first meetings)."""
    slope, p = np.zeros(len(w)), np.zeros(len(reviews.row))
    error = _walk(w, reviews.start, reviews.gap, reviews.item, reviews.correct, alpha, slope, p)
    return error, slope, p


@kernel
def _walk(
    w: Floats, start: Ints, gap: Floats, item: Ints, correct: Ints, alpha: float, slope: Floats, p: Floats
) -> float:
    total = 0.0
    for history in range(start.shape[0] - 1):
        right = wrong = 0.0
        for r in range(start[history], start[history + 1]):
            if r > start[history]:
                log_half = log_half_life(right, wrong, w[0], w[1], w[2] + w[3 + item[r]])
                p[r] = recall(gap[r], log_half)
                half = min(max(2.0 ** min(log_half, 60.0), SHORTEST), LONGEST)
                if correct[r] >= 0:
                    shown = MOST if correct[r] == 1 else LEAST
                    miss = p[r] - shown
                    shown_half = min(max(-gap[r] / np.log2(shown), SHORTEST), LONGEST)
                    total += miss * miss + alpha * (half - shown_half) ** 2
                    up = 0.0
                    if SHORTEST < half < LONGEST:  # at a limit nothing moves
                        up = 2.0 * alpha * (half - shown_half) * half * LN2
                        if LEAST < p[r] < MOST:
                            up += 2.0 * miss * p[r] * LN2 * LN2 * gap[r] / half
                    slope[0] += up * np.sqrt(1.0 + right)
                    slope[1] += up * np.sqrt(1.0 + wrong)
                    slope[2] += up
                    slope[3 + item[r]] += up
            right += 1.0 if correct[r] == 1 else 0.0
            wrong += 1.0 if correct[r] == 0 else 0.0
    return total
