"""Linear bandits across learners: their algebra, their training, and their file."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from coursewright.agents.bandits import linear
from coursewright.agents.bandits.linear import LinearRule, Plan, contexts, learn, taught, untaught
from coursewright.agents.bandits.linear_bandit import Bound, Draw, LinearBandit
from coursewright.agents.rule import RulePolicy
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.tracker import SILENT
from coursewright.agents.training_learners import first_learner
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.errors import InputError
from learners import luck_of
from small_tasks import small_task

KSS = kss(10)
SMALL = {"learners": 60, "batch": 20}
UCB, THOMPSON = LinearBandit("ucb", 0.5), LinearBandit("thompson", 0.25)


def pulls(n, skills=3, d=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, skills, n), rng.normal(0, 1, (n, d)), rng.normal(0, 1, n)


def test_updates_are_those_of_a_plain_loop():
    arm, x, reward = pulls(50)
    model = untaught(3, 4, 2.0)
    learn(model, arm, x, reward)
    for k in range(3):
        a, b = 2.0 * np.eye(4), np.zeros(4)
        for n in np.flatnonzero(arm == k):
            a += np.outer(x[n], x[n])
            b += reward[n] * x[n]
        np.testing.assert_allclose(model.a[k], a)
        np.testing.assert_allclose(model.b[k], b)
        np.testing.assert_allclose(model.inverse[k], np.linalg.inv(a), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(model.theta[k], np.linalg.solve(a, b), rtol=1e-9, atol=1e-12)
    assert model.pulls.tolist() == np.bincount(arm).tolist()


def test_the_inverse_does_not_drift():
    # Contexts of very different size, and nearly alike.
    arm, x, reward = pulls(300_500, skills=1, d=3)
    x[:, 1] = 1e6 * x[:, 0] + x[:, 1]
    model = untaught(1, 3, 1.0)
    learn(model, arm, x, reward)
    np.testing.assert_allclose(model.inverse[0], np.linalg.inv(model.a[0]), rtol=5e-8)


def test_theta_is_that_of_the_world():
    arm, x, _ = pulls(4000)
    theta = np.array([[1.0, -1.0, 0.5, 0.0], [0.0, 2.0, 0.0, 1.0], [0.3, 0.3, 0.3, 0.3]])
    model = untaught(3, 4, 1.0)
    learn(model, arm, x, (x * theta[arm]).sum(axis=1) + np.random.default_rng(1).normal(0, 0.1, 4000))
    np.testing.assert_allclose(model.theta, theta, atol=0.02)


def test_a_context_is_one_the_skills_features_and_the_shared_ones():
    task = small_task()
    observation = np.random.default_rng(0).random((3, task.layout.width)).astype(np.float32)
    x = contexts(task.layout, observation)
    shared, belief = task.layout.columns("budget_left"), task.layout.columns("belief")
    names = [name.partition("[")[0] for name in task.layout.names]
    assert (x[:, :, 0] == 1.0).all()
    place = 1 + names[: task.layout.stride].index("belief")
    np.testing.assert_array_equal(x[:, :, place], observation[:, belief])
    for k in range(5):
        np.testing.assert_array_equal(x[:, k, -1], observation[:, shared][:, 0])
    days = 1 + names[: task.layout.stride].index("days_since")
    np.testing.assert_allclose(x[:, :, days], np.log1p(observation[:, task.layout.columns("days_since")]))


def model_of(task, seed=0):
    d = contexts(task.layout, np.zeros((1, task.layout.width), np.float32)).shape[2]
    model = untaught(task.course.n_skills, d, 1.0)
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, task.course.n_skills, 200)
    learn(model, arm, rng.normal(0, 1, (200, d)), rng.normal(0, 1, 200))
    return model


def test_linucb_takes_the_highest_bound():
    model, alpha = model_of(KSS), 0.7
    policy = RulePolicy("here", KSS, LinearRule(KSS, model, Bound(alpha)))
    observation = np.random.default_rng(3).random((40, KSS.layout.width)).astype(np.float32)
    observation[:, KSS.layout.columns("goal")] = 1.0
    item, _ = policy.predict(observation, policy.begin(luck_of(np.arange(40))))
    x = contexts(KSS.layout, observation)
    for i in range(40):
        bound = [
            model.theta[k] @ x[i, k] + alpha * np.sqrt(x[i, k] @ np.linalg.inv(model.a[k]) @ x[i, k])
            for k in range(10)
        ]
        assert item[i] == np.argmax(bound)


def test_linear_thompson_draws_from_the_posterior():
    model, v, n = model_of(KSS), 0.6, 20_000
    rule = LinearRule(KSS, model, Draw(v, seed=5))
    policy = RulePolicy("here", KSS, rule)
    observation = np.tile(np.random.default_rng(3).random(KSS.layout.width).astype(np.float32), (n, 1))
    x = contexts(KSS.layout, observation[:1])[0]
    seen = policy._seen(observation, policy.begin(luck_of(np.arange(n))), None)
    spread = np.sqrt(np.einsum("kd,kde,ke->k", x, model.inverse, x))
    drawn = rule.explores(seen, np.tile(spread, (n, 1)))
    for k in (0, 7):
        assert stats.kstest(drawn[:, k], stats.norm(0, v * spread[k]).cdf).pvalue > 1e-3
    other = Draw(v, seed=6)(seen, np.tile(spread, (n, 1)))
    assert abs(np.corrcoef(drawn[:, 0], other[:, 0])[0, 1]) < 0.03
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.03


@pytest.mark.slow
def test_a_pull_is_paid_by_later_rewards_as_well():
    policy = RulePolicy("here", KSS, LinearRule(KSS, model_of(KSS), Bound(1.0)))
    numbers = np.arange(8)
    by_step, whole = (taught(KSS, policy, numbers, discount).worth.reshape(10, 8) for discount in (0.0, 1.0))
    half = taught(KSS, policy, numbers, 0.5).worth.reshape(10, 8)
    np.testing.assert_allclose(whole, by_step[::-1].cumsum(axis=0)[::-1])
    np.testing.assert_allclose(half[:-1], by_step[:-1] + 0.5 * half[1:])


@pytest.mark.parametrize("agent", [UCB, THOMPSON])
def test_it_learns_to_teach(agent):
    task = kss(30)
    policy = agent(task)
    score = rollout(task, policy, 1000).returned.mean()
    random = rollout(task, UniformRandom()(task), 1000).returned.mean()
    assert random < 0.25 < 0.75 < score


@pytest.mark.parametrize("agent", [UCB, THOMPSON])
def test_training_repeats_and_seeds_and_batches_matter(agent):
    first, second = (replace(agent, **SMALL)(KSS, 3).model for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert not np.array_equal(first.b, replace(agent, **SMALL)(KSS, 4).model.b)
    assert not np.array_equal(first.b, replace(agent, learners=60, batch=30)(KSS, 3).model.b)


def test_models_do_not_change_within_a_batch(monkeypatch):
    told = []
    monkeypatch.setattr(linear, "learn", lambda model, arm, x, worth: told.append(len(arm)))
    linear.train(KSS, Plan(45, 20, 0.0, 1.0), Bound(0.5), 0, SILENT)
    assert told == [200, 200, 50]


def test_training_learners_are_those_of_the_seed():
    numbers = []
    begin = linear.Episodes.begin

    def spy(self, rows, number, episode, split):
        numbers.append((number.copy(), split))
        return begin(self, rows, number, episode, split)

    linear.Episodes.begin = spy
    try:
        replace(UCB, **SMALL)(KSS, 7)
    finally:
        linear.Episodes.begin = begin
    assert np.concatenate([n for n, _ in numbers]).tolist() == (first_learner(7) + np.arange(60)).tolist()
    assert {int(split) for _, split in numbers} == {0}


@pytest.mark.parametrize("agent", [replace(UCB, **SMALL), replace(THOMPSON, **SMALL)])
def test_a_saved_policy_chooses_alike(agent, tmp_path):
    policy = agent(KSS, 2)
    policy.save(tmp_path / "policy.json")
    again = agent.load(tmp_path / "policy.json", KSS)
    assert again.label == policy.label
    assert (rollout(KSS, again, 200).item == rollout(KSS, policy, 200).item).all()
    stored = json.loads((tmp_path / "policy.json").read_text())
    assert (stored["label"]["seed"], stored["options"]["learners"]) == (2, 60)
    assert np.array(stored["model"]["pulls"]).sum() == 600


def test_a_file_of_something_else_is_refused(tmp_path):
    agent, path = replace(UCB, **SMALL), tmp_path / "policy.json"
    agent(KSS).save(path)
    whole = path.read_text()
    with pytest.raises(InputError, match="course"):
        agent.load(path, small_task())
    with pytest.raises(InputError, match=r"task\.features"):
        agent.load(path, replace(KSS, features=("goal",)))
    with pytest.raises(InputError, match="lin_ucb made it"):
        replace(THOMPSON, **SMALL).load(path, KSS)
    with pytest.raises(InputError, match=r"agent\.width = 0\.1: must be 0\.5"):
        replace(agent, width=0.1).load(path, KSS)
    with pytest.raises(InputError, match="cannot be read"):
        agent.load(tmp_path / "nowhere", KSS)
    tree = json.loads(whole)
    for text in ("", whole[:500], "[]", "{}", '{"format": 1}', json.dumps(tree | {"model": {}})):
        path.write_text(text)
        with pytest.raises(InputError, match="policy = "):
            agent.load(path, KSS)
    path.write_text(json.dumps(tree | {"format": 9}))
    with pytest.raises(InputError, match="a later coursewright wrote it"):
        agent.load(path, KSS)
    tree["model"]["b"][0][0] = float("nan")
    path.write_text(json.dumps(tree))
    with pytest.raises(InputError, match="its models"):
        agent.load(path, KSS)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: LinearBandit(width=-1.0), "agent.width = -1.0"),
        (lambda: LinearBandit(bonus="ucbb"), "agent.bonus = 'ucbb': no such name .did you mean 'ucb'"),
        (lambda: LinearBandit(ridge=0.0), "agent.ridge = 0.0"),
        (lambda: LinearBandit(discount=1.5), "agent.discount = 1.5"),
        (lambda: LinearBandit(learners=0), "agent.learners = 0"),
        (lambda: LinearBandit(batch=0), "agent.batch = 0"),
        (lambda: LinearBandit()(replace(KSS, features=("attempts",))), "task.features for lin_ucb"),
        (lambda: LinearBandit()(KSS, seed=-1), "agent.seed = -1"),
    ],
)
def test_wrong_options_are_named(make, field):
    with pytest.raises(InputError, match=field):
        make()
