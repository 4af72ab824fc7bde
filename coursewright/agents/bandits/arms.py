"""Bandits within one learner: the arms are skills, and progress is the reward.

The reward of practising a skill is (right among its last 3 answers - right among the 3 before) / 3, and
0 before 2 answers (learning progress, after Clement et al., JEDM 2015).  Each learner has a bandit of
their own, which knows nothing of the others.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from coursewright.agents.choosing import keep_skill, offered
from coursewright.agents.rule import Last, Seen
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import inlined, kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import Luck


class Arms(NamedTuple):
    """A bandit's memory of its learners.

    `arm [batch]` is the skill pulled last (-1: none); `answers [batch, skills]` holds the answers so
    far, the newest in the lowest bit; `pulls` counts them and `total` sums the rewards, shaped alike.
    `own` is the memory of a bandit that weighs its rewards in another way (see `Evidence`), or ().
    """

    arm: Ints
    answers: Ints
    pulls: Ints
    total: Floats
    own: Any = ()


class Index(Protocol):
    """A score per arm; the bandit pulls the arm with the highest."""

    def __call__(self, seen: Seen, arms: Arms, among: Bools) -> Floats:
        """The index `[batch, skills]` of the arms that are `among [batch, skills]`; of others, anything."""
        ...


class Evidence(Protocol):
    """A memory of rewards beside counts and sums, such as one that forgets."""

    def begin(self, batch: int, skills: int) -> tuple[Any, ...]:
        """The memory of new learners: arrays with the batch as their first axis."""
        ...

    def learn(self, own: Any, arm: Ints, reward: Floats) -> None:
        """Take in the `reward [batch]` of the pulled `arm [batch]`; NaN where nothing was asked."""
        ...


class CountsAlone:
    """No memory beside counts and sums."""

    def begin(self, batch: int, skills: int) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def learn(self, own: tuple[()], arm: Ints, reward: Floats) -> None:
        """Nothing to do."""


@inlined
def progress(answers: int, count: int) -> float:
    """(right among the last 3 - right among the 3 before) / 3; 0 before 2 answers."""
    if count < 2:
        return 0.0
    late = (answers & 1) + (answers >> 1 & 1) + (answers >> 2 & 1)
    early = (answers >> 3 & 1) + (answers >> 4 & 1) + (answers >> 5 & 1)
    return float((late - early) / 3.0)


@kernel
def _credit(last: Last, arms: Arms, reward: Floats) -> None:
    """Take the answer to the last choice into the bandit's memory; the `reward [batch]` of that, or NaN."""
    for i in range(arms.arm.shape[0]):
        k = arms.arm[i]
        reward[i] = np.nan
        if k < 0 or not last.asked[i]:
            continue
        arms.answers[i, k] = (arms.answers[i, k] << 1 | int(last.right[i])) & 63
        arms.pulls[i, k] += 1
        reward[i] = progress(arms.answers[i, k], arms.pulls[i, k])
        arms.total[i, k] += reward[i]


@kernel
def open_arms(toward: Bools, items_of: Lists, allowed: Bools, out: Bools) -> None:
    """The arms that bear on the goal and are offered; where there is none, all that are offered."""
    for i in range(out.shape[0]):
        some = False
        for k in range(out.shape[1]):
            out[i, k] = toward[i, k] and offered(i, k, allowed, items_of)
            some = some or out[i, k]
        if not some:
            for k in range(out.shape[1]):
                out[i, k] = offered(i, k, allowed, items_of)


@kernel
def best_arm(index: Floats, among: Bools, order: Ints, arm: Ints) -> None:
    """The arm with the highest index, of equals the first in `order`; -1 where none is `among`."""
    for i in range(arm.shape[0]):
        arm[i] = -1
        best = -np.inf
        for m in range(order.shape[0]):
            k = order[m]
            if among[i, k] and (arm[i] < 0 or index[i, k] > best):
                best = index[i, k]
                arm[i] = k


@dataclass(frozen=True, eq=False)
class BanditRule:
    """Pulls the arm of the highest index and asks one of its allowed items, all equally likely.

    Arms that bear on the goal and are offered compete; where there is none, all that are offered.  Of
    equal arms, the first in prerequisite order is pulled.
    """

    course: Course
    index: Index
    evidence: Evidence = field(default_factory=CountsAlone)
    needs: ClassVar[tuple[str, ...]] = ("goal", "last_correct")

    def begin(self, luck: Luck) -> Arms:
        """No arm pulled yet."""
        shape = (len(luck.fate), self.course.n_skills)
        return Arms(
            arm=np.full(shape[0], -1, np.int64),
            answers=np.zeros(shape, np.int64),
            pulls=np.zeros(shape, np.int64),
            total=np.zeros(shape),
            own=self.evidence.begin(*shape),
        )

    def choose(self, seen: Seen, memory: Arms) -> tuple[Ints, Arms]:
        """Items `[batch]`."""
        course = self.course
        reward = np.empty(len(seen))
        _credit(seen.last, memory, reward)
        self.evidence.learn(memory.own, memory.arm, reward)
        arms = np.empty((len(seen), course.n_skills), bool)
        open_arms(seen.toward, course.items_of, seen.allowed, arms)
        best_arm(self.index(seen, memory, arms), arms, course.order, memory.arm)
        items = np.zeros_like(seen.allowed)
        keep_skill(memory.arm, course.items_of, seen.allowed, items)
        return seen.draw(items, index=2 * course.n_skills), memory
