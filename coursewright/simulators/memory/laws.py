"""Three laws by which practice changes a forgetting curve, as deeptutor states them (Reddy et al. 2017).

    EFC   p = exp(-theta_i age / S_i), S_i = 1 + attempts                   Reddy et al., KDD 2016
    HLR   p = exp(-age / h_i), h_i = exp(w . x)                             after Settles & Meeder, ACL 2016
    DASH  p = m_i / (1 + h age)^f_i, the generalised power law              Lindsey et al. 2014

They differ from the models of the same name that are fitted to logs: time has no unit here, and the
differences between learners are drawn, item by item.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import ENROL, Keys, normal
from coursewright.simulators.memory.deeptutor import CurveState

MOST = 30.0  # of HLR's w . x: exp of more soon overflows, and no episode is long enough to notice
LEAST = -700.0  # of the same: the rate of forgetting stays finite
DRAWS = 6  # indices of ENROL that an item takes: three normal draws of two each


@inlined
def _start(state: CurveState, learner: np.uint64, i: int, a: int) -> None:
    """Item a of row i was shown before day 0, and nothing has been counted."""
    state.shown[i, a] = -np.exp(normal(learner, 0, ENROL + DRAWS * a))
    state.attempts[i, a] = 0
    state.correct[i, a] = 0


@kernel
def _draw_efc(state: CurveState, log_decay: float, rows: Ints, sd: float, learner: Keys) -> None:
    for i in rows:
        for a in range(state.shown.shape[1]):
            _start(state, learner[i], i, a)
            state.trait[i, a] = np.exp(log_decay + sd * normal(learner[i], 0, ENROL + DRAWS * a + 2))
            state.pace[i, a] = state.trait[i, a]


@kernel
def _teach_efc(pace: Floats, attempts: Ints, trait: Floats, taught: Bools, item: Ints) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a >= 0 and taught[i]:
            attempts[i, a] += 1
            pace[i, a] = trait[i, a] / (1.0 + attempts[i, a])


@inlined
def _hlr_pace(state: CurveState, weights: Floats, i: int, a: int) -> float:
    attempts, correct = state.attempts[i, a], state.correct[i, a]
    counted = weights[0] * attempts + weights[1] * correct + weights[2] * (attempts - correct)
    return float(np.exp(-max(min(counted + state.trait[i, a], MOST), LEAST)))


@kernel
def _draw_hlr(state: CurveState, weights: Floats, rows: Ints, sd: float, learner: Keys) -> None:
    for i in rows:
        for a in range(state.shown.shape[1]):
            _start(state, learner[i], i, a)
            state.trait[i, a] = sd * normal(learner[i], 0, ENROL + DRAWS * a + 2)
            state.pace[i, a] = _hlr_pace(state, weights, i, a)


@kernel
def _teach_hlr(state: CurveState, weights: Floats, item: Ints, taught: Bools, correct: Ints) -> None:
    for i in range(item.shape[0]):
        a = item[i]
        if a >= 0 and taught[i]:
            state.attempts[i, a] += 1
            state.correct[i, a] += correct[i]
            state.pace[i, a] = _hlr_pace(state, weights, i, a)


@inlined
def _logistic(x: float) -> float:
    return float(1.0 / (1.0 + np.exp(-x)))


class Spread(NamedTuple):
    """The differences between DASH's learners: normal draws of difficulty, log exponent, and log h."""

    difficulty: float
    difficulty_sd: float
    log_exponent: float
    log_exponent_sd: float
    delay_sd: float


@kernel
def _draw_dash(state: CurveState, spread: Spread, rows: Ints, learner: Keys) -> None:
    items = state.shown.shape[1]
    for i in rows:
        h = np.exp(spread.delay_sd * normal(learner[i], 0, ENROL + DRAWS * items))
        for a in range(items):
            _start(state, learner[i], i, a)
            first = ENROL + DRAWS * a
            difficulty = spread.difficulty + spread.difficulty_sd * normal(learner[i], 0, first + 2)
            exponent = spread.log_exponent + spread.log_exponent_sd * normal(learner[i], 0, first + 4)
            state.trait[i, a] = -difficulty
            state.bend[i, a] = np.exp(-np.exp(exponent))
            state.height[i, a] = _logistic(state.trait[i, a])
            state.pace[i, a] = h


@inlined
def _close(state: CurveState, weight: float, i: int) -> None:
    """A window of row i is over: its lessons count from now on."""
    for a in range(state.height.shape[1]):
        counts = np.log(1.0 + state.correct[i, a]) + np.log(1.0 + state.attempts[i, a])
        state.trait[i, a] += weight * counts
        state.height[i, a] = _logistic(state.trait[i, a])
        state.attempts[i, a] = 0
        state.correct[i, a] = 0


@kernel
def _teach_dash(
    state: CurveState, weights: Floats, window: int, item: Ints, taught: Bools, correct: Ints
) -> None:
    for i in range(item.shape[0]):
        if item[i] < 0 or not taught[i]:
            continue
        closed = state.lessons[i] // window - 1  # the window that this lesson closes, if it closes one
        if state.lessons[i] % window == 0 and closed < weights.shape[0] - 1:
            _close(state, weights[closed], i)
        state.attempts[i, item[i]] += 1
        state.correct[i, item[i]] += correct[i]


