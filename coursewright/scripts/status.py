"""`coursewright status`: the state of the runs of a folder, without disturbing them."""

import os
import sys
from collections import Counter
from pathlib import Path

from coursewright.errors import InputError, absent
from coursewright.scripts.growing import steps
from coursewright.scripts.life import STATE, State, states, works
from coursewright.scripts.recorded import continued
from coursewright.scripts.trust import shown

COLUMNS = ("state", "process", "since (UTC)", "steps", "folder")


def main() -> None:
    """Print the state of each run below `sweep=FOLDER`, or of that of `run=FOLDER`."""
    given = [argument.partition("=") for argument in sys.argv[1:]]
    if len(given) != 1 or given[0][0] not in ("sweep", "run") or not given[0][2]:
        told = f" (given: {shown(' '.join(sys.argv[1:]))})" if given else ""
        raise InputError(f"status: needs sweep=FOLDER or run=FOLDER, and nothing else{told}")
    kind, _, name = given[0]
    top = Path(name)
    if not os.path.lexists(top):
        raise absent(kind, name, "a folder that holds runs")
    whole, found = states(top, alone=kind == "run")
    if not found:
        raise InputError(f"{kind} = {shown(name)}: must be a folder that holds runs (none has {STATE})")
    words = {folder: _word(folder, state) for folder, state in found.items()}
    rows = [(words[folder], *_row(folder, state)) for folder, state in found.items()]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for row in (COLUMNS, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for folder, state in found.items():
        if state is None:
            print(f"{shown(folder)}: its {STATE} is truncated or broken")
        elif words[folder] == "failed":
            print(f"{shown(folder)} failed: {state.error}")
    print(
        f"{len(found)} {'run' if len(found) == 1 else 'runs'}: "
        + ", ".join(f"{n} {word}" for word, n in Counter(words.values()).items())
    )
    command = "" if whole is None else continued(top, whole)
    if command and set(words.values()) != {"done"} and not works(top):
        print(f"nobody works on it; it goes on with: {command}")


def _word(folder: Path, state: State | None) -> str:
    """The state, as far as it is still true."""
    if state is None:
        return "unknown"
    return "died" if state.state == "running" and not works(folder) else state.state


def _row(folder: Path, state: State | None) -> tuple[str, str, str, str]:
    if state is None:
        return "", "", steps(folder), shown(folder)
    since = state.since.removesuffix("+00:00").replace("T", " ")
    return f"{state.process} on {state.host}", since, steps(folder), shown(folder)
