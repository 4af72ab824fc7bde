"""The likelihood of the three-parameter model, abilities integrated out: value and exact gradient."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from coursewright.fitting.coded import Coded
from coursewright.fitting.histories import Histories
from coursewright.fitting.logistic.features import values
from coursewright.fitting.logistic.linear import Linear
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.asking import sigmoid
from coursewright.simulators.kernel import kernel

USUAL = float(np.log(0.2 / 0.8))  # logit of guessing where the log says nothing
ALIKE = 4.0  # how much closer than other deviations the guessing of items lies together, as a precision
FARTHEST = 5.0  # standard deviations of theta that the grid reaches
PER_SPREAD = 0.6  # grid spacing over a learner's own standard error of theta
BOUNDS = {"log_a": (-3.0, 3.0), "level": (-8.0, 2.0), "own": (-6.0, 6.0), "log_spread": (-7.0, 3.0)}
LEAST = 0.1  # spread to start from, at least


class Shape(NamedTuple):
    """Marks an item's further parameters as fitted or not."""

    guess: bool
    discrimination: bool


class Problem:
    """The penalised marginal likelihood as a function of one flat vector."""

    def __init__(self, log: Coded, rasch: Linear, shape: Shape, penalty: float) -> None:
        asked = np.flatnonzero(log.correct >= 0)
        self.shape, self.penalty, self.items = shape, penalty, len(log.items)
        self.item, self.y = log.item[asked], log.correct[asked].astype(np.float64)
        self.start = np.searchsorted(log.learner[asked], np.arange(len(log.learners) + 1)).astype(np.int64)
        self.growing = len(rasch.parts) > 1
        of = Histories.of(log, "skill")
        growth = values(of, ("growth",))[:, 0] * self.growing
        self.growth = csr_matrix((growth, (of.row, of.code)), shape=(log.rows, len(of.names)))[asked]
        self.skills = len(of.names)
        self.longest = int(np.diff(self.start).max())
        self.score, self.log_weight = grid(self.longest, 1.5 * max(rasch.spread, LEAST), 1.5)

    @property
    def sizes(self) -> dict[str, int]:
        """The length of each part of the vector."""
        return {
            "level": 1, "easiness": self.items, "growth": 1, "own_growth": self.skills,
            "log_a": self.items, "guess": 1, "own_guess": self.items, "log_spread": 1,
        }  # fmt: skip

    def parts(self, flat: Floats) -> dict[str, Floats]:
        """The vector by name."""
        ends = np.cumsum(list(self.sizes.values()))
        return dict(zip(self.sizes, np.split(flat, ends[:-1]), strict=True))

    def start_at(self, rasch: Linear) -> Floats:
        """The Rasch estimates, every item of discrimination 1 and guess .2 (0 where it is not fitted)."""
        item, growth = rasch.parts[0], rasch.parts[1] if self.growing else None
        pieces = {
            "level": item.shared,
            "easiness": item.own[:, 0],
            "growth": np.zeros(1) if growth is None else growth.shared,
            "own_growth": np.zeros(self.skills) if growth is None else growth.own[:, 0],
            "log_a": np.zeros(self.items),
            "guess": np.array([USUAL]),
            "own_guess": np.zeros(self.items),
            "log_spread": np.log([max(rasch.spread, LEAST)]),
        }
        return np.concatenate([pieces[name] for name in self.sizes])

    def bounds(self) -> list[tuple[float, float]]:
        """Bounds of each number; parameters that are not fitted stay where they are."""
        free = (-np.inf, np.inf)
        each = {
            "level": free, "easiness": free,
            "growth": free if self.growing else (0.0, 0.0),
            "own_growth": free if self.growing else (0.0, 0.0),
            "log_a": BOUNDS["log_a"] if self.shape.discrimination else (0.0, 0.0),
            "guess": BOUNDS["level"] if self.shape.guess else (USUAL, USUAL),
            "own_guess": BOUNDS["own"] if self.shape.guess else (0.0, 0.0),
            "log_spread": BOUNDS["log_spread"],
        }  # fmt: skip
        return [each[name] for name, size in self.sizes.items() for _ in range(size)]

    def curvature(self) -> Floats:
        """About how much each number matters: what the search is scaled by."""
        count = np.bincount(self.item, minlength=self.items)
        growth = np.asarray(self.growth.multiply(self.growth).sum(axis=0)).ravel()
        answers, learners = np.array([len(self.y)]), np.array([len(self.start)])
        each = [answers, count, growth.sum(keepdims=True), growth, count, answers, count, learners]
        return np.asarray(0.1 * np.concatenate(each) + max(self.penalty, 1e-3))

    def items_of(self, part: dict[str, Floats]) -> tuple[Floats, Floats]:
        """Discrimination and guess `[items]`."""
        guess = 1.0 / (1.0 + np.exp(-part["guess"] - part["own_guess"]))
        return np.exp(part["log_a"]), guess if self.shape.guess else np.zeros(self.items)

    def _room(self) -> tuple[Floats, Floats]:
        return np.empty(len(self.score)), np.empty((len(self.score), self.longest))

    def _by_item(self, each: Floats) -> Floats:
        return np.asarray(np.bincount(self.item, each, self.items), np.float64)

    def at(self, flat: Floats) -> tuple[float, Floats]:
        """The penalised negative log-likelihood in nats, and its slope."""
        part = self.parts(flat)
        a, c = self.items_of(part)
        growth = part["growth"] + part["own_growth"]
        x = part["level"] + part["easiness"][self.item] + self.growth @ growth
        node = np.exp(part["log_spread"]) * self.score
        by = np.empty((3, len(x)))
        rows = (x, a[self.item], c[self.item], self.y)
        total = _marginal(rows, self.start, node, self.log_weight, self._room(), by)
        up, up_theta, up_guess = by  # slopes at eta, at eta times theta, at c
        at_x, at_a = a[self.item] * up, a[self.item] * (up_theta + x * up)
        at_c = c[self.item] * (1.0 - c[self.item]) * up_guess
        skills = np.asarray(self.growth.T @ at_x, np.float64)
        slope: dict[str, Floats] = {
            "level": at_x.sum(keepdims=True),
            "easiness": self._by_item(at_x),
            "growth": skills.sum(keepdims=True),
            "own_growth": skills.copy(),
            "log_a": self._by_item(at_a),
            "guess": at_c.sum(keepdims=True) - (part["guess"] - USUAL),
            "own_guess": self._by_item(at_c),
            "log_spread": (a[self.item] * up_theta).sum(keepdims=True),
        }
        loss = 0.5 * float((part["guess"][0] - USUAL) ** 2)
        for name in ("easiness", "own_growth", "log_a", "own_guess"):
            held = self.penalty * (ALIKE if name == "own_guess" else 1.0)
            loss += 0.5 * held * float(part[name] @ part[name])
            slope[name] -= held * part[name]
        return loss - total, -np.concatenate([slope[name] for name in self.sizes])


