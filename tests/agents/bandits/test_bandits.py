import numpy as np
import pytest

from coursewright.agents.bandits.arms import progress
from coursewright.agents.bandits.bonus import C_GRID
from coursewright.agents.bandits.thompson import Thompson
from coursewright.agents.bandits.ucb import Ucb
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.features import NAMES
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Seeds, Split, identify

TRACKER = SilentTracker()


def task(**changes):
    course = Course.of(["a", "b", "c"], prerequisites=[["a", "b"]])
    table = BktParameters(prior=[0.2] * 3, learn=[0.2] * 3, guess=[0.2] * 3, slip=[0.1] * 3)
    return Task(simulator=Bkt(course, table), tutor=table, steps=20, features=NAMES, **changes)


def luck_of(batch):
    return identify(Seeds(), np.arange(batch), Split.EVALUATE, np.zeros(batch, np.int64))


def seen(made, batch, right):
    observation = np.zeros((batch, made.layout.width), np.float32)
    observation[:, made.layout.columns("goal")] = 1.0
    observation[:, made.layout.columns("last_correct")] = 1.0 if right else -1.0
    return observation


def reference(answers):
    """The reward as the definition says it, for answers in the order of time."""
    if len(answers) < 2:
        return 0.0
    return (sum(answers[-3:]) - sum(answers[-6:-3])) / 3


def test_progress_is_right_among_the_last_three_minus_the_three_before():
    rng = np.random.default_rng(0)
    for _ in range(200):
        answers = rng.integers(0, 2, rng.integers(1, 12)).tolist()
        bits = 0
        for answer in answers:
            bits = (bits << 1 | answer) & 63
        assert progress(bits, len(answers)) == pytest.approx(reference(answers))


def test_the_memory_is_what_was_answered():
    made = task()
    policy = Thompson()(made, 0, TRACKER)
    batch, history = 50, [[[] for _ in range(3)] for _ in range(50)]
    totals = np.zeros((batch, 3))
    state, item = policy.begin(luck_of(batch)), None
    rng = np.random.default_rng(1)
    for _ in range(20):
        observation = seen(made, batch, True)
        right = rng.random(batch) < 0.5
        observation[~right, made.layout.columns("last_correct")] = -1.0
        if item is not None:
            for i in range(batch):
                history[i][item[i]].append(int(right[i]))
                totals[i, item[i]] += reference(history[i][item[i]])
        item, state = policy.predict(observation, state)
    assert np.allclose(state.memory.total, totals)
    assert (state.memory.pulls == [[len(answers) for answers in row] for row in history]).all()


def test_a_new_episode_starts_with_an_empty_memory():
    made = task()
    policy = Thompson()(made, 0, TRACKER)
    state = policy.begin(luck_of(2))
    for _ in range(5):
        _, state = policy.predict(seen(made, 2, True), state)
    _, state = policy.predict(seen(made, 2, True), state, np.array([True, False]))
    assert state.memory.pulls.sum(axis=1).tolist() == [0, 5]


def with_memory(policy, batch, pulls, total):
    state = policy.begin(luck_of(batch))
    state.memory.pulls[:] = pulls
    state.memory.total[:] = total
    return state


def test_thompson_draws_from_the_posterior():
    made, batch = task(), 40_000
    policy = Thompson()(made, 0, TRACKER)
    # precision 1 + 4 n, mean 4 sum / precision: N(.8 * .5, .2), N(0, 1), and one far below
    state = with_memory(policy, batch, [1, 0, 1000], [0.5, 0.0, -10000.0])
    item, _ = policy.predict(seen(made, batch, True), state)
    rng = np.random.default_rng(0)
    expected = np.mean(rng.normal(0.4, np.sqrt(0.2), 10**6) > rng.normal(0, 1, 10**6))
    assert abs(np.mean(item == 0) - expected) < 4 * np.sqrt(0.25 / batch) + 0.002
    assert not (item == 2).any()


def test_ucb_is_mean_plus_bound():
    made = task()
    pulls, total = np.array([4, 9, 2]), np.array([1.0, 3.0, 0.1])
    for c in (0.0, 0.3, 1.0, 3.0):
        policy = Ucb(c=c)(made, 0, TRACKER)
        item, _ = policy.predict(seen(made, 1, True), with_memory(policy, 1, pulls, total))
        bound = total / pulls + c * np.sqrt(2 * np.log(pulls.sum()) / pulls)
        assert item[0] == bound.argmax()
    assert len({int(np.argmax(total / pulls + c * np.sqrt(2 * np.log(15) / pulls))) for c in (0.0, 3.0)}) == 2


def test_ucb_pulls_every_arm_once_first():
    made = task()
    policy = Ucb(c=0.1)(made, 0, TRACKER)
    state, items = policy.begin(luck_of(1)), []
    for _ in range(3):
        item, state = policy.predict(seen(made, 1, False), state)
        items.append(int(item[0]))
    assert sorted(items) == [0, 1, 2]


def test_arms_bear_on_the_goal_and_are_allowed():
    made, batch = task(), 500
    policy = Thompson()(made, 0, TRACKER)
    observation = seen(made, batch, True)
    observation[:, made.layout.columns("goal")] = [0.0, 1.0, 0.0]
    item, _ = policy.predict(observation, policy.begin(luck_of(batch)))
    assert set(item.tolist()) == {0, 1}
    mask = np.tile([False, False, True], (batch, 1))
    item, _ = policy.predict(observation, policy.begin(luck_of(batch)), None, True, mask)
    assert (item == 2).all()


@pytest.mark.slow
def test_c_is_tuned_within_the_grid_and_reported():
    policy = Ucb(learners=40)(task(), 0, TRACKER)
    assert policy.rule.index.c in C_GRID
    assert len(policy.tuned.trials) == len(C_GRID)
    best = max(policy.tuned.trials, key=lambda trial: trial.score)
    assert best.setting == policy.tuned.setting == f"c={policy.rule.index.c:g}"


def test_wrong_c():
    with pytest.raises(InputError, match=r"agent\.c"):
        Ucb(c=-1.0)(task(), 0, TRACKER)
