"""A torch graph becomes an ONNX file, in silence, and without a word of who made it and where."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import onnx
import torch
from torch import Tensor, nn

OPSET = 20


def as_onnx(
    module: nn.Module,
    example: Sequence[Tensor | tuple[Tensor, ...]],
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: Mapping[str, str],
    shapes: tuple[Any, ...] | None = None,
) -> onnx.ModelProto:
    """The graph of a module, for batches of any size; `example` are its arguments, the batch first.

    An argument that is a NamedTuple is as many inputs.  `shapes` names the sizes of each argument that may
    differ from call to call; None: the batch alone.
    """
    batch = torch.export.Dim("batch")

    def shape(part: Any) -> Any:
        return {0: batch} if isinstance(part, Tensor) else type(part)(*map(shape, part))

    with _quiet():
        program = torch.onnx.export(
            module,
            tuple(example),
            dynamo=True,
            dynamic_shapes=tuple(map(shape, example)) if shapes is None else shapes,
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    model: onnx.ModelProto = program.model_proto
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]  # stack traces, with the folders of the person who exported
    for name, value in metadata.items():
        model.metadata_props.add(key=name, value=value)
    return model


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter, which writes to every channel; its errors are raised all the same."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
