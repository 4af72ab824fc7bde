"""Bandits within one learner: the arms are skills, and progress is what pays.

The reward of practising a skill is (right among its last 3 answers - right among the 3 before) / 3, and
0 before 2 answers (learning progress, after Clement et al., JEDM 2015).  Each learner has a bandit of
their own, which knows nothing of the others.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.agents.choosing import (
    Turns,
    allowed_items,
    bears_on_goal,
    draw_one,
    first_turns,
    leads_to,
    offered,
    unnamed,
)
from coursewright.agents.rules.tuned import LEARNERS, Trial, Tuning
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.course import Lists
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import POLICY, Keys, Luck, normal

NOISE = 0.5  # standard deviation of a reward, as Thompson sampling believes
C_GRID = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Arms(NamedTuple):
    """What a bandit remembers of its learner.

    `arm [batch]` is the skill pulled last (-1: none); `answers [batch, skills]` holds the answers so
    far, the newest in the lowest bit; `pulls` counts them and `total` sums the rewards, shaped alike.
    """

    turns: Turns
    arm: Ints
    answers: Ints
    pulls: Ints
    total: Floats


@inlined
def progress(answers: int, count: int) -> float:
    """(right among the last 3 - right among the 3 before) / 3; 0 before 2 answers."""
    if count < 2:
        return 0.0
    late = (answers & 1) + (answers >> 1 & 1) + (answers >> 2 & 1)
    early = (answers >> 3 & 1) + (answers >> 4 & 1) + (answers >> 5 & 1)
    return float((late - early) / 3.0)


@kernel
def _credit(
    arm: Ints, observation: Observation, last_correct: int, answers: Ints, count: Ints, total: Floats
) -> None:
    """Take the answer to the last choice into the bandit's memory."""
    for i in range(arm.shape[0]):
        k = arm[i]
        if k < 0 or observation[i, last_correct] == 0.0:  # 0: nothing was asked
            continue
        right = 1 if observation[i, last_correct] > 0.0 else 0
        answers[i, k] = (answers[i, k] << 1 | right) & 63
        count[i, k] += 1
        total[i, k] += progress(answers[i, k], count[i, k])


@inlined
def _index(
    sampled: bool, count: int, total: float, tries: int, c: float, key: np.uint64, turn: int, k: int
) -> float:
    """How promising an arm is: a draw from its posterior (Thompson sampling), or an upper bound (UCB1)."""
    if sampled:
        precision = 1.0 + count / NOISE**2
        draw = normal(key, turn, POLICY + 2 * k)
        return float(total / NOISE**2 / precision + draw / np.sqrt(precision))
    if count == 0:
        return np.inf
    return float(total / count + c * np.sqrt(2.0 * np.log(tries) / count))


@kernel
def _pull(
    observation: Observation,
    stride: int,
    goal_at: int,
    sampled: bool,
    c: float,
    fate: Keys,
    turn: Ints,
    count: Ints,
    total: Floats,
    order: Ints,
    leads_start: Ints,
    leads: Ints,
    items_start: Ints,
    items: Ints,
    allowed: Bools,
    among: Bools,
    arm: Ints,
    item: Ints,
) -> None:
    """The best arm that bears on the goal and is offered (else any offered), then one of its items."""
    for i in range(arm.shape[0]):
        arm[i] = -1
        tries = 0
        for k in range(count.shape[1]):
            tries += count[i, k]
        for anything in range(2):
            if arm[i] >= 0:
                break
            best = -np.inf
            for m in range(order.shape[0]):
                k = order[m]
                if not offered(i, k, allowed, items_start, items):
                    continue
                if anything == 0 and not bears_on_goal(
                    observation, i, k, stride, goal_at, leads_start, leads
                ):
                    continue
                index = _index(sampled, count[i, k], total[i, k], tries, c, fate[i], turn[i], k)
                if arm[i] < 0 or index > best:
                    best = index
                    arm[i] = k
        if arm[i] >= 0:
            for j in range(items_start[arm[i]], items_start[arm[i] + 1]):
                among[i, items[j]] = allowed[i, items[j]]
        item[i] = draw_one(fate[i], turn[i], POLICY + 2 * count.shape[1], i, among)


