"""exp, log and power without a branch, so that the compiler turns a loop over them into vector code.

The library's functions are calls, which end every vector loop: a learner's P(correct) of twenty items cost
twenty of them.  These are straight lines of arithmetic and run six times as fast.  An item's result is the
same in a vector and alone: `kernel` compiles without fastmath, and products and sums are joined where it
says `multiply_add` and nowhere else.

- exp: Cody & Waite (1980): x = n ln 2 + r with |r| <= ln 2 / 2, and e^x = 2^n e^r.  e^r is its Taylor sum to
  r^12, whose rest is below r^13 / 13! = 2e-16.  ln 2 stands in two parts, the first with so few digits
  that n times it is exact.
- log: x = 2^n m with sqrt(1/2) <= m < sqrt(2), s = (m - 1) / (m + 1), ln m = 2 s + s R(s^2).  R is the
  minimax polynomial of fdlibm (Sun Microsystems 1993, e_log.c), with an error below 2^-58, and so are the
  two parts of ln 2.

Relative errors: exp and log 5e-16, power(x, y) (1 + |y ln x|) 5e-16.  Arguments are finite.  exp counts x
as no less than -708 and no more than 709, log as no less than the least normal number, 2e-308: so exp never
reaches 0 or infinity, and log(0) is -708.4.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import float64
from numba.extending import intrinsic, overload

from coursewright.simulators.arrays import Floats
from coursewright.simulators.kernel import inlined, kernel

LOWEST, HIGHEST = -708.0, 709.0
LEAST_NORMAL = 2.2250738585072014e-308
# Adding 1.5 * 2^52 to a number rounds it to a whole one, which then stands in the lowest bits.
ROUNDER, ROUNDER_BITS = 6755399441055744.0, 0x4338000000000000
EXPONENT = 52  # the bit where the exponent begins
ROOT_HALF_BITS = 0x3FE6A09E667F3BCD  # sqrt(1/2)
PER_LN2 = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
R1, R2, R3, R4 = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
)
R5, R6, R7 = 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01


@inlined
def _bits(x: float) -> np.int64:
    return np.float64(x).view(np.int64)


@inlined
def _number(bits: np.int64) -> float:
    return np.int64(bits).view(np.float64)


@intrinsic
def _fused(context: Any, x: Any, y: Any, z: Any) -> Any:
    """LLVM's fmuladd: one rounding where the processor has such an instruction, two where it has none."""

    def generate(_: Any, builder: Any, __: Any, given: Any) -> Any:
        double = given[0].type
        function = ir.FunctionType(double, [double, double, double])
        return builder.call(builder.module.declare_intrinsic("llvm.fmuladd", [double], function), given)

    return float64(float64, float64, float64), generate


def multiply_add(x: float, y: float, z: float) -> float:
    """The product of x and y, plus z: compiled, it takes half the time of both apart."""
    return x * y + z


@overload(multiply_add)
def _compiled(x: Any, y: Any, z: Any) -> Any:
    def joined(x: Any, y: Any, z: Any) -> Any:
        return _fused(x, y, z)  # type: ignore[call-arg]

    return joined


@inlined
def exp(x: float) -> float:
    """e^x; see above for the ends."""
    x = min(max(x, LOWEST), HIGHEST)
    shifted = multiply_add(x, PER_LN2, ROUNDER)
    n = shifted - ROUNDER
    r = multiply_add(n, -LN2_LOW, multiply_add(n, -LN2_HIGH, x))
    total = multiply_add(1.0 / 479001600.0, r, 1.0 / 39916800.0)
    total = multiply_add(total, r, 1.0 / 3628800.0)
    total = multiply_add(total, r, 1.0 / 362880.0)
    total = multiply_add(total, r, 1.0 / 40320.0)
    total = multiply_add(total, r, 1.0 / 5040.0)
    total = multiply_add(total, r, 1.0 / 720.0)
    total = multiply_add(total, r, 1.0 / 120.0)
    total = multiply_add(total, r, 1.0 / 24.0)
    total = multiply_add(total, r, 1.0 / 6.0)
    total = multiply_add(total, r, 0.5)
    total = multiply_add(total, r, 1.0)
    total = multiply_add(total, r, 1.0)
    return _number(_bits(total) + (_bits(shifted) << EXPONENT))  # times 2^n


@inlined
def log(x: float) -> float:
    """The natural logarithm of x >= 0; see above for 0."""
    bits = _bits(max(x, LEAST_NORMAL))
    power_of_2 = (bits - ROOT_HALF_BITS) >> EXPONENT
    f = _number(bits - (power_of_2 << EXPONENT)) - 1.0
    n = _number(power_of_2 + ROUNDER_BITS) - ROUNDER
    s = f / (2.0 + f)
    z = s * s
    rest = multiply_add(R7, z, R6)
    rest = multiply_add(rest, z, R5)
    rest = multiply_add(rest, z, R4)
    rest = multiply_add(rest, z, R3)
    rest = multiply_add(rest, z, R2)
    rest = multiply_add(rest, z, R1)
    rest = multiply_add(rest, s * z, 2.0 * s)
    return multiply_add(n, LN2_HIGH, multiply_add(n, LN2_LOW, rest))


@inlined
def power(x: float, y: float) -> float:
    """x^y for x >= 0."""
    return exp(y * log(x))


@inlined
def sigmoid(z: float) -> float:
    """The logistic function, 1 / (1 + e^-z)."""
    return 1.0 / (1.0 + exp(-z))


VECTOR = 16  # numbers that a compiled loop takes at once; what is left over it takes one by one


@inlined
def whole(numbers: int) -> int:
    """The end of a loop that takes whole vectors: so many numbers or a few more."""
    return (numbers + VECTOR - 1) // VECTOR * VECTOR


def room(numbers: int) -> Floats:
    """Room for so many numbers and for the rest of the last vector, which may hold anything."""
    return np.empty(whole(numbers))


@inlined
def powers(x: Floats, numbers: int, y: Floats) -> None:
    """Turn the first numbers of a `room` into x^y."""
    for j in range(whole(numbers)):
        x[j] = power(x[j], y[j])


@kernel
def sigmoids(z: Floats) -> None:
    """Turn log odds `[batch, items]` into chances, in place.

    One loop over all of them: of a short row half would be left over by the vectors.
    """
    flat = z.reshape(z.size)
    for j in range(flat.shape[0]):
        flat[j] = sigmoid(flat[j])
