"""A folder's life: the process that works in it, one at a time, and the state of its work.

`state.json` holds no result, and two equal runs differ in it.  The lock is the file system's own and falls
with its process, however that ends, so a run that says `running` and holds no lock has died.
"""

import json
import logging
import platform
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from os import getpid
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock, Timeout

from coursewright.errors import InputError, reject
from coursewright.files import write_text
from coursewright.scripts.names import EXCLUDED

log = logging.getLogger(__name__)

LOCK, STATE = ".lock", "state.json"
FORMAT = 1
PATIENCE = 1.0  # seconds; a command that only asks if a run lives holds its lock for a moment
Word = Literal["queued", "running", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class State:
    """The state of a folder's work.

    Attributes
    ----------
    state : a word.
    since : the time at which it became so, in UTC.
    host, process : the machine and the process that work or worked there.
    group : the sweep that a run belongs to.
    command : the command as it was typed, to type it again.
    error : the reason of a failure, in a line.
    """

    state: Word
    since: str
    host: str
    process: int
    group: str
    command: str
    error: str = ""

    @classmethod
    def now(cls, state: Word, group: str, error: str = "") -> "State":
        """The state of this process's work, from this moment on."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(state, since, platform.node(), getpid(), group, typed(), error)

    @property
    def who(self) -> str:
        """Process, host and time, in words."""
        return f"process {self.process} on {self.host}, since {self.since}"

    def write(self, folder: Path) -> None:
        """Keep it in the folder, in one step."""
        write_text(folder / STATE, json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n")


def read(folder: Path) -> State | None:
    """The state that a folder tells of; None where it tells of none, or of none that can be understood."""
    try:
        found = json.loads((folder / STATE).read_text(encoding="utf-8"))
        if found.pop("format") == FORMAT and found["state"] in get_args(Word):
            text = {name: _printable(str(value)) for name, value in found.items() if name != "process"}
            text["command"] = _ours(text["command"])
            return State(process=int(found["process"]), **text)  # type: ignore[arg-type]
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        pass
    return None


def states(top: Path, alone: bool) -> tuple[State | None, dict[Path, State | None]]:
    """The state of the folder itself, and of the runs in it; None for a state that cannot be read.

    With `alone` a folder that has a state is the one run.
    """
    found = {path.parent: read(path.parent) for path in sorted(top.glob(f"**/{STATE}"))}
    whole = found.get(top)
    if alone and top in found:
        return whole, {top: whole}
    above = {parent for folder in found for parent in folder.parents}  # sweeps' folders, and no runs
    return whole, {folder: state for folder, state in found.items() if folder not in above}


@contextmanager
def alone(folder: Path, setting: str = "hydra.run.dir") -> Iterator[None]:
    """Keep every other process out of the folder.

    Raises `InputError` where one works there; `setting` is the setting that names the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=PATIENCE)
        lock.acquire()
    except Timeout as error:
        raise busy(folder, setting) from error
    except OSError as error:
        raise InputError(f"{setting} = {folder}: cannot be used ({error.strerror or error})") from error
    try:
        yield
    finally:
        lock.release()


def busy(folder: Path, setting: str) -> InputError:
    """The error for a folder in which another process works."""
    state = read(folder)
    who = state.who if state else "one does"
    free = f"a folder in which no other process works ({who}); wait for it, or name another"
    return reject(setting, folder, free)


def works(folder: Path) -> bool:
    """True where a process works in the folder now, on any machine."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # not ours to lock: believe the file
        state = read(folder)
        return state is not None and state.state == "running"


@contextmanager
def lived(folder: Path, group: str) -> Iterator[None]:
    """Write down that this process works in the folder, and its end.  Only inside `alone`."""
    before = read(folder)
    if before is not None and before.state == "running":
        log.info("%s was left in the middle (%s); going on", folder, before.who)
    State.now("running", group).write(folder)
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        State.now("interrupted", group).write(folder)
        raise
    except BaseException as error:
        with suppress(InputError):  # such as of a full disk, which is the error already
            State.now("failed", group, one_line(error)).write(folder)
        raise
    State.now("done", group).write(folder)


def queue(folders: Iterable[Path], group: str) -> None:
    """Write down that these folders wait for their turn, those apart that are done or at work."""
    for folder in folders:
        state = read(folder)
        if state is None or state.state in ("queued", "failed", "interrupted"):
            State.now("queued", group).write(folder)


def _ours(command: str) -> str:
    """A command of ours, ready to be typed; empty for anything else that a folder may hold."""
    words = shlex.split(command)
    return (
        command
        if words[:1] == ["coursewright"] and f"coursewright {shlex.join(words[1:])}" == command
        else ""
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def one_line(error: BaseException) -> str:
    """An error as one printable line."""
    text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return _printable(text)[:500]


def typed() -> str:
    """The command line of this process, ready to be typed again; empty where it is none of ours."""
    program, *arguments = sys.argv or [""]
    arguments = [
        word for word in arguments if not word.startswith(EXCLUDED)
    ]  # which the same command finds again
    return f"{program} {shlex.join(arguments)}" if program.startswith("coursewright ") else ""
