"""The ranges of settings: numbers, texts, names, folders, and places for files."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coursewright.errors import InputError, absent, reject
from coursewright.scripts.trust import plain_name

LONGEST = 255  # bytes of a file's name


def whole(least: int, most: int, **values: int) -> None:
    """Refuse a number below `least` or above `most`."""
    for name, value in values.items():
        if not least <= value <= most:
            raise reject(name, value, f"a whole number from {least:,} to {most:,}")


def several(worlds: int) -> None:
    """Refuse one null world alone: it has no standard error."""
    if worlds == 1:
        raise reject("worlds", worlds, "0 (none) or at least 2")


def given(**values: str | Sequence[str] | None) -> None:
    """Refuse text that is empty or blank, and a list that is empty or holds such; null is neither."""
    for name, value in values.items():
        texts = [value] if isinstance(value, str) else value
        if texts is not None and not (texts and all(text.strip() for text in texts)):
            raise reject(name, repr(value), "given; it is empty")


def there(wanted: str, **values: str) -> None:
    """Refuse a path that is no folder; the folder that is `wanted` in words."""
    for name, value in values.items():
        if value.strip() and not os.path.lexists(value):
            raise absent(name, value, wanted)
        if not value.strip() or not Path(value).is_dir():
            raise reject(name, repr(value), wanted)


def named(**values: str) -> None:
    """Refuse text that cannot be the name of a file."""
    for name, value in values.items():
        plain_name(name, value)


def some(**values: Sequence[Any] | Mapping[str, Any]) -> None:
    """Refuse an empty value."""
    for name, value in values.items():
        if not len(value):
            raise reject(name, "{}" if isinstance(value, Mapping) else "[]", "at least one")


def writable(field: str, path: str, folder: bool = False) -> None:
    """Refuse a path where no file (or folder) can come to be; nothing is made."""
    kind = "folder" if folder else "file"
    if not path.strip() or "\0" in path:
        raise reject(field, repr(path), f"the path of a {kind}")
    target = Path(path)
    if any(len(os.fsencode(part)) > LONGEST for part in target.parts):
        raise InputError(f"{field} = {path[:40]}...: must be of names of at most {LONGEST} bytes", field)
    if os.path.lexists(target) and not (target.is_dir() if folder else target.is_file()):
        raise reject(field, path, f"the path of a {kind}; something else is there")
    try:
        places = (target if folder else target.parent, *target.absolute().parents)
        above = next(place for place in places if place.exists())
    except OSError as error:
        raise reject(field, path, f"the path of a {kind} ({error.strerror})") from error
    if not above.is_dir():
        raise reject(field, path, f"the path of a {kind}, but {above} is no folder")
    try:
        with tempfile.TemporaryFile(dir=above):  # root may write everywhere, says `os.access`
            pass
    except OSError as error:
        raise reject(
            field, path, f"where a {kind} may be written; {above} takes none ({error.strerror})"
        ) from error
