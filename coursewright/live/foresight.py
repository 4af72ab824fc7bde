"""The effect of an item as the tutor's own model foresees it, played on with answers drawn from its chances.

It is what the tutor believes, and no measurement: learners of whom the model is wrong fare otherwise.
"""

from dataclasses import dataclass

import numpy as np

from coursewright.live.mind import Bools, Floats, Ints, Mind, Told

FUTURES = 400
TAIL = 5.0  # percent, on each side of an interval
ITEMS = 10  # that are played on


@dataclass(frozen=True)
class Range:
    """A mastery in [0, 1]: before, the mean after, and where 90 % of the futures, or both outcomes, lie."""

    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """The foreseen effect of an item.

    Attributes
    ----------
    chance : of a right answer.
    skills : the mastery of the item's skills, on the mean of them, after this item: worked out, and the ends
        are those of a wrong and a right answer.
    goal : the mean mastery of the goal after this item and those that the tutor chooses then, `items` in all.
    futures : that were played.
    """

    item: str
    chance: float
    skills: Range
    goal: Range
    items: int
    futures: int


def foresee(
    mind: Mind, state: Floats, goal: Bools, item: str, items: int = ITEMS, futures: int = FUTURES
) -> Effect | None:
    """The effect of `item` on a learner, `state [columns]`, `goal [skills]`; None without beliefs."""
    if "belief" not in mind.kept or "chance" not in mind.words["outputs"]:
        return None
    rng = np.random.default_rng(0)  # the same futures each time: a look changes nothing
    many, goals = np.tile(state, (futures, 1)), np.tile(goal, (futures, 1))
    [skills] = next_step(mind, state[None], goal[None], [mind.place[item]])
    assert skills is not None  # as there are beliefs
    before = mind.beliefs(state[None])[0][0]
    chance = mind.look(many, goals, np.ones((futures, len(mind.items)), bool))["chance"]
    first = float(chance[0, mind.place[item]])
    chosen = np.full(futures, mind.place[item])
    for _ in range(items):
        right = rng.random(futures) < chance[np.arange(futures), np.maximum(chosen, 0)]
        told, out = mind.tell(many, goals, _answered(mind, np.maximum(chosen, 0), right))
        many = np.where(chosen[:, None] < 0, many, told)  # where nothing is allowed, nothing happens
        chance = out["chance"]
        chosen = np.where(chosen < 0, -1, out.get("next_item", out["action"]))
    at_end = mind.beliefs(many)[0][:, goal].mean(axis=1)
    return Effect(
        item,
        first,
        skills,
        _range(float(before[goal].mean()), at_end),
        items,
        futures,
    )


def next_step(mind: Mind, state: Floats, goal: Bools, places: list[int]) -> list[Range | None]:
    """The mastery of the skills of each learner's item (-1: none) before and after it.

    `state [batch, columns]`, `goal [batch, skills]`.  The ends are those of a wrong and a right answer.
    Both outcomes are worked out, so nothing is drawn.
    """
    if not places or "belief" not in mind.kept or "chance" not in mind.words["outputs"]:
        return [None] * len(places)
    n = len(places)
    chance = mind.look(state, goal, np.ones((n, len(mind.items)), bool))["chance"]
    given = np.maximum(places, 0)
    outcomes = [
        mind.beliefs(mind.tell(state, goal, _answered(mind, given, np.full(n, right)))[0])[0]
        for right in (False, True)
    ]
    before = mind.beliefs(state)[0]
    found: list[Range | None] = []
    for row, place in enumerate(places):
        if place < 0:
            found.append(None)
            continue
        skills = [mind.skills.index(name) for name in mind.skills_of[mind.items[place]]]
        now, wrong, right = (float(part[row, skills].mean()) for part in (before, *outcomes))
        p = float(chance[row, place])
        found.append(Range(now, (1 - p) * wrong + p * right, min(wrong, right), max(wrong, right)))
    return found


def _answered(mind: Mind, item: Ints, right: Bools) -> Told:
    """Answers `[batch]` to items that take as long as the course says, and no time passes besides."""
    minutes = np.array([one["minutes"] for one in mind.words["items"]], np.float32)
    nobody, none = np.zeros(len(item), bool), np.zeros(len(item), np.float32)
    return Told(item, right.astype(np.int64), past=nobody, minutes=minutes[item], days=none, taught=~nobody)


def _range(before: float, after: Floats) -> Range:
    low, high = np.percentile(after, [TAIL, 100.0 - TAIL])
    return Range(before, float(after.mean()), float(low), float(high))
