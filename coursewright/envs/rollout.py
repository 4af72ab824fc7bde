"""The one rollout loop: a policy teaches learners 0, 1, 2, ... of a split, one episode each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from coursewright.envs.episodes import Episodes
from coursewright.envs.policy import Glancing, Policy, attend, seen_by
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.capabilities import Stratified
from coursewright.simulators.kernel import kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import Split
from coursewright.simulators.protocol import Response

CHUNK = 1000  # learners stepped together: enough to be fast, small enough to stay in the cache
NEVER = -1


@dataclass(frozen=True, eq=False)
class Rollout:
    """The course of each learner's episode; every array is `[learners]` or `[learners, steps]`.

    Attributes
    ----------
    number : the learner's place in the split.
    returned : sum of rewards.
    start, end : mean latent mastery over the goal, before and after.
    steps, minutes : the length of the episode.
    over_practice : steps on items of which every skill was mastered already.
    refused : disallowed choices.
    reached : steps until the whole goal was mastered for the first time (-1: never).
    item, correct, grade : the item asked (-1 after the end) and its answer.
    assisted : True where help was given with the answer, which then is no evidence.
    took : minutes that each step took.
    days : days that passed after each step.
    stratum : each learner's stratum, where the population has several (-1 otherwise).
    curve : sum of rewards so far, `[learners, horizon + 1]`.
    mastery : latent mastery `[learners, horizon + 1, skills]`, or empty unless it was asked for.
    """

    number: Ints
    returned: Floats
    start: Floats
    end: Floats
    steps: Ints
    minutes: Floats
    over_practice: Ints
    refused: Ints
    reached: Ints
    item: npt.NDArray[np.int32]
    correct: npt.NDArray[np.int8]
    grade: npt.NDArray[np.int8]
    assisted: npt.NDArray[np.bool_]
    took: npt.NDArray[np.float32]
    days: npt.NDArray[np.float64]
    stratum: Ints
    curve: npt.NDArray[np.float32]
    mastery: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.number)

    def __repr__(self) -> str:
        """One line: the number of learners, and their mean return."""
        return f"<Rollout of {len(self):,} learners: mean return {self.returned.mean():.4f}>"


class Group(NamedTuple):
    """The learners `first`, ..., `first + learners - 1` of a split; `chunk` of them are stepped together."""

    learners: int
    split: Split = Split.EVALUATE
    first: int = 0
    chunk: int = CHUNK


class Trace(NamedTuple):
    """The episodes of a chunk of learners, and those learners as of the end.

    `episodes` holds the task, the goals, latent mastery by skill, and learners who can still be tested
    (`later`, `post_test`), each as of the end of the own episode.
    """

    run: Rollout
    episodes: Episodes


def rollout(
    task: Task,
    policy: Policy,
    learners: int,
    split: Split = Split.EVALUATE,
    first: int = 0,
    chunk: int = CHUNK,
    deterministic: bool = True,
    with_mastery: bool = False,
) -> Rollout:
    """Let `policy` teach the learners `first`, ..., `first + learners - 1` of `split`.

    The result does not depend on `chunk`.  A policy that respects masks is run strictly; another's
    disallowed choices are no-ops that cost the step, and are counted.
    """
    group = Group(learners, split, first, chunk)
    return _joined([trace.run for trace in traces(task, policy, group, deterministic, with_mastery)])


def traces(
    task: Task, policy: Policy, group: Group, deterministic: bool = True, with_mastery: bool = False
) -> Iterator[Trace]:
    """The parts that `rollout` joins: one trace per chunk of learners, made when it is asked for."""
    learners, split, first, chunk = group
    if learners < 1:
        raise reject("learners", learners, "a whole number >= 1")
    if chunk < 1:
        raise reject("chunk", chunk, "a whole number >= 1")
    for needed in ("begin", "predict", "respects_mask"):
        if not hasattr(policy, needed):
            raise reject("policy", type(policy).__name__, f"a policy, which has {needed} (agents/README.md)")
    task = seen_by(task, policy)
    task = replace(task, strict=task.strict or (policy.respects_mask and task.masked))
    for begin in range(first, first + learners, chunk):
        size = min(chunk, first + learners - begin)
        episodes = Episodes(task, size, lasting=False)
        if isinstance(policy, Glancing) and policy.glances:
            episodes.records.share()
        episodes.begin(np.arange(size), np.arange(begin, begin + size), np.zeros(size, np.int64), split)
        yield Trace(_taught(episodes, policy, deterministic, with_mastery), episodes)


def _joined(parts: Sequence[Rollout]) -> Rollout:
    return Rollout(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Rollout)})


def _taught(episodes: Episodes, policy: Policy, deterministic: bool, with_mastery: bool) -> Rollout:
    """Run episodes that have just begun to their end."""
    task = episodes.task
    attend(policy, episodes)
    state = policy.begin(episodes.luck)
    run = _empty(episodes, with_mastery)
    started = np.ones(episodes.batch, bool)
    mastered = episodes.start >= task.mastered_at
    run.reached[_whole(episodes, mastered)] = 0
    for t in range(task.horizon):
        action, state = policy.predict(episodes.observation, state, started, deterministic, episodes.mask)
        action = np.asarray(action, np.int64)
        active = ~episodes.over
        chosen = task.item_of(action)
        reward, _ = episodes.step(action)
        asked = active & (chosen >= 0)
        run.returned[:] += np.where(active, reward, 0.0)
        run.over_practice[:] += asked & _nothing_new(task, mastered, chosen)
        mastered = episodes.after >= task.mastered_at
        run.reached[(run.reached == NEVER) & _whole(episodes, mastered)] = t + 1
        _note(run, episodes, t, chosen, asked)
        started[:] = False
        if episodes.over.all():
            run.curve[:, t + 2 :] = run.returned[:, None]
            run.mastery[:, t + 2 :] = run.mastery[:, t + 1 : t + 2]
            break
    weight = episodes.goal / episodes.goal_size[:, None]
    run.end[:] = (weight * episodes.after).sum(axis=1)
    run.steps[:] = episodes.luck.step
    if isinstance(task.simulator, Stratified):
        run.stratum[:] = task.simulator.stratum(episodes.state)
    return run


def _empty(episodes: Episodes, with_mastery: bool) -> Rollout:
    """The arrays of episodes that have just begun."""
    size, horizon, skills = episodes.batch, episodes.task.horizon, episodes.task.course.n_skills
    weight = episodes.goal / episodes.goal_size[:, None]
    mastery = np.zeros((size if with_mastery else 0, horizon + 1, skills), np.float32)
    if with_mastery:
        mastery[:, 0] = episodes.start
    return Rollout(
        number=episodes.number.copy(),
        returned=np.zeros(size),
        start=(weight * episodes.start).sum(axis=1),
        end=np.zeros(size),
        steps=np.zeros(size, np.int64),
        minutes=np.zeros(size),
        over_practice=np.zeros(size, np.int64),
        refused=np.zeros(size, np.int64),
        reached=np.full(size, NEVER, np.int64),
        item=np.full((size, horizon), -1, np.int32),
        correct=np.full((size, horizon), -1, np.int8),
        grade=np.full((size, horizon), -1, np.int8),
        assisted=np.zeros((size, horizon), bool),
        took=np.zeros((size, horizon), np.float32),
        days=np.zeros((size, horizon)),
        stratum=np.full(size, -1, np.int64),
        curve=np.zeros((size, horizon + 1), np.float32),
        mastery=mastery,
    )


class _Notes(NamedTuple):
    """The arrays `[learners, steps]` of a rollout that are written step by step."""

    item: npt.NDArray[np.int32]
    correct: npt.NDArray[np.int8]
    grade: npt.NDArray[np.int8]
    assisted: Bools
    took: npt.NDArray[np.float32]
    days: npt.NDArray[np.float64]


@kernel
def _write(t: int, asked: Bools, chosen: Ints, response: Response, days: Floats, notes: _Notes) -> None:
    for i in range(asked.shape[0]):
        if asked[i]:
            notes.item[i, t] = chosen[i]
            notes.correct[i, t] = response.correct[i]
            notes.grade[i, t] = response.grade[i]
            notes.assisted[i, t] = response.assisted[i]
            notes.took[i, t] = response.minutes[i]
            notes.days[i, t] = days[i]


def _note(run: Rollout, episodes: Episodes, t: int, chosen: Ints, asked: Bools) -> None:
    """Write down step `t`, of the rows that were `asked` an item."""
    response = episodes.response
    run.curve[:, t + 1] = run.returned
    notes = _Notes(run.item, run.correct, run.grade, run.assisted, run.took, run.days)
    _write(t, asked, chosen, response, episodes.days, notes)
    run.minutes[:] += np.where(asked, response.minutes, 0.0)
    run.refused[:] += asked & episodes.refused
    if run.mastery.size:
        run.mastery[:, t + 1] = episodes.after


def _whole(episodes: Episodes, mastered: Bools) -> Bools:
    """Rows `[batch]` whose whole goal is `mastered [batch, skills]`."""
    return np.asarray((mastered | ~episodes.goal).all(axis=1))


def _nothing_new(task: Task, mastered: Bools, item: Ints) -> Bools:
    """Rows `[batch]` whose item needs only skills that were mastered before the step."""
    out = np.empty(len(item), bool)
    _all_mastered(mastered, item, task.course.needs, out)
    return out


@kernel
def _all_mastered(mastered: Bools, item: Ints, needs: Lists, out: Bools) -> None:
    for i in range(item.shape[0]):
        out[i] = True
        if item[i] < 0:
            continue
        for j in range(needs.start[item[i]], needs.start[item[i] + 1]):
            if not mastered[i, needs.values[j]]:
                out[i] = False
                break
