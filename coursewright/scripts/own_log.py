"""A log that somebody named, looked at before the libraries that read and fit it are imported."""

from pathlib import Path
from typing import Any

from coursewright.errors import absent
from coursewright.files import refuse_pipe
from coursewright.scripts.making import made
from coursewright.scripts.plain import targets_of
from coursewright.scripts.signatures import TARGET, fields_of, refuse_misfits

TABLE = "coursewright.data.read.LogFile"  # the reader of log=file and log=mapped


def refuse_no_log(node: Any) -> None:
    """Refuse a path where there is nothing, or a pipe; a store may have a URL."""
    path = node.get("path") if isinstance(node, dict) else None
    if isinstance(path, str) and "://" not in path:
        if not Path(path).exists():
            raise absent("log.path", path, "the path of a log")
        refuse_pipe("log.path", path)


def refuse_columns(node: Any, alone: bool) -> None:
    """Refuse a table without the columns that are read of it, by its first line.

    `alone` says that answers alone are read (see `data.sparing`).
    """
    if not isinstance(node, dict) or node.get(TARGET) != TABLE:
        return
    for at, inner in targets_of({"log": node}):
        refuse_misfits(inner, fields_of(inner[TARGET]), at)
    file = made(node, "log")
    if alone:
        from coursewright.data.sparing import answers_alone

        answers_alone(file)
    else:
        file.check_columns()
