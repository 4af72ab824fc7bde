"""ZPDES against a second writing of the rule, learner by learner, from the same draws."""

from statistics import mean

import numpy as np
import pytest

from coursewright.agents.bandits.zpdes import ACTIVE, DONE, LATER, Zpdes, rate, reward
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.layout import PER_SKILL, SHARED
from coursewright.envs.rollout import rollout
from coursewright.envs.task import RandomGoal, Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import POLICY, uniform
from learners import luck_of

TRACKER = SilentTracker()
FEATURES = ("goal", "last_correct", "successes")


def kt6kc(scenario=0, steps=60, **changes):
    return Task(simulator=KT6kc(scenario), steps=steps, features=FEATURES, **changes)


def small(edges=(), items=None, **changes):
    """Four skills a, b, c, d."""
    course = Course.of(["a", "b", "c", "d"], items=items, prerequisites=edges)
    table = BktParameters(prior=[0.2] * 4, learn=[0.2] * 4, guess=[0.2] * 4, slip=[0.1] * 4)
    given = {"steps": 20, "features": PER_SKILL + SHARED} | changes
    return Task(simulator=Bkt(course, table), tutor=table, **given)


class OneLearner:
    """The published rule with lists of answers; skills are listed in prerequisite order."""

    def __init__(self, order, active=1):
        self.order = list(order)
        self.answers = {k: [] for k in self.order}
        self.weight = dict.fromkeys(self.order[:active], 0.05)  # the active ones
        self.later = self.order[active:]

    def choose(self, u):
        total = sum(self.weight.values())
        left = u * (total + len(self.weight) * total / 10)
        for k in sorted(self.weight):
            left -= self.weight[k] + total / 10
            if left < 0:
                return k
        return k

    def answered(self, k, right):
        answers = self.answers[k]
        answers.append(right)
        progress = self.weight[k]
        if len(answers) > 2:
            window = answers[-6:]
            half = len(window) // 2
            progress = max(0, mean(window[-half:]) - mean(window[:-half]))
        self.weight[k] = 0.2 * self.weight[k] + 0.8 * progress
        recent = [mean(self.answers[m][-3:]) if len(self.answers[m]) > 1 else 0 for m in self.weight]
        if mean(recent) > 0.5 and self.later:
            self.weight[self.later.pop(0)] = min(self.weight.values())
        able = [m for m in self.order if m in self.weight and len(self.answers[m]) >= 6]
        best = max(able, key=lambda m: mean(self.answers[m][-6:]), default=None)
        if best is not None and mean(self.answers[best][-6:]) > 0.7 and len(self.weight) > 1:
            del self.weight[best]


@pytest.mark.parametrize(("scenario", "active"), [(0, 1), (2, 1), (3, 2), (4, 6)])
def test_a_second_writing(scenario, active):
    task, learners = kt6kc(scenario), 120
    done = rollout(task, Zpdes(active=active)(task, 0, TRACKER), learners)
    fate = luck_of(np.arange(learners)).fate
    for i in range(learners):
        rule = OneLearner(task.course.order, active)
        for t in range(60):
            k = rule.choose(uniform(fate[i], t, POLICY))
            assert done.item[i, t] == k
            rule.answered(k, int(done.correct[i, t]))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([1], 0.31),  # too few: its own weight
        ([0, 1], 0.31),
        ([0, 0, 1], 1.0),  # one against two
        ([0, 1, 1, 1], 0.5),  # two against two
        ([0, 0, 1, 1, 0], 0.5 - 1 / 3),  # two against three
        ([0, 0, 1, 0, 1, 1], 1 / 3),
        ([1, 0, 0, 1, 0, 1, 1], 1 / 3),  # the first one is forgotten
        ([1, 1, 1, 0, 0, 0], 0.0),  # never negative
    ],
)
def test_the_reward_by_hand(answers, expected):
    bits = 0
    for answer in answers:
        bits = (bits << 1 | answer) & 63
    assert reward(bits, len(answers), 0.31) == pytest.approx(expected)


def test_rates_by_hand():
    assert rate(0b110100, 0, 3) == pytest.approx(1 / 3)
    assert rate(0b110100, 3, 3) == pytest.approx(2 / 3)
    assert rate(0b110100, 1, 2) == pytest.approx(1 / 2)


