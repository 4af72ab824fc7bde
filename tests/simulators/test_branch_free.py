"""exp, log and power without branches against the library's, over all that they are for."""

import numpy as np
import pytest

from coursewright.simulators import branch_free as free
from coursewright.simulators.kernel import kernel

RNG = np.random.default_rng(0)
BITS = RNG.integers(1 << 52, 0x7FE << 52, 200_000).view(np.float64)  # every size of a number alike
EXP = np.concatenate(
    [
        np.linspace(-708.0, 709.0, 200_001),
        np.log(2.0) * (np.arange(-1021, 1023) + 0.5),  # where the rounding turns
        np.spacing(1.0) * np.arange(-5.0, 6.0),
        [-708.0, -0.0, 0.0, 709.0, 1e-300, -1e-300],
    ]
)
LOG = np.concatenate(
    [
        BITS,
        1.0 + np.linspace(-0.5, 1.0, 200_001),
        1.0 + np.spacing(1.0) * np.arange(-50.0, 50.0),
        np.exp2(np.arange(-1022.0, 1024.0)),
        np.sqrt(0.5) * (1.0 + np.spacing(1.0) * np.arange(-5.0, 5.0)),
        [2.2250738585072014e-308, 1.7976931348623157e308],
    ]
)


@kernel
def _exp(x, out):
    for i in range(len(x)):
        out[i] = free.exp(x[i])


@kernel
def _log(x, out):
    for i in range(len(x)):
        out[i] = free.log(x[i])


@kernel
def _power(x, y, out):
    for i in range(len(x)):
        out[i] = free.power(x[i], y[i])


@kernel
def _sigmoid(x, out):
    for i in range(len(x)):
        out[i] = free.sigmoid(x[i])


def over(function, *given) -> np.ndarray:
    out = np.empty(len(given[0]))
    function(*given, out)
    return out


def test_exp_is_the_library_s() -> None:
    np.testing.assert_allclose(over(_exp, EXP), np.exp(EXP), rtol=1e-15, atol=0.0)
    assert over(_exp, np.zeros(1)) == 1.0


def test_log_is_the_library_s() -> None:
    np.testing.assert_allclose(over(_log, LOG), np.log(LOG), rtol=1e-15, atol=0.0)
    assert over(_log, np.ones(1)) == 0.0


def test_power_is_the_library_s() -> None:
    x, y = np.exp(RNG.uniform(-50.0, 50.0, 100_000)), RNG.uniform(-3.0, 3.0, 100_000)
    error = np.abs(over(_power, x, y) / x**y - 1.0)
    assert (error < 1e-15 * (1.0 + np.abs(y * np.log(x)))).all()
    near = RNG.uniform(1.0, 400.0, 100_000), RNG.uniform(-0.8, 0.0, 100_000)  # forgetting curves
    np.testing.assert_allclose(over(_power, *near), near[0] ** near[1], rtol=1e-14, atol=0.0)


def test_sigmoid_is_the_library_s() -> None:
    z = np.concatenate([np.linspace(-700.0, 700.0, 100_001), [0.0]])
    np.testing.assert_allclose(over(_sigmoid, z), 1.0 / (1.0 + np.exp(-z)), rtol=1e-14, atol=0.0)


def test_beyond_the_ends_counts_as_the_ends() -> None:
    beyond = np.array([-1e300, -800.0, -708.0, 709.0, 800.0, 1e300])
    np.testing.assert_array_equal(over(_exp, beyond), over(_exp, np.clip(beyond, -708.0, 709.0)))
    assert np.isfinite(over(_exp, beyond)).all()
    np.testing.assert_array_equal(
        over(_log, np.array([0.0, 5e-324])), over(_log, np.full(2, free.LEAST_NORMAL))
    )
    assert over(_sigmoid, np.array([1e300])) == 1.0
    assert 0.0 <= over(_sigmoid, np.array([-1e300]))[0] < 1e-300
    assert over(_power, np.zeros(1), np.full(1, 0.0)) == 1.0


@pytest.mark.parametrize("function", [_exp, _log, _sigmoid])
def test_a_number_is_the_same_alone_and_in_a_vector(function) -> None:
    x = np.abs(RNG.normal(0.0, 20.0, 67))  # vectors of eight, and a rest
    alone = [over(function, x[i : i + 1])[0] for i in range(len(x))]
    np.testing.assert_array_equal(over(function, x), alone)
