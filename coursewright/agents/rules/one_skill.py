"""One BKT skill whose practice has a price: value iteration over the belief that the skill is known.

A tutor may practise one skill at most n more times, and pays a price for each.  Beliefs are all that answers
tell of a skill, so that the value of this problem is, with V_0 = 0,

    V_n(p) = max{0, g_n(p)},    g_n(p) = (1 - p) T - price + c V_{n-1}(p+) + (1 - c) V_{n-1}(p-)

where c = p (1 - S) + (1 - p) G is the chance of a right answer, and p+ and p- are the beliefs after a right
and after a wrong answer and the opportunity to learn (Corbett & Anderson 1994).  Prices tie skills together:
the values of all skills at one price bound every policy (`evaluation/bounds.py`), and the highest price at
which practice is still worth it is an index (Gittins, J. R. Stat. Soc. B 41, 1979; Whittle, J. Appl. Prob.
25A, 1988).

V_n is convex, so the straight line between two beliefs of the grid lies above it, and every error of the
grid makes the value larger: a bound stays one.  The grid holds 0 and 1 for that reason.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel

GRID = 1001  # beliefs from 0 to 1; a bound with four times as many is smaller by 3e-7
COARSE = 401  # the same for an index, which orders skills
PRICES = 100  # of an index: from 0 to P(T), closer together near 0


class Skill(NamedTuple):
    """The parameters of one skill: P(T), P(G), P(S)."""

    learn: float
    guess: float
    slip: float


class Moves(NamedTuple):
    """The course of one practice from each belief of the grid, `[grid]` each.

    `gain` is the expected one, `right` the chance of a right answer.  The belief after a right answer lies
    between the grid's places `up` and `up + 1`, `up_part` of the way, and after a wrong one likewise.
    """

    gain: Floats
    right: Floats
    up: Ints
    up_part: Floats
    down: Ints
    down_part: Floats


def moves(skill: Skill, grid: int) -> Moves:
    """The moves of a skill over a `grid` of equally distant beliefs from 0 to 1."""
    belief = np.linspace(0.0, 1.0, grid)
    right = belief * (1.0 - skill.slip) + (1.0 - belief) * skill.guess
    after_right = np.divide(belief * (1.0 - skill.slip), right, out=belief.copy(), where=right > 0.0)
    after_wrong = np.divide(belief * skill.slip, 1.0 - right, out=belief.copy(), where=right < 1.0)
    gain = (1.0 - belief) * skill.learn
    return Moves(gain, right, *_learned(after_right, skill.learn), *_learned(after_wrong, skill.learn))


def _learned(belief: Floats, learn: float) -> tuple[Ints, Floats]:
    """Each belief after an opportunity to learn: the place below it, and its share of the way to the next."""
    last = len(belief) - 1
    at = np.clip(belief + (1.0 - belief) * learn, 0.0, 1.0) * last
    place = np.minimum(at.astype(np.int64), last - 1)
    return place, at - place


@inlined
def _onward(at: Moves, price: float, later: Floats, p: int) -> float:
    """g_n at place p, if `later` is V_{n-1}."""
    up, down = at.up[p], at.down[p]
    if_right = later[up] + at.up_part[p] * (later[up + 1] - later[up])
    if_wrong = later[down] + at.down_part[p] * (later[down + 1] - later[down])
    return float(at.gain[p] - price + at.right[p] * if_right + (1.0 - at.right[p]) * if_wrong)


@kernel
def _values(at: Moves, prices: Floats, times: int, halves: Floats, out: Floats) -> None:
    """V_times `[prices, grid]`; `halves [2, grid]` are room for V_n and V_{n-1}."""
    for j in range(prices.shape[0]):
        for p in range(out.shape[1]):
            halves[0, p] = 0.0
        for n in range(times):
            for p in range(out.shape[1]):
                halves[(n + 1) % 2, p] = max(0.0, _onward(at, prices[j], halves[n % 2], p))
        for p in range(out.shape[1]):
            out[j, p] = halves[times % 2, p]


def values(skill: Skill, prices: Floats, times: int, grid: int = GRID) -> Floats:
    """V `[prices, grid]` of a skill that may be practised at most `times` times, at each of the prices.

    It starts from 0 and takes exactly so many rounds: more would be the value of another problem, and fewer
    no bound.
    """
    out = np.empty((len(prices), grid))
    _values(moves(skill, grid), prices, times, np.empty((2, grid)), out)
    return out


@kernel
def _indices(at: Moves, prices: Floats, times: int, halves: Floats, before: Floats, out: Floats) -> None:
    """The price at which g_times falls below 0; `halves [2, grid]` and `before [grid]` are room."""
    for j in range(prices.shape[0]):
        for p in range(out.shape[0]):
            halves[0, p] = 0.0
        for n in range(times - 1):
            for p in range(out.shape[0]):
                halves[(n + 1) % 2, p] = max(0.0, _onward(at, prices[j], halves[n % 2], p))
        for p in range(out.shape[0]):
            worth = _onward(at, prices[j], halves[(times - 1) % 2], p)
            if worth >= 0.0:
                out[p] = prices[j]
            elif j > 0 and before[p] >= 0.0:
                out[p] = prices[j - 1] + (prices[j] - prices[j - 1]) * before[p] / (before[p] - worth)
            before[p] = worth


@lru_cache(maxsize=4096)
def indices(skill: Skill, times: int) -> Floats:
    """The index `[grid]` of a skill that may be practised at most `times` times, by belief.

    It is the highest price at which one practice and the best of all that may follow are worth it: never
    less than the gain of the next practice alone, never more than P(T).
    """
    prices = skill.learn * np.linspace(0.0, 1.0, PRICES) ** 2
    at = moves(skill, COARSE)
    out = np.zeros(COARSE)
    _indices(at, prices, times, np.empty((2, COARSE)), np.empty(COARSE), out)
    out = np.maximum(out, at.gain)
    out.setflags(write=False)
    return out
