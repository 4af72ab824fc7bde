"""RiARiT: a bandit for each learner over items, paid by what an answer says about the learner's level.

Clement, Roy, Oudeyer & Lopes, "Multi-armed bandits for intelligent tutoring systems", Journal of
Educational Data Mining 7(2), 2015.  An item asks for a level q of each of its skills (theirs may differ), and
the learner is thought to have the level c of a skill, 0 at first:

    r = q - c     where the answer is right and q > c, or wrong and q < c; else 0
    c <- c + .6 r
    w <- .2 w + .8 max(0, mean of r over the item's skills); an item is chosen in proportion to
         w + (sum of weights) / 10, and starts with w = .05

So an item pays while it shows more of the learner than was known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from coursewright.agents.bandits.zpdes import EXPLORATION, FIRST_WEIGHT, NEW, OLD
from coursewright.agents.options import shares
from coursewright.agents.rule import Last, RulePolicy, Seen
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.task import Task
from coursewright.errors import reject, unknown
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.lists import Lists
from coursewright.simulators.luck import POLICY, Keys, Luck, uniform

RATE = 0.6  # the share of r by which a level moves


class Levels(NamedTuple):
    """The level `[batch, skills]` that each learner is thought to have, and the `weight [batch, items]`."""

    level: Floats
    weight: Floats


@kernel
def _learn(last: Last, needed: Lists, asks: Floats, kept: Levels) -> None:
    for i in range(last.item.shape[0]):
        a = last.item[i]
        if a < 0 or not last.asked[i]:
            continue
        total = 0.0
        for j in range(needed.start[a], needed.start[a + 1]):
            above = asks[j] - kept.level[i, needed.values[j]]
            if (last.right[i] and above > 0.0) or (not last.right[i] and above < 0.0):
                total += above
                kept.level[i, needed.values[j]] += RATE * above
        mean = total / (needed.start[a + 1] - needed.start[a])
        kept.weight[i, a] = OLD * kept.weight[i, a] + NEW * max(0.0, mean)


@kernel
def _draw(fate: Keys, turn: Ints, among: Bools, weight: Floats, out: Ints) -> None:
    for i in range(out.shape[0]):
        total, many = 0.0, 0
        for a in range(among.shape[1]):
            if among[i, a]:
                total += weight[i, a]
                many += 1
        left = uniform(fate[i], turn[i], POLICY)
        out[i] = 0
        for a in range(among.shape[1]):
            if among[i, a] and left >= 0.0:
                out[i] = a
                chance = 1.0 / many
                if total > 0.0:
                    chance = (weight[i, a] / total + EXPLORATION) / (1.0 + EXPLORATION * many)
                left -= chance


@dataclass(frozen=True, eq=False)
class RiaritRule:
    """RiARiT among the open items (see `Seen.open`); where no weight is left, all are equally likely.

    `asks` holds the levels that items ask for, beside the skills in `course.needed.values`.
    """

    course: Course
    asks: Floats
    needs: ClassVar[tuple[str, ...]] = ("goal", "last_correct")

    def begin(self, luck: Luck) -> Levels:
        """Nobody is thought to have learned anything."""
        batch = len(luck.fate)
        weight = np.full((batch, self.course.n_items), FIRST_WEIGHT)
        return Levels(np.zeros((batch, self.course.n_skills)), weight)

    def choose(self, seen: Seen, memory: Levels) -> tuple[Ints, Levels]:
        """Items `[batch]`."""
        _learn(seen.last, self.course.needed, self.asks, memory)
        item = np.empty(len(seen), np.int64)
        _draw(seen.fate, seen.turn, seen.open, memory.weight, item)
        return item, memory


@dataclass(frozen=True)
class Riarit:
    """The Right Activity at the Right Time: an item pays while it raises the estimated levels.

    `levels` maps items to the level in [0, 1] that they ask for, of all their skills or skill by skill; all
    others ask for `level`.  Raises `InputError` for a level out of range, an item that the course does not
    have, and a skill that the item does not need.
    """

    level: float = 1.0
    levels: Mapping[str, float | Mapping[str, float]] | None = None

    def __post_init__(self) -> None:
        shares(level=self.level)
        if self.levels is not None and not isinstance(self.levels, Mapping):
            raise reject("agent.levels", self.levels, "null, or a level for each of some items")
        for item, value in (self.levels or {}).items():
            for skill, level in value.items() if isinstance(value, Mapping) else [("", value)]:
                shares(**{f"levels.{item}.{skill}".rstrip("."): level})

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy.  Raises `InputError` where the task lacks `last_correct` or `goal`."""
        return RulePolicy("riarit", task, RiaritRule(task.course, self._asks(task.course)))

    def _asks(self, course: Course) -> Floats:
        """The level of each skill of each item, beside `course.needed.values`."""
        asks = np.full(len(course.needed.values), float(self.level))
        for name, value in (self.levels or {}).items():
            if name not in course.items:
                raise unknown("agent.levels", name, course.items)
            item = course.items.index(name)
            part = slice(course.needed.start[item], course.needed.start[item + 1])
            skills = [course.skills[k] for k in course.needed.values[part]]
            own = value if isinstance(value, Mapping) else dict.fromkeys(skills, value)
            for skill in own:
                if skill not in skills:
                    raise unknown(f"agent.levels.{name}", skill, skills)
            asks[part] = [own.get(skill, self.level) for skill in skills]
        return asks