def _spread(field: str, value: float) -> None:
    if not 0.0 <= value < np.inf:
        raise reject(field, value, "a finite number >= 0")


def _finite(field: str, values: Sequence[float]) -> None:
    for value in values:
        if not -100.0 <= value <= 100.0:
            raise reject(field, value, "a number from -100 to 100")


@dataclass(frozen=True, eq=False)
class Efc:
    """The exponential forgetting curve: memory strength is 1 + attempts, right or wrong.

    theta_i = exp(N(ln `decay`, `decay_sd`)) for each learner and item.  Raises `InputError` for a
    decay that is not positive or a negative spread.
    """

    decay: float = 0.077
    decay_sd: float = 1.0
    power = False

    def __post_init__(self) -> None:
        if not 0.0 < self.decay < np.inf:
            raise reject("efc.decay", self.decay, "a positive, finite rate")
        _spread("efc.decay_sd", self.decay_sd)

    def draw(self, state: CurveState, rows: Ints, learner: Keys) -> None:
        """Decay rates theta `[rows, items]`; strength 1."""
        _draw_efc(state, float(np.log(self.decay)), rows, float(self.decay_sd), learner)

    def teach(self, state: CurveState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Strength grows by 1 after any answer."""
        _teach_efc(state.pace, state.attempts, state.trait, taught, item)


@dataclass(frozen=True, eq=False)
class DeepTutorHlr:
    """Half-life regression with x = (attempts, correct, wrong, which item): h = exp(w . x).

    `weights` are those of the three counts, the item's own is drawn from N(0, `item_sd`) for each learner.
    w . x is cut at 30.  (h is a mean lifetime here; it is a half-life in Settles & Meeder 2016.)
    """

    weights: Sequence[float] = (1.0, 1.0, 0.0)
    item_sd: float = 1.0
    power = False

    def __post_init__(self) -> None:
        if len(self.weights) != 3:
            raise reject("deeptutor_hlr.weights", list(self.weights), "three: of attempts, correct and wrong")
        _finite("deeptutor_hlr.weights", self.weights)
        _spread("deeptutor_hlr.item_sd", self.item_sd)

    @cached_property
    def _weights(self) -> Floats:
        return np.array(self.weights, np.float64)

    def draw(self, state: CurveState, rows: Ints, learner: Keys) -> None:
        """Item weights `[rows, items]`; no attempts."""
        _draw_hlr(state, self._weights, rows, float(self.item_sd), learner)

    def teach(self, state: CurveState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Another attempt, right or wrong."""
        _teach_hlr(state, self._weights, item, taught, correct)


@dataclass(frozen=True, eq=False)
class DeepTutorDash:
    """The generalised power law, with practice counted in windows of lessons.

    m_i = logistic(a - d_i + sum over windows w before the current one of
    c_w (ln(1 + correct in w) + ln(1 + attempts in w))), with a = 0.

    As published, c_w = 1/25, 1/16, 1/9, 1/4, 1 from the oldest window on, the n-th lesson belongs to
    window n // 40, and from lesson 200 on to the last one, which is never over: practice there
    brings back the item (its age) but no longer raises m.  Lessons that teach nothing are not counted.

    Attributes
    ----------
    window : lessons a window.
    weights : c_w of each window, the oldest first.
    difficulty, difficulty_sd : d_i is normal, for each learner and item.
    log_exponent, log_exponent_sd : f_i = exp(-exp(normal)), for each learner and item.
    delay_sd : h = exp(N(0, delay_sd)), for each learner.
    """

    window: int = 40
    weights: Sequence[float] = (1 / 25, 1 / 16, 1 / 9, 1 / 4, 1.0)
    difficulty: float = 1.0
    difficulty_sd: float = 1.0
    log_exponent: float = 1.0
    log_exponent_sd: float = 1.0
    delay_sd: float = 0.01
    power = True

    def __post_init__(self) -> None:
        if self.window < 1 or int(self.window) != self.window:
            raise reject("deeptutor_dash.window", self.window, "a whole number of lessons >= 1")
        if not len(self.weights):
            raise reject("deeptutor_dash.weights", list(self.weights), "one weight a window")
        _finite("deeptutor_dash.weights", self.weights)
        _finite("deeptutor_dash.difficulty", [self.difficulty])
        _finite("deeptutor_dash.log_exponent", [self.log_exponent])
        for name in ("difficulty_sd", "log_exponent_sd", "delay_sd"):
            _spread(f"deeptutor_dash.{name}", getattr(self, name))

    @cached_property
    def _weights(self) -> Floats:
        return np.array(self.weights, np.float64)

    def draw(self, state: CurveState, rows: Ints, learner: Keys) -> None:
        """Difficulties and exponents `[rows, items]`, one h a learner; no window is over."""
        exponent = float(self.log_exponent), float(self.log_exponent_sd)
        spread = Spread(float(self.difficulty), float(self.difficulty_sd), *exponent, float(self.delay_sd))
        _draw_dash(state, spread, rows, learner)

    def teach(self, state: CurveState, item: Ints, taught: Bools, correct: Ints) -> None:
        """Count the lesson; m changes when a window is over."""
        _teach_dash(state, self._weights, int(self.window), item, taught, correct)
