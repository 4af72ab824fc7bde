"""Coursewright: learn what to teach next, on simulated learners that were fitted to real logs.

Importing the package registers its environments with Gymnasium, by name only: nothing is compiled
and no heavy library is imported until one of them is made.  The names of `api.py` can be had from here.
"""

# ruff: noqa: E402 (the first lines decide where the modules of all others come from)
import os
import sys

__version__ = "0.1.0"


def _is_command() -> bool:
    """True in the process of `python -m coursewright`, or of the installed program of that name."""
    if sys.argv[:1] != ["-m"]:  # which stands there while Python looks for the module
        return os.path.splitext(os.path.basename(sys.argv[0] if sys.argv else ""))[0] == "coursewright"
    return any(word in f"{' '.join(sys.orig_argv)} " for word in (" -m coursewright ", " -mcoursewright "))


if _is_command():
    if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
        # Python's -m puts the working directory first, where a `numpy.py` would stand for the library.
        _here = sys.path.pop(0)
        if os.path.abspath(_here or os.curdir) == os.path.dirname(os.path.dirname(os.path.abspath(__file__))):
            sys.path.append(_here)  # a checkout without installation
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a verb runs, Ctrl-C ends without a traceback

from importlib import import_module
from types import ModuleType
from typing import Any

from gymnasium.envs.registration import register

from coursewright.api import FACE

# onnxruntime names the machine and reports its use to its makers, unless told otherwise before it is
# imported.  No command of ours may call anybody unasked; who wants the reports sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

for _id, _task in (("coursewright/BKT-v0", "bkt"), ("coursewright/KSS-v0", "kss")):
    register(
        id=_id,
        entry_point=f"coursewright.envs.shipped:{_task}_env",
        vector_entry_point=f"coursewright.envs.shipped:{_task}_vector_env",
    )


def __getattr__(name: str) -> Any:
    """One of the names of `api.py`, imported when it is first asked for."""
    if name not in FACE:
        raise AttributeError(f"module 'coursewright' has no attribute {name!r}")
    return getattr(import_module(FACE[name]), name)


def __dir__() -> list[str]:
    """The names of a session, those of the rooms that were imported, and the version."""
    rooms = {name for name, thing in globals().items() if isinstance(thing, ModuleType) and _is_room(thing)}
    return sorted({"__version__", "__doc__", "__path__", *rooms, *FACE})


def _is_room(module: ModuleType) -> bool:
    return module.__name__.startswith(f"{__name__}.")
