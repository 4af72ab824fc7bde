"""Rows of the table of speeds, and both ways to measure one."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

ROUNDS = 5
LEARNERS = 1024
HORIZON = 100


class Row(NamedTuple):
    """One line of the table."""

    what: str
    rate: str
    ratio: float
    target: str


def ratios(base: Callable[[], float], *measures: Callable[[], float]) -> list[tuple[float, float]]:
    """(rate, rate over the base's) of each, the medians over rounds."""
    for measure in (base, *measures):
        measure()
    rounds = np.array([[base(), *(measure() for measure in measures)] for _ in range(ROUNDS)])
    quotient = np.median(rounds[:, 1:] / rounds[:, :1], axis=0)
    return list(zip(np.median(rounds[:, 1:], axis=0).tolist(), quotient.tolist(), strict=True))


def seconds(what: Callable[[], object]) -> float:
    """Of the processor, the median over rounds."""
    what()
    taken = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        what()
        taken.append(time.process_time() - begin)
    return float(np.median(taken))
