"""A visible past as a mind is told of it, turn by turn."""

from collections.abc import Iterator

import numpy as np

from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.simulators.arrays import Ints


def turns(past: Past, rows: Ints, batch: int) -> Iterator[Event]:
    """The events of `past [rows, width]` in a batch whose other rows live through nothing; no time passes."""
    for t in range(past.item.shape[1]):
        item, correct = np.full((2, batch), -1, np.int64)
        taught, nothing = np.zeros(batch, bool), np.zeros(batch)
        item[rows] = np.where(t < past.length, past.item[:, t], -1)
        correct[rows] = past.correct[:, t]
        taught[rows] = past.taught[:, t]
        yield Event(item, correct, nothing, nothing, taught, taught, True)
