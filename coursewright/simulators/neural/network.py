"""Recurrent networks that trace knowledge: a GRU or an LSTM, in scalar loops that read like the papers.

A unit is a thing that the network tells apart: a skill in DKT, an item in others.  With memory h, input
x(unit, answer) (a column of W_x for one-hot inputs, W_x e for an embedding e) and gates g = W_x x + W_h h:

    GRU   r, z = s(g_r), s(g_z);  n = tanh(x_n + r (W_h h + b)_n);  h <- (1 - z) n + z h
    LSTM  i, f, o = s(g_i), s(g_f), s(g_o);  c <- f c + i tanh(g_g);  h <- o tanh(c)
    P(correct on unit u) = s(v_u h + a_u)

(Cho et al., EMNLP 2014, in the form with the reset gate after the product; Hochreiter & Schmidhuber, 1997,
with the forget gate of Gers et al., 2000.  s is the logistic function.)  Sums are float32, as in training,
and exponentials float64.  A row's sums run in one order for any batch, so that a row alone equals the
row in a batch bit for bit; a BLAS product differs in the last digits, and such a difference can turn an
answer.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from coursewright.errors import reject
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.neural.stored import read_arrays, write_arrays

Weights = npt.NDArray[np.float32]
GRU_GATES, LSTM_GATES = 3, 4
FIELDS = ("inputs", "recurrent", "recurrent_bias", "output", "bias")


class Cell(NamedTuple):
    """The weights of one step of memory; see `Network`."""

    inputs: Weights
    recurrent: Weights
    recurrent_bias: Weights


class Readout(NamedTuple):
    """The weights of an answer; see `Network`."""

    output: Weights
    bias: Weights


class Sums(NamedTuple):
    """Room for one row's sums, `[gates * hidden]` each: W_h h + b, and the answer's input."""

    gates: Weights
    fed: Weights


@inlined
def logistic(x: float) -> float:
    """1 / (1 + e^-x)."""
    return float(1.0 / (1.0 + np.exp(-x)))


@inlined
def _tanh(x: float) -> float:
    return float(2.0 / (1.0 + np.exp(-2.0 * x)) - 1.0)


@inlined
def _sum(a: np.float32, b: np.float32) -> float:
    """In double precision; np.float64, because numba's float() leaves a float32 as it is."""
    return np.float64(a) + np.float64(b)


@inlined
def _gather(memory: Weights, i: int, unit: int, answer: float, cell: Cell, sums: Sums) -> None:
    """Fill the sums of row i: whole rows of W_h at a time, which the compiler vectorises.

    An answer of p in [0, 1] counts as p right ones and 1 - p wrong ones.
    """
    (gates, fed), inputs = sums, cell.inputs
    for k in range(fed.shape[0]):
        fed[k] = (1.0 - answer) * np.float64(inputs[unit, 0, k]) + answer * np.float64(inputs[unit, 1, k])
    for k in range(gates.shape[0]):
        gates[k] = cell.recurrent_bias[k]
    for j in range(cell.recurrent.shape[0]):
        h = memory[i, j]
        for k in range(gates.shape[0]):
            gates[k] += h * cell.recurrent[j, k]


@kernel
def _gru(memory: Weights, unit: Ints, answer: Floats, cell: Cell, sums: Sums) -> None:
    (gates, fed), size = sums, memory.shape[1]
    for i in range(memory.shape[0]):
        if unit[i] < 0:
            continue
        _gather(memory, i, unit[i], answer[i], cell, sums)
        for k in range(size):
            reset = logistic(_sum(fed[k], gates[k]))
            keep = logistic(_sum(fed[size + k], gates[size + k]))
            new = _tanh(np.float64(fed[2 * size + k]) + reset * np.float64(gates[2 * size + k]))
            memory[i, k] = (1.0 - keep) * new + keep * np.float64(memory[i, k])


@kernel
def _lstm(memory: Weights, unit: Ints, answer: Floats, cell: Cell, sums: Sums) -> None:
    (gates, fed), size = sums, memory.shape[1] // 2  # h, then c
    for i in range(memory.shape[0]):
        if unit[i] < 0:
            continue
        _gather(memory, i, unit[i], answer[i], cell, sums)
        for k in range(size):
            write = logistic(_sum(fed[k], gates[k])) * _tanh(_sum(fed[2 * size + k], gates[2 * size + k]))
            forget = logistic(_sum(fed[size + k], gates[size + k]))
            kept = forget * np.float64(memory[i, size + k]) + write
            memory[i, size + k] = kept
            memory[i, k] = logistic(_sum(fed[3 * size + k], gates[3 * size + k])) * _tanh(kept)


