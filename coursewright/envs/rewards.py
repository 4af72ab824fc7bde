"""Rewards: plain functions of (before, after, taught) -> `[batch]`.

`before` and `after` are latent mastery `[batch, skills]` around the step; `taught` (see `view.Taught`)
knows goals, mastery at the start, and which rows are over.  Rewards of rows that had already ended are
ignored.  A reward of your own is any such function, named by `_target_` with `_partial_: true`.
"""

import numpy as np

from coursewright.envs.view import Taught
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Mastery
from coursewright.simulators.kernel import kernel

LOG_FLOOR = 1e-9  # deeptutor's: recall that is nil costs ln(1e-9) = -20.7, not infinity


@kernel
def _mean_change(before: Mastery, after: Mastery, goal: Bools, size: Ints, out: Floats) -> None:
    for i in range(out.shape[0]):
        changed = False
        for k in range(before.shape[1]):  # a loop without branches, which the compiler vectorises
            changed |= after[i, k] != before[i, k]
        out[i] = 0.0
        if changed:
            total = 0.0
            for k in range(before.shape[1]):
                if goal[i, k]:
                    total += float(after[i, k]) - float(before[i, k])
            out[i] = total / size[i]


@kernel
def _newly_mastered(
    before: Mastery,
    after: Mastery,
    start: Mastery,
    goal: Bools,
    mastered_at: float,
    of_all: bool,
    out: Floats,
) -> None:
    """Change in goal skills mastered, as a share of those not mastered at the start, or `of_all`."""
    for i in range(out.shape[0]):
        change = 0
        of = 0
        for k in range(before.shape[1]):
            if goal[i, k]:
                change += int(after[i, k] >= mastered_at) - int(before[i, k] >= mastered_at)
                of += int(of_all | (start[i, k] < mastered_at))
        out[i] = change / of if of > 0 else 0.0


@kernel
def _unmastered(before: Mastery, goal: Bools, mastered_at: float, out: Floats) -> None:
    for i in range(out.shape[0]):
        out[i] = 0.0
        for k in range(before.shape[1]):
            if goal[i, k] and before[i, k] < mastered_at:
                out[i] = -1.0


@kernel
def _mean_over_goal(after: Mastery, goal: Bools, size: Ints, logged: bool, out: Floats) -> None:
    for i in range(out.shape[0]):
        total = 0.0
        for k in range(after.shape[1]):
            if goal[i, k]:
                p = float(after[i, k])
                total += np.log(LOG_FLOOR + p) if logged else p
        out[i] = total / size[i]


def mean_gain(before: Mastery, after: Mastery, taught: Taught) -> Floats:
    """Change of mean mastery over the goal; an episode's return is the learner's mean gain."""
    out = np.empty(len(before))
    _mean_change(before, after, taught.goal, taught.goal_size, out)
    return out


def normalised_gain(
    before: Mastery, after: Mastery, taught: Taught, mastered_at: float | None = None
) -> Floats:
    """Change of E_p = (S_end - S_start) / (|goal| - S_start), S the number of goal skills mastered.

    Liu et al., KDD 2019.  A skill is mastered at `mastered_at` (by default the task's) or above.  A
    learner who starts with the whole goal mastered has nothing to gain and gets 0.
    """
    out = np.empty(len(before))
    threshold = taught.mastered_at if mastered_at is None else mastered_at
    _newly_mastered(before, after, taught.start, taught.goal, threshold, False, out)
    return out


def mastered_gain(
    before: Mastery, after: Mastery, taught: Taught, mastered_at: float | None = None
) -> Floats:
    """Change of S / |goal|, the share of the goal's skills that is mastered.

    The step reward of CSEAL (Liu et al., KDD 2019) and the episode's in EduSim of 2019.  A skill is
    mastered at `mastered_at` (by default the task's) or above.
    """
    out = np.empty(len(before))
    threshold = taught.mastered_at if mastered_at is None else mastered_at
    _newly_mastered(before, after, taught.start, taught.goal, threshold, True, out)
    return out


def normalised_mean_gain(before: Mastery, after: Mastery, taught: Taught) -> Floats:
    """Change of E_p = (M_end - M_start) / (1 - M_start), M the mean mastery over the goal.

    E_p where a paper's score S is a sum of P(correct), as with neural learners: M = S / |goal|.  A learner
    who starts with the whole goal mastered has nothing to gain and gets 0.
    """
    gained = mean_gain(before, after, taught)
    known = np.where(taught.goal, taught.start, 0.0).sum(axis=1) / taught.goal_size
    return np.asarray(np.divide(gained, 1.0 - known, out=np.zeros(len(gained)), where=known < 1.0))


def time_to_mastery(
    before: Mastery, after: Mastery, taught: Taught, mastered_at: float | None = None
) -> Floats:
    """-1 for each step that starts with a goal skill unmastered: fewer steps to mastery, more return.

    Not for a task with `stop`: to stop at once would then cost least.
    """
    out = np.empty(len(before))
    threshold = taught.mastered_at if mastered_at is None else mastered_at
    _unmastered(before, taught.goal, threshold, out)
    return out


def post_test(before: Mastery, after: Mastery, taught: Taught, answers: int = 1, days: float = 0.0) -> Floats:
    """At the end, the fraction right of a test with `answers` per goal skill; 0 before.

    Items are drawn with replacement among the skill's items; nothing is learned from the test.  With
    `days` it is a retention test: so many days pass first.
    """
    if answers < 1:
        raise reject("reward.answers", answers, "a whole number >= 1")
    if not 0.0 <= days < np.inf:
        raise reject("reward.days", days, "a finite number of days >= 0")
    out = np.zeros(len(before))
    if taught.over.any():
        out[taught.over] = taught.post_test(answers, days)[taught.over]
    return out


def mean_recall(before: Mastery, after: Mastery, taught: Taught) -> Floats:
    """Mean recall over the goal after the step and its days (Reddy et al. 2017, "likelihood").

    The return is the sum over steps: divided by their number it is the mean recall of an episode, as that
    family's figures are reported.
    """
    out = np.empty(len(after))
    _mean_over_goal(after, taught.goal, taught.goal_size, False, out)
    return out


def mean_log_recall(before: Mastery, after: Mastery, taught: Taught) -> Floats:
    """The same for log recall, ln(1e-9 + p), where nearly forgotten items count most ("log likelihood").

    Every step costs, so not for a task with `stop`, nor for learners who drop out: ending at once would
    cost least.
    """
    out = np.empty(len(after))
    _mean_over_goal(after, taught.goal, taught.goal_size, True, out)
    return out
