"""Teaching curves: mean cumulative return after each step, with a band."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from coursewright.evaluation.statistics import FEWEST_SEEDS, LEVEL
from coursewright.simulators.arrays import Floats


class StepMeans(NamedTuple):
    """One policy's curve: `mean` and standard error `se` over learners, `[steps + 1]` each."""

    mean: Floats
    se: Floats
    n: int


def step_means(curve: npt.NDArray[np.float32]) -> StepMeans:
    """Mean and standard error of `curve [learners, steps + 1]` at each step."""
    wide = curve.astype(np.float64)
    return StepMeans(wide.mean(axis=0), wide.std(axis=0, ddof=1) / np.sqrt(len(wide)), len(wide))


def band(seeds: Sequence[StepMeans]) -> tuple[Floats, Floats]:
    """Mean over seeds and half the width of its pointwise 95 % interval, `[steps + 1]` each.

    Five seeds or more: Student's t over seeds.  Fewer: over learners, with the mean of the seeds'
    standard errors (the learners are the same, so averaging over seeds may gain nothing).
    """
    means = np.stack([seed.mean for seed in seeds])
    if len(seeds) >= FEWEST_SEEDS:
        n, se = len(seeds), means.std(axis=0, ddof=1) / np.sqrt(len(seeds))
    else:
        n, se = seeds[0].n, np.mean([seed.se for seed in seeds], axis=0)
    return means.mean(axis=0), stats.t.ppf(0.5 + LEVEL / 2, n - 1) * se


def gather(keys: Sequence[tuple[str, str]], curves: Sequence[StepMeans]) -> pd.DataFrame:
    """One row per condition, policy and step from each curve and its key (condition, policy)."""
    parts = []
    for key in dict.fromkeys(keys):
        mean, half = band([curve for k, curve in zip(keys, curves, strict=True) if k == key])
        columns = {"step": np.arange(len(mean)), "mean": mean, "low": mean - half, "high": mean + half}
        parts.append(pd.DataFrame({"condition": key[0], "policy": key[1]} | columns))
    return pd.concat(parts, ignore_index=True)
