"""ONNX nodes and constants as they are written; equal ones are written once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import onnx
import torch
from torch import Tensor

KINDS = {
    torch.float32: onnx.TensorProto.FLOAT,
    torch.float64: onnx.TensorProto.DOUBLE,
    torch.int64: onnx.TensorProto.INT64,
    torch.uint8: onnx.TensorProto.UINT8,
    torch.bool: onnx.TensorProto.BOOL,
}
Operand = Tensor | float


class Called(NamedTuple):
    """An operation: its `name`, arguments and results, and the arguments in the run with another batch."""

    name: str
    args: tuple[Any, ...]
    out: Tensor
    other: tuple[Any, ...]
    other_out: Tensor


@dataclass
class Sheet:
    """The nodes and constants that have been written; equal ones are written once.

    `first` is the name of an input whose first size is the batch.
    """

    first: str
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)  # of tensors that hang on the inputs, by their id
    written: dict[Any, str] = field(default_factory=dict)

    def node(self, op: str, *given: str, **attributes: Any) -> str:
        """The name of the result of a node."""
        key = (op, given, repr(sorted(attributes.items())))
        if key not in self.written:
            name = self.written[key] = f"{op}_{len(self.nodes)}"
            self.nodes.append(onnx.helper.make_node(op, given, [name], name=name, **attributes))
        return self.written[key]

    def constant(self, value: Tensor) -> str:
        """The name of a constant."""
        array = value.detach().contiguous().numpy()
        key = (array.tobytes(), array.dtype.str, array.shape)
        if key not in self.written:
            name = self.written[key] = f"constant_{len(self.constants)}"
            self.constants[name] = onnx.numpy_helper.from_array(array, name)
        return self.written[key]

    def numbers(self, values: Sequence[int]) -> str:
        """The name of a list of whole numbers."""
        return self.constant(torch.tensor(list(values), dtype=torch.int64))

    def value(self, x: Operand, kind: torch.dtype | None = None) -> str:
        """The name of a tensor or a number, as this kind."""
        if not isinstance(x, Tensor):
            assert kind is not None
            return self.constant(torch.tensor(x, dtype=kind))
        if id(x) not in self.names:
            return self.constant(x if kind is None else x.to(kind))
        name = self.names[id(x)]
        return name if kind in (None, x.dtype) else self.cast(name, kind)

    def cast(self, name: str, kind: torch.dtype) -> str:
        """The same values as another kind."""
        return self.node("Cast", name, to=KINDS[kind])

    def size(self, sizes: Sequence[int], other: Sequence[int]) -> str:
        """The name of a shape, in which a size that differs between the runs is the batch."""
        if list(sizes) == list(other):
            return self.numbers(sizes)
        many = self.node("Shape", self.first, start=0, end=1)
        parts = [many if a != b else self.numbers([a]) for a, b in zip(sizes, other, strict=True)]
        return self.node("Concat", *parts, axis=0)
