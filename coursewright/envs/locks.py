"""The allowed actions: items behind prerequisites, and the limits of a platform."""

from typing import Any, NamedTuple

import numpy as np

from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.kernel import kernel


class Gate(NamedTuple):
    """The rule that unlocks items.

    A skill that reaches `after` successes, counted in the column `first + k * stride`, unlocks the items
    `opens[opens_start[k]:opens_start[k + 1]]` as far as it is concerned.  Item a needs the skills
    `needed[start[a]:start[a + 1]]`.
    """

    first: int
    stride: int
    after: int
    start: Ints
    needed: Ints
    opens_start: Ints
    opens: Ints


@kernel
def _count_down(
    bare: tuple[Any, ...],
    memory: Observation,
    item: Ints,
    correct: Ints,
    missing: Ints,
    mask: Bools,
    delays: int,
) -> None:
    """Count down the prerequisites that an item still misses; at 0 it is unlocked for good.

    `bare` is the `Gate` as a bare tuple, which numba takes sooner than a named one.
    """
    gate = Gate(*bare)
    items = gate.start.shape[0] - 1
    for i in range(item.shape[0]):
        if item[i] < 0:
            continue
        for j in range(gate.start[item[i]], gate.start[item[i] + 1]):
            k = gate.needed[j]
            # One rare branch instead of two common ones, which could not be predicted.
            if (memory[i, k * gate.stride + gate.first] == gate.after) & (correct[i] == 1):
                for m in range(gate.opens_start[k], gate.opens_start[k + 1]):
                    missing[i, gate.opens[m]] -= 1
                    if missing[i, gate.opens[m]] == 0:
                        for d in range(delays):
                            mask[i, d * items + gate.opens[m]] = True


class Locks:
    """The actions that each learner of a batch may be given.

    Attributes
    ----------
    mask : bool `[batch, actions]`; each delay may follow an allowed item, and to stop is always allowed.
    missing : `[batch, items]`, the number of prerequisites an item waits for (no columns without a gate).
    """

    def __init__(self, batch: int, n_actions: int, delays: int, missing: Ints, gate: Gate | None) -> None:
        self._gate = None if gate is None else tuple(gate)  # as kernels take it soonest
        self._delays = delays
        self._items = len(missing)
        self._at_start = missing if gate is not None else missing[:0]
        self.mask: Bools = np.ones((batch, n_actions), bool)
        self.missing: Ints = np.zeros((batch, len(self._at_start)), np.int64)

    def open(self, rows: Ints) -> None:
        """Lock the items that new learners in `rows` have to reach first."""
        if self._gate is not None:
            self.missing[rows] = self._at_start
            for block in self._blocks():
                block[rows] = self._at_start == 0

    def note(self, memory: Observation, item: Ints, correct: Ints) -> None:
        """Unlock the items that the answers `[batch]`, already counted in `memory`, give access to."""
        if self._gate is not None:
            _count_down(self._gate, memory, item, correct, self.missing, self.mask, self._delays)

    def offer(self, items: Bools) -> None:
        """Allow unlocked items among these `items [batch, items]` of the learner's platform."""
        for block in self._blocks():
            if self._gate is None:
                block[:] = items
            else:
                np.logical_and(items, self.missing == 0, out=block)

    def _blocks(self) -> list[Bools]:
        return [self.mask[:, d * self._items : (d + 1) * self._items] for d in range(self._delays)]
