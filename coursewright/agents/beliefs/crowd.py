"""Weights, fates and places of the particles of a batch of learners; see `particles`."""

from typing import Any

import numpy as np

from coursewright.simulators.arrays import Floats, Ints, Mastery
from coursewright.simulators.kernel import kernel
from coursewright.simulators.luck import ANSWER, ENROL, Keys, hash_pair, uniform

FATES = 4096  # tried before a particle may answer as it likes: its chance is then below about .001
NEWTON, NEAR, LARGEST = 50, 1e-9, 2.0  # steps at most, the error that ends them, and the longest step
IMPOSSIBLE = 1e-9  # the least chance of an answer: no particle is ever ruled out for good


@kernel
def force(p: Floats, correct: Ints, turn: Ints, size: int, fate: Keys) -> None:
    """Exchange each particle's fate for the first one in which it gives the answer `correct [batch]`."""
    for i in range(correct.shape[0]):
        if correct[i] < 0:
            continue
        for n in range(i * size, (i + 1) * size):
            first = fate[n]
            for attempt in range(FATES):
                if (uniform(fate[n], turn[i], ANSWER) < p[n]) == (correct[i] == 1):
                    break
                fate[n] = hash_pair(first, attempt)


@kernel
def weigh(p: Floats, correct: Ints, first: Ints, last: Ints, weight: Floats) -> None:
    """Multiply weights by the chance of the answer: those of the columns from `first` to `last [batch]`."""
    for i in range(correct.shape[0]):
        if correct[i] < 0:
            continue
        for n in range(weight.shape[1]):
            chance = p[i * weight.shape[1] + n]
            if correct[i] == 0:
                chance = 1.0 - chance
            for k in range(first[i], last[i]):
                weight[i, n, k] += np.log(max(chance, IMPOSSIBLE))


@kernel
def calibrate(values: Mastery, target: Floats, rows: Ints, weight: Floats) -> None:
    """Set log weights of some rows so that each skill's weighted mean of `values` is its `target [skills]`.

    They are theta times the value, the weights nearest to even ones (exponential tilting), with theta by
    Newton's method.  Where all particles lie on one side of the target, their weights stay even.
    """
    size = weight.shape[1]
    for i in rows:
        for k in range(weight.shape[2]):
            low, high, theta = np.inf, -np.inf, 0.0
            for n in range(size):
                low, high = min(low, values[i * size + n, k]), max(high, values[i * size + n, k])
            if low < target[k] < high:
                for _ in range(NEWTON):
                    total, first, second = 0.0, 0.0, 0.0
                    for n in range(size):
                        value = float(values[i * size + n, k]) - target[k]
                        share = np.exp(theta * value)
                        total += share
                        first += share * value
                        second += share * value * value
                    step = first / second
                    theta -= min(max(step, -LARGEST), LARGEST)
                    if abs(first) <= NEAR * total:
                        break
            for n in range(size):
                weight[i, n, k] = theta * float(values[i * size + n, k])


@kernel
def means(weight: Floats, values: Mastery, out: Floats) -> None:
    """Weighted means `[batch, skills]` of `values [batch * size, skills]`, by normalised weights."""
    size = weight.shape[1]
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            total = 0.0
            column = min(k, weight.shape[2] - 1)
            for n in range(size):
                total += weight[i, n, column] * float(values[i * size + n, k])
            out[i, k] = total


def copy_rows(state: tuple[Any, ...], origin: Ints, into: Ints) -> None:
    """Write the rows `origin` of a state over its rows `into`."""
    for array in state:
        if isinstance(array, tuple):
            copy_rows(array, origin, into)
        elif len(array):
            array[into] = array[origin]


@kernel
def pick(weight: Floats, rows: Ints, key: Keys, out: Ints) -> None:
    """Draw a place `[rows]` for each of `rows` by its `weight [batch, places]`, which sums to 1."""
    for n in range(rows.shape[0]):
        left = uniform(key[n], 0, ENROL)
        out[n] = 0
        while out[n] < weight.shape[1] - 1 and left >= weight[rows[n], out[n]]:
            left -= weight[rows[n], out[n]]
            out[n] += 1


def normalised(weight: Floats) -> Floats:
    """Weights that sum to 1 over the particles, from log weights `[batch, size, columns]`."""
    shares = np.exp(weight - weight.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def drawn(weight: Floats, many: int) -> Ints:
    """The places `[batch, many]` of particles drawn by log weight, at even steps (Kitagawa 1996)."""
    shares = np.cumsum(normalised(weight[:, :, None])[:, :, 0], axis=1)
    steps = (np.arange(many) + 0.5) / many
    place = np.empty((len(weight), many), np.int64)
    _places(shares, steps, place)
    return place


@kernel
def _places(shares: Floats, steps: Floats, out: Ints) -> None:
    for i in range(out.shape[0]):
        n = 0
        for m in range(out.shape[1]):
            while n < shares.shape[1] - 1 and shares[i, n] < steps[m]:
                n += 1
            out[i, m] = n
