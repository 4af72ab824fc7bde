"""`coursewright status`: the state of the runs of a folder, without disturbing them."""

import sys
from collections import Counter
from pathlib import Path

from omegaconf import OmegaConf

from coursewright.errors import InputError, reject
from coursewright.scripts.growing import GrowingTable
from coursewright.scripts.life import STATE, State, read, works

COLUMNS = ("state", "process", "since (UTC)", "steps", "folder")


def main() -> None:
    """Print the state of each run below `sweep=FOLDER`, or of that of `run=FOLDER`."""
    given = [argument.partition("=") for argument in sys.argv[1:]]
    if len(given) != 1 or given[0][0] not in ("sweep", "run") or not given[0][2]:
        raise reject("status", " ".join(sys.argv[1:]) or "nothing", "called with sweep=FOLDER or run=FOLDER")
    kind, _, name = given[0]
    top = Path(name)
    found = {path.parent: state for path in sorted(top.glob(f"**/{STATE}")) if (state := read(path.parent))}
    whole = found.pop(top, None) if kind == "sweep" and len(found) > 1 else None
    if not found:
        raise InputError(f"{kind} = {name}: must be a folder that holds runs (none below it has {STATE})")
    words = {folder: _word(folder, state) for folder, state in found.items()}
    rows = [(words[folder], *_row(folder, state)) for folder, state in found.items()]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for row in (COLUMNS, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for folder, state in found.items():
        if words[folder] == "failed":
            print(f"{folder} failed: {state.error}")
    print(
        f"{len(found)} {'run' if len(found) == 1 else 'runs'}: "
        + ", ".join(f"{n} {word}" for word, n in Counter(words.values()).items())
    )
    resting = whole is not None and not works(top)
    if resting and whole is not None and whole.command and set(words.values()) != {"done"}:
        print(f"nobody works on it; it goes on with: {whole.command}")


def _word(folder: Path, state: State) -> str:
    """The state, as far as it is still true."""
    return "died" if state.state == "running" and not works(folder) else state.state


def _row(folder: Path, state: State) -> tuple[str, str, str, str]:
    since = state.since.removesuffix("+00:00").replace("T", " ")
    return f"{state.process} on {state.host}", since, _steps(folder), str(folder)


def _steps(folder: Path) -> str:
    """The progress of a training, by the numbers that it has logged."""
    done = GrowingTable(folder / "metrics.csv").last
    if done is None:
        return ""
    aim = OmegaConf.select(OmegaConf.load(folder / "config.yaml"), "agent.steps")
    return f"{done:,}" if aim is None else f"{done:,} of {aim:,}"
