"""Signals to stop: trackers are closed and workers ended in order, and a second signal ends at once."""

import _thread
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C, `kill`, and a terminal that was closed (which Windows tells otherwise)
STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
DEFAULT = (signal.SIG_DFL, signal.default_int_handler)
PATIENCE = 30.0  # seconds for workers to close their open files
# Functions that C calls, and whose exceptions are printed and lost.  A signal that comes while LLVM compiles
# is handled in one of the first two, and numba would go on without the code that they were to keep.
CALLBACKS = ("_raw_object_cache_notify", "_raw_object_cache_getbuffer", "__del__")
SOON = 0.02  # seconds until a signal that came there is told again


class Interrupted(KeyboardInterrupt):
    """A signal to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number  # as shells have it


@contextmanager
def heeded(last: bool = False) -> Iterator[None]:
    """Turn the first signal to stop into `Interrupted`; for a whole command.

    One that was ignored from the start, as under nohup, stays ignored.  After the `last` command of a process
    all are: its work is done and told, and what is left is to end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOPPING}
    before = {number: handler for number, handler in before.items() if handler in DEFAULT}
    for number in before:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if last else handler)


def _postponed(number: int, frame: FrameType | None) -> bool:
    """True where the signal came in a callback, which an exception does not leave; it is told again soon."""
    while frame is not None and frame.f_code.co_name not in CALLBACKS:
        frame = frame.f_back
    if frame is None:
        return False
    again = threading.Timer(SOON, _thread.interrupt_main, [number])
    again.daemon = True
    again.start()
    return True


def _stop(number: int, frame: FrameType | None) -> None:
    if _postponed(number, frame):
        return
    for each in STOPPING:
        if signal.getsignal(each) is _stop:
            signal.signal(each, signal.SIG_DFL)
    workers = multiprocessing.active_children()
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + PATIENCE
    while any(worker.is_alive() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    raise Interrupted(number)


@contextmanager
def heeded_by_worker() -> Iterator[None]:
    """Let a worker that is told to stop close its files and end; for one job of a pool.

    A worker that went back to its pool would begin the next job.  Elsewhere, nothing happens.
    """
    main = threading.current_thread() is threading.main_thread()
    if multiprocessing.parent_process() is None or not main:
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop_job)
    try:
        yield
    except Interrupted as error:
        os._exit(error.code)
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop_job(number: int, frame: FrameType | None) -> None:
    if _postponed(number, frame):
        return
    signal.signal(number, signal.SIG_IGN)
    raise Interrupted(number)