def grid(longest: int, spread: float, steepest: float) -> tuple[Floats, Floats]:
    """Standard normal scores, even and close enough for a learner of so many answers, and log weights."""
    error = 1.0 / np.sqrt(1.0 + 0.2 * longest * (spread * steepest) ** 2)
    n = int(np.clip(np.ceil(2.0 * FARTHEST / (error / PER_SPREAD)), 15, 121))
    score = np.linspace(-FARTHEST, FARTHEST, n)
    weight = np.exp(-0.5 * score**2)
    return score, np.log(weight / weight.sum())


@kernel
def _marginal(
    rows: tuple[Floats, Floats, Floats, Floats],
    start: Ints,
    node: Floats,
    log_weight: Floats,
    room: tuple[Floats, Floats],
    by: Floats,
) -> float:
    """The log-likelihood, and into `by [3, rows]` the expected slopes at eta, at eta times theta and at c."""
    x, a, c, y = rows
    posterior, knew = room
    by[:] = 0.0
    total = 0.0
    for j in range(start.shape[0] - 1):
        most = -np.inf
        for q in range(node.shape[0]):
            log_joint, likelihood = log_weight[q], 1.0
            for r in range(start[j], start[j + 1]):
                knew[q, r - start[j]] = known = sigmoid(a[r] * (node[q] + x[r]))
                p = c[r] + (1.0 - c[r]) * known
                likelihood *= p if y[r] > 0.5 else 1.0 - p
                if likelihood < 1e-250:
                    log_joint += np.log(likelihood + 1e-300)
                    likelihood = 1.0
            posterior[q] = log_joint + np.log(likelihood + 1e-300)
            most = max(most, posterior[q])
        mass = 0.0
        for q in range(node.shape[0]):
            posterior[q] = np.exp(posterior[q] - most)
            mass += posterior[q]
        total += most + np.log(mass)
        for q in range(node.shape[0]):
            weight = posterior[q] / mass
            if weight < 1e-12:
                continue
            for r in range(start[j], start[j + 1]):
                known = knew[q, r - start[j]]
                if y[r] > 0.5:
                    p = c[r] + (1.0 - c[r]) * known
                    up, at_c = (1.0 - c[r]) * known * (1.0 - known) / p, (1.0 - known) / p
                else:
                    up, at_c = -known, -1.0 / (1.0 - c[r])
                by[0, r] += weight * up
                by[1, r] += weight * up * node[q]
                by[2, r] += weight * at_c
    return total


@kernel
def forecast(
    items: tuple[Floats, Floats, Floats],
    correct: Floats,
    start: Ints,
    node: Floats,
    weight: Floats,
    belief: Floats,
    out: Floats,
) -> None:
    """P(correct) `[rows]` into `out`, theta integrated over what earlier answers leave likely."""
    x, a, c = items  # of each row: all but theta, discrimination, guess
    for j in range(start.shape[0] - 1):
        for q in range(node.shape[0]):
            belief[q] = weight[q]
        for r in range(start[j], start[j + 1]):
            mass, right = 0.0, 0.0
            for q in range(node.shape[0]):
                mass += belief[q]
                right += belief[q] * (c[r] + (1.0 - c[r]) * sigmoid(a[r] * (node[q] + x[r])))
            out[r] = right / mass
            if correct[r] < 0:
                continue
            for q in range(node.shape[0]):
                p = c[r] + (1.0 - c[r]) * sigmoid(a[r] * (node[q] + x[r]))
                belief[q] *= (p if correct[r] > 0 else 1.0 - p) / mass
