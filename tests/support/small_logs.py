"""Learner logs for tests of the fitting room."""

import numpy as np
import pyarrow as pa

from coursewright.data.log import LearnerLog, learner_log
from coursewright.data.synthetic import SKILLS
from coursewright.fitting.coded import Coded

GAPS = np.array([10.0 / 86_400, 0.02, 1.2, 14.0])  # days


def uneven_log(learners: int = 250, seed: int = 3) -> pa.Table:
    """Learners with 3 to 60 rows over five skills, at gaps from seconds to weeks; answers are coins."""
    rng = np.random.default_rng(seed)
    rows = []
    for learner in range(learners):
        n = int(rng.integers(3, 61))
        time = np.cumsum(rng.choice(GAPS, n, p=[0.6, 0.2, 0.15, 0.05]))
        for t in time:
            skill = SKILLS[rng.integers(len(SKILLS))]
            rows.append((str(learner), f"{skill}-{rng.integers(4)}", [skill], t, int(rng.integers(2))))
    columns = zip(("learner", "item", "skills", "time", "correct"), zip(*rows, strict=True), strict=True)
    return learner_log(pa.table(dict(columns)), "made up").table


def coded(table: pa.Table) -> Coded:
    """The rows of a log table, which are in order, as numbers."""
    return Coded.of(LearnerLog(table, "made up", "none"))
