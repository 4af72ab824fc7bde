"""The one decorator of all compiled loops; `cache` chooses the folder of their machine code."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from coursewright.simulators.cache import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])

PACKAGE = Path(__file__).resolve().parents[1]
KEPT = cache_folder(PACKAGE, os.environ.get("NUMBA_CACHE_DIR"))

if KEPT is not None:
    numba.config.CACHE_DIR = str(KEPT)  # type: ignore[attr-defined]
else:
    logging.getLogger(__name__).warning(
        "compiled code is not kept, so each start takes longer: NUMBA_CACHE_DIR = %s: must be a folder of "
        "yours that nobody else can write",
        os.environ.get("NUMBA_CACHE_DIR") or "none, and neither the package's nor the home folder is one",
    )

OPTIONS: dict[str, Any] = {"cache": KEPT is not None, "error_model": "numpy", "_nrt": False}


def kernel(function: Function) -> Function:
    """Compile `function` with numba: no fastmath, so that a row's result never depends on the batch.

    `error_model="numpy"` drops the division-by-zero branches: kernels divide only by numbers that cannot be
    zero.  `_nrt=False` drops reference counting, which would cost more than the arithmetic wherever
    arrays are handed on; a kernel therefore allocates nothing, its caller does.
    """
    return cast(Function, numba.njit(**OPTIONS)(function))


def inlined(function: Function) -> Function:
    """The same for a helper inside a kernel's loop, with its body always pasted into the caller.

    An array is seven machine words: handing a few of them to a helper that the compiler chose not to
    inline costs more than the helper does (20 ns a call were measured).
    """
    return cast(Function, numba.njit(**OPTIONS, forceinline=True)(function))
