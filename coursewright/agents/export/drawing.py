"""The learner's own draws as a torch graph: `simulators.luck.uniform`, bit by bit.

64-bit keys are int64 here, which wraps as uint64 does; a logical shift is an arithmetic one with the sign's
bits masked off.
"""

import torch
from torch import Tensor

from coursewright.simulators.luck import POLICY

PIECES = 4  # of 16 bits, by which a key stands in a float32 state
PIECE = 1 << 16
GOLDEN = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def _signed(word: int) -> int:
    """A 64-bit word as int64 holds it."""
    return word - (1 << 64) if word >= 1 << 63 else word


def _shifted(z: Tensor, bits: int) -> Tensor:
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _mixed(z: Tensor) -> Tensor:
    z = (z ^ _shifted(z, 30)) * _signed(FIRST)
    z = (z ^ _shifted(z, 27)) * _signed(SECOND)
    return z ^ _shifted(z, 31)


def _paired(key: Tensor, value: Tensor | int) -> Tensor:
    if isinstance(value, int):
        return _mixed(key + _signed(GOLDEN * (value + 1) % (1 << 64)))
    return _mixed(key + _signed(GOLDEN) * (value + 1))


def uniform(key: Tensor, turn: Tensor, index: int = 0) -> Tensor:
    """A policy's draw in [0, 1), float64 `[batch]`, by its learners' keys and turns, int64 `[batch]`."""
    bits = _paired(_paired(key, turn), POLICY + index)
    return _shifted(bits, 11).double() * (1.0 / (1 << 53))


def uniforms(key: Tensor, turn: Tensor, indices: Tensor) -> Tensor:
    """As many draws of a row as there are `indices`, `[batch, indices]`."""
    bits = _paired(_paired(key, turn)[:, None], POLICY + indices)
    return _shifted(bits, 11).double() * (1.0 / (1 << 53))


def normals(key: Tensor, turn: Tensor, indices: Tensor) -> Tensor:
    """`luck.normal` at each of the `indices`, `[batch, indices]`."""
    radius = torch.sqrt(-2.0 * torch.log(1.0 - uniforms(key, turn, indices)))
    return radius * torch.cos(2.0 * torch.pi * uniforms(key, turn, indices + 1))


def key_of(pieces: Tensor) -> Tensor:
    """The keys `[batch]` whose `pieces [batch, 4]` a state holds, the lowest first."""
    word = pieces.long()
    key = word[:, 0]
    for place in range(1, PIECES):
        key = key + word[:, place] * _signed(PIECE**place)
    return key


def one_of(among: Tensor, key: Tensor, turn: Tensor, index: int = 0) -> Tensor:
    """`choosing.uniform_items`: one of `among [batch, choices]`; the first where there is none."""
    drawn = (uniform(key, turn, index) * among.sum(1).double()).long()
    return first((among.long().cumsum(1) == (drawn + 1)[:, None]) & among)


def last_reached(u: Tensor, p: Tensor, arms: Tensor) -> Tensor:
    """The arm `[batch]` that a draw u falls on, with chances `p [batch, arms]`; 0 where there is none."""
    left = torch.cat([u[:, None], -p], 1).cumsum(1)[:, :-1]
    reached = arms & (left >= 0.0)
    at = reached.shape[1] - 1 - first(reached.flip(1))
    return torch.where(reached.any(1), at, 0)


def first(true: Tensor) -> Tensor:
    """The first place that is True in each row, `[batch]`; 0 where none is."""
    return true.to(torch.uint8).argmax(1)
