"""The KSS learner once more, skill by skill, from its published equations, and where its golden file is."""

import numpy as np

from coursewright.simulators.kss.learners import DIFFICULTY, EDGES
from places import SHARED

GOLDEN = SHARED / "golden" / "kss_transitions.json"
ORDER = [0, 5, 6, 1, 2, 7, 3, 4, 8, 9]
STOP = 10

ADJACENT = np.zeros((10, 10))
for _before, _after in EDGES:
    ADJACENT[_before, _after] = 1.0
TRANSFER = np.linalg.inv(np.eye(10) - ADJACENT / 2)


def p_right(ability: np.ndarray) -> np.ndarray:
    return 0.25 + 0.75 / (1 + np.exp(-8.5 * (ability - np.array(DIFFICULTY))))


def grown(ability: np.ndarray, k: int) -> np.ndarray:
    gain = 0.5 * (5 - ability[k]) * np.exp(-sum(5 - ability[p] for p in range(10) if ADJACENT[p, k]))
    return np.minimum(5, ability + gain * TRANSFER[k])
