"""The one rollout loop: a policy teaches learners 0, 1, 2, ... of a split, one episode each."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from coursewright.envs.episodes import Episodes
from coursewright.envs.policy import Oracle, Policy
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.capabilities import Stratified
from coursewright.simulators.luck import Split

CHUNK = 1000  # learners stepped together: enough to be fast, small enough to stay in the cache


@dataclass(frozen=True)
class Rollout:
    """What happened to each learner; every array is `[learners]` or `[learners, steps]`.

    Attributes
    ----------
    number : the learner's place in the split.
    returned : sum of rewards.
    start, end : mean latent mastery over the goal, before and after.
    steps, minutes : how long the episode was.
    over_practice : steps on items of which every skill was mastered already.
    refused : disallowed choices.
    item, correct : what was asked (-1 after the end) and how it was answered.
    assisted : whether help was given with the answer, which then is no evidence.
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
    item: npt.NDArray[np.int32]
    correct: npt.NDArray[np.int8]
    assisted: npt.NDArray[np.bool_]
    took: npt.NDArray[np.float32]
    days: npt.NDArray[np.float32]
    stratum: Ints
    curve: npt.NDArray[np.float32]
    mastery: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.number)


def rollout(
    task: Task,
    policy: Policy,
    learners: int,
    split: Split = Split.EVALUATE,
    first: int = 0,
    chunk: int = CHUNK,
    deterministic: bool = True,
    with_mastery: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Rollout:
    """Let `policy` teach the learners `first`, ..., `first + learners - 1` of `split`.

    The result does not depend on `chunk`.  A policy that respects masks is run strictly; another's
    disallowed choices are no-ops that cost the step, and are counted.  `progress` is called with the
    number of learners done after each chunk.
    """
    if learners < 1:
        raise reject("learners", learners, "a whole number >= 1")
    if chunk < 1:
        raise reject("chunk", chunk, "a whole number >= 1")
    task = replace(task, strict=task.strict or (policy.respects_mask and task.masked))
    parts = []
    for begin in range(first, first + learners, chunk):
        size = min(chunk, first + learners - begin)
        parts.append(_rollout_chunk(task, policy, begin, size, split, deterministic, with_mastery))
        if progress is not None:
            progress(begin + size - first)
    return Rollout(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Rollout)})


def _rollout_chunk(
    task: Task, policy: Policy, first: int, size: int, split: Split, deterministic: bool, with_mastery: bool
) -> Rollout:
    horizon, skills = task.horizon, task.course.n_skills
    episodes = Episodes(task, size)
    episodes.begin(np.arange(size), np.arange(first, first + size), np.zeros(size, np.int64), split)
    if isinstance(policy, Oracle):
        policy.watch(episodes)
    state = policy.begin(episodes.luck)
    item = np.full((size, horizon), -1, np.int32)
    correct = np.full((size, horizon), -1, np.int8)
    assisted = np.zeros((size, horizon), bool)
    took = np.zeros((size, horizon), np.float32)
    days = np.zeros((size, horizon), np.float32)
    curve = np.zeros((size, horizon + 1), np.float32)
    mastery = np.zeros((size if with_mastery else 0, horizon + 1, skills), np.float32)
    if with_mastery:
        mastery[:, 0] = episodes.start
    returned, minutes = np.zeros(size), np.zeros(size)
    over_practice, refused = np.zeros(size, np.int64), np.zeros(size, np.int64)
    started = np.ones(size, bool)
    masks = episodes.mask if task.masked or task.stop else None
    for t in range(horizon):
        action, state = policy.predict(episodes.observation, state, started, deterministic, masks)
        action = np.asarray(action, np.int64)
        active = ~episodes.over
        chosen = task.item_of(action)
        asked = active & (chosen >= 0)
        reward, _ = episodes.step(action)
        returned += np.where(active, reward, 0.0)
        curve[:, t + 1] = returned
        item[asked, t] = chosen[asked]
        correct[asked, t] = episodes.response.correct[asked]
        assisted[asked, t] = episodes.response.assisted[asked]
        minutes[asked] += episodes.response.minutes[asked]
        took[asked, t] = episodes.response.minutes[asked]
        days[asked, t] = episodes.days[asked]
        refused += asked & episodes.refused
        over_practice += asked & _nothing_new(episodes, chosen)
        if with_mastery:
            mastery[:, t + 1] = episodes.after
        started[:] = False
        if episodes.over.all():
            curve[:, t + 2 :] = returned[:, None]
            mastery[:, t + 2 :] = mastery[:, t + 1 : t + 2]
            break
    weight = episodes.goal / episodes.goal_size[:, None]
    return Rollout(
        number=episodes.number,
        returned=returned,
        start=(weight * episodes.start).sum(axis=1),
        end=(weight * episodes.after).sum(axis=1),
        steps=episodes.luck.step.copy(),
        minutes=minutes,
        over_practice=over_practice,
        refused=refused,
        item=item,
        correct=correct,
        assisted=assisted,
        took=took,
        days=days,
        stratum=_strata(episodes),
        curve=curve,
        mastery=mastery,
    )


def _nothing_new(episodes: Episodes, item: Ints) -> Bools:
    """Rows `[batch]` whose item needs only skills that were mastered before the step."""
    needs = episodes.task.course.q_matrix[item]
    mastered = episodes.before >= episodes.task.mastered_at
    return np.asarray((mastered | ~needs).all(axis=1))


def _strata(episodes: Episodes) -> Ints:
    simulator = episodes.task.simulator
    if isinstance(simulator, Stratified):
        return simulator.stratum(episodes.state)
    return np.full(episodes.batch, -1, np.int64)
