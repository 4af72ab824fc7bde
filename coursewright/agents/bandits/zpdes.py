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
from typing import ClassVar, NamedTuple

import numpy as np

from coursewright.agents.choosing import keep_skill, offered
from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import POLICY, Luck, uniforms

WINDOW = 6  # answers on a skill that are remembered
RECENT = WINDOW // 2
OLD, NEW = 0.2, 0.8  # the share of a weight that is kept, and that of the reward that is added
FIRST_WEIGHT = 0.05
EXPLORATION = 0.1
OPENS_ABOVE, DONE_ABOVE = 0.5, 0.7

LATER, ACTIVE, DONE = 0, 1, 2


class Zone(NamedTuple):
    """ZPDES's memory of each learner.

    `arm [batch]` is the skill chosen last (-1: none); `answers [batch, skills]` holds the last six
    answers, the newest in the lowest bit, `tries` the number of all answers; `weight` is the
    bandit's; `stage` is LATER, ACTIVE or DONE.
    """

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
def _credit(last: Last, zone: Zone) -> None:
    """Take the answer to the last choice into the memory of its skill."""
    answers, tries, weight = zone.answers, zone.tries, zone.weight
    for i in range(zone.arm.shape[0]):
        k = zone.arm[i]
        if k >= 0 and last.asked[i]:
            answers[i, k] = (answers[i, k] << 1 | int(last.right[i])) & ((1 << WINDOW) - 1)
            tries[i, k] += 1
            weight[i, k] = OLD * weight[i, k] + NEW * reward(answers[i, k], tries[i, k], weight[i, k])


@inlined
def _going_well(i: int, zone: Zone) -> bool:
    """True where the active skills succeed often enough to activate another one."""
    total = 0.0
    active = 0
    for k in range(zone.stage.shape[1]):
        if zone.stage[i, k] == ACTIVE:
            active += 1
            if zone.tries[i, k] >= 2:
                total += rate(zone.answers[i, k], 0, min(zone.tries[i, k], RECENT))
    return total > OPENS_ABOVE * active


@inlined
def _finish_best(i: int, zone: Zone, order: Ints) -> None:
    """Finish the active skill that succeeds most, if it succeeds often enough and is not the only one."""
    best, most, active = -1, DONE_ABOVE, 0
    for m in range(order.shape[0]):
        k = order[m]
        if zone.stage[i, k] == ACTIVE:
            active += 1
            if zone.tries[i, k] >= WINDOW and rate(zone.answers[i, k], 0, WINDOW) > most:
                best, most = k, rate(zone.answers[i, k], 0, WINDOW)
    if best >= 0 and active > 1:
        zone.stage[i, best] = DONE


@inlined
def _activate(i: int, k: int, zone: Zone) -> None:
    """Make skill k active, with the lowest weight of those that are."""
    lowest = np.inf
    for other in range(zone.stage.shape[1]):
        if zone.stage[i, other] == ACTIVE:
            lowest = min(lowest, zone.weight[i, other])
    zone.weight[i, k] = lowest if lowest < np.inf else FIRST_WEIGHT
    zone.stage[i, k] = ACTIVE


@kernel
def _move_zone(zone: Zone, at_first: int, toward: Bools, order: Ints) -> None:
    """At first activate some skills; after each answer perhaps one more, and perhaps finish one."""
    for i in range(zone.arm.shape[0]):
        begun = False
        for k in range(zone.stage.shape[1]):
            begun = begun or zone.stage[i, k] != LATER
        missing = 0 if begun else at_first
        if zone.arm[i] >= 0 and _going_well(i, zone):
            missing = 1
        for m in range(order.shape[0]):
            k = order[m]
            if missing > 0 and zone.stage[i, k] == LATER and toward[i, k]:
                _activate(i, k, zone)
                missing -= 1
        if zone.arm[i] >= 0:
            _finish_best(i, zone, order)


@kernel
def _pull(zone: Zone, draw: Floats, toward: Bools, order: Ints, items_of: Lists, allowed: Bools) -> None:
    """Draw one of the active skills that are offered; where none is, the next that is offered starts."""
    weight, stage, arm = zone.weight, zone.stage, zone.arm
    for i in range(arm.shape[0]):
        arm[i] = -1
        total = 0.0
        many = 0
        for k in range(stage.shape[1]):
            if stage[i, k] == ACTIVE and offered(i, k, allowed, items_of):
                total += weight[i, k]
                many += 1
        # The same as w + total / 10 each, and uniform where no weight is left at all.
        u = draw[i] * (total * (1.0 + EXPLORATION * many) if total > 0.0 else many)
        for k in range(stage.shape[1]):
            if stage[i, k] == ACTIVE and u >= 0.0 and offered(i, k, allowed, items_of):
                arm[i] = k
                u -= weight[i, k] + EXPLORATION * total if total > 0.0 else 1.0
        for m in range(order.shape[0]):
            k = order[m]
            if arm[i] >= 0 or stage[i, k] != LATER or not offered(i, k, allowed, items_of):
                continue
            if toward[i, k]:
                _activate(i, k, zone)
                arm[i] = k


@dataclass(frozen=True, eq=False)
class ZpdesRule:
    """Chooses an active skill and asks one of its allowed items, all equally likely.

    Only skills that bear on the goal become active.  Where no active skill has an allowed item, the
    next that has one becomes active; where there is none left either, any allowed item that bears on
    the goal is asked, and its answer counts for nothing.

    Attributes
    ----------
    active : the number of skills that are active at first.
    """

    course: Course
    active: int
    needs: ClassVar[tuple[str, ...]] = ("goal", "last_correct")

    def begin(self, luck: Luck) -> Zone:
        """No skill active yet: which ones are is decided when the goal is seen."""
        shape = (len(luck.fate), self.course.n_skills)
        return Zone(
            arm=np.full(shape[0], -1, np.int64),
            answers=np.zeros(shape, np.int64),
            tries=np.zeros(shape, np.int64),
            weight=np.zeros(shape),
            stage=np.full(shape, LATER, np.int64),
        )

    def choose(self, seen: Seen, memory: Zone) -> tuple[Ints, Zone]:
        """Items `[batch]`."""
        order, items_of = self.course.order, self.course.items_of
        _credit(seen.last, memory)
        _move_zone(memory, self.active, seen.toward, order)
        draw = np.empty(len(seen))
        uniforms(seen.fate, seen.turn, POLICY, draw)
        _pull(memory, draw, seen.toward, order, items_of, seen.allowed)
        among = seen.open.copy() if (memory.arm < 0).any() else seen.allowed.copy()
        keep_skill(memory.arm, items_of, seen.allowed, among)
        return seen.draw(among, index=1), memory


@dataclass(frozen=True)
class Zpdes:
    """Zone of Proximal Development and Empirical Success; the first `active` skills start active.

    They are the first in prerequisite order of those that bear on the learner's goal.

    Raises `InputError` for active < 1.
    """

    active: int = 1

    def __post_init__(self) -> None:
        if not (isinstance(self.active, int) and self.active >= 1):
            raise reject("agent.active", self.active, "a whole number >= 1")

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""
        return RulePolicy("zpdes", task, ZpdesRule(task.course, self.active))
