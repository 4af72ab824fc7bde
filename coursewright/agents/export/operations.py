"""torch's operations as ONNX nodes: those of which tutors consist."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from coursewright.agents.export.sheet import Called, Sheet

Operation = Callable[[Sheet, Called], str | list[str]]
TO_THE_END = (1 << 63) - 1


def _as(of: Operation, names: Sequence[str]) -> dict[str, Operation]:
    return dict.fromkeys(names, of)


def _compared(node: str) -> Operation:
    """A comparison of two tensors, or of one and a number, as the kind that torch compares in."""

    def write(sheet: Sheet, op: Called) -> str:
        kind = torch.result_type(op.args[0], op.args[1])
        return sheet.node(node, sheet.value(op.args[0], kind), sheet.value(op.args[1], kind))

    return write


def _unequal(sheet: Sheet, op: Called) -> str:
    return sheet.node("Not", str(_compared("Equal")(sheet, op)))


def _reckoned(node: str) -> Operation:
    """An operation on two operands as the kind of its result."""

    def write(sheet: Sheet, op: Called) -> str:
        return sheet.node(node, *(sheet.value(x, op.out.dtype) for x in op.args[:2]))

    return write


def _scaled(node: str) -> Operation:
    """An addition or subtraction, whose third argument would multiply the second."""

    def write(sheet: Sheet, op: Called) -> str:
        if op.args[2] != 1:
            raise NotImplementedError(f"{op.name} with alpha = {op.args[2]}")
        return str(_reckoned(node)(sheet, op))

    return write


def _rsub(sheet: Sheet, op: Called) -> str:
    return str(_scaled("Sub")(sheet, op._replace(args=(op.args[1], op.args[0], op.args[2]))))


def _mapped(node: str) -> Operation:
    """An operation on each number alone."""

    def write(sheet: Sheet, op: Called) -> str:
        return sheet.node(node, sheet.value(op.args[0], op.out.dtype))

    return write


def _log1p(sheet: Sheet, op: Called) -> str:
    kind = op.out.dtype
    return sheet.node("Log", sheet.node("Add", sheet.value(op.args[0], kind), sheet.value(1.0, kind)))


def _bits(of_bools: str, of_numbers: str) -> Operation:
    """A logical operation, bit by bit on whole numbers."""

    def write(sheet: Sheet, op: Called) -> str:
        return str(_reckoned(of_bools if op.out.dtype == torch.bool else of_numbers)(sheet, op))

    return write


def _not(sheet: Sheet, op: Called) -> str:
    return sheet.node("Not" if op.out.dtype == torch.bool else "BitwiseNot", sheet.value(op.args[0]))


def _where(sheet: Sheet, op: Called) -> str:
    which, kind = sheet.value(op.args[0]), op.out.dtype
    left, right = sheet.value(op.args[1], kind), sheet.value(op.args[2], kind)
    if kind != torch.bool:
        return sheet.node("Where", which, left, right)
    # onnxruntime has no Where of bools
    return sheet.node(
        "Or", sheet.node("And", which, left), sheet.node("And", sheet.node("Not", which), right)
    )


def _masked_fill(sheet: Sheet, op: Called) -> str:
    filled, which, value = op.args
    return _where(sheet, op._replace(args=(which, value, filled)))


def _floored(sheet: Sheet, op: Called, by: Any) -> str:
    """Division of whole numbers, rounded down."""
    if op.out.dtype != torch.int64:
        raise NotImplementedError(f"{op.name} of {op.out.dtype}")
    value, divisor = sheet.value(op.args[0], torch.int64), sheet.value(by, torch.int64)
    return sheet.node("Div", sheet.node("Sub", value, sheet.node("Mod", value, divisor)), divisor)


def _div(sheet: Sheet, op: Called) -> str:
    mode = op.args[2] if len(op.args) > 2 else None
    if mode == "floor":
        return _floored(sheet, op, op.args[1])
    if mode is not None:
        raise NotImplementedError(f"{op.name} with rounding_mode = {mode}")
    return str(_reckoned("Div")(sheet, op))


def _cast(sheet: Sheet, op: Called) -> str:
    return sheet.value(op.args[0], op.out.dtype)


def _same(sheet: Sheet, op: Called) -> str:
    return sheet.value(op.args[0])


def _filled(sheet: Sheet, op: Called) -> str:
    """A tensor of one value, in a shape that hangs on the batch."""
    value = op.out.reshape(-1)[:1].reshape(())
    return sheet.node("Expand", sheet.constant(value), sheet.size(op.out.shape, op.other_out.shape))


def _expand(sheet: Sheet, op: Called) -> str:
    sizes, other = ([1 if n == -1 else n for n in args[1]] for args in (op.args, op.other))
    return sheet.node("Expand", sheet.value(op.args[0]), sheet.size(sizes, other))


def _view(sheet: Sheet, op: Called) -> str:
    sizes = [a if a == b else -1 for a, b in zip(op.out.shape, op.other_out.shape, strict=True)]
    return sheet.node("Reshape", sheet.value(op.args[0]), sheet.numbers(sizes))


def _axis(op: Called, place: int = 1) -> int:
    axis = int(op.args[place])
    return axis + op.args[0].ndim if axis < 0 else axis


def _unsqueeze(sheet: Sheet, op: Called) -> str:
    axis = op.args[1] + op.out.ndim if op.args[1] < 0 else op.args[1]
    return sheet.node("Unsqueeze", sheet.value(op.args[0]), sheet.numbers([axis]))


def _permuted(sheet: Sheet, op: Called) -> str:
    order = list(range(op.args[0].ndim))
    if op.name == "permute":
        order = list(op.args[1])
    else:
        first, second = (0, 1) if op.name == "t" else (_axis(op, 1), _axis(op, 2))
        order[first], order[second] = order[second], order[first]
    return sheet.node("Transpose", sheet.value(op.args[0]), perm=order)


def _select(sheet: Sheet, op: Called) -> str:
    place = sheet.constant(torch.tensor(op.args[2]))
    return sheet.node("Gather", sheet.value(op.args[0]), place, axis=_axis(op))


def _part(sheet: Sheet, name: str, axis: int, begin: int, end: int, step: int = 1) -> str:
    numbers = (sheet.numbers([n]) for n in (begin, end, axis, step))
    return sheet.node("Slice", name, *numbers)


def _slice(sheet: Sheet, op: Called) -> str:
    begin, end, step = op.args[2] or 0, TO_THE_END if op.args[3] is None else op.args[3], op.args[4]
    axis = _axis(op)
    if (begin, step) == (0, 1) and end >= op.args[0].shape[axis]:
        return sheet.value(op.args[0])
    return _part(sheet, sheet.value(op.args[0]), axis, begin, end, step)


def _flip(sheet: Sheet, op: Called) -> str:
    name = sheet.value(op.args[0])
    for axis in op.args[1]:
        name = _part(sheet, name, axis, -1, -TO_THE_END, -1)
    return name


def _split(sheet: Sheet, op: Called) -> list[str]:
    axis, begin, parts = _axis(op, 2), 0, []
    for part in op.out:
        end = begin + part.shape[axis]
        parts.append(_part(sheet, sheet.value(op.args[0]), axis, begin, end))
        begin = end
    return parts


def _unbind(sheet: Sheet, op: Called) -> list[str]:
    places = [sheet.constant(torch.tensor(place)) for place in range(len(op.out))]
    return [sheet.node("Gather", sheet.value(op.args[0]), place, axis=_axis(op)) for place in places]


def _cat(sheet: Sheet, op: Called) -> str:
    axis = op.args[1] + op.out.ndim if op.args[1] < 0 else op.args[1]
    parts = [sheet.value(x, op.out.dtype) for x in op.args[0] if x.ndim == op.out.ndim and x.shape[axis]]
    return sheet.node("Concat", *parts, axis=axis) if len(parts) > 1 else parts[0]


def _stack(sheet: Sheet, op: Called) -> str:
    axis = op.args[1] + op.out.ndim if op.args[1] < 0 else op.args[1]
    at = sheet.numbers([axis])
    parts = [sheet.node("Unsqueeze", sheet.value(x, op.out.dtype), at) for x in op.args[0]]
    return sheet.node("Concat", *parts, axis=axis)


def _index(sheet: Sheet, op: Called) -> str:
    given = [(place, x) for place, x in enumerate(op.args[1]) if x is not None]
    if any(x.dtype != torch.int64 for _, x in given):
        raise NotImplementedError("index by something else than whole numbers")
    if len(given) == 1:
        place, at = given[0]
        return sheet.node("Gather", sheet.value(op.args[0]), sheet.value(at), axis=place)
    if [place for place, _ in given] != list(range(len(given))):
        raise NotImplementedError("index at places apart")
    shape, other = op.out.shape, op.other_out.shape
    lead = len(shape) - op.args[0].ndim + len(given)
    last, wide = sheet.numbers([-1]), sheet.size(shape[:lead], other[:lead])
    parts = [sheet.node("Unsqueeze", sheet.node("Expand", sheet.value(x), wide), last) for _, x in given]
    return sheet.node("GatherND", sheet.value(op.args[0]), sheet.node("Concat", *parts, axis=-1))


def _index_select(sheet: Sheet, op: Called) -> str:
    return sheet.node("Gather", sheet.value(op.args[0]), sheet.value(op.args[2]), axis=_axis(op))


def _gather(sheet: Sheet, op: Called) -> str:
    return sheet.node("GatherElements", sheet.value(op.args[0]), sheet.value(op.args[2]), axis=_axis(op))


def _scatter_reduce(sheet: Sheet, op: Called) -> str:
    into, axis, at, values, how = op.args[:5]
    ways = {"amin": "min", "amax": "max", "sum": "add"}
    names = (sheet.value(into), sheet.value(at), sheet.value(values))
    return sheet.node("ScatterElements", *names, axis=axis, reduction=ways[how])


def _index_add(sheet: Sheet, op: Called) -> str:
    into, axis, at, values = op.args[:4]
    if axis != 0:
        raise NotImplementedError("index_add along another axis than the first")
    rows = sheet.node("Unsqueeze", sheet.value(at), sheet.numbers([1]))
    return sheet.node("ScatterND", sheet.value(into), rows, sheet.value(values), reduction="add")


def _axes(op: Called) -> list[int]:
    axes = op.args[1]
    return list(axes) if isinstance(axes, list | tuple) else [axes]


def _reduced(node: str) -> Operation:
    """A reduction over some axes, as the kind of its result."""

    def write(sheet: Sheet, op: Called) -> str:
        name, keep = sheet.value(op.args[0], op.out.dtype), int(bool(op.args[2]))
        return sheet.node(node, name, sheet.numbers(_axes(op)), keepdims=keep)

    return write


def _quantified(node: str) -> Operation:
    """`any` or `all` over some axes: the largest or smallest of zeros and ones."""

    def write(sheet: Sheet, op: Called) -> str:
        name, keep = sheet.value(op.args[0], torch.uint8), int(bool(op.args[2]))
        found = sheet.node(node, name, sheet.numbers(_axes(op)), keepdims=keep)
        return sheet.cast(found, torch.bool)

    return write


def _extreme(node: str) -> Operation:
    """The place of the largest or smallest, the first of equals."""

    def write(sheet: Sheet, op: Called) -> str:
        value: Tensor = op.args[0]
        kind = torch.float64 if value.dtype == torch.int64 else value.dtype
        return sheet.node(node, sheet.value(value, kind), axis=_axis(op), keepdims=int(op.args[2]))

    return write


def _cumsum(sheet: Sheet, op: Called) -> str:
    return sheet.node(
        "CumSum", sheet.value(op.args[0], op.out.dtype), sheet.constant(torch.tensor(_axis(op)))
    )


def _clamp(sheet: Sheet, op: Called) -> str:
    name, kind = sheet.value(op.args[0], op.out.dtype), op.out.dtype
    least, most = (*op.args[1:], None)[:2]
    if op.name == "clamp_max":
        least, most = None, least
    if least is not None:
        name = sheet.node("Max", name, sheet.value(least, kind))
    return name if most is None else sheet.node("Min", name, sheet.value(most, kind))


def _addmm(sheet: Sheet, op: Called) -> str:
    return sheet.node("Gemm", *(sheet.value(x) for x in (op.args[1], op.args[2], op.args[0])))


def _layer_norm(sheet: Sheet, op: Called) -> list[str]:
    values, shape, weight, bias, epsilon = op.args
    names = (sheet.value(x) for x in (values, weight, bias))
    return [sheet.node("LayerNormalization", *names, axis=-len(shape), epsilon=epsilon)]


OPERATIONS: Mapping[str, Operation] = {
    **{"eq": _compared("Equal"), "ge": _compared("GreaterOrEqual"), "le": _compared("LessOrEqual")},
    **{"gt": _compared("Greater"), "lt": _compared("Less"), "ne": _unequal},
    **{"mul": _reckoned("Mul"), "pow": _reckoned("Pow"), "minimum": _reckoned("Min")},
    **{"maximum": _reckoned("Max"), "remainder": _reckoned("Mod"), "bitwise_xor": _bits("Xor", "BitwiseXor")},
    **{"add": _scaled("Add"), "sub": _scaled("Sub"), "rsub": _rsub, "div": _div},
    **{name: _mapped(name.capitalize()) for name in ("abs", "ceil", "cos", "exp", "floor", "log", "neg")},
    **{
        name: _mapped(name.capitalize())
        for name in ("reciprocal", "relu", "round", "sigmoid", "sqrt", "tanh")
    },
    "isinf": lambda sheet, op: sheet.node("IsInf", sheet.value(op.args[0])),
    **{"log1p": _log1p, "bitwise_not": _not, "logical_not": _not},
    **_as(_bits("And", "BitwiseAnd"), ("bitwise_and", "__and__", "logical_and")),
    **_as(_bits("Or", "BitwiseOr"), ("bitwise_or", "__or__", "logical_or")),
    **{"where": _where, "masked_fill": _masked_fill, "_to_copy": _cast, "clamp": _clamp},
    **{"clamp_min": _clamp, "clamp_max": _clamp},
    "floor_divide": lambda sheet, op: _floored(sheet, op, op.args[1]),
    "__rshift__": lambda sheet, op: _floored(sheet, op, 1 << op.args[1]),
    **_as(_same, ("alias", "clone", "detach", "lift_fresh", "contiguous")),
    **_as(_filled, ("zeros_like", "ones_like", "full_like", "new_zeros", "new_full")),
    **{"expand": _expand, "unsqueeze": _unsqueeze, "select": _select, "slice": _slice},
    **_as(_view, ("view", "_unsafe_view", "reshape")),
    **_as(_permuted, ("t", "transpose", "permute")),
    **_as(_split, ("split", "split_with_sizes", "unsafe_split", "chunk", "unsafe_chunk")),
    **{"unbind": _unbind, "flip": _flip, "cat": _cat, "stack": _stack, "index": _index},
    "index_select": _index_select,
    **{"gather": _gather, "scatter_reduce": _scatter_reduce, "index_add": _index_add},
    **{"sum": _reduced("ReduceSum"), "mean": _reduced("ReduceMean")},
    **{"amin": _reduced("ReduceMin"), "amax": _reduced("ReduceMax")},
    **{"any": _quantified("ReduceMax"), "all": _quantified("ReduceMin")},
    **{"argmax": _extreme("ArgMax"), "argmin": _extreme("ArgMin"), "cumsum": _cumsum},
    **{"addmm": _addmm, "mm": _reckoned("MatMul"), "bmm": _reckoned("MatMul")},
    "native_layer_norm": _layer_norm,
}
