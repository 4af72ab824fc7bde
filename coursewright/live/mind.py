"""A tutor file that teaches many learners at once: states in, states and choices out.  No store, no names."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.errors import InputError
from coursewright.live.words import Choice
from coursewright_runtime import Tutor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Draw = Callable[[str], float]  # purpose -> a number in [0, 1)
BARRED = -1e7  # scores below it are of actions that are not allowed
DATED = ("days_since", "item_days_since")
NOTHING = "nothing is allowed"


class Told(NamedTuple):
    """An event of each learner, `[batch]`; item -1 begins a new lesson.  `days` passed before it."""

    item: Ints
    correct: Ints
    past: Bools
    taught: Bools
    minutes: Floats
    days: Floats


class Decision(NamedTuple):
    """A choice, and the items `[items]` that it was made from."""

    choice: Choice
    offered: Bools


class Mind:
    """A tutor file, and how it is used here.

    Attributes
    ----------
    fingerprint : of the file; a state that another file wrote is replayed.
    explore : the chance with which an allowed item is drawn evenly instead.
    renew : True where a new lesson begins by itself when the budget is spent.
    dated : True where the tutor minds how much time has passed.
    kept : each feature of the state -> its columns, one a skill or an item.
    memory : what a rule remembers besides, by name, as the file's words tell it.
    """

    def __init__(self, path: str | Path, explore: float = 0.0, renew: bool = True) -> None:
        """Open the tutor file; raises `InputError` where it is none."""
        try:
            self.fingerprint = sha256(Path(path).read_bytes()).hexdigest()[:32]
            self.tutor = Tutor(path)
        except OSError as error:
            raise InputError(
                f"policy = {path}: cannot be read ({error.strerror or error})", "policy"
            ) from error
        except Exception as error:  # of the runtime, whose lines are whole, or of onnxruntime's parser
            why = (str(error).splitlines() or [type(error).__name__])[0]
            hint = "coursewright export run=… to=tutor.onnx writes one"
            raise InputError(f"policy = {path}: is no tutor file ({why}); {hint}", "policy") from error
        words: dict[str, Any] = self.tutor.words
        self.words, self.explore, self.renew = words, explore, renew
        self.items, self.skills = list(self.tutor.items), list(self.tutor.skills)
        self.place: dict[str, int] = dict(self.tutor.place)
        self.skills_of = {item["name"]: list(item["skills"]) for item in words["items"]}
        columns: list[str] = words["state"]["columns"]
        self.spent = columns.index("spent")
        self.budget = float(words["budget"]["amount"])
        self.kept = _features(columns)
        self.dated = any(name in self.kept for name in DATED)
        remembered: list[dict[str, Any]] = words["state"].get("memory", [])
        self.memory = {one["name"]: one for one in remembered}
        self._after = columns.index("memory after[0]") if self.memory else 0
        self.delays = max(1, len(words["delays"]))

    def new(self, keys: Sequence[int]) -> Floats:
        """States `[batch, columns]` of learners whom nobody has met; the keys decide random choices."""
        return np.asarray(self.tutor.new(keys), np.float32)

    def look(self, state: Floats, goal: Bools, mask: Bools, days: Floats | None = None) -> dict[str, Any]:
        """The file's outputs where nothing happened but that `days [batch]` passed."""
        batch = len(state)
        none, nobody = np.full(batch, -1), np.zeros(batch, bool)
        found: dict[str, Any] = self.tutor.run(
            state,
            none,
            none,
            taught=nobody,
            past=nobody,
            days=np.zeros(batch, np.float32) if days is None else days,
            minutes=np.zeros(batch, np.float32),
            goal=goal,
            mask=mask,
        )
        return found

    def tell(self, state: Floats, goal: Bools, told: Told) -> tuple[Floats, dict[str, Any]]:
        """The states after an event of each learner, and the outputs of the look that follows it."""
        batch, all_items = len(state), np.ones((len(state), len(self.items)), bool)
        if self.dated and (told.days > 0).any():
            state = self.look(state, goal, all_items, told.days)["next_state"]
        out: dict[str, Any] = self.tutor.run(
            state,
            told.item,
            told.correct,
            taught=told.taught & (told.item >= 0),
            past=told.past,
            days=np.zeros(batch, np.float32),
            minutes=told.minutes,
            goal=goal,
            mask=all_items,
        )
        after: Floats = np.array(out["next_state"], np.float32)
        full = told.item < 0
        if self.renew:
            full = full | (after[:, self.spent] >= self.budget)
        if full.any():
            after[full, self.spent] = 0.0
            again = self.look(after, goal, all_items)
            out = again if full.all() else {name: _merged(full, again[name], out[name]) for name in out}
        return after, out

    def decision(self, out: dict[str, Any], row: int, draw: Draw | None = None) -> Decision:
        """The choice of one learner of a batch, from the outputs of a look; `draw` lets it explore."""
        scores, action, n = out["scores"][row], int(out["action"][row]), len(self.items)
        offered: Bools = (scores[: n * self.delays] > BARRED).reshape(self.delays, n).any(axis=0)
        if action < 0:
            return Decision(Choice(None, why_not=NOTHING), offered)
        if "next_item" in out:
            place, stop, wait = int(out["next_item"][row]), bool(out["stop"][row]), float(out["wait"][row])
        else:
            place, stop, wait = action, False, 0.0
        if stop or place < 0:
            return Decision(Choice(None, stop=True, score=float(scores[action])), offered)
        propensity, some = 1.0, np.flatnonzero(offered)
        if draw is not None and self.explore and len(some):
            best = place
            if draw("explore") < self.explore:
                place = int(some[int(draw("which") * len(some))])
            propensity = (1.0 - self.explore) * (place == best) + self.explore / len(some)
        chance = float(out["chance"][row, place]) if "chance" in out else None
        score = float(scores[action if place == action % n else place])
        return Decision(Choice(self.items[place], wait, False, chance, score, float(propensity)), offered)

    def ranked(
        self, k: int, state: Floats, goal: Bools, mask: Bools, days: Floats, first: Choice
    ) -> list[Choice]:
        """The choice that stands, and the next best of one learner, `k` in all at the most.

        Each is what the file chooses where those before it are barred, which holds for rules and networks.
        """
        mask, found = mask.copy(), [first]
        while len(found) < k and found[-1].item is not None:
            if found[-1].item in self.place:  # a teacher's item may be of an earlier course
                mask[0, self.place[found[-1].item]] = False
            choice = self.decision(self.look(state, goal, mask, days), 0).choice
            if choice.item is None:
                break
            found.append(_behind(choice, first, len(found) + 1))
        return found

    def goals(self, names: Sequence[str] | None) -> Bools:
        """The skills `[skills]` that a learner is to know; all of them where none of `names` is there."""
        wanted = set(self.skills if names is None else names) & set(self.skills)
        return np.array([skill in wanted or not wanted for skill in self.skills])

    def mask(self, only: Sequence[int] | None, exclude: Sequence[int]) -> Bools:
        """The items `[items]` that a host allows."""
        mask = np.full(len(self.items), only is None)
        if only is not None:
            mask[list(only)] = True
        mask[list(exclude)] = False
        return mask

    def shows(self, item: str, mask: Bools) -> bool:
        """True where a host's mask `[items]` allows an item; one of no place in it, where it allows all."""
        return bool(mask[self.place[item]] if item in self.place else mask.all())

    def beliefs(self, state: Floats) -> tuple[Floats, Floats]:
        """The mastery of each skill and its doubt, `[batch, skills]` each; see `words.Skill`."""
        if "belief" in self.kept:
            belief = state[:, self.kept["belief"]]
            started = state[:, :1] != 0
            belief = np.where(started, belief, np.array(self.words["tutor"]["prior"], np.float32))
            return belief, np.sqrt(np.maximum(belief * (1.0 - belief), 0.0))
        answers, right = self.counts(state)
        a, b = right + 1.0, answers - right + 1.0
        share = a / (a + b)
        return share.astype(np.float32), np.sqrt(share * (1 - share) / (a + b + 1)).astype(np.float32)

    def remembered(self, state: Floats, name: str) -> npt.NDArray[np.float64]:
        """The numbers that a rule remembers under a `name` of `memory`; `state [columns]` of one learner."""
        one = self.memory[name]
        first, size, parts = self._after + one["first"], one["size"], one["parts"]
        found = state[first : first + size * parts].astype(np.float64)
        return np.asarray(found.reshape(parts, size).sum(axis=0), np.float64)

    def counts(self, state: Floats) -> tuple[Floats, Floats]:
        """The answers, and the right ones, on each skill `[batch, skills]`; zeros where none are kept."""
        none = np.zeros((len(state), len(self.skills)), np.float32)
        found = [
            state[:, self.kept[name]] if name in self.kept else none for name in ("attempts", "successes")
        ]
        return found[0], found[1]


