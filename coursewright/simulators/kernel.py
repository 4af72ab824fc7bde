"""The one decorator of all compiled loops.

numba's on-disk cache notices an edit in the decorated file only, not in a helper that the file
imports.  So the cache lives in a folder named after a hash of every source file of the package: an
edit starts a fresh one, and stale machine code can never answer for new source.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

PACKAGE = Path(__file__).resolve().parents[1]


def source_hash(package: Path) -> str:
    """A hash of the names and texts of all modules of `package`, in folders of folders too."""
    digest = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        digest.update(f"{source.relative_to(package).as_posix()}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> str:
    beside = PACKAGE / "__pycache__"
    home = beside if os.access(PACKAGE, os.W_OK) else Path.home() / ".cache" / "coursewright"
    return str(home / f"numba-{source_hash(PACKAGE)}")


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = _cache_folder()  # type: ignore[attr-defined]


OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "_nrt": False}


def kernel(function: Function) -> Function:
    """Compile `function` with numba: no fastmath, so that a row's result never depends on the batch.

    `error_model="numpy"` drops the division-by-zero branches: kernels divide only by what cannot be
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
