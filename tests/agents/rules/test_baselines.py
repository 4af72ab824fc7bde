import numpy as np
import pytest

from coursewright.agents.bandits.thompson import Thompson
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, Topological, UniformRandom
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.in_order import skill_order
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.features import NAMES
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Seeds, Split, identify

TRACKER = SilentTracker()


def small(edges=(), items=None, stop=False, **changes):
    """Three skills a, b, c; the tutor believes in distinct numbers."""
    course = Course.of(["a", "b", "c"], items=items, prerequisites=edges)
    tutor = BktParameters(prior=[0.2, 0.1, 0.3], learn=[0.2, 0.3, 0.1], guess=[0.2] * 3, slip=[0.1] * 3)
    given = {"steps": 9, "features": NAMES, "stop": stop} | changes
    return Task(simulator=Bkt(course, tutor), tutor=tutor, **given)


def seen(task, **features):
    """An observation of one learner; every skill is a goal unless told otherwise."""
    row = np.zeros((1, task.layout.width), np.float32)
    for name, value in ({"goal": 1.0} | features).items():
        row[:, task.layout.columns(name)] = value
    return row


def luck_of(batch):
    return identify(Seeds(), np.arange(batch), Split.EVALUATE, np.zeros(batch, np.int64))


def choice(policy, observation, allowed=None):
    mask = None if allowed is None else np.array([allowed], bool)
    item, _ = policy.predict(observation, policy.begin(luck_of(1)), np.ones(1, bool), True, mask)
    return int(item[0])


def test_random_is_uniform_and_ignores_the_mask():
    task = small()
    policy = UniformRandom()(task, 0, TRACKER)
    mask = np.zeros((30_000, 3), bool)
    mask[:, 0] = True
    state = policy.begin(luck_of(30_000))
    first, state = policy.predict(np.zeros((30_000, task.layout.width), np.float32), state, None, True, mask)
    second, _ = policy.predict(np.zeros((30_000, task.layout.width), np.float32), state, None, True, mask)
    pairs = np.bincount(first * 3 + second, minlength=9) / 30_000  # steps are independent too
    assert np.abs(pairs - 1 / 9).max() < 4 * np.sqrt(1 / 9 * 8 / 9 / 30_000)


def test_random_legal_is_uniform_over_what_is_allowed():
    task = small()
    mask = np.tile([True, False, True], (20_000, 1))
    policy = RandomLegal()(task, 0, TRACKER)
    item, _ = policy.predict(
        np.zeros((20_000, task.layout.width), np.float32), policy.begin(luck_of(20_000)), None, True, mask
    )
    share = np.bincount(item, minlength=3) / 20_000
    assert share[1] == 0.0
    assert abs(share[0] - 0.5) < 4 * np.sqrt(0.25 / 20_000)