@dataclass(frozen=True, eq=False)
class SkillBandit:
    """Arms the most promising skill and asks one of its allowed items, all equally likely.

    Arms are the skills that bear on the goal; of equals, the first in prerequisite order is pulled.
    An answer counts for the skill that was pulled, also where the item needs others, and also where
    the choice was refused.

    Attributes
    ----------
    c : width of UCB1's confidence bound, None for Thompson sampling.
    trials : what was tried where c was tuned.
    """

    name: str
    task: Task
    c: float | None
    trials: tuple[Trial, ...] = ()
    respects_mask: bool = True

    def __post_init__(self) -> None:
        self.task.layout.require(self.name, "goal", "last_correct")

    @cached_property
    def leads(self) -> Lists:
        """See `choosing.leads_to`."""
        return leads_to(self.task.course)

    def begin(self, luck: Luck) -> Arms:
        """No arm pulled yet."""
        shape = (len(luck.fate), self.task.course.n_skills)
        return Arms(
            turns=first_turns(luck),
            arm=np.full(shape[0], -1, np.int64),
            answers=np.zeros(shape, np.int64),
            pulls=np.zeros(shape, np.int64),
            total=np.zeros(shape),
        )

    def predict(
        self,
        observation: Observation,
        state: Arms | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Arms]:
        """Items `[batch]`; `deterministic` changes nothing: to draw is the rule itself."""
        batch, course, layout = len(observation), self.task.course, self.task.layout
        before = self.begin(unnamed(batch)) if state is None else state
        arms = Arms(
            before.turns, before.arm.copy(), before.answers.copy(), before.pulls.copy(), before.total.copy()
        )
        if episode_start is not None:
            _forget(episode_start, arms)
        _credit(
            arms.arm, observation, layout.columns("last_correct").start, arms.answers, arms.pulls, arms.total
        )
        goal = layout.columns("goal")
        item = np.empty(batch, np.int64)
        allowed = allowed_items(action_masks, batch, course.n_items)
        _pull(
            observation,
            goal.step,
            goal.start,
            self.c is None,
            self.c or 0.0,
            before.turns.fate,
            before.turns.turn,
            arms.pulls,
            arms.total,
            course.order,
            *self.leads,
            *course.items_of,
            allowed,
            np.zeros_like(allowed),
            arms.arm,
            item,
        )
        return item, arms._replace(turns=before.turns.after(item))


def _forget(rows: Bools, arms: Arms) -> None:
    arms.arm[rows] = -1
    for array in (arms.answers, arms.pulls, arms.total):
        array[rows] = 0


def thompson(task: Task, seed: int, tracker: Tracker) -> SkillBandit:
    """Gaussian Thompson sampling: prior N(0, 1) on an arm's mean reward, noise of sd .5.

    Raises `InputError` where the task lacks `last_correct` or `goal`.
    """
    return SkillBandit("thompson", task, c=None)


def ucb(
    task: Task, seed: int, tracker: Tracker, *, c: float | None = None, learners: int = LEARNERS
) -> SkillBandit:
    """UCB1 (Auer et al., Machine Learning 2002): mean reward + c sqrt(2 ln(pulls) / pulls of the arm).

    Every arm is pulled once first.  Without `c`, the best of six values on `learners` tuning learners
    is taken.  Raises `InputError` for c < 0, and where the task lacks `last_correct` or `goal`.
    """
    if c is not None:
        if not 0.0 <= c < np.inf:
            raise reject("agent.c", c, "a finite number >= 0, or null to tune it")
        return SkillBandit("ucb", task, c=float(c))
    tuning = Tuning(task, tracker)
    candidates = [(f"c={value:g}", SkillBandit("ucb", task, c=value)) for value in C_GRID]
    best = tuning.best(candidates, learners)[0]
    return SkillBandit("ucb", task, c=C_GRID[best], trials=tuple(tuning.trials))