def _merged(rows: Bools, mine: Any, theirs: Any) -> Any:
    """Outputs of a batch: `mine` in these rows, `theirs` in the others."""
    mixed = np.array(theirs)
    mixed[rows] = mine[rows]
    return mixed


def _behind(choice: Choice, first: Choice, rank: int) -> Choice:
    why = f"choice {rank}, where those before it are barred"
    if choice.score is not None and first.score is not None and choice.score not in (first.score, 0.0, 1.0):
        why = f"its score is {first.score - choice.score:.3g} less than that of {first.item}"
    return replace(choice, propensity=0.0, why_not=why)


def _features(columns: Sequence[str]) -> dict[str, slice]:
    """`belief[0]`, `belief[1]`, ... -> the slice of `belief`."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for at, column in enumerate(columns):
        if column.endswith("]"):
            name = column.partition("[")[0]
            first.setdefault(name, at)
            last[name] = at + 1
    return {name: slice(first[name], last[name]) for name in first if not name.startswith("memory")}


def packed(mask: Bools) -> bytes:
    """A mask `[items]` as few bytes."""
    return zlib.compress(np.packbits(mask).tobytes(), 1)


def unpacked(text: bytes, items: int) -> Bools:
    """The mask that `packed` wrote."""
    return np.unpackbits(np.frombuffer(zlib.decompress(text), np.uint8), count=items).astype(bool)
