"""The kinds of array that every room hands around; docstrings give their shapes."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Mastery = npt.NDArray[np.float32]
"""Latent mastery, `[batch, skills]` in [0, 1]."""
Observation = npt.NDArray[np.float32]
"""The observation of each learner, `[batch, columns]`: all that a tutor sees; see `envs/layout.py`."""
