"""Command lines in children of this process, which has imported everything already.

A command of its own takes six seconds of a processor to start, and a child none.  What starts anew for each
command, such as Python's options and the order of imports, is tested by the real one.
"""

import logging
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from pathlib import Path
from subprocess import CompletedProcess

PARTS = ["scripts.check", "scripts.app", "agents.tutor", "agents.rules.tuned", "agents.learning.ppo"]
PARTS += ["fitting.bkt.model", "evaluation.comparison.publish", "evaluation.validity.judge", "data.read"]
PATIENCE = 300.0  # seconds for one command, on a busy machine


def import_everything() -> None:
    """Import the modules that the children of this process would import each for itself."""
    for module in PARTS:
        import_module(f"coursewright.{module}")


@cache
def warm() -> None:
    """Import them, and run one command: the compiled loops and what is imported late are there too."""
    import_everything()
    from coursewright.scripts.app import run

    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.__stderr__):
        few = ["agent.steps=64", "agent.learners=16", "agent.layers=[4]", "agent.imitate=null"]
        few += ["task.steps=3", "learners=20", "tracker=none", f"hydra.run.dir={folder}/run"]
        assert run("train", few) == 0


def coursewright(
    folder: str | Path, *arguments: str, first: Callable[[], object] = int, patience: float = PATIENCE
) -> CompletedProcess[str]:
    """Run a command line in a folder: its exit code, -1 for one that hangs, and what it said.

    `first` is called in the child beforehand.
    """
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        begin = time.monotonic()
        child = os.fork()
        if child == 0:
            _run(arguments, folder, (out.fileno(), err.fileno()), first)
        code = _end(child, begin + patience)
        said = []
        for kept in (out, err):
            kept.seek(0)
            said.append(kept.read().decode("utf-8", "replace"))
    return CompletedProcess(list(arguments), code, *said)


def _run(
    arguments: tuple[str, ...], folder: str | Path, said: tuple[int, int], first: Callable[[], object]
) -> None:
    """The child's whole life: whatever happens, it never comes back to the tests of its parent."""
    code = 70
    try:
        code = _answered(arguments, folder, said, first)
        sys.stdout.flush()
    except BaseException:
        os.write(2, traceback.format_exc().encode("utf-8", "replace"))
        code = 1
    finally:
        os._exit(code)


def _answered(
    arguments: tuple[str, ...], folder: str | Path, said: tuple[int, int], first: Callable[[], object]
) -> int:
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, file in enumerate(said, 1):
        os.dup2(file, stream)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", buffering=1, encoding="utf-8")
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, encoding="utf-8")
    logging.getLogger().handlers.clear()  # those of tests before, whose streams are closed
    first()
    sys.argv = ["coursewright", *arguments]
    from coursewright.__main__ import main

    return main()


def _end(child: int, deadline: float) -> int:
    """The child's exit code; -1 for one that hangs."""
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return -1
        time.sleep(0.005)
