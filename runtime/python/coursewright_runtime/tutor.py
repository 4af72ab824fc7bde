"""A tutor file and its words; `Tutor.run` is one call of it, for a batch of learners."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import onnxruntime

from coursewright_runtime.lesson import LARGEST, Array, Lesson, Moment, Names, TutorError, days_of, refused

FORMAT = 3
FREE = ("licence", "scored", "labels")  # the words that a host may change
MAKES = "`coursewright export run=RUN to=tutor.onnx` writes one"
Key = int | str


class Tutor:
    """A tutor file, and `words`, the JSON file that came with it; `begin` a lesson with it for each learner.

    `items` and `skills` are names in the file's order, `place` the index of each item.  `stamp` marks this
    tutor's states, which have `width` columns.

    Raises `TutorError` for a file that is no tutor of this format, and for words that do not belong to it.
    """

    def __init__(self, path: str | Path, words: str | Path | None = None) -> None:
        self.path = Path(path)
        beside = Path(words) if words else self.path.with_suffix(".json")
        try:
            self._session, told = _opened(self.path), beside.read_bytes()
        except OSError as error:
            raise TutorError(f"{error.filename}: cannot be read ({str(error.strerror).lower()})") from error
        about = self._session.get_modelmeta().custom_metadata_map
        if "stamp" not in about:
            raise TutorError(f"{self.path}: an ONNX file, but no tutor; {MAKES}")
        if about["format"] != str(FORMAT):
            raise TutorError(f"{self.path}: format {about['format']}, not {FORMAT}: export it again")
        if about["digest"] != _digest(beside, told):
            raise TutorError(f"{beside}: another tutor's words, or changed since the export")
        self.words = json.loads(told)
        self.items: tuple[str, ...] = tuple(item["name"] for item in self.words["items"])
        self.skills: tuple[str, ...] = tuple(self.words["skills"])
        self.place: Mapping[str, int] = {name: i for i, name in enumerate(self.items)}
        self.stamp, columns = self.words["stamp"], self.words["state"]["columns"]
        self.width, self._key = len(columns), columns.index("key, bits 0 to 15")
        self._takes = [put.name for put in self._session.get_inputs()]

    def begin(self, goal: Names = None, key: Key = 0, at: Moment | None = None) -> Lesson:
        """The lesson of a learner nobody has met, from the moment `at` on; `goal` names skills (all).

        `key`, a whole number below 2^64 or a text such as the learner's id, is the luck of random choices.
        """
        return Lesson(self, self.new([key]), self.goal(goal), None if at is None else days_of(at))

    def load(self, text: str) -> Lesson:
        """The lesson that `Lesson.save` wrote."""
        try:
            kept = json.loads(text)
            with np.errstate(over="ignore"):
                state, stamp, goal = np.array([kept["state"]], np.float32), kept["stamp"], kept["goal"]
            seen = None if kept["seen"] is None else days_of(kept["seen"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise refused("state", text, "not the text of a lesson; replay the responses") from error
        ours = state.shape == (1, self.width) and np.isfinite(state).all() and state[0, 0] in (0, stamp)
        if stamp != self.stamp or not ours:
            raise TutorError(f"state of tutor {stamp}: {self.path} is {self.stamp}; replay the responses")
        return Lesson(self, state, self.goal(goal), seen)

    def replay(self, history: Iterable[Mapping[str, Any] | tuple[Any, ...]], **begin: Any) -> Lesson:
        """The lesson begun as in `begin`, after a history: arguments of `observe`, by name or in order."""
        lesson = self.begin(**begin)
        for row, event in enumerate(history):
            try:
                lesson.observe(**event) if isinstance(event, Mapping) else lesson.observe(*event)
            except (TutorError, TypeError) as error:
                raise TutorError(f"history[{row}]: {error}") from error
        return lesson

    def new(self, keys: Iterable[Key]) -> Array:
        """The states of learners nobody has met, one for each key: float32 `[batch, width]`."""
        pieces = np.array([[key_of(key)] for key in keys], "<u8").view("<u2").astype(np.float32)
        return np.pad(pieces, ((0, 0), (self._key, self.width - self._key - pieces.shape[1])))

    def goal(self, names: Names = None) -> Array:
        """Skills by name as a row of bools, `[1, skills]`; None: all."""
        goal = _marked("goal", names, self.skills, "skills")
        if not goal.any():
            raise refused("goal", names, "allowed: at least one skill, or None for all")
        return goal

    def mask(self, only: Names = None, exclude: Names = None, name: str = "only") -> Array:
        """The items `only` (all; `name` in a refusal) without those of `exclude`: bools `[1, items]`."""
        offered = _marked(name, only, self.items, "items")
        return offered if exclude is None else offered & ~_marked("exclude", exclude, self.items, "items")

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

        An argument is an array `[batch]` or one value for all; `state [batch, width]`, `goal [batch or 1,
        skills]`, `mask [batch or 1, items]`.  `words["inputs"]` and `words["outputs"]` explain them.
        """
        batch = len(state)
        given = {
            "state": _array("state", state, (batch, self.width), np.float32, -LARGEST, LARGEST),
            "item": _array("item", item, (batch,), np.int64, -1, len(self.items) - 1),
            "correct": _array("correct", correct, (batch,), np.int64, -1, 1),
            "taught": _array("taught", taught, (batch,), np.bool_, 0, 1),
            "past": _array("past", past, (batch,), np.bool_, 0, 1),
            "days": _array("days", days, (batch,), np.float32, 0, LARGEST),
            "minutes": _array("minutes", minutes, (batch,), np.float32, 0, LARGEST),
            "goal": _array("goal", goal, (batch, len(self.skills)), np.bool_, 0, 1),
            "mask": _array("mask", mask, (batch, len(self.items)), np.bool_, 0, 1),
        }
        found = self._session.run(None, {name: given[name] for name in self._takes})
        return dict(zip(self.words["outputs"], found, strict=True))


