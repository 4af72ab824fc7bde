"""The learners that an agent trains on: each seed has its own."""

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.luck import hash_pair

SEEDS = 2**32  # the limit of numpy's and Stable-Baselines3's own generators


def first_learner(seed: int) -> int:
    """The number of row 0's training learner under an agent's seed; row i meets that number + i.

    A hash, never the small seed itself: agents with the seeds 0, 1, 2, ... would otherwise share
    nearly all their learners.
    """
    if not 0 <= seed < SEEDS:
        raise reject("agent.seed", seed, f"a whole number in [0, {SEEDS})")
    return int(hash_pair(np.uint64(seed), 0)) >> 2
