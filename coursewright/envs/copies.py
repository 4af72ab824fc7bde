"""Copies of the touched part of a wide memory: at 110,000 columns a full copy takes 50 µs a learner."""

from typing import Any

import numpy as np

from coursewright.envs.history import ITEM_ATTEMPTS, LAST_ITEM, Rules
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.kernel import inlined, kernel

WIDE = 1024  # columns from which on it pays


@inlined
def _copy_item(rules: Rules, memory: Observation, copy: Observation, i: int, a: int) -> None:
    """Copy the columns that a response to item a changes in row i, besides those that all share."""
    for j in range(rules.start[a], rules.start[a + 1]):
        base = rules.needed[j] * rules.stride
        for c in range(base, base + rules.stride):
            copy[i, c] = memory[i, c]
    if rules.first[ITEM_ATTEMPTS] >= 0:
        copy[i, rules.first[ITEM_ATTEMPTS] + a] = memory[i, rules.first[ITEM_ATTEMPTS] + a]
    if rules.first[LAST_ITEM] >= 0:
        copy[i, rules.first[LAST_ITEM] + a] = memory[i, rules.first[LAST_ITEM] + a]


@kernel
def _follow(
    terms: tuple[Any, ...],
    memory: Observation,
    shared: int,
    touched: Ints,
    stale: Bools,
    copy: Observation,
) -> None:
    """Bring a copy that is two steps old up to date; items `touched [changes, batch]`, -1: none."""
    rules, width = Rules(*terms), memory.shape[1]
    for i in range(memory.shape[0]):
        if stale[i]:
            stale[i] = False
            for c in range(width):
                copy[i, c] = memory[i, c]
            continue
        for n in range(touched.shape[0]):
            if touched[n, i] >= 0:
                _copy_item(rules, memory, copy, i, touched[n, i])
        for c in range(shared, width):
            copy[i, c] = memory[i, c]


class Copies:
    """Two copies of a memory `[batch, columns]` that take turns.

    Each one is right until the step after the next.  The columns from `shared` on may change in any step,
    those of skills and items only where an item is touched.
    """

    def __init__(self, memory: Observation, shared: int) -> None:
        batch = len(memory)
        self._memory = memory
        self._shared = shared
        self._copies = (np.empty_like(memory), np.empty_like(memory))
        self._stale = (np.ones(batch, bool), np.ones(batch, bool))
        # The item and the last accepted one before it, of the step before and of this one.
        self._touched: Ints = np.full((4, batch), -1, np.int64)
        self._turn = 0

    def forget(self, rows: Ints | slice) -> None:
        """Copy these rows as a whole next time, for anything may have changed in them."""
        for stale in self._stale:
            stale[rows] = True

    def step(self, terms: tuple[Any, ...], item: Ints, before: Ints) -> Observation:
        """The copy after a response to `item`, where `before` was the last accepted item, `[batch]` each."""
        self._touched[:2] = self._touched[2:]
        self._touched[2], self._touched[3] = item, before
        self._turn = 1 - self._turn
        copy = self._copies[self._turn]
        _follow(terms, self._memory, self._shared, self._touched, self._stale[self._turn], copy)
        return copy

    def still(self, terms: tuple[Any, ...]) -> Observation:
        """The copy after a change that was no response."""
        nothing = np.full(len(self._memory), -1, np.int64)
        return self.step(terms, nothing, nothing)
