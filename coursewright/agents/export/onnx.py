"""A trained policy becomes one ONNX file that runs without torch, Stable-Baselines3 or us."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from coursewright.agents.export.graph_file import as_onnx
from coursewright.agents.export.policy import INPUTS, MEMORY, NEXT, OUTPUTS, OnnxPolicy
from coursewright.agents.export.recorder import record
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.on_course import OnCourse, on_course
from coursewright.agents.sampling import Draws
from coursewright.envs.episodes import Episodes
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.files import write_atomically
from coursewright.simulators.arrays import Bools, Ints, Observation
from coursewright.simulators.luck import Split

TOLERANCE = 1e-5
OBSERVATIONS = 1000
# The size that is the first one of each part of a course; "" is of the policy's own
SIZE_OF = ("skills", "items", "", "skills", "edges", "edges", "pairs", "pairs")
ROWS = dict(zip(OnCourse._fields, SIZE_OF, strict=True))


def export(policy: Policy, task: Task, path: str | Path) -> None:
    """Write `policy` to `path` as ONNX, after checking the very file against the original.

    Inputs: `features` float32 `[batch, columns]` (the full observation) and `mask` bool
    `[batch, actions]`.  Outputs: `scores` float32 `[batch, actions]` (disallowed: -1e8) and `action`
    int64 `[batch]`, the best allowed one.  A policy that remembers takes `hidden` and `cell`, float32
    `[batch, units]`, zeros at an episode's start, and gives `next_hidden` and `next_cell`.  A policy
    that serves any course takes the course by the names of `OnCourse`; left out, it is the task's.  The
    file's metadata is its `Label`, as JSON.  A policy that knows no masks is to be given a mask of ones;
    `OnnxPolicy` does.

    Raises
    ------
    InputError : a policy that is no trained network, that was trained for another task, or a path
        that cannot be written.
    RuntimeError : the file's output differs from the original's; nothing is left at `path`.
    """
    if not isinstance(policy, TrainedPolicy):
        raise InputError(
            f"policy = {type(policy).__name__}: only trained networks can be exported; a rule needs no file"
        )
    policy.label.check(task, policy.label.agent)
    model = _convert(policy, task)

    def write(part: Path) -> None:
        part.write_bytes(model.SerializeToString())
        compare(OnnxPolicy(part, task), policy, task)

    write_atomically(path, write, field="to")


def compare(
    exported: OnnxPolicy, original: TrainedPolicy, task: Task, observations: int = OBSERVATIONS
) -> None:
    """Let both policies go through the same episodes, `observations` in all; RuntimeError where they differ.

    Scores must agree to 1e-5 (of their size, where that exceeds 1), and each exported action must be
    one that Stable-Baselines3's own `predict` would take, or be tied with it.
    """
    episodes = _begun(task, observations)
    mine, theirs = exported.begin(episodes.luck), original.begin(episodes.luck)
    while not episodes.over.all():
        seen, mask = episodes.observation, episodes.mask.copy()
        wanted, found = original.scores(seen, mask, theirs), exported.scores(seen, mask, mine)
        apart = np.abs(wanted - found) / np.maximum(1.0, np.abs(wanted))
        if not apart.max() <= TOLERANCE:
            raise RuntimeError(
                f"the exported policy's scores differ from the original's by {apart.max():.2g}"
            )
        expected = original.library_choice(seen, mask, theirs.memory)
        action, mine = _chosen(exported, seen, mine, mask)
        rows = np.arange(len(seen))
        tied = np.abs(wanted[rows, action] - wanted[rows, expected]) <= TOLERANCE
        if not tied.all():
            raise RuntimeError(
                f"the exported policy chooses differently in {np.sum(~tied)} of {len(seen)} cases"
            )
        action, theirs = _chosen(original, seen, theirs, mask)
        episodes.step(action)


def _chosen(
    policy: OnnxPolicy | TrainedPolicy, seen: Observation, state: Draws, mask: Bools
) -> tuple[Ints, Draws]:
    """The best allowed action of each row, and the next state."""
    action, after = policy.predict(seen, state, None, True, mask)
    assert after is not None  # it was given one
    return action, after


def observe(policy: Policy, task: Task, observations: int) -> tuple[Observation, Bools]:
    """Observations `[>= observations, columns]` and masks of tuning learners whom `policy` teaches."""
    episodes = _begun(task, observations)
    state = policy.begin(episodes.luck)
    seen, masks = [], []
    while not episodes.over.all():
        seen.append(episodes.observation)
        masks.append(episodes.mask.copy())
        action, state = policy.predict(episodes.observation, state, None, True, episodes.mask)
        episodes.step(np.asarray(action, np.int64))
    return np.concatenate(seen), np.concatenate(masks)


def _begun(task: Task, observations: int) -> Episodes:
    """As many tuning learners as give so many observations."""
    learners = -(-observations // task.horizon)
    episodes = Episodes(task, learners)
    rows = np.arange(learners)
    episodes.begin(rows, rows, np.zeros(learners, np.int64), Split.TUNE)
    return episodes


def _convert(policy: TrainedPolicy, task: Task) -> onnx.ModelProto:
    memory, after = (MEMORY, NEXT) if policy.label.memory else ((), ())
    inputs, outputs, metadata = INPUTS + memory, OUTPUTS + after, policy.label.metadata()
    if policy.label.reads:
        course = on_course(task, policy.label.reads)
        example, sizes = _any_course(course)
        shapes = (*sizes[:2], sizes[2:])  # the course is `*course` of the network
        model = as_onnx(policy.network, example, inputs + OnCourse._fields, outputs, metadata, shapes)
        for name, values in course._asdict().items():  # the one that the file takes where it is given none
            model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        return model
    examples = _example(policy, task, 2), _example(policy, task, 3)
    try:
        model = record(policy.network, examples, inputs, outputs)
    except NotImplementedError:  # a network of one's own may do what torch's exporter alone can write
        return as_onnx(policy.network, examples[0], inputs, outputs, metadata)
    model.graph.name = "policy"
    onnx.helper.set_model_props(model, dict(metadata))
    return model


def _example(policy: TrainedPolicy, task: Task, batch: int) -> tuple[torch.Tensor, ...]:
    """Arguments of the network for a batch, those of its memory too."""
    memory = tuple(torch.zeros(batch, policy.label.memory) for _ in MEMORY if policy.label.memory)
    mask = torch.ones(batch, task.n_actions, dtype=torch.bool)
    return (torch.zeros(batch, task.layout.width), mask, *memory)


def _any_course(course: OnCourse) -> tuple[tuple[torch.Tensor, ...], tuple[dict[int, Any], ...]]:
    """An example of observation, mask and course, with the sizes that may differ from course to course.

    Each is another number here, and none is 0 or 1, which the exporter would take for fixed.
    """
    batch = torch.export.Dim("batch")
    sizes = {name: torch.export.Dim(name) for name in ("columns", "skills", "items", "edges", "pairs")}
    number = {name: 5 + place for place, name in enumerate(sizes)}
    example = [torch.zeros(2, number["columns"]), torch.ones(2, number["items"], dtype=torch.bool)]
    shapes = [{0: batch, 1: sizes["columns"]}, {0: batch, 1: sizes["items"]}]
    for name, values in course._asdict().items():
        size = ROWS[name]
        kind = torch.float32 if values.dtype == np.float32 else torch.int64
        shape = values.shape if not size else (number[size], *values.shape[1:])
        example.append(torch.zeros(shape, dtype=kind))
        shapes.append({0: sizes[size]} if size else {})
    return tuple(example), tuple(shapes)
