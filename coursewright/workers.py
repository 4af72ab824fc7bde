"""The duties of a worker process to the process that made it."""

import logging
import multiprocessing
import os
import signal
import threading
import time

EVERY = 0.5  # seconds between two looks
_watched = threading.Event()


def obey_parent() -> None:
    """Call first thing in each worker of a pool: it ends within a second after its parent is gone.

    Else it would go on, and begin jobs that wait in its queue, beside the process that is to do them again.
    It is the initializer where a pool takes one: a job's own imports may take longer than its parent lives.
    Ctrl-C, which a terminal sends to all, is left to the parent, who ends its workers in order.  Nothing
    happens in a process that is no worker.
    """
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None or _watched.is_set():
        return
    _watched.set()
    logging.raiseExceptions = False  # a worker's line that nobody reads is no fault
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.name != "nt":  # there a process keeps the number of a parent that is gone
        threading.Thread(target=_end_after, args=(parent.pid,), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os._exit(1)
