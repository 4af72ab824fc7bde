"""Command lines that work as they are printed: settings for Hydra's grammar, quoted for the shell."""

import re
import shlex
from collections.abc import Iterable

PLAIN = re.compile(r"[\w./:@-]+", re.ASCII)
OTHER = re.compile(r"[+-]?\.?\d.*|[+-]?(nan|inf)|true|false|null", re.IGNORECASE)  # no word for Hydra


def override(key: str, value: object) -> str:
    """`key=value` as Hydra reads it: a value that is no plain word or path is quoted."""
    text = str(value)
    if PLAIN.fullmatch(text) and not OTHER.fullmatch(text):
        return f"{key}={text}"
    escaped = re.sub(r"(\\*)'", lambda found: 2 * found[1] + r"\'", text)
    escaped = re.sub(r"\\+$", lambda found: 2 * found[0], escaped).replace("${", r"\${")
    return f"{key}='{escaped}'"


def command_line(verb: str, overrides: Iterable[str]) -> str:
    """The command line of `coursewright verb` with these overrides, as a shell takes it."""
    return shlex.join(["coursewright", verb, *overrides])
