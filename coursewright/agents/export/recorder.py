"""A torch graph becomes ONNX nodes by being written down while it runs.

torch's own exporter takes half a minute for a tutor, whose graph is hundreds of small steps, and seconds to
start; this takes a second, repeats no constant, and computes once what stands there twice.  It knows the
operations that our graphs use, and refuses others by name.  What it writes is not trusted: `whole.write` and
`onnx.export` compare every file with the original.

The graph runs twice, with batches of two sizes: what differs between the runs hangs on the batch, and all
else is fixed.
"""

import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from coursewright.agents.export.operations import OPERATIONS
from coursewright.agents.export.sheet import KINDS, Called, Sheet

OPSET, IR = 20, 10
BATCH = "batch"


class Listening(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Hears every operation of a run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.heard: list[tuple[Any, tuple[Any, ...], Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run it, and keep it with all its arguments in the order of its schema."""
        given = dict(kwargs or {})
        out = func(*args, **given)
        named = [a.name for a in func._schema.arguments]
        defaults = {a.name: a.default_value for a in func._schema.arguments}
        whole = dict(zip(named, args, strict=False)) | given
        self.heard.append((func, tuple(whole.get(name, defaults[name]) for name in named), out))
        return out


def record(
    module: nn.Module,
    examples: tuple[Any, Any],
    inputs: Sequence[str],
    outputs: Sequence[str],
    kept: Mapping[str, Tensor] = MappingProxyType({}),
) -> onnx.ModelProto:
    """The graph of a module as ONNX.

    `examples` are its arguments twice, with batches of two sizes, the batch first; an argument that is a
    tuple of tensors is as many inputs.  `kept` are tensors of the module that stand in the graph under these
    names, so that `put` can change them: nothing that hangs on them is computed beforehand.  Raises
    `NotImplementedError` for an operation that is not known here.
    """
    runs = [_run(module, example) for example in examples]
    (flat, heard, gives), (other_flat, other_heard, other_gives) = runs
    named = [*zip(inputs, flat, strict=True), *kept.items()]
    sheet = Sheet(inputs[0], names={id(value): name for name, value in named})
    for (func, args, out), (twin, other, other_out) in zip(heard, other_heard, strict=True):
        if func is not twin:
            raise NotImplementedError(f"{func}: a graph whose steps hang on the batch")
        _write(sheet, Called(func._schema.name.removeprefix("aten::"), args, out, other, other_out))
    for name, value in zip(outputs, gives, strict=True):
        sheet.nodes.append(onnx.helper.make_node("Identity", [sheet.value(value)], [name], name=name))
    graph = onnx.helper.make_graph(
        _needed(sheet.nodes, outputs),
        "tutor",
        [_told(*put) for put in zip(inputs, flat, other_flat, strict=True)],
        [_told(*put) for put in zip(outputs, gives, other_gives, strict=True)],
    )
    used = {name for node in graph.node for name in node.input}
    graph.initializer.extend(value for name, value in sheet.constants.items() if name in used)
    graph.initializer.extend(onnx.numpy_helper.from_array(x.numpy(), name) for name, x in kept.items())
    opset = [onnx.helper.make_opsetid("", OPSET)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=IR, producer_name="coursewright")


def put(model: onnx.ModelProto, name: str, value: Tensor) -> None:
    """Change the constant of this name, one of those that `record` kept."""
    place = next(one for one in model.graph.initializer if one.name == name)
    place.CopyFrom(onnx.numpy_helper.from_array(value.numpy(), name))


def _run(module: nn.Module, example: Any) -> tuple[list[Tensor], list[Any], tuple[Tensor, ...]]:
    flat = [part for put in example for part in (put if isinstance(put, tuple) else (put,))]
    # Without mkldnn a recurrent cell is the sums and products that it consists of.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), Listening() as listening:
            gives = module(*example)
    return flat, listening.heard, gives


def _told(name: str, value: Tensor, other: Tensor) -> onnx.ValueInfoProto:
    shape = [BATCH if a != b else a for a, b in zip(value.shape, other.shape, strict=True)]
    return onnx.helper.make_tensor_value_info(name, KINDS[value.dtype], shape)


def _needed(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> list[onnx.NodeProto]:
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if node.output[0] in wanted:
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _write(sheet: Sheet, op: Called) -> None:
    """Write an operation, unless its result is a constant."""
    many = isinstance(op.out, list | tuple)
    out = list(op.out) if many else [op.out]
    other = list(op.other_out) if many else [op.other_out]
    moves = any(a.shape != b.shape for a, b in zip(out, other, strict=True) if isinstance(a, Tensor))
    told = any(id(x) in sheet.names for x in _tensors(op.args))
    if not moves and (not told or op.name.endswith("_like")):
        return
    # `x.add_(y)` is `x + y` that has the name of x from then on; nothing here reads what x was a view of.
    name = op.name if op.name.startswith("_") else op.name.removesuffix("_")
    if name not in OPERATIONS:
        raise NotImplementedError(f"{op.name}: an operation that is not known in a tutor file")
    names = OPERATIONS[name](sheet, op)
    for value, name in zip(out, [names] if isinstance(names, str) else names, strict=False):
        sheet.names[id(value)] = name


def _tensors(args: Any) -> list[Tensor]:
    found = []
    for arg in args:
        if isinstance(arg, Tensor):
            found.append(arg)
        elif isinstance(arg, list | tuple):
            found += _tensors(arg)
    return found