def seen(task, batch, right, goal=1.0):
    observation = np.zeros((batch, task.layout.width), np.float32)
    observation[:, task.layout.columns("goal")] = goal
    observation[:, task.layout.columns("last_correct")] = 1.0 if right else -1.0
    return observation


def test_it_starts_with_the_first_skill_alone_and_stays_without_success():
    task = kt6kc()
    policy = Zpdes()(task, 0, TRACKER)
    state = policy.begin(luck_of(range(50)))
    for _ in range(500):  # long enough for a weight to vanish: .2^500
        item, state = policy.predict(seen(task, 50, right=False), state)
        assert (item == 0).all()
    assert (state.memory.stage == [ACTIVE] + [LATER] * 5).all()
    assert (state.memory.weight >= 0).all()


def test_success_moves_the_zone_on():
    task = kt6kc()
    policy = Zpdes()(task, 0, TRACKER)
    state = policy.begin(luck_of(range(50)))
    for _ in range(400):
        item, state = policy.predict(seen(task, 50, right=True), state)
        assert ((state.memory.stage == ACTIVE).sum(axis=1) >= 1).all()
        assert (np.diff(state.memory.stage == LATER, axis=1) >= 0).all()  # opened in order
    assert ((state.memory.stage == DONE).sum(axis=1) == 5).all()
    assert ((state.memory.stage == ACTIVE).sum(axis=1) == 1).all()  # the last one stays
    assert (state.memory.stage[np.arange(50), item] == ACTIVE).all()


def test_only_what_bears_on_the_goal_becomes_active():
    task = small([["a", "b"], ["c", "d"]], unlock_after=0)
    policy = Zpdes(active=3)(task, 0, TRACKER)
    observation = seen(task, 200, right=True, goal=[0, 0, 0, 1])
    state = policy.begin(luck_of(range(200)))
    for _ in range(40):
        item, state = policy.predict(observation, state)
        assert set(item) <= {2, 3}
    assert (state.memory.stage[:, :2] == LATER).all()


def test_what_is_not_offered_waits_and_the_next_one_starts():
    task = small([["a", "b"]])
    policy = Zpdes()(task, 0, TRACKER)
    state = policy.begin(luck_of(range(5)))
    mask = np.tile([False, False, False, True], (5, 1))
    item, state = policy.predict(seen(task, 5, right=True), state, None, True, mask)
    assert (item == 3).all()
    assert (state.memory.stage == [ACTIVE, LATER, LATER, ACTIVE]).all()
    # nothing is left: any allowed item that bears on the goal, for nothing
    state.memory.stage[:, 3] = DONE
    item, after = policy.predict(seen(task, 5, right=True), state, None, True, mask)
    assert (item == 3).all()
    assert (after.memory.arm == -1).all()


def test_a_new_episode_starts_anew():
    task = kt6kc()
    policy = Zpdes()(task, 0, TRACKER)
    state = policy.begin(luck_of(range(2)))
    for _ in range(30):
        _, state = policy.predict(seen(task, 2, right=True), state)
    item, state = policy.predict(seen(task, 2, right=True), state, np.array([True, False]))
    assert item[0] == 0
    assert state.memory.stage[0].tolist() == [ACTIVE] + [LATER] * 5
    assert state.memory.tries.sum(axis=1).tolist() == [0, 30]


def test_all_items_of_a_skill_are_asked():
    task = small(items={"a1": "a", "a2": "a", "ab": ["a", "b"], "c": "c", "d": "d"}, goal=RandomGoal(1, 4))
    done = rollout(task, Zpdes()(task, 0, TRACKER), 300)
    assert set(done.item.ravel()) == set(range(5))


def test_what_is_refused():
    with pytest.raises(InputError, match=r"agent.active = 0: must be a whole number >= 1"):
        Zpdes(active=0)(kt6kc(), 0, TRACKER)
    with pytest.raises(InputError, match=r"task\.features for zpdes"):
        Zpdes()(Task(simulator=KT6kc(), steps=5, features=("goal",)), 0, TRACKER)
