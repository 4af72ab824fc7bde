"""Playing on: copies of learners under a base rule, after its own choice and after each of a few others.

Oracles play on with copies of the true learners, planners with learners whom the tutor imagines.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from coursewright.agents.planners.oracle_copies import ALIKE
from coursewright.agents.rule import Kept, RulePolicy, Seen
from coursewright.envs.episodes import Episodes
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.luck import Keys
from coursewright.simulators.protocol import clone, spread

Branch = Callable[[Ints, Keys], Episodes]
"""Copies of the learners in `rows`, who may repeat, under the fates `[rows]`."""


class Branches(NamedTuple):
    """Choices to try out.

    `rows [rows]` are the learners, `action [rows, branches]` the choices, of which the first is the base
    rule's, and `fate [rows, copies]` is met after each of them.
    """

    rows: Ints
    action: Ints
    fate: Keys


def with_best(action: Ints, worth: Floats, candidates: int) -> Ints:
    """The rule's own `action [batch]`, and the `candidates` items of most `worth [batch, items]`.

    Worth is -inf where an item may not be tried; the rule's own action then stands in its place.
    """
    tried = np.argsort(-worth, axis=1, kind="stable")[:, :candidates]
    known = np.isfinite(np.take_along_axis(worth, tried, axis=1))
    return np.column_stack([action, np.where(known, tried, action[:, None])])


def returns(base: RulePolicy, seen: Seen, memory: Any, tried: Branches, branch: Branch) -> Floats:
    """Returns from here on `[rows, branches, copies]` if a branch is taken, and then the rule's way.

    `memory` is the base rule's after its own choice.
    """
    shape = (*tried.action.shape, tried.fate.shape[1])
    who = np.repeat(tried.rows, shape[1] * shape[2])
    copies = branch(who, np.broadcast_to(tried.fate[:, None, :], shape).ravel())
    action = np.repeat(tried.action.ravel(), shape[2])
    return played_on(base, copies, action, kept_by(copies, seen, memory, who, action)).reshape(shape)


def kept_by(copies: Episodes, seen: Seen, memory: Any, who: Ints, action: Ints) -> Kept:
    """The base rule's policy state for copies of the learners `who`, after `action [who]`."""
    return Kept(
        luck=clone(copies.luck),
        turn=seen.turn[who] + 1,
        item=seen.task.item_of(action),
        memory=spread(memory, who, len(seen)),
    )


def played_on(base: RulePolicy, copies: Episodes, action: Ints, kept: Kept) -> Floats:
    """Returns `[copies]` to the end of the budget."""
    returned = np.zeros(copies.batch)
    while True:
        active: Bools = ~copies.over
        reward = copies.advance(action)
        returned += np.where(active, reward, 0.0)
        if copies.over.all():
            return returned
        action, kept = base.predict(copies.observation, kept, None, True, copies.mask)


def clearly_best(tried: Branches, returned: Floats, z: float) -> Ints:
    """The action `[rows]` to take: the rule's own, or one whose paired gain is above `z` standard errors."""
    gain = returned[:, 1:] - returned[:, :1]
    doubt = gain.std(axis=2, ddof=1) / np.sqrt(gain.shape[2])
    return above_doubt(tried.action, gain.mean(axis=2), doubt, z)


def above_doubt(action: Ints, gain: Floats, doubt: Floats, z: float) -> Ints:
    """Of `action [rows, branches]` the first, or the one of most `gain [rows, branches - 1]` over it.

    Gains count where they are above `z` times their standard error `doubt`, of the same shape.
    """
    lead = np.where(gain > z * doubt + ALIKE, gain, 0.0)
    place = np.where((lead > 0.0).any(axis=1), 1 + lead.argmax(axis=1), 0)
    return np.asarray(action[np.arange(len(action)), place])
