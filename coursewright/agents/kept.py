"""Scores of rules on tuning learners, kept between two commands under the content of task and rule.

The key is a hash of everything that a score depends on: the task with its learners, tutor and seeds, the rule
with its settings, the number of learners, the source of this package, the libraries that compute, and the
machine.  What has the same key has the same score, to the last bit; so files can be removed at any time.
They hold numbers alone (JSON) and lie in the user's own cache folder, where nobody else can write, or else
nowhere.

What names code of another package is not kept: an edit of that code would not change the key.
"""

import dataclasses
import hashlib
import io
import json
import os
import pickle
import platform
import sys
from collections.abc import Mapping
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import coursewright
from coursewright.errors import InputError
from coursewright.files import write_text
from coursewright.simulators.cache import ours_alone, source_hash

FOLDER = "tuned"
LIBRARIES = ("numpy", "numba")
BUILT_IN = {"builtins", "numpy", "functools", "collections", "copyreg"}
BITS = 30  # nine digits
KNOWN = BUILT_IN | {"coursewright"}
PASSING = {"passing": True}  # metadata of a dataclass's field that is no part of the content


class Score(NamedTuple):
    """The mean return on tuning learners, its standard error, and its cost: steps and processor seconds."""

    mean: float
    se: float
    steps: int
    seconds: float = 0.0


class ForeignError(Exception):
    """Something is no content of ours alone."""


UNKNOWABLE = (ForeignError, pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError)


class _Content(pickle.Pickler):
    """Writes what a value consists of: the fields of dataclasses, and of code its name alone.

    What an object keeps for speed is left out.  Nothing ever reads what is written.
    """

    def __init__(self, file: io.BytesIO, given: object, anywhere: bool = False) -> None:
        super().__init__(file, protocol=4)
        self.fast = True  # equal parts are written alike, be they one object or two
        self.given = given
        self.anywhere = anywhere

    def persistent_id(self, value: Any) -> str | None:
        """The given thing has a hash of its own already."""
        return "given" if value is self.given and value is not None else None

    def reducer_override(self, value: Any) -> Any:
        """Code by its name; a dataclass by its fields."""
        if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
            home, name = value.__module__.partition(".")[0], f"{value.__module__}.{value.__qualname__}"
            foreign = home not in KNOWN and not self.anywhere
            if foreign or "<" in name:  # what is made in a function hides its values
                raise ForeignError(name)
            if isinstance(value, type) and home in BUILT_IN:
                return NotImplemented
            owner = getattr(value, "__self__", None)  # of a method; a built-in function has its module
            bound = [] if owner is None or isinstance(owner, ModuleType) else [("of", owner)]
            return _fields([("code", name), *bound])
        if type(value).__module__.startswith("omegaconf."):  # Hydra's lists and dictionaries
            return _fields(list(value.items()) if isinstance(value, Mapping) else list(enumerate(value)))
        if self.anywhere and isinstance(value, np.ndarray | np.generic) and not value.dtype.hasobject:
            return _fields([("kind", value.dtype.kind), ("shape", value.shape), ("numbers", _digits(value))])
        if isinstance(value, partial):  # Hydra's own kind among them
            return _fields([("partial", value.func), ("with", value.args), *value.keywords.items()])
        if dataclasses.is_dataclass(value):
            lasting = [field.name for field in dataclasses.fields(value) if "passing" not in field.metadata]
            return _fields([("class", type(value)), *((name, getattr(value, name)) for name in lasting)])
        return NotImplemented


def _fields(named: list[tuple[Any, Any]]) -> tuple[Any, ...]:
    """Named values, in the form that `pickle` asks for."""
    return dict, (), None, None, iter(named)


def content(value: object, given: object = None) -> str | None:
    """A hash of what a value consists of, besides a thing that is `given`; None where we cannot know."""
    written = io.BytesIO()
    try:
        _Content(written, given).dump(value)
    except UNKNOWABLE:
        return None
    return hashlib.sha256(written.getbuffer()).hexdigest()


def likeness(value: object) -> str | None:
    """A hash of what a value consists of that any machine and version of the libraries finds.

    Arrays count to nine digits, and code, also that of other packages, by its name alone.  None where a part
    hides its values.
    """
    written = io.BytesIO()
    try:
        _Content(written, None, anywhere=True).dump(value)
    except UNKNOWABLE:
        return None
    return hashlib.sha256(written.getbuffer()).hexdigest()


def _digits(numbers: np.ndarray[Any, Any] | np.generic) -> bytes:
    """Numbers as bytes, floats to nine digits: machines differ in the last ones that they compute."""
    flat = np.ravel(np.asarray(numbers))
    kind = flat.dtype.kind
    if kind == "f":
        part, power = np.frexp(flat.astype(np.float64))
        rounded: np.ndarray[Any, Any] = np.ldexp(np.round(part * 2.0**BITS), power - BITS) + 0.0
        return rounded.astype("<f8").tobytes()
    if kind in "iu":
        return flat.astype("<i8" if kind == "i" else "<u8").tobytes()
    return flat.tobytes() if kind == "b" else "\x1f".join(map(str, flat.tolist())).encode()


@cache
def made_with() -> str:
    """The code that computes a score."""
    package = Path(coursewright.__file__).parent
    versions = [f"{name} {version(name)}" for name in LIBRARIES]
    return " ".join([source_hash(package), sys.version, platform.node(), *versions])


def cache_folder() -> Path | None:
    """The user's folder for kept scores, made for them alone; None where there is no such place."""
    given = os.environ.get("XDG_CACHE_HOME")
    home = Path(given) if given else Path(os.path.expanduser("~")) / ".cache"
    folder = home.resolve() / "coursewright" / FOLDER
    return folder if home.is_absolute() and ours_alone(folder) else None


class KeptScores:
    """The scores of one task's rules; one file holds them all."""

    def __init__(self, task: object) -> None:
        self.task = task
        key = content((made_with(), task))
        folder = cache_folder() if key is not None else None
        self._file = None if folder is None else folder / f"{key}.json"
        self._scores: dict[str, Score] = {}
        self._fresh = False
        self.read()

    def read(self) -> None:
        """Take what is in the file by now: another tuning of the same command may have written."""
        if self._file is not None:
            self._scores |= _read(self._file)

    def get(self, rule: object, learners: int) -> Score | None:
        """The score of a rule, where it is known."""
        return self._scores.get(self._key(rule, learners))

    def put(self, rule: object, learners: int, score: Score) -> None:
        """Remember a score; `write` keeps it."""
        key = self._key(rule, learners)
        if key:
            self._scores[key] = score
            self._fresh = True

    def write(self) -> None:
        """Keep what is new; where the file system refuses, nothing is kept."""
        if self._file is None or not self._fresh:
            return
        self._fresh = False
        merged: Mapping[str, Score] = _read(self._file) | self._scores
        try:
            write_text(self._file, json.dumps(merged) + "\n")
        except InputError:
            self._file = None

    def _key(self, rule: object, learners: int) -> str:
        """Empty for a rule that cannot be kept."""
        found = content(rule, self.task) if self._file is not None else None
        return "" if found is None else f"{found}/{learners}"


def _read(file: Path) -> dict[str, Score]:
    """The scores in a file; none where it is not there, or is broken."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(key): Score(float(mean), float(se), int(steps), float(seconds))
            for key, (mean, se, steps, seconds) in found.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
