"""A log for what goes by answers alone: columns that it can do without are stood in for, and named."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from coursewright.data.read import LogFile
from coursewright.errors import InputError

# Name -> the value of every row where the file has no such column, and the sentence about it.
STAND_INS: dict[str, tuple[object, str]] = {
    "time": (0, "no column of times: each learner's responses count in the file's order, and no days pass"),
    "skills": ("any", "no column of skills: those of the tutor's course stand for them"),
}


def answers_alone(file: LogFile) -> tuple[LogFile, list[str]]:
    """The file, to be read without times or skills where it has none, and a sentence on each of the two.

    Raises `InputError` for a file that lacks more, or has a column that looks like one of the two.
    """
    header, told, constants = file.header, list[str](), dict(file.constants)
    others = [own for own in header if own not in {*file.columns.values(), *file.columns}]
    for name, (value, sentence) in STAND_INS.items():
        own = file.columns.get(name, name)
        if name in constants or own in header or own not in (None, name):
            continue
        if own is not None:
            _refuse_likely(name, others)
        constants[name] = value
        told.append(sentence)
    spared = replace(file, constants=constants)
    spared.check_columns()
    return spared, told


def _refuse_likely(name: str, others: Sequence[str]) -> None:
    """Refuse a file whose column may be the one that lacks: what it means is its owner's to say."""
    for near in get_close_matches(name, others, n=1):
        ways = f"log=mapped log.columns.{name}={near} reads it so, log.columns.{name}=null does without"
        raise InputError(f"log.columns: has no {name}, and {near!r} looks like it; {ways}", "log.columns")
