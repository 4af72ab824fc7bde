"""Weights and the rest of a training as data: one ordinary `.npz` file, and reading it runs nothing.

A tree of dicts, lists, tuples, plain values and arrays is cut in two.  The arrays stand in the file under
their paths (`np.load(file)["weights/action_net.bias"]`); the rest of the tree is JSON, under `tree`.
Nothing is pickled, and a pickle is refused.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from coursewright.errors import InputError
from coursewright.files import refuse_format, write_atomically

Arrays = dict[str, npt.NDArray[Any]]

TREE = "tree"
ARRAY, DICT, TUPLE = "array", "dict", "tuple"  # things without a form in JSON, under one key each
# The errors that reading a damaged file can raise
BROKEN = (
    OSError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
)


def write_tree(path: str | Path, tree: dict[str, Any], version: int) -> None:
    """Write a tree and the `version` of its form; the same tree is the same bytes.

    Torch's tensors are written as arrays.  Raises `InputError` where the file system refuses, and
    `TypeError` for a thing that is neither a plain value nor an array of numbers.
    """
    arrays: Arrays = {}
    left = json.dumps({"format": version, "tree": _cut(tree, "", arrays)})
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **{TREE: np.array(left)}, **arrays)
    write_atomically(path, lambda part: part.write_bytes(content.getbuffer()))


def read_tree(field: str, path: str | Path, version: int, remedy: str = "") -> dict[str, Any]:
    """Read the file of `write_tree`, arrays as arrays.

    Raises `InputError`, one line with `field` and `remedy`, for a file that is missing, broken, of another
    form or of another `version`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if (
                archive.testzip() is not None
            ):  # numpy does not look at the check sum of a file that it reads in parts
                raise ValueError("a check sum is wrong")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        found = json.loads(str(arrays.pop(TREE)))
        form, tree = found["format"], _joined(found["tree"], arrays)
        if not isinstance(tree, dict):
            raise TypeError("a tree begins with names")
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"{field} = {path}: cannot be read ({error.strerror})") from error
    except BROKEN as error:
        raise InputError(f"{field} = {path}: truncated or broken{remedy}") from error
    refuse_format(field, path, form, version)
    return tree


def tensors(value: Any) -> Any:
    """The tree with its arrays as torch's tensors, which share their memory."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, dict):
        return {name: tensors(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [tensors(part) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value


def _cut(value: Any, at: str, arrays: Arrays) -> Any:
    """The tree without its arrays, which are moved to `arrays` under their paths."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":
            raise TypeError(f"{at} is an array of {value.dtype}, not of numbers")
        if at in arrays:
            raise TypeError(f"{at} stands in the tree twice")
        arrays[at] = value
        return {ARRAY: at}
    if isinstance(value, dict):
        inside = [[name, _cut(part, f"{at}/{name}".lstrip("/"), arrays)] for name, part in value.items()]
        return {DICT: inside}
    if isinstance(value, list | tuple):  # a named tuple is kept as a bare one
        parts = [_cut(part, f"{at}/{place}", arrays) for place, part in enumerate(value)]
        return parts if isinstance(value, list) else {TUPLE: parts}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{at} is a {type(value).__name__}, not a plain value")


def _joined(value: Any, arrays: Arrays) -> Any:
    """The tree with its arrays put back under their paths."""
    if isinstance(value, list):
        return [_joined(part, arrays) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == ARRAY:
        return arrays[inside]
    if kind == TUPLE:
        return tuple(_joined(part, arrays) for part in inside)
    if kind != DICT:
        raise ValueError(f"no {kind} stands in a tree")
    return {name: _joined(part, arrays) for name, part in inside}
