"""ZPDES: a bandit for each learner, over the activities in its zone of proximal development.

Clement, Roy, Oudeyer & Lopes, "Multi-armed bandits for intelligent tutoring systems", Journal of
Educational Data Mining 7(2), 2015, with the constants of Clement, Oudeyer & Lopes, EDM 2016.  Here an
activity is a skill.  A few are active; learning progress weighs them, and success moves the zone on:

    reward r = max(0, mean of the later half - mean of the earlier half of the last 6 answers);
               r = w before 3 answers
    weight w <- .2 w + .8 r, .05 at first; chosen in proportion to w + (sum of weights) / 10
    the mean success of the active ones over their last 3 answers > .5: the next one becomes active, with
               the lowest active weight (fewer than 2 answers count as no success)
    the best active one over its last 6 answers > .7: it is done, unless no other is active

The next one is the first, in prerequisite order, that was never active.  (A published version of the
code takes the first that was never tried instead, and so waits for the one that it activated last; on
KT6kc's scenario 0 that gives a mean mastery of .444, .784 and .987 after 25, 50 and 100 steps, where this
gives .436, .759 and .983 and .439, .760 and .983 are stated.)
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from coursewright.agents.choosing import (
    Turns,
    allowed_items,
    bears_on_goal,
    first_turns,
    keep_skill,
    leads_to,
    offered,
    open_to_goal,
    uniform_items,
    unnamed,
)
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints, Observation
from coursewright.simulators.course import Lists
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.luck import POLICY, Keys, Luck, uniform
from coursewright.simulators.protocol import clone

WINDOW = 6  # answers on a skill that are remembered
RECENT = WINDOW // 2
OLD, NEW = 0.2, 0.8  # what a weight keeps, and what the reward adds
FIRST_WEIGHT = 0.05
EXPLORATION = 0.1
OPENS_ABOVE, DONE_ABOVE = 0.5, 0.7

LATER, ACTIVE, DONE = 0, 1, 2


class Zone(NamedTuple):
    """What is remembered of each learner.

    `arm [batch]` is the skill chosen last (-1: none); `answers [batch, skills]` holds the last six
    answers, the newest in the lowest bit, `tries` how many there were in all; `weight` is the
    bandit's; `stage` is LATER, ACTIVE or DONE.
    """

    turns: Turns
    arm: Ints
    answers: Ints
    tries: Ints
    weight: Floats
    stage: Ints


@inlined
def rate(answers: int, skipped: int, size: int) -> float:
    """Mean of `size` answers, leaving out the `skipped` newest."""
    right = 0
    for place in range(skipped, skipped + size):
        right += answers >> place & 1
    return right / size


@inlined
def reward(answers: int, count: int, weight: float) -> float:
    """Learning progress on a skill; its own weight before 3 answers."""
    if count < 3:
        return weight
    size = min(count, WINDOW)
    late = size // 2
    return max(0.0, rate(answers, 0, late) - rate(answers, late, size - late))


@kernel
def _credit(
    arm: Ints, observation: Observation, last_correct: int, answers: Ints, tries: Ints, weight: Floats
) -> None:
    """Take the answer to the last choice into the memory of its skill."""
    for i in range(arm.shape[0]):
        k = arm[i]
        if k >= 0 and observation[i, last_correct] != 0.0:  # 0: nothing was asked
            right = 1 if observation[i, last_correct] > 0.0 else 0
            answers[i, k] = (answers[i, k] << 1 | right) & ((1 << WINDOW) - 1)
            tries[i, k] += 1
            weight[i, k] = OLD * weight[i, k] + NEW * reward(answers[i, k], tries[i, k], weight[i, k])


@inlined
def _going_well(i: int, answers: Ints, tries: Ints, stage: Ints) -> bool:
    """Whether the active skills succeed often enough for another one."""
    total = 0.0
    active = 0
    for k in range(stage.shape[1]):
        if stage[i, k] == ACTIVE:
            active += 1
            if tries[i, k] >= 2:
                total += rate(answers[i, k], 0, min(tries[i, k], RECENT))
    return total > OPENS_ABOVE * active


@inlined
def _finish_best(i: int, answers: Ints, tries: Ints, stage: Ints, order: Ints) -> None:
    """Done is the active skill that succeeds most, if it is often enough and not the only one."""
    best, most, active = -1, DONE_ABOVE, 0
    for m in range(order.shape[0]):
        k = order[m]
        if stage[i, k] == ACTIVE:
            active += 1
            if tries[i, k] >= WINDOW and rate(answers[i, k], 0, WINDOW) > most:
                best, most = k, rate(answers[i, k], 0, WINDOW)
    if best >= 0 and active > 1:
        stage[i, best] = DONE


@inlined
def _activate(i: int, k: int, weight: Floats, stage: Ints) -> None:
    """Make skill k active, with the lowest weight of those that are."""
    lowest = np.inf
    for other in range(stage.shape[1]):
        if stage[i, other] == ACTIVE:
            lowest = min(lowest, weight[i, other])
    weight[i, k] = lowest if lowest < np.inf else FIRST_WEIGHT
    stage[i, k] = ACTIVE


@kernel
def _move_zone(
    observation: Observation,
    stride: int,
    goal_at: int,
    at_first: int,
    leads_start: Ints,
    leads: Ints,
    order: Ints,
    arm: Ints,
    answers: Ints,
    tries: Ints,
    weight: Floats,
    stage: Ints,
) -> None:
    """At first activate some skills; after each answer perhaps one more, and perhaps finish one."""
    for i in range(arm.shape[0]):
        begun = False
        for k in range(stage.shape[1]):
            begun = begun or stage[i, k] != LATER
        missing = 0 if begun else at_first
        if arm[i] >= 0 and _going_well(i, answers, tries, stage):
            missing = 1
        for m in range(order.shape[0]):
            k = order[m]
            if missing == 0 or stage[i, k] != LATER:
                continue
            if bears_on_goal(observation, i, k, stride, goal_at, leads_start, leads):
                _activate(i, k, weight, stage)
                missing -= 1
        if arm[i] >= 0:
            _finish_best(i, answers, tries, stage, order)


@kernel
def _pull(
    observation: Observation,
    stride: int,
    goal_at: int,
    leads_start: Ints,
    leads: Ints,
    items_start: Ints,
    items: Ints,
    order: Ints,
    allowed: Bools,
    fate: Keys,
    turn: Ints,
    weight: Floats,
    stage: Ints,
    arm: Ints,
) -> None:
    """Draw one of the active skills that are offered; where none is, the next that is offered starts."""
    for i in range(arm.shape[0]):
        arm[i] = -1
        total = 0.0
        many = 0
        for k in range(stage.shape[1]):
            if stage[i, k] == ACTIVE and offered(i, k, allowed, items_start, items):
                total += weight[i, k]
                many += 1
        # The same as w + total / 10 each, and uniform where no weight is left at all.
        u = uniform(fate[i], turn[i], POLICY) * (total * (1.0 + EXPLORATION * many) if total > 0.0 else many)
        for k in range(stage.shape[1]):
            if stage[i, k] == ACTIVE and u >= 0.0 and offered(i, k, allowed, items_start, items):
                arm[i] = k
                u -= weight[i, k] + EXPLORATION * total if total > 0.0 else 1.0
        for m in range(order.shape[0]):
            k = order[m]
            if arm[i] >= 0 or stage[i, k] != LATER or not offered(i, k, allowed, items_start, items):
                continue
            if bears_on_goal(observation, i, k, stride, goal_at, leads_start, leads):
                _activate(i, k, weight, stage)
                arm[i] = k


@dataclass(frozen=True, eq=False)
class Zpdes:
    """Chooses an active skill and asks one of its allowed items, all equally likely.

    Only skills that bear on the goal become active.  Where no active skill has an allowed item, the
    next that has one becomes active; where there is none left either, any allowed item that bears on
    the goal is asked, and its answer counts for nothing.

    Attributes
    ----------
    active : how many skills are active at first.
    """

    task: Task
    active: int
    respects_mask: bool = True

    def __post_init__(self) -> None:
        self.task.layout.require("zpdes", "goal", "last_correct")

    @cached_property
    def leads(self) -> Lists:
        """See `choosing.leads_to`."""
        return leads_to(self.task.course)

    def begin(self, luck: Luck) -> Zone:
        """No skill active yet: which ones are is decided when the goal is seen."""
        shape = (len(luck.fate), self.task.course.n_skills)
        return Zone(
            turns=first_turns(luck),
            arm=np.full(shape[0], -1, np.int64),
            answers=np.zeros(shape, np.int64),
            tries=np.zeros(shape, np.int64),
            weight=np.zeros(shape),
            stage=np.full(shape, LATER, np.int64),
        )

    def predict(
        self,
        observation: Observation,
        state: Zone | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = True,
        action_masks: Bools | None = None,
    ) -> tuple[Ints, Zone]:
        """Items `[batch]`; `deterministic` changes nothing: to draw is the rule itself."""
        batch, course, layout = len(observation), self.task.course, self.task.layout
        before = self.begin(unnamed(batch)) if state is None else state
        zone = clone(before)
        if episode_start is not None:
            _forget(episode_start, zone)
        goal = layout.columns("goal")
        _credit(
            zone.arm, observation, layout.columns("last_correct").start, zone.answers, zone.tries, zone.weight
        )
        _move_zone(
            observation,
            goal.step,
            goal.start,
            self.active,
            *self.leads,
            course.order,
            zone.arm,
            zone.answers,
            zone.tries,
            zone.weight,
            zone.stage,
        )
        allowed = allowed_items(action_masks, batch, course.n_items)
        _pull(
            observation,
            goal.step,
            goal.start,
            *self.leads,
            *course.items_of,
            course.order,
            allowed,
            zone.turns.fate,
            zone.turns.turn,
            zone.weight,
            zone.stage,
            zone.arm,
        )
        among = allowed.copy()
        if (zone.arm < 0).any():
            among = open_to_goal(self.task, self.leads, observation, allowed)
        keep_skill(zone.arm, *course.items_of, allowed, among)
        item = uniform_items(zone.turns, among, index=1)
        return item, zone._replace(turns=zone.turns.after(item))


def _forget(rows: Bools, zone: Zone) -> None:
    zone.arm[rows] = -1
    zone.stage[rows] = LATER
    for array in (zone.answers, zone.tries, zone.weight):
        array[rows] = 0


def zpdes(task: Task, seed: int, tracker: Tracker, *, active: int = 1) -> Zpdes:
    """Zone of Proximal Development and Empirical Success; the first `active` skills start active.

    They are the first in prerequisite order of those that bear on the learner's goal.

    Raises `InputError` for active < 1, and where the task lacks `last_correct` or `goal`.
    """
    if not (isinstance(active, int) and active >= 1):
        raise reject("agent.active", active, "a whole number >= 1")
    return Zpdes(task, active)
