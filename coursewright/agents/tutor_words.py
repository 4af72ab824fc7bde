"""The two files of a tutor on the disk: `tutor.onnx`, and its words beside it, by which both are known."""

import json
from pathlib import Path
from typing import Any

SUFFIXES = (".onnx", ".json")


def words_of(path: str | Path) -> Path:
    """The place of a tutor file's words."""
    return Path(path).with_suffix(".json")


def words_in(path: Path) -> dict[str, Any] | None:
    """The words of a tutor that a file holds; None where it holds something else."""
    found = _read(path)
    return found if isinstance(found, dict) and "stamp" in found else None


def is_tutor(path: Path) -> bool:
    """True for either file of a tutor, also where its words are no JSON: that is for their reader to tell."""
    if path.suffix not in SUFFIXES or not path.is_file() or not words_of(path).is_file():
        return False
    found = _read(words_of(path))
    return found is None or (isinstance(found, dict) and "stamp" in found)


def missing(path: Path) -> Path | None:
    """The file that lacks of the two; None where both are there."""
    return next((part for part in map(path.with_suffix, SUFFIXES) if not part.is_file()), None)


def _read(path: Path) -> Any:
    """The content of a JSON file; None where it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
