"""The folder that keeps compiled code between two starts: one that nobody else can write, or none.

numba's on-disk cache notices an edit in the decorated file only, not in a helper that the file
imports.  So it lives in a folder named after a hash of every source file of the package: an edit
starts a fresh one, and stale machine code can never answer for new source.

Its index is pickled, and the code it points to is run.  Anybody who can write there runs code in our name, so
it lies neither beside a run nor where others may write.
"""

import hashlib
import os
import stat
from pathlib import Path

PRIVATE = 0o700
OTHERS = stat.S_IWGRP | stat.S_IWOTH


def source_hash(package: Path) -> str:
    """A hash of the names and texts of all modules of `package`, in folders of folders too."""
    digest = hashlib.sha256()
    for source in sorted(package.rglob("*.py")):
        digest.update(f"{source.relative_to(package).as_posix()}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder(package: Path, given: str | None = None) -> Path | None:
    """The folder for a package's compiled code, made for us alone.

    It is below `given` (the person's NUMBA_CACHE_DIR), or else below the package, or else below the home
    folder.  None where no such place is ours alone, or where it cannot be written.
    """
    home = Path(os.path.expanduser("~"))  # still a "~" for an account without one
    places = [package / "__pycache__", *([home / ".cache" / "coursewright"] if home.is_absolute() else [])]
    name = f"numba-{source_hash(package)}"
    folders = (place.resolve() / name for place in ([Path(given)] if given else places))
    return next((folder for folder in folders if ours_alone(folder)), None)


def ours_alone(folder: Path) -> bool:
    """Make the folder where it is missing; True where it can be written by us, and by nobody else."""
    try:
        if not _is_ours(folder):
            return False
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        folder.chmod(PRIVATE)  # it may be of a time when others could read it
        return _is_ours(folder) and os.access(folder, os.W_OK)
    except OSError:
        return False


def _is_ours(folder: Path) -> bool:
    """True where only we and the system's owner can put something in the place of `folder` or into it.

    A folder that others can write counts where it is sticky, as /tmp is: they cannot move our files.
    Where files have no owner that Python knows of (Windows), the system's own rules have to do.
    """
    if not hasattr(os, "getuid"):
        return True
    trusted = {
        os.getuid(),
        0,
        Path(folder.anchor).stat().st_uid,
    }  # in a container root may have another number
    for place in (folder, *folder.parents):
        if not place.exists():
            continue
        found = place.stat()
        open_to_others = found.st_mode & OTHERS and (place == folder or not found.st_mode & stat.S_ISVTX)
        if found.st_uid not in ({os.getuid()} if place == folder else trusted) or open_to_others:
            return False
    return True
