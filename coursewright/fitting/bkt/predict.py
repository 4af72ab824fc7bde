"""Predicting the next response with fitted parameters, from the earlier responses that a tutor sees."""

import numpy as np

from coursewright.fitting.bkt.hidden_markov import forecast
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded, places
from coursewright.simulators.arrays import Floats
from coursewright.simulators.knowledge.parameters import FIELDS, BktParameters


def predict(parameters: BktParameters, log: Coded) -> Floats:
    """P(correct) of each row of `log` [rows], given only earlier rows of its learner on its skills.

    The first draw of `parameters` is used; skills that it does not know get the median of those it knows.
    An item with several skills gets the mean of their predictions, since each was fitted to the item's
    whole response.
    """
    sequences = Sequences.of(log)
    each = np.empty(len(sequences.correct))
    theta = theta_of(parameters, sequences.skills)
    forecast(theta, sequences.skill, sequences.start, sequences.correct, each)
    total = np.bincount(sequences.row, weights=each, minlength=log.rows)
    return np.asarray(total / np.bincount(sequences.row, minlength=log.rows))


def theta_of(parameters: BktParameters, skills: tuple[str, ...]) -> Floats:
    """Look up `skills` in the first draw of `parameters`: [skills, 5], the median where unknown."""
    known = np.stack([np.asarray(getattr(parameters, name))[0] for name in FIELDS], axis=1)
    return np.asarray(np.vstack([known, np.median(known, axis=0)])[places(skills, parameters.skills)])
