"""The doubt in a BKT fit that comes from the learners who happened to be in the log."""

from dataclasses import replace

import numpy as np

from coursewright.errors import reject
from coursewright.fitting.bkt.em import BktFit, EmSettings, as_parameters, climbed
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.progress import each
from coursewright.simulators.knowledge.parameters import BktParameters

DRAW_CYCLES, DRAW_TOLERANCE = 100, 1e-4  # per bootstrap draw: far finer than a draw's own spread


def bootstrap(
    sequences: Sequences, fitted: BktFit, draws: int = 200, seed: int = 0, settings: EmSettings | None = None
) -> BktParameters:
    """Refit to `draws` resamples of whole learners, the same for all skills -> parameters [draws, skills].

    A resample is a weight per learner, and each climb starts at the estimate `fitted`, so that draws stay
    on its hill of the likelihood.  Deterministic given `seed`.  Raises `InputError` for draws < 1.
    """
    if draws < 1:
        raise reject("draws", draws, "at least 1")
    settings = settings or EmSettings()
    n = len(sequences.learners)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=draws)
    short = replace(settings, cycles=DRAW_CYCLES, tolerance=DRAW_TOLERANCE)
    theta = [
        climbed(sequences, fitted.theta, short, short.cycles, weight)[0]
        for weight in each(list(weights), "bootstrap", "draws")
    ]
    return as_parameters(np.stack(theta), sequences.skills)
