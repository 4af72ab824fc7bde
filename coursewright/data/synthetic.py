"""A small made-up learner log, shipped so that `fit` has something to fit before real data is at hand.

It comes from a few lines of numpy rather than from a simulator of this package, so that fitting it back
tests the simulators' parameters against code that shares nothing with them.
`python -m coursewright.data.synthetic` writes the shipped file again, identically.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from coursewright.data.log import Into, LearnerLog, in_memory
from coursewright.data.read import LogFile, write_log
from coursewright.errors import reject

SHIPPED = Path(__file__).with_name("synthetic.csv.gz")
SKILLS = ("fractions", "ratios", "decimals", "percentages", "equations")
PRIOR = (0.45, 0.35, 0.40, 0.25, 0.15)
LEARN = (0.20, 0.15, 0.12, 0.10, 0.08)
GUESS = (0.25, 0.20, 0.15, 0.20, 0.10)
SLIP = (0.08, 0.10, 0.12, 0.10, 0.15)
ITEMS_PER_SKILL = 4
SOURCE = "made-up learners: Bayesian knowledge tracing with known parameters, seed 0"
LICENCE = "part of this project, MIT"


def synthetic_log(licence: str | None = LICENCE, into: Into = in_memory) -> LearnerLog:
    """Read the shipped log: 300 learners x 5 skills x 8 opportunities, a session a day, skills mixed."""
    return LogFile(SHIPPED, source=SOURCE, licence=licence)(into)


def simulate_log(n_learners: int = 300, opportunities: int = 8, seed: int = 0) -> pa.Table:
    """Learners who practise the five skills above by classic BKT -> a log table [rows].

    Each meets every skill once a day for `opportunities` days, in an order drawn anew each day, half a
    minute apart, with an item of the skill drawn at random.  Raises `InputError` for sizes below 1.
    """
    for name, value in (("n_learners", n_learners), ("opportunities", opportunities)):
        if value < 1:
            raise reject(f"simulate_log.{name}", value, "at least 1")
    rng = np.random.default_rng(seed)
    n_skills = len(SKILLS)
    known = rng.random((n_learners, n_skills)) < PRIOR
    days = []
    for day in range(opportunities):
        p_correct = np.where(known, 1.0 - np.array(SLIP), GUESS)
        correct = rng.random(known.shape) < p_correct
        known |= rng.random(known.shape) < LEARN
        item = rng.integers(ITEMS_PER_SKILL, size=known.shape)
        place = rng.permuted(np.tile(np.arange(n_skills), (n_learners, 1)), axis=1)
        days.append((correct, item, day + place * 0.5 / 1440.0))
    learner, skill = np.indices(known.shape)
    whole = [np.concatenate([part[at].ravel() for part in days]) for at in range(3)]
    return _table(np.tile(learner.ravel(), opportunities), np.tile(skill.ravel(), opportunities), *whole)


def _table(
    learner: np.ndarray, skill: np.ndarray, correct: np.ndarray, item: np.ndarray, time: np.ndarray
) -> pa.Table:
    order = np.lexsort((time, learner))
    return pa.table(
        {
            "learner": [str(n) for n in learner[order]],
            "item": [f"{SKILLS[k]}-{n + 1}" for k, n in zip(skill[order], item[order], strict=True)],
            "skills": [[SKILLS[k]] for k in skill[order]],
            "time": np.round(time[order], 6),
            "correct": correct[order].astype(np.int8),
        }
    )


if __name__ == "__main__":
    write_log(SHIPPED, simulate_log())
