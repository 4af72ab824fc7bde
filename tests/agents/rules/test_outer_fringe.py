import numpy as np
import pytest

from coursewright.agents.rules.outer_fringe import OuterFringe
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.knowledge.knowledge_space import KnowledgeSpace
from coursewright.simulators.knowledge.parameters import BktParameters
from learners import luck_of
from small_tasks import small_task

TRACKER = SilentTracker()


def topics():
    simulator = KnowledgeSpace()
    half, fifth = [0.5] * 12, [0.2] * 12
    return Task(simulator=simulator, tutor=BktParameters(half, half, fifth, fifth), steps=20)


def seen(task, belief, batch, goal=1.0):
    observation = np.zeros((batch, task.layout.width), np.float32)
    observation[:, task.layout.columns("goal")] = goal
    observation[:, task.layout.columns("belief")] = belief
    return observation


def choices(task, belief, mask=None, goal=1.0, batch=600):
    policy = OuterFringe()(task, 0, TRACKER)
    masks = None if mask is None else np.tile(mask, (batch, 1))
    luck = luck_of(range(batch))
    item, _ = policy.predict(seen(task, belief, batch, goal), policy.begin(luck), None, True, masks)
    return np.bincount(item, minlength=task.course.n_items)


def test_all_of_the_fringe_and_nothing_else():
    task = topics()
    course = task.course
    rng = np.random.default_rng(1)
    for _ in range(30):
        mastered = np.zeros(12, bool)
        for k in course.order:  # a feasible state
            mastered[k] = rng.random() < 0.7 and mastered[course.prerequisites[:, k]].all()
        fringe = [
            k
            for k in range(12)
            if not mastered[k] and mastered[np.flatnonzero(course.prerequisites[:, k])].all()
        ]
        if not fringe:
            continue
        counts = choices(task, np.where(mastered, 0.96, 0.94))
        assert np.flatnonzero(counts).tolist() == fringe
        assert counts[fringe].min() > 600 / len(fringe) / 2


def test_where_everything_is_mastered_anything_goes():
    assert (choices(topics(), 0.99) > 0).all()


def test_masks_and_goals():
    task = topics()
    only = np.arange(12) == 7
    assert choices(task, 0.1, mask=only)[7] == 600
    # adding and subtracting are in the fringe, but only multiplying is a goal
    belief = np.where(np.arange(12) == 0, 0.99, 0.1)
    goal = (np.arange(12) == task.course.skill("multiplying")).astype(float)
    assert choices(task, belief, goal=goal)[task.course.skill("adding")] == 600


def test_items_of_several_skills():
    # a -> b -> c, a -> d, {c, d} -> e; items a1, b1, c1, d1, e1, bc (c and b), ade (e, a and d)
    task = small_task()
    one = dict.fromkeys("abcde", 0.1)
    for mastered, expected in (
        ("", [0]),
        ("a", [1, 3]),
        ("ab", [2, 3, 5]),
        ("abcd", [4, 6]),
        ("abd", [2, 5]),
    ):
        belief = [0.99 if name in mastered else one[name] for name in "abcde"]
        assert np.flatnonzero(choices(task, belief)).tolist() == expected


def test_what_is_refused():
    with pytest.raises(InputError, match=r"agent.threshold = 1.0: must be a probability in \(0, 1\)"):
        OuterFringe(threshold=1.0)(topics(), 0, TRACKER)
    with pytest.raises(InputError, match=r"task\.features for outer_fringe"):
        OuterFringe()(Task(simulator=KnowledgeSpace(), steps=5, features=("goal",)), 0, TRACKER)
