"""Files that are whole or absent, never half a table, and the format that each of them says it has."""

import os
import platform
import re
import shutil
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from coursewright.errors import InputError, reject

# Processes are told apart by number on one machine only, and a folder may be shared by several.
HOST = f"{zlib.crc32(platform.node().encode()):08x}"
PART = re.compile(rf"\..+\.{HOST}\.(\d+)\.part")


def write_atomically(path: str | Path, write: Callable[[Path], object], field: str = "") -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    Missing folders are made.  If anything goes wrong, the temporary file is removed and an earlier file
    at `path` stays as it was.  Raises `InputError` (one line: path and reason) where the system refuses,
    such as a full disk or a folder without permission; `field` is the setting that names the path.
    """
    path = Path(path)
    part = part_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        os.replace(part, path)
    except OSError as error:
        raise _unwritten(path, error, field) from error
    finally:
        with suppress(OSError):
            part.unlink()


def write_text(path: str | Path, text: str) -> None:
    """Write all of `text` or nothing: a reader of `path` never sees half a file."""
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))


def fill_atomically(
    folder: str | Path, fill: Callable[[Path], object], private: bool = False, field: str = ""
) -> None:
    """Let `fill` write any files into an empty folder, then put each in place in `folder` in one step.

    Where `fill` fails, nothing appears in `folder`.  A `private` folder is its owner's alone.  Raises
    `InputError` as `write_atomically` does.
    """
    folder = Path(folder)
    part = part_of(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir(mode=0o700)
        fill(part)
        folder.mkdir(parents=True, exist_ok=True)
        if private:
            folder.chmod(0o700)
        for file in sorted(part.iterdir()):
            os.replace(file, folder / file.name)
    except OSError as error:
        raise _unwritten(folder, error, field) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unwritten(path: Path, error: OSError, field: str) -> InputError:
    place = f"{field} = {path}" if field else str(path)
    return InputError(f"{place}: cannot be written ({error.strerror or error})", field)


def part_of(path: Path) -> Path:
    """The name beside `path` under which this process makes it.

    The files of a killed process under such a name are removed first: they may hold learners' answers.
    """
    part = path.with_name(f".{path.name}.{HOST}.{os.getpid()}.part")
    _remove(part)  # of a process that had our number
    with suppress(OSError):  # the folder is not there yet, or it is not ours to sweep
        for entry in path.parent.iterdir():
            found = PART.fullmatch(entry.name)
            if found is not None and not alive(int(found[1])):
                _remove(entry)
    return part


def _remove(entry: Path) -> None:
    with suppress(OSError):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def alive(process: int) -> bool:
    """True where a process of this machine runs; always on Windows, where asking by signal would end it."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def refuse_pipe(field: str, path: str | Path) -> None:
    """Refuse a pipe, a device or a socket, of which a reader might wait for ever."""
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise reject(field, f"{path}, which is a pipe or a device", "a file: save it first")


def refuse_format(field: str, where: object, found: object, ours: int) -> None:
    """Refuse the saved thing `where` unless its format is ours; the error says which side is older."""
    if found != ours:
        later = isinstance(found, int) and found > ours
        hint = "a later coursewright wrote it" if later else "an earlier coursewright wrote it; make it anew"
        raise reject(field, f"{where} (format {found})", f"of format {ours} ({hint})")
