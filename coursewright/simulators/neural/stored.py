"""Arrays of fixed names in a .npz file: the same arrays are the same bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from coursewright.errors import InputError

Arrays = dict[str, npt.NDArray[Any]]


def read_arrays(path: str | Path, names: Sequence[str]) -> Arrays:
    """Read these arrays; raises `InputError` where the file is missing, of another kind, or lacks one."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise InputError(f"arrays = {path}: cannot be read ({' '.join(str(error).split())})") from error


def write_arrays(path: str | Path, arrays: Arrays) -> None:
    """Write arrays compressed; members of the file carry no time."""
    with Path(path).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
