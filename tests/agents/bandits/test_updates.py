"""Every bandit's update against plain loops, its draws against their law, and UCB1's regret."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from coursewright.agents.bandits.arms import Arms
from coursewright.agents.bandits.beta_thompson import DRAWS, BetaThompson, beta_draw
from coursewright.agents.bandits.discounted import DiscountedUcb
from coursewright.agents.bandits.epsilon_greedy import EpsilonGreedy
from coursewright.agents.bandits.exp3 import Exp3
from coursewright.agents.bandits.riarit import Riarit
from coursewright.agents.bandits.sliding_window import SlidingWindowUcb
from coursewright.agents.bandits.ucb import UpperBound
from coursewright.envs.features import NAMES
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from learners import luck_of

ARMS = 4


def task(steps=60, items=None):
    course = Course.of([f"s{k}" for k in range(ARMS)], items=items)
    table = BktParameters(prior=[0.2] * ARMS, learn=[0.2] * ARMS, guess=[0.2] * ARMS, slip=[0.1] * ARMS)
    return Task(simulator=Bkt(course, table), tutor=table, steps=steps, features=NAMES)


def seen(made, right):
    """Observations of learners whose last answers were `right`; NaN where nothing was asked."""
    observation = np.zeros((len(right), made.layout.width), np.float32)
    observation[:, made.layout.columns("goal")] = 1.0
    answer = np.where(np.isnan(right), 0.0, 2.0 * np.nan_to_num(right) - 1.0)
    observation[:, made.layout.columns("last_correct").start] = answer
    return observation


def lived(policy, made, steps=60, learners=30, seed=0):
    """Random answers, some of them missing; (item, right) of each step, and the last state."""
    rng = np.random.default_rng(seed)
    state = policy.begin(luck_of(np.arange(learners)))
    right, walk, states = np.full(learners, np.nan), [], []
    for _ in range(steps):
        item, state = policy.predict(seen(made, right), state)
        right = np.where(rng.random(learners) < 0.1, np.nan, rng.random(learners) < 0.3 + 0.1 * item)
        walk.append((item, right))
        states.append(state)
    return walk, states


def progress(answers):
    return 0.0 if len(answers) < 2 else (sum(answers[-3:]) - sum(answers[-6:-3])) / 3


def paid(walk, learner):
    """(arm, reward) of every step so far; the reward is None where nothing was asked."""
    answers, out = [[] for _ in range(ARMS)], []
    for item, right in walk:
        arm = int(item[learner])
        if np.isnan(right[learner]):
            out.append((arm, None))
        else:
            answers[arm].append(int(right[learner]))
            out.append((arm, progress(answers[arm])))
    return out


def best(index):
    return max(range(ARMS), key=lambda k: (index[k], -k))


def test_a_sliding_window_is_that_of_a_plain_loop():
    made, size, c = task(), 9, 0.7
    walk, _ = lived(SlidingWindowUcb(window=size, c=c)(made), made)
    for learner in range(30):
        pulls = paid(walk, learner)
        for step, (arm, _) in enumerate(pulls):
            recent = [pull for pull in pulls[:step] if pull[1] is not None][-size:]
            index = []
            for k in range(ARMS):
                own = [r for a, r in recent if a == k]
                bonus = c * np.sqrt(np.log(len(recent)) / len(own)) if own else np.inf
                index.append(sum(own) / max(len(own), 1) + bonus)
            assert arm == best(index)


def test_a_discounted_bound_is_that_of_a_plain_loop():
    made, gamma, c = task(), 0.9, 0.7
    walk, _ = lived(DiscountedUcb(gamma=gamma, c=c)(made), made)
    for learner in range(30):
        number, total, ever = [0.0] * ARMS, [0.0] * ARMS, set()
        for arm, reward in paid(walk, learner):
            index = [np.inf] * ARMS
            for k in ever:
                bonus = c * np.sqrt(max(np.log(sum(number)), 0.0) / number[k])
                index[k] = total[k] / number[k] + bonus
            assert arm == best(index)
            if reward is not None:
                number, total = [gamma * n for n in number], [gamma * n for n in total]
                number[arm] += 1.0
                total[arm] += reward
                ever.add(arm)


def test_a_window_forgets():
    # An arm that paid long ago, one that pays now: all pulls prefer the first, the window the second.
    made = task()
    for agent, expected in ((SlidingWindowUcb(window=4, c=0.0), 1), (SlidingWindowUcb(window=40, c=0.0), 0)):
        policy = agent(made)
        state = policy.begin(luck_of(np.arange(1)))
        evidence, own = policy.rule.evidence, state.memory.own
        for arm, reward in [(0, 1.0)] * 9 + [(k, 0.0) for k in (0, 2, 3)] + [(1, 0.5)]:
            evidence.learn(own, np.array([arm]), np.array([reward]))
        item, _ = policy.predict(seen(made, np.full(1, np.nan)), state)
        assert item[0] == expected


def test_exp3_weighs_and_draws_as_a_plain_loop_does():
    made, gamma = task(), 0.3
    walk, states = lived(Exp3(gamma=gamma)(made), made)
    for learner in range(30):
        weight, chance = np.ones(ARMS), None
        for step, (arm, reward) in enumerate(paid(walk, learner)):
            chance = (1 - gamma) * weight / weight.sum() + gamma / ARMS
            memory = states[step].memory
            assert memory.own.pk[learner] == pytest.approx(chance[arm] * ARMS)
            assert np.exp(memory.own.log[learner]) == pytest.approx(weight)
            if reward is not None:
                weight[arm] *= np.exp(gamma * (1 + reward) / 2 / (chance[arm] * ARMS))


def test_exp3_draws_by_its_chances_and_explores_as_its_authors_say():
    made, n = task(), 40_000
    policy = Exp3(gamma=0.2)(made)
    state = policy.begin(luck_of(np.arange(n)))
    state.memory.own.log[:] = np.log([1.0, 2.0, 3.0, 4.0])
    item, _ = policy.predict(seen(made, np.full(n, np.nan)), state)
    expected = 0.8 * np.array([0.1, 0.2, 0.3, 0.4]) + 0.05
    assert np.bincount(item, minlength=ARMS) / n == pytest.approx(expected, abs=0.01)
    horizon = task(steps=100)
    theirs = np.sqrt(ARMS * np.log(ARMS) / ((np.e - 1) * 100))
    assert Exp3()(horizon).rule.index.gamma == pytest.approx(theirs)


def test_epsilon_greedy_takes_the_best_mean_and_now_and_then_any():
    made, n = task(), 40_000
    policy = EpsilonGreedy(epsilon=0.2)(made)
    state = policy.begin(luck_of(np.arange(n)))
    state.memory.pulls[:], state.memory.total[:] = [5, 5, 5, 5], [0.0, 1.0, 3.0, 2.0]
    item, _ = policy.predict(seen(made, np.full(n, np.nan)), state)
    assert np.bincount(item, minlength=ARMS) / n == pytest.approx([0.05, 0.05, 0.85, 0.05], abs=0.01)
    greedy, steps = EpsilonGreedy(epsilon=0.0)(made), 40
    walk, _ = lived(greedy, made, steps)
    for learner in range(30):
        total, pulls = [0.0] * ARMS, [0] * ARMS
        for arm, reward in paid(walk, learner):
            assert arm == best([t / p if p else np.inf for t, p in zip(total, pulls, strict=True)])
            if reward is not None:
                total[arm] += reward
                pulls[arm] += 1


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (1.0, 4.0), (3.5, 1.0), (2.5, 2.5), (40.0, 7.0)])
def test_beta_draws_follow_their_law(a, b):
    keys = luck_of(np.arange(20_000)).fate
    draws = np.array([beta_draw(a, b, key, 3, DRAWS) for key in keys])
    assert stats.kstest(draws, stats.beta(a, b).cdf).pvalue > 1e-3


def test_beta_thompson_counts_progress_as_shares():
    # Beta(1 + 4.5, 1 + 1.5) against Beta(1 + 3, 1 + 3); the other arms have failed for long.
    made, n = task(), 40_000
    policy = BetaThompson()(made)
    state = policy.begin(luck_of(np.arange(n)))
    state.memory.pulls[:], state.memory.total[:] = [6, 6, 900, 900], [3.0, 0.0, -900.0, -900.0]
    item, _ = policy.predict(seen(made, np.full(n, np.nan)), state)
    rng = np.random.default_rng(0)
    expected = np.mean(rng.beta(5.5, 2.5, 10**6) > rng.beta(4.0, 4.0, 10**6))
    assert np.mean(item == 0) == pytest.approx(expected, abs=0.012)
    assert not (item >= 2).any()


def test_the_regret_of_ucb1_is_below_its_published_bound():
    # Auer et al. 2002, theorem 1: 8 sum of ln(n) / gap, plus (1 + pi^2 / 3) times the sum of gaps.
    means, batch, n = np.array([0.9, 0.8, 0.6, 0.5]), 200, 2000
    rng, rows = np.random.default_rng(0), np.arange(200)
    arms = Arms(
        np.zeros(batch, np.int64),
        np.zeros((batch, ARMS), np.int64),
        np.zeros((batch, ARMS), np.int64),
        np.zeros((batch, ARMS)),
    )
    index = UpperBound(1.0)
    for _ in range(n):
        pull = index(SimpleNamespace(), arms, np.ones((batch, ARMS), bool)).argmax(axis=1)
        arms.pulls[rows, pull] += 1
        arms.total[rows, pull] += rng.random(batch) < means[pull]
    gaps = means.max() - means[1:]
    regret = (arms.pulls * (means.max() - means)).sum(axis=1).mean()
    assert regret <= (8 * np.log(n) / gaps).sum() + (1 + np.pi**2 / 3) * gaps.sum()
    assert regret < 0.3 * n * (means.max() - means).mean()  # of one who pulls any


def test_riarit_moves_levels_and_weights_as_a_plain_loop_does():
    items = {"easy": "s0", "hard": "s0", "both": ["s1", "s2"], "last": "s3"}
    made, levels = task(items=items), {"easy": 0.3, "hard": 0.9}
    walk, states = lived(Riarit(level=0.6, levels=levels)(made), made)
    asks, skills = [0.3, 0.9, 0.6, 0.6], [[0], [0], [1, 2], [3]]
    for learner in range(30):
        level, weight = [0.0] * 4, [0.05] * 4
        for step, (item, right) in enumerate(walk):
            memory = states[step].memory
            assert memory.level[learner] == pytest.approx(level)
            assert memory.weight[learner] == pytest.approx(weight)
            a = item[learner]
            if np.isnan(right[learner]):
                continue
            moved = []
            for k in skills[a]:
                above = asks[a] - level[k]
                r = above if (above > 0) == bool(right[learner]) and above != 0 else 0.0
                moved.append(r)
                level[k] += 0.6 * r
            weight[a] = 0.2 * weight[a] + 0.8 * max(0.0, np.mean(moved))


def test_an_item_may_ask_for_another_level_of_each_of_its_skills():
    made = task(items={"one": "s0", "both": ["s1", "s2"], "last": "s3"})
    policy = Riarit(level=0.6, levels={"both": {"s2": 0.2}, "last": 0.9})(made)
    state = policy.begin(luck_of(np.arange(200)))
    item, state = policy.predict(seen(made, np.full(200, np.nan)), state)
    _, state = policy.predict(seen(made, np.ones(200)), state)  # everybody was right: c = .6 q, r = q
    for learner in np.flatnonzero(item == 1):
        assert state.memory.level[learner] == pytest.approx([0.0, 0.6 * 0.6, 0.6 * 0.2, 0.0])
        assert state.memory.weight[learner, 1] == pytest.approx(0.2 * 0.05 + 0.8 * (0.6 + 0.2) / 2)
    for learner in np.flatnonzero(item == 2):
        assert state.memory.level[learner, 3] == pytest.approx(0.6 * 0.9)
    assert {1, 2} <= set(item.tolist())


def test_riarit_draws_in_proportion():
    made, n = task(), 40_000
    policy = Riarit()(made)
    state = policy.begin(luck_of(np.arange(n)))
    state.memory.weight[:] = [0.0, 0.1, 0.2, 0.7]
    item, _ = policy.predict(seen(made, np.full(n, np.nan)), state)
    expected = (np.array([0.0, 0.1, 0.2, 0.7]) + 0.1) / 1.4
    assert np.bincount(item, minlength=ARMS) / n == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: EpsilonGreedy(epsilon=1.5), "agent.epsilon = 1.5"),
        (lambda: SlidingWindowUcb(window=0), "agent.window = 0"),
        (lambda: SlidingWindowUcb(c=-1.0), "agent.c = -1.0"),
        (lambda: DiscountedUcb(gamma=1.1), "agent.gamma = 1.1"),
        (lambda: Exp3(gamma=2.0), "agent.gamma = 2.0"),
        (lambda: Riarit(level=-0.1), "agent.level = -0.1"),
        (lambda: Riarit(levels={"s0": 2.0}), "agent.levels.s0 = 2.0"),
        (lambda: Riarit(levels={"nowhere": 0.5})(task()), "agent.levels = .*nowhere"),
        (lambda: Riarit(levels=3), "agent.levels = 3"),
        (lambda: Riarit(levels={"s0": {"s0": 2.0}}), "agent.levels.s0.s0 = 2.0"),
        (lambda: Riarit(levels={"s0": {"s1": 0.5}})(task()), "agent.levels.s0 = 's1'"),
    ],
)
def test_wrong_options_are_named(make, field):
    with pytest.raises(InputError, match=field):
        make()
