"""The conditions of every test: no network, no account, one thread."""

import atexit
import gc
import os
import shutil
import signal
import sys
import tempfile
from functools import cache

# Tests that are started in the background (`make test &`) are told to ignore interruptions.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

gc.disable()  # until all tests are collected: nothing of it is garbage

# Before numpy and torch are imported anywhere: two test processes with two threads each are slower
# than with one, and single-threaded results are reproducible.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"

# Scores of tuned rules are kept for the session, and not beside those of the person who runs the tests.
if "COURSEWRIGHT_TESTED" not in os.environ:  # workers share the folder
    os.environ["COURSEWRIGHT_TESTED"] = os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

# A test must neither use nor touch the account of the person who runs it.
for variable in [name for name in os.environ if name.startswith("WANDB_")]:
    del os.environ[variable]
os.environ |= {
    "WANDB_MODE": "offline",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_DISABLE_MACHINE_INFO": "true",
}


def pytest_collection_finish():
    """Set aside what collection made: it stays, and need not be looked through again and again."""
    gc.enable()
    gc.freeze()
    _read_operators_once()


def _read_operators_once():
    """Let torch's exporter read its library of operators once, and not again for every file that is written.

    The library is the same each time, and to read it takes half of an export.
    """
    if "torch" in sys.modules:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        ONNXRegistry.from_torchlib = staticmethod(cache(ONNXRegistry.from_torchlib))  # of instances too
