"""Coursewright: learn what to teach next, on simulated learners that were fitted to real logs.

Importing the package registers its environments with Gymnasium, by name only: nothing is compiled
and no heavy library is imported until one of them is made.  The names of `api.py` can be had from here.
"""

import os
from importlib import import_module
from types import ModuleType
from typing import Any

from gymnasium.envs.registration import register

from coursewright.api import FACE

__version__ = "0.1.0"

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
