"""Going downhill with an exact gradient, within bounds."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize

from coursewright.simulators.arrays import Floats

MEMORY = 30  # steps that L-BFGS remembers: with 10, as scipy has it, FSRS takes five times as many


def lowest(
    value: Callable[[Floats], tuple[float, Floats]],
    start: Sequence[float] | Floats,
    iterations: int,
    bounds: Sequence[tuple[float, float]] | None = None,
) -> tuple[Floats, bool]:
    """The place where `value` is lowest (it returns its gradient too), and True where the search converged.

    L-BFGS-B (Byrd, Lu, Nocedal & Zhu 1995) from `start [parameters]`; it ends where a step gains less than a
    1e-10th of the value.
    """
    found = minimize(
        value,
        np.array(start, np.float64),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={
            "maxiter": iterations,
            "maxfun": 10 * iterations,
            "maxcor": MEMORY,
            "ftol": 1e-10,
            "gtol": 1e-7,
        },
    )
    return np.array(found.x, np.float64), bool(found.success)
