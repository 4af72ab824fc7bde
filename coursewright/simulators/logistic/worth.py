"""The worth of a counter: the part that its counts and its last practice add to a logit (see `counting`)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.branch_free import log
from coursewright.simulators.kernel import inlined

Counts = npt.NDArray[np.int32]
PLAIN = ("easiness", "opportunity", "success", "failure", "seen", "lag")
# Seconds after which the lag may change its pace.
BENDS = {"lag_10s": 10.0, "lag_1min": 60.0, "lag_10min": 600.0, "lag_1h": 3600.0, "lag_1d": 86_400.0}
LAST = ("right_last", "wrong_last")
COLUMNS = (*PLAIN, *BENDS, *LAST)
EASINESS, OPPORTUNITY, SUCCESS, FAILURE, SEEN, LAG, BENT = range(7)
RIGHT_LAST, WRONG_LAST = BENT + len(BENDS), BENT + len(BENDS) + 1
KNOTS = tuple(float(np.log1p(seconds)) for seconds in BENDS.values())
DAY_S = 86_400.0  # seconds


class LogisticState(NamedTuple):
    """A batch of learners.

    `theta [batch]` is each one's own ability, `now [batch]` the day; `exposures`, `successes`, `failures`
    `[batch, counters]` the counts, `last [batch, counters]` the day of the last exposure, and
    `worth [batch, counters]` the sum that a counter adds to a logit, its lag apart.
    """

    theta: Floats
    now: Floats
    exposures: Counts
    successes: Counts
    failures: Counts
    last: Floats
    worth: Floats


class Constants(NamedTuple):
    """The population's constants, see `Logistic`, and the `minutes [items]` of the course.

    The first `lagged` counters may have a lag, and the others none; `bent` is True where any lag bends.  The
    counters of item a are `touched[start[a]:start[a + 1]]`.
    """

    weights: Floats
    raw: bool
    lagged: int
    bent: bool
    difficulty: Floats
    minutes: Floats
    start: Ints
    touched: Ints


@inlined
def term(weight: float, count: float, raw: bool) -> float:
    """Weight times f(count); most models weigh some counts with 0 and need no logarithm of them."""
    if weight == 0.0:
        return 0.0
    return weight * (count if raw else log(1.0 + count))


@inlined
def worth(constants: Constants, c: int, n: float, s: float, f: float, right: int) -> float:
    """The part of counter c in a logit after n exposures, s right, f wrong; the last answer was `right`."""
    weights, raw = constants.weights, constants.raw
    tried = term(weights[c, OPPORTUNITY], n, raw)
    answered = term(weights[c, SUCCESS], s, raw) + term(weights[c, FAILURE], f, raw)
    last = weights[c, WRONG_LAST - right]
    return float(weights[c, EASINESS] + weights[c, SEEN] + tried + answered + last)


@inlined
def _elapsed(state: LogisticState, i: int, c: int) -> float:
    """ln(1 + seconds since counter c was last practised) in row i."""
    return log(1.0 + DAY_S * (state.now[i] - state.last[i, c]))


@inlined
def lag(state: LogisticState, weights: Floats, i: int, c: int) -> float:
    """The part of the time since counter c's last practice in the logit of row i: 0 before the first."""
    seen = state.exposures[i, c] > 0
    lag = weights[c, LAG] * _elapsed(state, i, c)
    return lag if seen else 0.0


@inlined
def bent_lag(state: LogisticState, weights: Floats, i: int, c: int) -> float:
    """The same where the lag bends."""
    seen = state.exposures[i, c] > 0
    x = _elapsed(state, i, c)
    lag = weights[c, LAG] * x
    for k in range(len(KNOTS)):
        lag += weights[c, BENT + k] * max(0.0, x - KNOTS[k])
    return lag if seen else 0.0


@inlined
def lag_after(weights: Floats, c: int, days: float) -> float:
    """The same of a practice so many days ago, whether the lag bends or not."""
    x = log(1.0 + DAY_S * days)
    lag = weights[c, LAG] * x
    for k in range(len(KNOTS)):
        lag += weights[c, BENT + k] * max(0.0, x - KNOTS[k])
    return float(lag)
