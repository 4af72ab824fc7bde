"""Predicting the next response with fitted parameters, from what a tutor sees before it."""

import numpy as np
import pyarrow as pa

from coursewright.fitting.bkt.hidden_markov import forecast
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.knowledge.parameters import FIELDS, BktParameters


def predict(parameters: BktParameters, table: pa.Table) -> Floats:
    """P(correct) of each row of `table` [rows], given only earlier rows of its learner on its skills.

    The first draw of `parameters` is used; skills that it does not know get the median of those it knows.
    An item with several skills gets the mean of their predictions, since each was fitted to the item's
    whole response.  Rows must be in order (as in a `LearnerLog`).
    """
    sequences = Sequences.from_log(table)
    each = np.empty(len(sequences.correct))
    theta = theta_of(parameters, sequences.skills)
    forecast(theta, sequences.skill, sequences.start, sequences.correct, each)
    total = np.bincount(sequences.row, weights=each, minlength=table.num_rows)
    return np.asarray(total / np.bincount(sequences.row, minlength=table.num_rows))


def theta_of(parameters: BktParameters, skills: tuple[str, ...]) -> Floats:
    """Look up `skills` in the first draw of `parameters`: [skills, 5], the median where unknown."""
    known = np.stack([np.asarray(getattr(parameters, name))[0] for name in FIELDS], axis=1)
    place = {name: k for k, name in enumerate(parameters.skills)}
    at: Ints = np.array([place.get(name, len(place)) for name in skills], dtype=np.int64)
    return np.asarray(np.vstack([known, np.median(known, axis=0)])[at])
