"""The label of a policy file, and the check that it fits a task."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version

import numpy as np

from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.files import refuse_format
from coursewright.simulators.arrays import Bools, Observation

FORMAT = 1
# The kind of each entry of a file
KINDS: dict[str, type] = {
    "agent": str,
    "seed": int,
    "steps": int,
    "respects_mask": bool,
    "stochastic": bool,
    "columns": list,
    "actions": list,
    "course": str,
    "versions": dict,
    "memory": int,
    "reads": list,
}
WHOLE = (
    "is a whole tutor, which is fed with raw responses (coursewright serve, replay, coursewright-runtime); "
    "here must be the run's folder, or a file of export whole=false"
)
LIBRARIES = ("coursewright", "torch", "stable-baselines3", "sb3-contrib")


@dataclass(frozen=True)
class Label:
    """The label of a policy: the agent that made it, and the task that it is for.

    Attributes
    ----------
    agent, seed, steps : the agent's name, its seed, and the environment steps it was trained for.
    respects_mask : True where only allowed actions are ever chosen.
    stochastic : True where the scores are logits to draw from; otherwise they are values to maximise.
    columns : a name for each column of the observation, in order.
    actions : a name per action: the items in order (once for each delay), and "stop" where the task has it.
    course : hash of the course.
    versions : of the libraries that made the file.
    licence : of the log that the learners were fitted to; None where no log stands behind them.
    memory : units of the hidden and of the cell state that the policy carries from step to step; 0: none.
    reads : of a policy that serves any course, the features that it reads; columns, actions and course are
        then those that it is used on.  Empty: it serves the course of its training alone.
    """

    agent: str
    seed: int
    steps: int
    respects_mask: bool
    stochastic: bool
    columns: tuple[str, ...]
    actions: tuple[str, ...]
    course: str
    versions: dict[str, str]
    licence: str | None = None
    memory: int = 0
    reads: tuple[str, ...] = ()
    format: int = FORMAT

    def metadata(self) -> dict[str, str]:
        """The entries of a file: text by name, each a piece of JSON."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}

    @classmethod
    def read(cls, metadata: Mapping[str, str], where: object) -> "Label":
        """The label of the file `where`; an InputError where this is no policy file of ours."""
        if "stamp" in metadata:
            raise InputError(f"policy = {where}: {WHOLE}")
        try:
            if "format" in metadata:
                refuse_format("policy", where, json.loads(metadata["format"]), FORMAT)
            metadata = {
                "licence": "null",
                "memory": "0",
                "reads": "[]",
                **metadata,
            }  # which earlier files do not tell
            values = {field.name: json.loads(metadata[field.name]) for field in fields(cls)}
            if not isinstance(values["licence"], str | None):
                raise TypeError("licence is no text")
            for name, kind in KINDS.items():
                if type(values[name]) is not kind:
                    raise TypeError(f"{name} is a {type(values[name]).__name__}")
            for name in ("columns", "actions", "reads"):
                values[name] = tuple(map(str, values[name]))
            return cls(**values)
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise reject("policy", where, "a policy that was exported or saved by coursewright") from error

    def heeded(self, action_masks: Bools | None, rows: int) -> Bools:
        """The mask `[rows, actions]` to choose by: full for a policy that knows none, or is given none."""
        if self.respects_mask and action_masks is not None:
            return action_masks
        return np.ones((rows, len(self.actions)), bool)

    def checked(self, observation: object, action_masks: object) -> tuple[Observation, Bools | None]:
        """Observations and masks of a host, as float32 `[batch, columns]` and bool `[batch, actions]`.

        Raises `InputError` for other shapes and kinds, and for numbers that are not finite.
        """
        seen, width = np.asarray(observation), len(self.columns)
        if seen.ndim != 2 or seen.shape[1] != width or seen.dtype.kind not in "fiub":
            raise reject("observation", f"{seen.dtype} of shape {seen.shape}", f"numbers [batch, {width}]")
        if not np.isfinite(seen).all():
            row, column = np.argwhere(~np.isfinite(seen))[0]
            where = f"observation[{row}], {self.columns[column]}"
            raise reject(where, seen[row, column], "a finite number")
        seen = np.ascontiguousarray(seen, np.float32)
        if action_masks is None:
            return seen, None
        mask, shape = np.asarray(action_masks), (len(seen), len(self.actions))
        if mask.shape != shape or mask.dtype != bool:
            raise reject("action_masks", f"{mask.dtype} of shape {mask.shape}", f"bool of shape {shape}")
        return seen, mask

    def check(self, task: Task, where: object) -> None:
        """Refuse a task that the policy was not made for; the error names both sides."""
        if self.reads:
            self._check_readable(task, where)
            return
        if self.course != task.course.hash:
            ours = f"{task.course.n_skills:,} skills, {task.course.n_items:,} items"
            raise InputError(
                f"policy = {where}: was made for another course than that of these learners ({ours}); "
                "give it the simulator of its training"
            )
        if self.columns != task.layout.names:
            theirs, ours = _features(self.columns), _features(task.layout.names)
            raise reject("task.features", ours, f"{theirs}, with which the policy {where} was made")
        if self.actions != actions_of(task):
            ours, theirs = f"{task.n_actions} actions", f"{len(self.actions)} actions"
            raise reject("task.stop, task.delays", ours, f"as the policy {where} was made ({theirs})")

    def _check_readable(self, task: Task, where: object) -> None:
        """Refuse a task that a policy for any course cannot read, or that asks for more than items."""
        for name in self.reads:
            if name not in task.layout.features:
                allowed = f"a list that holds {name!r}, which the policy {where} reads"
                raise reject("task.features", list(task.layout.features), allowed)
        if task.stop or task.delays:
            name, value = ("stop", True) if task.stop else ("delays", list(task.delays))
            raise reject(f"task.{name}", value, f"left out, for the policy {where} chooses items alone")

    def on(self, task: Task) -> "Label":
        """The label of the same policy on this task, which may have another course where it serves any."""
        if not self.reads:
            return self
        course = task.course.hash
        return replace(self, columns=task.layout.names, actions=actions_of(task), course=course)


def actions_of(task: Task) -> tuple[str, ...]:
    """A name for each action of the task, `[actions]`."""
    delayed = [f"{item} then {days:g} days" for days in task.delays for item in task.course.items]
    return (*(delayed or task.course.items), *(["stop"] if task.stop else []))


def versions() -> dict[str, str]:
    """The installed version of each library that makes policies."""
    return {name: version(name) for name in LIBRARIES}


def _features(columns: tuple[str, ...]) -> str:
    """Features in a message: each once, instead of one name a column."""
    return ", ".join(dict.fromkeys(name.partition("[")[0] for name in columns))
