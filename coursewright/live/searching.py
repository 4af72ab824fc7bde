"""The search of a store's files for codes, in a process of its own.

A process that closes any handle of a file loses all its POSIX locks on it, those of SQLite included.  Another
process would then believe itself the last user, and unlink the log of changes that this one goes on to write.
So no file of a store is ever opened by hand in a process that may have it connected.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PIECE = 1 << 20  # bytes of a file at a time


def found(paths: Sequence[Path], codes: Sequence[bytes]) -> bool:
    """True where one of the codes stands anywhere in one of the files; another process looks.

    The codes go through a pipe, so that no list of processes shows them.  Raises `OSError` where it fails.
    """
    asked = json.dumps([[str(path) for path in paths], [code.hex() for code in codes]])
    command = [sys.executable, "-I", "-S", __file__]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode or done.stdout not in ("0", "1"):
        raise OSError("the files of the store could not be searched")
    return done.stdout == "1"


def holds(path: Path, codes: Sequence[bytes]) -> bool:
    """True where one of the codes stands in this file, which may have gone; for the child alone."""
    overlap = max(len(code) for code in codes) - 1
    try:
        with path.open("rb") as file:
            before = b""
            while piece := file.read(PIECE):
                if any(code in before + piece for code in codes):
                    return True
                before = (before + piece)[-overlap:]
    except FileNotFoundError:
        pass
    return False


if __name__ == "__main__":
    places, wanted = json.loads(sys.stdin.read())
    sys.stdout.write(str(int(any(holds(Path(p), [bytes.fromhex(c) for c in wanted]) for p in places))))
