"""A prediction may rest on nothing but earlier rows."""

from dataclasses import replace

import numpy as np

from coursewright.fitting.coded import Coded
from coursewright.fitting.model import Fitted
from coursewright.simulators.arrays import Bools, Floats, Ints

TOLERANCE = 1e-5  # neural models round differently in another batch
MOST_LEARNERS = 30


def peeks(fitted: Fitted, log: Coded, seed: int = 0) -> list[str]:
    """The evidence that predictions for `log` rest on more than the past: a line each, none if honest.

    For some learners with two rows or more, a row t is drawn.  The prediction of every row up to t must
    stay the same when the outcomes of t and of all later rows are turned round, when the rows after t are
    not there, and when no other learner is.
    """
    part, cut = _some_learners(log, seed)
    before = fitted.predict(part)
    early = part.place <= cut[part.learner]
    other = fitted.predict(_turned_round(part, part.place >= cut[part.learner]))
    found = []
    if _differs(before[early], other[early]):
        found.append("the prediction of a row changes with the outcome of that row or of later ones")
    shorter = fitted.predict(part.take(np.flatnonzero(early)))
    if _differs(before[early], shorter):
        found.append("the prediction of a row changes when the learner's later rows are left out")
    alone = np.flatnonzero(part.learner == 0)
    if _differs(before[alone], fitted.predict(part.take(alone))):
        found.append("the prediction of a row changes when other learners are left out")
    return found


def _some_learners(log: Coded, seed: int) -> tuple[Coded, Ints]:
    """Rows of a few learners, and the row of each `[learners]` up to which the past reaches."""
    rng = np.random.default_rng(seed)
    several = np.flatnonzero(np.diff(log.start) >= 2)
    chosen = rng.permutation(several)[:MOST_LEARNERS] if len(several) else np.arange(1)
    part = log.take(np.flatnonzero(np.isin(log.learner, chosen)))
    return part, rng.integers(0, np.maximum(np.diff(part.start) - 1, 1))


def _turned_round(log: Coded, rows: Bools) -> Coded:
    """The same log with other outcomes in `rows`: right for wrong; other grades, minutes, assistance."""
    return replace(
        log,
        correct=np.where(rows & (log.correct >= 0), 1 - log.correct, log.correct),
        grade=np.where(rows, 1.0 - log.grade, log.grade),
        minutes=np.where(rows, 1.0 + log.minutes, log.minutes),
        assisted=log.assisted ^ rows,
    )


def _differs(one: Floats, other: Floats) -> bool:
    return bool((np.abs(one - other) > TOLERANCE).any())