@inlined
def logit(memory: Weights, i: int, unit: int, readout: Readout) -> float:
    """v_u h + a_u of row i."""
    total = readout.bias[unit]
    for j in range(readout.output.shape[1]):
        total += memory[i, j] * readout.output[unit, j]
    return np.float64(total)


@kernel
def _p(memory: Weights, unit: Ints, readout: Readout, out: Floats) -> None:
    for i in range(unit.shape[0]):
        if unit[i] >= 0:
            out[i] = logistic(logit(memory, i, unit[i], readout))


@dataclass(frozen=True, eq=False)
class Network:
    """The weights, float32.

    Attributes
    ----------
    inputs : `[units, 2, gates * hidden]`, the inputs of a wrong and a right answer on each unit to the gates:
        the embedding multiplied out, biases included.  Three gates (r, z, n) make a GRU, four (i, f, g, o)
        an LSTM.
    recurrent, recurrent_bias : `[hidden, gates * hidden]` and `[gates * hidden]`, W_h and its bias.
    output, bias : `[units, hidden]` and `[units]`, v and a.
    """

    inputs: Weights
    recurrent: Weights
    recurrent_bias: Weights
    output: Weights
    bias: Weights

    def __post_init__(self) -> None:
        for field in FIELDS:
            values = np.ascontiguousarray(getattr(self, field), np.float32)
            if not np.isfinite(values).all():
                raise reject(f"network.{field}", "a number that is not finite", "finite")
            object.__setattr__(self, field, values)
        if self.output.ndim != 2 or not self.output.size:
            raise reject("network.output", f"array of shape {self.output.shape}", "[units, hidden]")
        units, hidden = self.output.shape
        wide = self.recurrent_bias.size
        if wide not in (GRU_GATES * hidden, LSTM_GATES * hidden):
            raise reject("network.recurrent_bias", f"{wide} numbers", f"3 or 4 times {hidden} (GRU or LSTM)")
        shapes = {"inputs": (units, 2, wide), "recurrent": (hidden, wide), "bias": (units,)}
        for field, shape in shapes.items():
            if getattr(self, field).shape != shape:
                found = f"array of shape {getattr(self, field).shape}"
                raise reject(f"network.{field}", found, f"of shape {shape}")

    @property
    def units(self) -> int:
        """The number of units that the network tells apart."""
        return int(self.output.shape[0])

    @property
    def hidden(self) -> int:
        """The number of numbers that the outputs read."""
        return int(self.output.shape[1])

    @property
    def is_lstm(self) -> bool:
        """True where there is a cell beside the hidden state."""
        return self.recurrent_bias.size == LSTM_GATES * self.hidden

    @property
    def width(self) -> int:
        """The number of numbers in a learner's memory: h, and for an LSTM c behind it."""
        return self.hidden * (2 if self.is_lstm else 1)

    @property
    def readout(self) -> Readout:
        """The weights that turn memory into P(correct)."""
        return Readout(self.output, self.bias)

    @cached_property
    def output_columns(self) -> Weights:
        """`output` as `[hidden, units]`."""
        return np.ascontiguousarray(self.output.T)

    def p(self, memory: Weights, unit: Ints, out: Floats) -> None:
        """P(correct) `[batch]` on `unit [batch]`; where that is -1, `out` is left as it is."""
        _p(memory, unit, self.readout, out)

    def p_all(self, memory: Weights, out: Weights) -> None:
        """P(correct) on every unit, float32 `[batch, units]`: one BLAS product, rows equal to 1e-6."""
        np.matmul(memory[:, : self.hidden], self.output_columns, out=out)
        np.add(out, self.bias, out=out)
        np.negative(out, out=out)
        with np.errstate(over="ignore"):  # 1 / (1 + inf) is the 0 that is meant
            np.exp(out, out=out)
        np.add(out, np.float32(1.0), out=out)
        np.reciprocal(out, out=out)

    def advance(self, memory: Weights, unit: Ints, answer: Floats) -> None:
        """Take in `answer [batch]` in [0, 1] on `unit [batch]`; rows with unit -1 stay as they are."""
        step = _lstm if self.is_lstm else _gru
        cell = Cell(self.inputs, self.recurrent, self.recurrent_bias)
        step(memory, unit, answer, cell, Sums(*np.empty((2, self.recurrent_bias.size), np.float32)))

    def only(self, units: Ints) -> "Network":
        """The same network with these units in this order (they may repeat)."""
        return Network(
            self.inputs[units], self.recurrent, self.recurrent_bias, self.output[units], self.bias[units]
        )

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read the file of `write`; raises `InputError` where the file is missing or of another kind."""
        return cls(**read_arrays(path, FIELDS))

    def write(self, path: str | Path) -> None:
        """Write the weights as a .npz; the same weights are the same bytes."""
        write_arrays(path, {field: getattr(self, field) for field in FIELDS})
