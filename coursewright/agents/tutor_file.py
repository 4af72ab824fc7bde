"""A tutor file as a policy: it is told what the tutor's records are told, as a platform would tell it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.agents.made_for import unlike
from coursewright.envs.record import Records
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.luck import Luck

if TYPE_CHECKING:
    from coursewright_runtime import Tutor


class Memory(NamedTuple):
    """The file's states `[batch, columns]`; `begun` is False before the first choice."""

    rows: Floats
    begun: bool


class TutorFile:
    """The policy in a tutor file, to be scored like any other on the course that it was made for.

    Attributes
    ----------
    path : of the ONNX file.
    unlike : what the file was made for and this task is not: setting, here, there; see `made_for.unlike`.
    """

    respects_mask = True

    def __init__(self, path: str | Path, task: Task) -> None:
        """Open the file for a task; raises `InputError` for one of another course, or of other actions."""
        self.path = Path(path).resolve()
        self._tutor = opened(self.path)
        words, course = self._tutor.words, task.course
        theirs = {"items": [item["name"] for item in words["items"]], "skills": list(words["skills"])}
        for kind, ours in {"items": list(course.items), "skills": list(course.skills)}.items():
            if theirs[kind] != ours:
                told = f"{len(theirs[kind]):,} {kind} ({', '.join(theirs[kind][:3])}, ...)"
                here = f"one of this course, with {len(ours):,} ({', '.join(ours[:3])}, ...)"
                raise reject("policy", f"{path}, of {told}", here)
        if len(words["actions"]) != task.n_actions:
            raise reject("policy", f"{path}, of {len(words['actions'])} actions", f"one of {task.n_actions}")
        self.unlike = list(unlike(words, task))
        self._n_items = course.n_items
        self._records: Records | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A copy for another process opens the file itself: sessions cannot travel."""
        return self.__dict__ | {"_tutor": None, "_records": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the file again."""
        self.__dict__.update(state, _tutor=opened(state["path"]))

    def consult(self, records: Records) -> None:
        """Take the running records, which tell what happened last."""
        self._records = records

    def begin(self, luck: Luck) -> Memory:
        """New learners, whose keys decide the file's random choices."""
        return Memory(self._tutor.new(luck.fate.tolist()), False)

    def predict(
        self,
        observation: Observation,
        state: Any = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Memory]:
        """The file's actions `[batch]`, and its next states; 0 where nothing is allowed."""
        assert self._records is not None
        assert action_masks is not None  # a rollout gives both
        records, rows, batch = self._records, state.rows, len(action_masks)
        # The file knows locks and delays itself; a platform tells it the items that can be shown.
        items = self._n_items * (action_masks.shape[1] // self._n_items)
        mask = np.any(action_masks[:, :items].reshape(batch, -1, self._n_items), axis=1)
        if state.begun:
            item, correct, minutes, days, taught = records.heard
            event = {"item": item, "correct": correct, "minutes": minutes, "days": days}
            out = self._tell(rows, mask, **event, taught=taught & (item >= 0))
        else:
            past = records.brought
            for t in range(past.item.shape[1]):
                there = t < past.length
                event = {"item": np.where(there, past.item[:, t], -1), "correct": past.correct[:, t]}
                rows = self._tell(rows, mask, **event, taught=there & past.taught[:, t], past=True)[
                    "next_state"
                ]
            out = self._tell(rows, mask, taught=False)
        return np.maximum(out["action"], 0), Memory(out["next_state"], True)

    def _tell(self, rows: Floats, mask: npt.NDArray[Any], **event: Any) -> dict[str, Any]:
        """The file's outputs after an event of each learner, or none."""
        assert self._records is not None
        found: dict[str, Any] = self._tutor.run(rows, goal=self._records.goal, mask=mask, **event)
        return found


def opened(path: Path) -> "Tutor":
    """The tutor in a file.  Raises `InputError` for a file that is none, or without the runtime."""
    try:
        from coursewright_runtime import Tutor, TutorError
    except ModuleNotFoundError as error:
        remedy = "pip install coursewright-runtime (runtime/python in a checkout)"
        told = f"policy = {path}: a tutor file is read by coursewright-runtime: {remedy}"
        raise InputError(told, "policy") from error
    try:
        return Tutor(path.with_suffix(".onnx"))
    except TutorError as error:
        raise InputError(f"policy = {path}: {error}", "policy") from error
