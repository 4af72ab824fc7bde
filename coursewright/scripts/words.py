"""The words of a command line, as people type them, in Hydra's grammar.

Paths and names are taken as they are: `run=out/a=b,c d` needs no inner quotes.  So is any other value that
the grammar does not know, such as `log.columns.skills=KC(Default)`.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException

from coursewright.errors import InputError, reject
from coursewright.scripts.overrides import override

# Settings whose value is a path or a name, by the last part of theirs
LITERAL = ("run", "runs", "to", "out", "tutor", "path", "folder", "dir", "name", "study")
NAMES = ("name", "study")


def read_word(verb: str, word: str, following: str = "", several: bool = False) -> Override:
    """A setting as Hydra reads it; `several` allows values separated by commas.

    Raises `InputError` for a word that is no setting; the word that follows shows a forgotten `=`.
    """
    key, equals, text = word.partition("=")
    if not word.strip() or not key.strip("+~ "):
        raise InputError(f"arguments: {word!r} names no setting; one is written NAME=VALUE")
    if word.startswith("-") and not word.startswith("~"):
        raise InputError(f"arguments: {word!r} is no flag of coursewright {verb} (see --help)")
    if not equals and not word.startswith("~"):
        value = following if following and "=" not in following else "VALUE"
        raise InputError(f"{word}: must be a setting, written {word}={value}", word)
    parsed = _parsed(word)
    if word.startswith("~"):
        if parsed is None:
            raise reject("arguments", repr(word), "a setting to remove, written ~NAME")
        return parsed
    if key.lstrip("+") in NAMES and text.startswith("["):  # never a list
        parsed = _parsed(override(key, text))
    elif _is_literal(key) and parsed is None and text.startswith("[") and text.endswith("]"):
        quoted = ",".join(override("", path).removeprefix("=") for path in _paths(text[1:-1]))
        parsed = _parsed(f"{key}=[{quoted}]")
    elif _is_as_typed(key, text, parsed, several):
        parsed = _parsed(override(key, text))
    if parsed is None:
        raise InputError(f"{key} = {text}: cannot be read; check its quotes and brackets", key)
    return parsed


def typed(key: str, value: object) -> str:
    """`key=value` as a person types it: with inner quotes only where it is read as something else without."""
    plain = f"{key}={value}"
    with suppress(InputError):
        read = read_word("", plain)
        if not read.is_sweep_override() and isinstance(read.value(), str) and read.value() == str(value):
            return plain
    return override(key, value)


def _parsed(word: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException:
        return None


def _is_literal(key: str) -> bool:
    return key.lstrip("+").rpartition(".")[2] in LITERAL


def _paths(text: str) -> Iterator[str]:
    """The paths of a list; a comma separates two of them unless the path that holds it exists."""
    path = ""
    for part in text.split(","):
        path = f"{path},{part}" if path else part.strip()
        if Path(path).exists():
            yield path
            path = ""
    if path:
        yield from map(str.strip, path.split(","))


def _is_as_typed(key: str, text: str, parsed: Override | None, several: bool) -> bool:
    """True where a value is to be taken letter by letter, and not as the grammar has it."""
    if not _is_literal(key):
        return parsed is None and text[:1] not in ("'", '"', "[", "{") and bool(text.strip())
    if parsed is None:
        return True
    if parsed.is_sweep_override():
        return not several or key.startswith("hydra.") or Path(text).exists()
    value = parsed.value()
    quoted = "${" in text or isinstance(parsed._value, QuotedString)
    return not (quoted or value is None or isinstance(value, list | dict) or value == text)
