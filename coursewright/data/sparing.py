"""A log for what goes by answers alone: it is read without skills, and without times where it has none."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from coursewright.data.read import LogFile
from coursewright.errors import InputError

UNTOLD = {"time": 0, "skills": "untold"}  # what every row has in place of a column that is not read
NO_TIMES = "no column of times: each learner's responses count in the file's order, and no days pass"


def answers_alone(file: LogFile) -> tuple[LogFile, list[str]]:
    """The file, to be read without its skills, and without times where it has none, and what that assumes.

    Raises `InputError` for a file that lacks more, and where another column looks like that of the times.
    """
    header, own = file.header, file.columns.get("time", "time")
    timed = "time" in file.constants or own in header or own not in (None, "time")
    untold = {name: value for name, value in UNTOLD.items() if name == "skills" or not timed}
    columns, values = (_without_skills(told) for told in (file.columns, file.values))
    constants = {**_without_skills(file.constants), **untold}
    spared = replace(file, columns=columns, values=values, constants=constants)
    spared.check_columns()
    others = [name for name in header if name not in {*file.columns.values(), *file.columns}]
    for near in [] if timed or own is None else get_close_matches("time", others, n=1):
        ways = f"log=mapped log.columns.time={near} reads it so, log.columns.time=null does without"
        raise InputError(f"log.columns: has no time, and {near!r} looks like it; {ways}", "log.columns")
    return spared, [] if timed else [NO_TIMES]


def _without_skills(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "skills"}
