"""Rollouts as learner logs: the records that a tutor would keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from coursewright.agents.rule import AnyAllowed, RulePolicy
from coursewright.data.log import LearnerLog, learner_log
from coursewright.data.schema import LICENCE, SCHEMA
from coursewright.envs.episodes import Episodes
from coursewright.envs.policy import Policy, Telling, attend, seen_by
from coursewright.envs.rollout import Group, Rollout, rollout
from coursewright.envs.task import Task
from coursewright.files import write_atomically
from coursewright.progress import each
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.lists import unpack
from coursewright.simulators.luck import Split, identify
from coursewright.simulators.protocol import Prologue

CELLS = 2**26  # learners times steps times items in memory at once
INSTANT = 1e-6  # days between two responses where no time passes


@dataclass(frozen=True, eq=False)
class Choices:
    """The choices that a policy had, and the probability of each choice that it made.

    Attributes
    ----------
    allowed : `[learners, steps, items]`.
    propensity : `[learners, steps]`; None where the policy cannot tell.
    """

    allowed: Bools
    propensity: Floats | None


class Witness:
    """A policy, with the choices that it makes noted on the way."""

    def __init__(self, policy: Policy, n_items: int) -> None:
        self.respects_mask = policy.respects_mask
        self.begin = policy.begin
        self._policy = policy
        self._n_items = n_items
        self._allowed: list[Bools] = []
        self._chance: list[Floats | None] = []

    def watch(self, episodes: Episodes) -> None:
        """Show the inner policy what it goes by."""
        attend(self._policy, episodes)

    def predict(
        self,
        observation: Observation,
        state: Any = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Any]:
        """The inner policy's prediction; its mask and its probability are recorded."""
        assert action_masks is not None  # a rollout always has one
        told, policy = None, self._policy
        if isinstance(policy, Telling):
            told = policy.chances(observation, state, action_masks, deterministic)
        action, after = policy.predict(observation, state, episode_start, deterministic, action_masks)
        self._allowed.append(action_masks[:, : self._n_items].copy())
        self._chance.append(None if told is None else told[np.arange(len(action)), action])
        return action, after

    @property
    def choices(self) -> Choices:
        """All that was noted since the policy began."""
        told = [chance for chance in self._chance if chance is not None]
        propensity = np.stack(told, axis=1) if len(told) == len(self._chance) else None
        return Choices(np.stack(self._allowed, axis=1), propensity)


def log_of(
    task: Task, rolled: Rollout, split: Split, source: str, choices: Choices | None = None
) -> LearnerLog:
    """The visible history of a rollout's learners in the learner-log schema, one row a response.

    Their past (a warm-up) comes first, on day 0; the episode begins on day 1 and takes a
    step whenever the task's schedule says so, or every millionth of a day where no time passes.
    """
    past = _past(task, rolled.number, split)
    before, place = np.nonzero(np.arange(past.item.shape[1]) < past.length[:, None])
    row, step = np.nonzero(rolled.item >= 0)
    item = np.concatenate([past.item[before, place], rolled.item[row, step]])
    correct = np.concatenate([past.correct[before, place], rolled.correct[row, step]])
    pauses = np.maximum(rolled.days, INSTANT)
    when = 1.0 + np.cumsum(pauses, axis=1) - pauses
    course = task.course
    skills = [[course.skills[k] for k in needs] for needs in unpack(course.needs)]
    columns = {
        "learner": [str(number) for number in rolled.number[np.concatenate([before, row])]],
        "item": [course.items[i] for i in item],
        "skills": [skills[i] for i in item],
        "time": np.concatenate([place * INSTANT, when[row, step]]),
        "correct": pa.array(correct, pa.int8()),
        "minutes": np.concatenate([course.minutes[past.item[before, place]], rolled.took[row, step]]),
    }
    unknown = np.full(len(before), np.nan)
    if rolled.grade.max() > 1:  # marks from Again (1) to Easy (4)
        columns["grade"] = _known(np.concatenate([unknown, (rolled.grade[row, step] - 1) / 3.0]))
    if rolled.assisted.any():
        columns["assisted"] = np.concatenate([np.zeros(len(before), bool), rolled.assisted[row, step]])
    if choices is not None:
        offered = [[course.items[i] for i in np.flatnonzero(mask)] for mask in choices.allowed[row, step]]
        columns["allowed"] = pa.array([None] * len(before) + offered, pa.list_(pa.string()))
        if choices.propensity is not None:
            columns["propensity"] = _known(np.concatenate([unknown, choices.propensity[row, step]]))
    return learner_log(pa.table(columns), source)


def write_log(
    task: Task,
    policy: Policy,
    path: str | Path,
    group: Group,
    source: str,
    deterministic: bool = True,
    marks: Mapping[bytes, str] | None = None,
) -> int:
    """Teach a group of learners and write their answers as one Parquet file; returns the number of rows.

    Beside the responses it holds the allowed items and, where the policy can tell, the probability of each
    choice, as an evaluation of another policy from this log needs.  The file's metadata holds `marks` and
    the licence of the log behind the learners.  A chunk of learners is in memory at a time.

    Raises `InputError` where the file cannot be written.
    """
    chunk = max(1, min(group.chunk, CELLS // (task.horizon * task.course.n_items)))
    rows = 0
    licence = task.course.licence
    facts = {**(marks or {}), **({} if licence is None else {LICENCE.encode(): licence})}

    def write(part: Path) -> None:
        nonlocal rows
        writer = None
        starts = range(group.first, group.first + group.learners, chunk)
        for first in each(starts, "teaching", f"groups of {chunk:,} learners"):
            size = min(chunk, group.first + group.learners - first)
            witness = Witness(policy, task.course.n_items)
            rolled = rollout(seen_by(task, policy), witness, size, group.split, first, chunk, deterministic)
            table = log_of(task, rolled, group.split, source, witness.choices).table
            # A chunk without a grade or without help has the same columns as the others.
            whole = pa.concat_tables([SCHEMA.empty_table(), table], promote_options="default")
            writer = writer or pq.ParquetWriter(part, SCHEMA.with_metadata(facts))
            writer.write_table(whole)
            rows += table.num_rows
        assert writer is not None
        writer.close()

    write_atomically(path, write, field="to")
    return rows


def _known(values: Floats) -> pa.Array:
    """Null where a value is NaN."""
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def simulated_log(task: Task, learners: int = 2000) -> LearnerLog:
    """One episode each of training learners who are taught by the random-legal policy."""
    policy = RulePolicy("random_legal", task, AnyAllowed())
    rolled = rollout(task, policy, learners, Split.TRAIN)
    name = type(task.simulator).__name__
    source = f"{learners} simulated learners ({name}), {task.horizon} random legal steps each"
    return log_of(task, rolled, Split.TRAIN, source)


def _past(task: Task, number: Ints, split: Split) -> Prologue:
    """The visible past of these learners: enrolling them again draws the same people."""
    luck = identify(task.seeds, number, split, np.zeros(len(number), np.int64))
    rows = np.arange(len(number))
    past = task.simulator.enrol(task.simulator.empty(len(number)), rows, luck)
    if past is not None:
        return past
    nothing = np.zeros((len(number), 0), np.int64)
    goal = np.ones((len(number), task.course.n_skills), bool)
    return Prologue(goal, nothing, nothing, np.zeros(len(number), np.int64))
