"""A tutor file and its words; `Tutor.run` is one call of it, for a batch of learners."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from coursewright_runtime.lesson import Lesson, Moment, TutorError, days_of, refused

FORMAT = 1
PIECES = 4  # of a key, 16 bits each
LARGEST = 3.0e38  # of a float32
MAKES = "`coursewright export run=RUN to=tutor.onnx` writes one"
Array = npt.NDArray[Any]
Names = Iterable[str] | None
Key = int | str
Event = Mapping[str, Any] | tuple[Any, ...]


class Tutor:
    """A tutor file; `begin` a lesson with it for each learner.

    `path` is the ONNX file; `words`, the JSON file that came with it, lies beside it unless it is named.

    Attributes
    ----------
    items, skills : their names, in the file's order; `place` is the index of each item.
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
            raise TutorError(f"{self.path}: format {about['format']}, newer than this package's {FORMAT}")
        self.stamp = int(json.loads(about["stamp"]))
        self.words = _read(Path(words) if words else self.path.with_suffix(".json"), self.stamp)
        self.items: tuple[str, ...] = tuple(item["name"] for item in self.words["items"])
        self.skills: tuple[str, ...] = tuple(self.words["skills"])
        self.place: Mapping[str, int] = {name: i for i, name in enumerate(self.items)}
        self.width = int(self.words["state"]["width"])
        self._key = self.words["state"]["columns"].index("key, bits 0 to 15")
        self._takes = [put.name for put in self._session.get_inputs()]
        self._gives = [put.name for put in self._session.get_outputs()]

    def begin(self, goal: Names = None, key: Key = 0, at: Moment | None = None) -> Lesson:
        """The lesson of a learner nobody has met.

        `goal` names the skills to learn (all), `key` is the luck of random choices, a whole number from 0 to
        2^64 - 1 or a text such as the learner's id (see `key_of`), `at` the moment when the lessons begin.
        """
        return Lesson(self, self.new([key]), self.goal(goal), None if at is None else days_of(at))

    def load(self, text: str) -> Lesson:
        """The lesson that `Lesson.save` wrote."""
        try:
            kept = json.loads(text)
            state, stamp, goal = np.array([kept["state"]], np.float32), kept["stamp"], kept["goal"]
            seen = None if kept["seen"] is None else days_of(kept["seen"])
        except (ValueError, TypeError, KeyError) as error:
            raise refused("state", text, "not the text of a lesson; replay the responses") from error
        if stamp != self.stamp or state.shape != (1, self.width) or not np.isfinite(state).all():
            raise TutorError(f"state of tutor {stamp}: {self.path} is {self.stamp}; replay the responses")
        return Lesson(self, state, self.goal(goal), seen)

    def replay(self, history: Iterable[Event], **begin: Any) -> Lesson:
        """The lesson begun as in `begin`, after a history: arguments of `observe`, by name or in order."""
        lesson = self.begin(**begin)
        for row, event in enumerate(history):
            try:
                if isinstance(event, Mapping):
                    lesson.observe(**event)
                else:
                    lesson.observe(*event)
            except (TutorError, TypeError) as error:
                raise TutorError(f"history[{row}]: {error}") from error
        return lesson

    def new(self, keys: Iterable[Key]) -> Array:
        """The states of learners nobody has met, one for each key: float32 `[batch, width]`."""
        parts = [[(key_of(key) >> 16 * piece) & 0xFFFF for piece in range(PIECES)] for key in keys]
        state = np.zeros((len(parts), self.width), np.float32)
        state[:, self._key : self._key + PIECES] = parts
        return state

    def goal(self, names: Names = None) -> Array:
        """Skills by name as a row of bools, `[1, skills]`; None: all."""
        return _marked("goal", names, self.skills, "skills")

    def mask(self, only: Names = None, exclude: Iterable[str] = ()) -> Array:
        """Items by name as a row of bools, `[1, items]`: those of `only` (all) without those of `exclude`."""
        offered = _marked("only", only, self.items, "items")
        return offered & ~_marked("exclude", exclude, self.items, "items") if exclude else offered

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
        goal: Any = True,
        mask: Any = True,
    ) -> dict[str, Array]:
        """One call of the file for a batch: an answer, then days that pass, then the choice.

        Each argument is an array `[batch]` or one value for all; `state [batch, width]`, `goal [batch or 1,
        skills]`, `mask [batch or 1, items]`.  `item` is an index, -1 where nothing happened; `correct` is 1,
        0, or -1 where nothing was asked.  `words["outputs"]` says what comes back, by name.
        """
        batch = len(state)
        given = {
            "state": _shaped("state", state, (batch, self.width), np.float32),
            "item": _row("item", item, batch, np.int64, -1, len(self.items) - 1),
            "correct": _row("correct", correct, batch, np.int64, -1, 1),
            "taught": _row("taught", taught, batch, np.bool_, 0, 1),
            "past": _row("past", past, batch, np.bool_, 0, 1),
            "days": _row("days", days, batch, np.float32, 0, LARGEST),
            "minutes": _row("minutes", minutes, batch, np.float32, 0, LARGEST),
            "goal": _shaped("goal", goal, (batch, len(self.skills)), np.bool_),
            "mask": _shaped("mask", mask, (batch, len(self.items)), np.bool_),
        }
        found = self._session.run(self._gives, {name: given[name] for name in self._takes})
        return dict(zip(self._gives, found, strict=True))


def key_of(key: Key) -> int:
    """A key as a whole number; that of a text is the 64-bit FNV-1a hash of its UTF-8 bytes."""
    if isinstance(key, str):
        number = 0xCBF29CE484222325
        for byte in key.encode():
            number = ((number ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        return number
    if not 0 <= key < 2**64:
        raise refused("key", key, "allowed: a whole number from 0 to 2^64 - 1, or a text")
    return int(key)


def _opened(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds are many
        why = error.strerror if isinstance(error, OSError) else f"not an ONNX file; {MAKES}"
        raise TutorError(f"{path}: {why}") from error


def _read(path: Path, stamp: int) -> Any:
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        found = words["stamp"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TutorError(f"{path}: not the words of a tutor ({error})") from error
    if found != stamp:
        raise TutorError(f"{path}: the words of tutor {found}, and the ONNX file is tutor {stamp}")
    return words


def _marked(field: str, names: Names, known: tuple[str, ...], kind: str) -> Array:
    if names is None:
        return np.ones((1, len(known)), bool)
    chosen = {names} if isinstance(names, str) else set(names)
    if strange := chosen.difference(known):
        raise refused(field, min(strange, key=str), f"not one of the tutor's {len(known)} {kind}")
    return np.array([[name in chosen for name in known]])


def _row(name: str, value: Any, batch: int, kind: Any, low: float, high: float) -> Array:
    if np.ndim(value) == 0:
        if not low <= value <= high:
            raise refused(name, value, f"allowed: {low} to {high}")
        return np.full(batch, value, kind)
    row = np.asarray(value)
    if bad := row[~((row >= low) & (row <= high))].tolist():
        raise refused(name, bad[0], f"allowed: {low} to {high}")
    return _shaped(name, row, (batch,), kind)


def _shaped(name: str, value: Any, shape: tuple[int, ...], kind: Any) -> Array:
    array = np.asarray(value, kind)
    if array.shape == shape:
        return np.ascontiguousarray(array)
    if array.shape not in ((), (1, *shape[1:])):
        raise refused(name, array.shape, f"allowed: shape {shape}")
    return np.full(shape, array)