def test_round_robin_takes_turns_and_skips_what_is_not_allowed():
    task = small(steps=7)
    assert rollout(task, RoundRobin()(task, 0, TRACKER), 1).item[0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    policy = RoundRobin()(task, 0, TRACKER)
    state = policy.begin(luck_of(1))
    items = []
    for allowed in ([0, 1, 1], [1, 1, 0], [1, 0, 1]):
        item, state = policy.predict(seen(task), state, None, True, np.array([allowed], bool))
        items.append(int(item[0]))
    assert items == [1, 0, 2]


def test_topological_gives_each_goal_skill_its_share_in_prerequisite_order():
    task = small([["b", "a"], ["a", "c"]], steps=9)
    assert rollout(task, Topological()(task, 0, TRACKER), 1).item[0].tolist() == [1] * 3 + [0] * 3 + [2] * 3
    part = small([["b", "a"], ["a", "c"]], steps=9, goal=["a", "c"])
    assert rollout(part, Topological()(part, 0, TRACKER), 1).item[0].tolist() == [0] * 5 + [2] * 4
    bare = small(steps=9)  # no graph: by the tutor's P(L0), the highest first
    assert rollout(bare, Topological()(bare, 0, TRACKER), 1).item[0].tolist() == [2] * 3 + [0] * 3 + [1] * 3


def test_topological_takes_a_prerequisite_where_the_goal_is_locked():
    task = small([["a", "b"]], goal=["b"])
    observation = seen(task, goal=[0, 1, 0])
    assert choice(Topological()(task, 0, TRACKER), observation, [1, 0, 1]) == 0
    assert choice(Topological()(task, 0, TRACKER), observation, [1, 1, 1]) == 1


def test_orders():
    task = small([["c", "a"]])
    assert skill_order(task, "topological").tolist() == [1, 2, 0]
    assert skill_order(task, "lowest_prior").tolist() == [1, 0, 2]
    assert skill_order(task, "highest_prior").tolist() == [2, 0, 1]
    assert skill_order(task, "highest_learn").tolist() == [1, 0, 2]


def test_n_in_a_row_takes_the_first_skill_without_a_streak():
    task = small([["b", "a"]])
    rule = NInARow(n=2)(task, 0, TRACKER)
    assert choice(rule, seen(task, streak=[0, 0, 0])) == 1
    assert choice(rule, seen(task, streak=[1, 2, 0])) == 2  # in the order b, c, a
    assert choice(rule, seen(task, streak=[1, 2, 5])) == 0
    assert choice(rule, seen(task, streak=[0, 0, 0]), [1, 0, 1]) == 2
    assert choice(rule, seen(task, streak=[0, 0, 0], goal=[0, 0, 1])) == 2  # only items that bear on the goal
    assert choice(rule, seen(task, streak=[0, 0, 0], goal=[1, 0, 0])) == 1


def test_when_nothing_is_left_the_fallback_stays_with_the_goal():
    task = small([["b", "a"]])
    done = seen(task, streak=[9, 9, 9], goal=[1, 0, 0], belief=[0.9, 0.7, 0.1])
    assert choice(NInARow(fallback="lowest_belief")(task, 0, TRACKER), done) == 1
    assert choice(NInARow(fallback="lowest_belief")(task, 0, TRACKER), done, [0, 0, 1]) == 2
    rule = NInARow()(task, 0, TRACKER)
    many = np.repeat(done, 4000, axis=0)
    item, _ = rule.predict(many, rule.begin(luck_of(4000)))
    assert np.bincount(item, minlength=3)[2] == 0
    assert abs(np.mean(item == 0) - 0.5) < 4 * np.sqrt(0.25 / 4000)


def test_the_threshold_asks_for_mastered_prerequisites_first():
    edges = [["a", "b"], ["b", "c"]]
    task = small(edges)
    by_learning = MasteryThreshold(order="highest_learn")(task, 0, TRACKER)  # b, a, c
    assert choice(by_learning, seen(task, belief=[0.5, 0.5, 0.5])) == 0
    assert choice(by_learning, seen(task, belief=[0.96, 0.5, 0.5])) == 1
    assert choice(by_learning, seen(task, belief=[0.5, 0.5, 0.5]), [0, 1, 1]) == 1  # only then another
    strict = MasteryThreshold()(task, 0, TRACKER)
    assert choice(strict, seen(task, belief=[0.94, 0.9, 0.1])) == 0
    assert choice(strict, seen(task, belief=[0.95, 0.9, 0.1])) == 1
    assert choice(strict, seen(task, belief=[0.95, 0.95, 0.1])) == 2


def test_items_of_several_skills_follow_the_lowest_product():
    task = small(items={"x": ["a"], "y": ["a", "b"], "z": ["c"]})
    rule = MasteryThreshold(threshold=0.9)(task, 0, TRACKER)
    assert choice(rule, seen(task, belief=[0.8, 0.8, 0.7])) == 1  # .64 < .7 < .8
    assert choice(rule, seen(task, belief=[0.8, 0.9, 0.7])) == 2
    assert choice(rule, seen(task, belief=[0.8, 0.8, 0.7]), [1, 0, 0]) == 0
    assert choice(rule, seen(task, belief=[0.8, 0.8, 0.1], goal=[1, 1, 0])) == 1
    low = MasteryThreshold(threshold=0.5, fallback="lowest_belief")(task, 0, TRACKER)
    assert choice(low, seen(task, belief=[0.9, 0.6, 0.8])) == 1


def test_several_items_of_a_skill_are_equally_likely():
    task = small(items={"x": ["a"], "y": ["a"], "z": ["a"], "b": ["b"], "c": ["c"]})
    rule = NInARow()(task, 0, TRACKER)
    many = np.repeat(seen(task), 6000, axis=0)
    mask = np.tile([True, False, True, True, True], (6000, 1))
    item, _ = rule.predict(many, rule.begin(luck_of(6000)), None, True, mask)
    assert set(item.tolist()) == {0, 2}
    assert abs(np.mean(item == 0) - 0.5) < 4 * np.sqrt(0.25 / 6000)


def test_expected_gain_is_the_largest_product():
    task = small([["a", "b"]])
    policy = ExpectedGain()(task, 0, TRACKER)
    assert choice(policy, seen(task, belief=[0.0, 0.5, 0.0])) == 0  # .2, .15, .1
    assert choice(policy, seen(task, belief=[0.5, 0.5, 0.5])) == 1  # .1, .15, .05
    assert choice(policy, seen(task, belief=[0.5, 0.5, 0.5], goal=[0, 0, 1])) == 2
    assert choice(policy, seen(task, belief=[0.5, 0.5, 0.5]), [1, 0, 1]) == 0
    locked = seen(task, belief=[0.9, 0.0, 0.0], goal=[0, 1, 0])
    assert choice(policy, locked, [1, 0, 1]) == 0  # a leads to the goal, c does not
    assert choice(policy, seen(task, belief=[1.0, 1.0, 1.0]), [0, 1, 1]) == 1  # of equals, the first


def test_expected_gain_adds_over_the_goal_skills_of_an_item():
    task = small(items={"x": ["a"], "y": ["b"], "z": ["a", "c"]})
    policy = ExpectedGain()(task, 0, TRACKER)
    assert choice(policy, seen(task, belief=[0.0, 0.2, 0.0])) == 2  # .2, .24, .3
    assert choice(policy, seen(task, belief=[0.0, 0.2, 0.0], goal=[1, 1, 0])) == 1


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda task: NInARow(n=0)(task, 0, TRACKER), "agent.n"),
        (lambda task: MasteryThreshold(threshold=1.0)(task, 0, TRACKER), "agent.threshold"),
        (lambda task: NInARow(order="topologcal")(task, 0, TRACKER), "topological"),
        (lambda task: NInARow(fallback="unifrom")(task, 0, TRACKER), "uniform"),
        (lambda task: MasteryThreshold(fallback="x")(task, 0, TRACKER), "fallback"),
    ],
)
def test_wrong_options_are_named(make, field):
    with pytest.raises(InputError, match=field):
        make(small())


@pytest.mark.parametrize(
    ("agent", "missing"),
    [
        (NInARow(), "streak"),
        (MasteryThreshold(), "belief"),
        (ExpectedGain(), "belief"),
        (Topological(), "attempts"),
        (Thompson(), "last_correct"),
    ],
)
def test_a_task_without_the_feature_is_refused(agent, missing):
    features = tuple(
        name for name in ("goal", "streak", "belief", "attempts", "last_correct") if name != missing
    )
    with pytest.raises(InputError, match=missing):
        agent(small(features=features), 0, TRACKER)
