"""A tutor file and its words; `Tutor.run` is one call of it, for a batch of learners."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from coursewright_runtime.lesson import Lesson, Moment
from coursewright_runtime.refusing import TutorError, refused, unknown

FORMAT = 1
PIECES = 4  # of a key, 16 bits each
MAKES = "`coursewright export run=RUN whole=true to=tutor.onnx` writes one"
Array = npt.NDArray[Any]


class Tutor:
    """A tutor file; `begin` a lesson with it for each learner.

    `path` is the ONNX file; `words`, the JSON file that came with it, lies beside it unless it is named.

    Attributes
    ----------
    items, skills : their names, in the file's order.
    place : the index of each item.
    stamp : a whole number; states of another stamp are another tutor's.
    width : the columns of a state.
    words : the JSON file.

    Raises
    ------
    TutorError : a file that is missing, no tutor, or of a newer format; words that are another file's.
    """

    def __init__(self, path: str | Path, words: str | Path | None = None) -> None:
        self.path = Path(path)
        self._session = _opened(self.path)
        about = self._session.get_modelmeta().custom_metadata_map
        if "stamp" not in about:
            raise TutorError(f"{self.path}: an ONNX file, but no tutor; {MAKES}")
        if json.loads(about["format"]) > FORMAT:
            raise TutorError(
                f"{self.path}: format {about['format']}, and this coursewright-runtime knows {FORMAT}"
            )
        self.stamp = int(json.loads(about["stamp"]))
        self.words = _read(Path(words) if words else self.path.with_suffix(".json"), self.stamp)
        self.items: tuple[str, ...] = tuple(item["name"] for item in self.words["items"])
        self.skills: tuple[str, ...] = tuple(self.words["skills"])
        self.width = int(self.words["state"]["width"])
        self.place: Mapping[str, int] = {name: i for i, name in enumerate(self.items)}
        self._key = self.words["state"]["columns"].index("key, bits 0 to 15")
        self._takes = [put.name for put in self._session.get_inputs()]
        self._gives = [put.name for put in self._session.get_outputs()]

    def begin(
        self, goal: Iterable[str] | None = None, key: int | str = 0, at: Moment | None = None
    ) -> Lesson:
        """The lesson of a learner nobody has met.

        `goal` names the skills to learn (all), `key` is the luck of random choices, a whole number from 0 to
        2^64 - 1 or a text such as the learner's id (see `key_of`), `at` the moment when the lessons begin.
        """
        return Lesson(self, self.new([key]), self.goal(goal), None).passed(at)

    def load(self, text: str) -> Lesson:
        """The lesson that `Lesson.save` wrote."""
        try:
            kept = json.loads(text)
            state = np.array([kept["state"]], np.float32)
            stamp, goal, seen = kept["stamp"], kept["goal"], kept["seen"]
        except (ValueError, TypeError, KeyError) as error:
            raise TutorError(
                f"state = {text[:40]!r}...: not the text of a lesson; replay the responses"
            ) from error
        if stamp != self.stamp or state.shape != (1, self.width):
            raise TutorError(
                f"state of tutor {stamp}: {self.path} is tutor {self.stamp}; replay the responses"
            )
        return Lesson(self, state, self.goal(goal), seen)

    def replay(
        self,
        history: Iterable[Mapping[str, Any] | tuple[Any, ...]],
        goal: Iterable[str] | None = None,
        key: int | str = 0,
        at: Moment | None = None,
    ) -> Lesson:
        """The lesson after a whole history: the arguments of `Lesson.observe` by name, or in their order."""
        lesson = self.begin(goal, key, at)
        for row, event in enumerate(history):
            try:
                if isinstance(event, Mapping):
                    lesson.observe(**event)
                else:
                    lesson.observe(*event)
            except TutorError as error:
                raise TutorError(f"history[{row}]: {error}") from error
        return lesson

    def new(self, keys: Iterable[int | str]) -> Array:
        """The states of learners nobody has met, one for each key: float32 `[batch, width]`."""
        parts = [[(key_of(key) >> 16 * piece) & 0xFFFF for piece in range(PIECES)] for key in keys]
        state = np.zeros((len(parts), self.width), np.float32)
        state[:, self._key : self._key + PIECES] = parts
        return state

    def goal(self, names: Iterable[str] | None = None) -> Array:
        """Skills by name as a row of bools, `[1, skills]`; None: all."""
        return _marked(names, self.skills, "goal", "skills")

    def mask(self, only: Iterable[str] | None = None, exclude: Iterable[str] = ()) -> Array:
        """Items by name as a row of bools, `[1, items]`: those of `only` (all) without those of `exclude`."""
        offered = _marked(only, self.items, "only", "items")
        return offered & ~_marked(exclude, self.items, "exclude", "items") if exclude else offered

    def run(
        self,
        state: Array,
        item: Any = -1,
        correct: Any = -1,
        *,
        taught: Any = True,
        past: Any = False,
        days: Any = 0.0,
        minutes: Any = 0.0,
        goal: Array | None = None,
        mask: Array | None = None,
    ) -> dict[str, Array]:
        """One call of the file for a batch: an answer, then days that pass, then the choice.

        Each argument is an array `[batch]` or one value for all; `state [batch, width]`, `goal [batch or 1,
        skills]`, `mask [batch or 1, items]`.  `item` is an index, -1 where nothing happened; `correct` is 1,
        0, or -1 where nothing was asked.  `words["outputs"]` says what comes back, by name.
        """
        batch = len(state)
        given = {
            "state": np.asarray(state, np.float32),
            "item": _row("item", item, batch, np.int64, -1, len(self.items) - 1),
            "correct": _row("correct", correct, batch, np.int64, -1, 1),
            "taught": _row("taught", taught, batch, np.bool_, 0, 1),
            "past": _row("past", past, batch, np.bool_, 0, 1),
            "days": _row("days", days, batch, np.float32, 0.0, np.inf),
            "minutes": _row("minutes", minutes, batch, np.float32, 0.0, np.inf),
            "goal": _table("goal", goal, (batch, len(self.skills))),
            "mask": _table("mask", mask, (batch, len(self.items))),
        }
        if given["state"].shape != (batch, self.width):
            raise refused("state", given["state"].shape, f"shape ({batch}, {self.width})")
        found = self._session.run(self._gives, {name: given[name] for name in self._takes})
        return dict(zip(self._gives, found, strict=True))


def key_of(key: int | str) -> int:
    """A key as a whole number; that of a text is the 64-bit FNV-1a hash of its UTF-8 bytes."""
    if isinstance(key, str):
        number = 0xCBF29CE484222325
        for byte in key.encode():
            number = ((number ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        return number
    if not 0 <= key < 2**64:
        raise refused("key", key, "a whole number from 0 to 2^64 - 1, or a text")
    return int(key)


def _opened(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise TutorError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:  # onnxruntime's own kinds are many
        raise TutorError(f"{path}: not an ONNX file; {MAKES}") from error


def _read(path: Path, stamp: int) -> Any:
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        found = words["stamp"]
    except OSError as error:
        raise TutorError(f"{path}: the words of the tutor cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError) as error:
        raise TutorError(f"{path}: not the words of a tutor") from error
    if found != stamp:
        raise TutorError(f"{path}: the words of tutor {found}, and the ONNX file is tutor {stamp}")
    return words


def _marked(names: Iterable[str] | None, known: tuple[str, ...], field: str, kind: str) -> Array:
    if names is None:
        return np.ones((1, len(known)), bool)
    if isinstance(names, str):
        raise refused(field, names, f"a list of {kind}")
    chosen = set(names)
    if strange := chosen - set(known):
        raise unknown(field, min(strange, key=str), known, f"the tutor's {kind}")
    return np.array([[name in chosen for name in known]])


def _row(name: str, value: Any, batch: int, kind: Any, low: float, high: float) -> Array:
    row = np.asarray(value)
    if row.shape not in ((), (batch,)):
        raise refused(name, row.shape, f"shape ({batch},)")
    bad = ~((row >= low) & (row <= high) & (row < np.inf))
    if bad.any():
        raise refused(name, row[bad].flat[0], f"{low} to {high}")
    return np.ascontiguousarray(np.broadcast_to(row.astype(kind), (batch,)))


def _table(name: str, value: Array | None, shape: tuple[int, int]) -> Array:
    table = np.ones((1, shape[1]), bool) if value is None else np.asarray(value, bool)
    if table.shape not in (shape, (1, shape[1])):
        raise refused(name, table.shape, f"shape {shape}")
    return np.ascontiguousarray(np.broadcast_to(table, shape))
