"""The view that a policy has of a batch of learners, as torch graphs hand it on."""

from typing import NamedTuple

from torch import Tensor


class Sight(NamedTuple):
    """The view that a policy has of a batch of learners.

    `observation` is `[batch, columns]`, and `values` are kept features by their names, `[batch, skills]` or
    `[batch, items]`.  `goal [batch, skills]`, `allowed [batch, items]` and `actions [batch, actions]` are
    bool.
    `chosen` is the last choice (-1: none), `asked` is True where its answer is evidence, `right` where it was
    right; `key` and `turn` are those of the learner's draws, `[batch]` each.
    """

    observation: Tensor
    values: dict[str, Tensor]
    goal: Tensor
    allowed: Tensor
    actions: Tensor
    chosen: Tensor
    asked: Tensor
    right: Tensor
    key: Tensor
    turn: Tensor
