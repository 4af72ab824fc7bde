"""Files of statements and events as learner logs: `log=xapi` and `log=caliper`."""

import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from coursewright.data.log import Into, LearnerLog, in_memory
from coursewright.data.schema import SCHEMA
from coursewright.errors import InputError
from coursewright.live.events import caliper, xapi
from coursewright.live.events.event import BASE, HOME, Event, Names, Read, listed
from coursewright.live.keys import Keys, key_of

DAY = 86_400.0  # seconds


def read_xapi(
    path: str | Path,
    verbs: Sequence[str] = xapi.VERBS,
    skills: Sequence[str] = xapi.SKILLS,
    home: str = HOME,
    base: str = BASE,
    key: str | None = None,
    licence: str | None = None,
    into: Into = in_memory,
) -> LearnerLog:
    """The log in a file of xAPI statements: JSON (a list, or an answer of a store), or one in each line.

    `verbs` are taken, `skills` is the path of keys to an item's skills; an item without any is its own skill.
    `home` and `base` are as in `Names`.  Addresses of people become pseudonyms under the `key` file, or under
    a key that is thrown away.  Raises `InputError` for a file that cannot be read.
    """
    found = xapi.read_statements(entries(path, ("statements",)), names(home, base, key), verbs, skills)
    return _log(found, Path(path), licence, into)


def read_caliper(
    path: str | Path,
    skills: Sequence[str] = caliper.SKILLS,
    full: float = caliper.FULL,
    home: str = HOME,
    base: str = BASE,
    key: str | None = None,
    licence: str | None = None,
    into: Into = in_memory,
) -> LearnerLog:
    """The log in a file of Caliper envelopes or events: JSON, or one in each line.

    An answer is right from the share `full` of its points; the rest is as in `read_xapi`.
    """
    found = caliper.read_events(entries(path, ()), names(home, base, key), skills, full)
    return _log(found, Path(path), licence, into)


def names(home: str, base: str, key: str | None) -> Names:
    """The names of both sides; without a `key` file, pseudonyms are under a key that is thrown away."""
    keys = Keys(secrets.token_bytes(32)) if key is None else key_of(key, "")[0]
    return Names(lambda told: f"p-{keys.code('person', told).hex()}", home, base)


def entries(path: str | Path, inside: Sequence[str]) -> list[Any]:
    """The objects of a JSON file, or of one with an object in each line."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"log.path = {path}: cannot be read as text ({error})", "log.path") from error
    try:
        given = json.loads(text)
        if isinstance(given, dict) and given.get("more"):
            told = "is one page of several (its `more` is not empty); put each into a line of the file"
            raise InputError(f"log.path = {path}: {told}", "log.path")
        return listed(given, "log.path", inside)
    except json.JSONDecodeError as whole:
        found: list[Any] = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    found += listed(json.loads(line), "log.path", inside)
                except json.JSONDecodeError as error:
                    told = f"neither JSON ({whole.msg}, line {whole.lineno}) nor an object in each line"
                    raise InputError(f"log.path = {path}: is {told} (line {number})", "log.path") from error
        return found


def _log(found: Read, path: Path, licence: str | None, into: Into) -> LearnerLog:
    return into(_tables(found.events), path.name, licence, found.dropped)


def _tables(events: Sequence[Event]) -> Iterator[pa.Table]:
    columns: dict[str, Any] = {
        "learner": [one.learner for one in events],
        "item": [one.item for one in events],
        "skills": [list(one.skills or (one.item,)) for one in events],
        "time": [one.time.timestamp() / DAY for one in events],
        "correct": [-1 if one.correct is None else one.correct for one in events],
    }
    optional: dict[str, list[Any]] = {
        "grade": [one.grade for one in events],
        "minutes": [one.minutes for one in events],
        "allowed": [one.allowed for one in events],
        "propensity": [one.propensity for one in events],
    }
    columns |= {name: told for name, told in optional.items() if any(value is not None for value in told)}
    yield pa.table({name: pa.array(told, SCHEMA.field(name).type) for name, told in columns.items()})