def key_of(key: Key) -> int:
    """A key as a whole number; that of a text is the 64-bit FNV-1a hash of its UTF-8 bytes."""
    if isinstance(key, str):
        number = 0xCBF29CE484222325
        for byte in key.encode("utf-8", "surrogatepass"):
            number = ((number ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        return number
    if isinstance(key, int | np.integer) and not isinstance(key, bool) and 0 <= key < 2**64:
        return int(key)
    raise refused("key", key, "allowed: a whole number from 0 to 2^64 - 1, or a text")


def _opened(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    content = path.read_bytes()
    try:
        return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"], enable_fallback=False)
    except Exception as error:  # onnxruntime's own kinds are many
        raise TutorError(f"{path}: not an ONNX file that runs here; {MAKES}") from error


def _digest(path: Path, words: bytes) -> str:
    """The CRC-32 of words in a form that any language writes alike; NaN, which `int` refuses, is no JSON."""
    reads = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_bits, parse_float=_bits, parse_constant=int)
    try:
        kept = reads.decode(words.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TutorError(f"{path}: no JSON, so not the words of a tutor") from error
    form = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    return f"{crc32(form.encode(errors='replace')):08x}"


def _bits(number: str) -> str:
    return np.array(float(number), ">f8").tobytes().hex()


def _pairs(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return sorted(pair for pair in dict(pairs).items() if pair[0] not in FREE)


def _marked(field: str, names: Names, known: tuple[str, ...], kind: str) -> Array:
    if names is None:
        return np.ones((1, len(known)), bool)
    if not isinstance(names, Iterable):
        raise refused(field, names, f"allowed: names of {kind}")
    chosen = {names} if isinstance(names, str) else set(names)
    if strange := chosen.difference(known):
        raise refused(field, min(strange, key=str), f"not one of the tutor's {len(known)} {kind}")
    return np.array([[name in chosen for name in known]])


def _array(name: str, value: Any, shape: Any, kind: Any, low: float, high: float) -> Array:
    given = np.asarray(value)
    real = given.dtype.kind == "f" and (kind is np.float32 or not (given % 1).any())
    if not (real or given.dtype.kind in "biu") or not ((given >= low) & (given <= high)).all():
        raise refused(name, value, f"allowed: {low} to {high}")
    if given.shape not in (shape, (), (1, *shape[1:])):
        raise refused(name, given.shape, f"allowed: shape {shape}")
    return given.astype(kind) if given.shape == shape else np.full(shape, given, kind)
