"""Rewards, features and outcomes of one's own: a wrong one is told in a line at the first step."""

from functools import partial

import numpy as np
import pytest
from hydra.utils import instantiate

from coursewright.agents.rules.baselines import UniformRandom
from coursewright.envs.episodes import Episodes
from coursewright.envs.features import Feature
from coursewright.envs.functions import bare
from coursewright.envs.rewards import mean_gain, mean_recall, post_test
from coursewright.envs.rollout import Group, rollout, traces
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation.outcomes import measured
from coursewright.simulators.luck import Split
from small_tasks import small_bkt, small_parameters


def bkt(**changes) -> Task:
    return Task(**{"simulator": small_bkt(), "features": ["goal"]} | changes)


FINITE = "a function that returns a finite number for each learner"


def test_a_reward_of_ones_own_pays_as_the_same_one_of_ours():
    def mine(before, after, taught):
        return mean_gain(before, after, taught)

    own, ours = bkt(steps=6, reward=mine), bkt(steps=6)
    paid = [rollout(task, UniformRandom()(task), 20).returned for task in (own, ours)]
    assert np.array_equal(*paid)


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (lambda n: np.full(n, np.nan), "it returned nan for learner 0"),
        (lambda n: np.where(np.arange(n) == 3, np.inf, 0.0), "it returned inf for learner 3"),
        (lambda n: 1.0, "it returned float64 of shape [] for 8 learners"),
        (lambda n: np.zeros((n, 2)), "it returned float64 of shape [8, 2] for 8 learners"),
        (lambda n: None, "it returned object of shape [] for 8 learners"),
    ],
)
def test_a_reward_that_is_no_number_is_refused_at_the_first_step(returned, told):
    task = bkt(steps=6, reward=lambda before, after, taught: returned(len(before)))
    with pytest.raises(InputError) as refused:
        rollout(task, UniformRandom()(task), 8)
    assert str(refused.value).startswith("task.reward = tests.envs.test_own_functions.test_a_reward")
    assert told in str(refused.value)
    assert FINITE in str(refused.value)


def test_a_reward_of_a_row_that_had_ended_is_ignored():
    def of_the_living(before, after, taught):
        return np.where(taught.item < 0, np.nan, 1.0)

    task = bkt(steps=6, stop=True, reward=of_the_living)
    episodes = Episodes(task, 2)
    rows = np.arange(2)
    episodes.begin(rows, rows, np.zeros(2, np.int64), Split.TRAIN)
    with pytest.raises(InputError, match="nan for learner 1"):  # the step that stops is paid for
        episodes.step(np.array([0, task.n_actions - 1]))
    reward, over = episodes.step(np.array([0, 0]))
    assert over.tolist() == [False, True]
    assert reward.tolist() == [1.0, 0.0]


def test_a_reward_of_ones_own_sees_no_latent_state():
    hidden = ("state", "task", "records", "luck", "after", "before", "memory")
    seen = []

    def look(before, after, taught):
        seen.extend(name for name in hidden if hasattr(taught, name))
        assert taught.post_test(2).shape == taught.goal_size.shape == taught.over.shape == taught.days.shape
        return np.zeros(len(before))

    rollout(task := bkt(steps=2, reward=look), UniformRandom()(task), 3)
    assert seen == []


def count(values, event):
    values += event.touched


def returns_new(values, event):
    return values + event.touched


def turns_nan(values, event):
    values[:] = np.where(event.touched, np.nan, values)


@pytest.mark.parametrize(
    ("update", "told"),
    [
        (returns_new, "a function that returned a ndarray: must be one that changes `values` in place"),
        (turns_nan, "a function that left nan in `values`: must be one that leaves finite numbers there"),
    ],
)
def test_a_feature_that_is_no_number_is_refused_at_the_first_step(update, told):
    good = bkt(steps=3, features=["goal", Feature("mine", "skill", count, highest=9.0)])
    rollout(good, UniformRandom()(good), 4)
    task = bkt(steps=3, features=["goal", Feature("mine", "skill", update, highest=9.0)])
    with pytest.raises(InputError) as refused:
        rollout(task, UniformRandom()(task), 4)
    assert str(refused.value) == f"task.features.mine.update = {told}"


def test_an_outcome_that_is_no_number_is_refused():
    task = bkt(steps=3)
    (trace,) = traces(task, UniformRandom()(task), Group(4))
    with pytest.raises(InputError, match=r"^outcomes.mine = nan for learner 2: must be a finite number"):
        measured(trace, {"mine": lambda trace: np.array([0.0, 1.0, np.nan, 2.0])})
    with pytest.raises(InputError, match=r"^outcomes.mine = float64 \[2\]: must be one number per learner"):
        measured(trace, {"mine": lambda trace: np.zeros(2)})


def test_a_wrong_reward_is_not_said_of_a_rule():
    from omegaconf import OmegaConf

    from coursewright.scripts.studies import rules

    tuned = OmegaConf.create({"_target_": "coursewright.agents.rules.tuned.TunedMastery", "learners": 10})
    shown, told = ["goal", "streak", "belief"], small_parameters()
    task = bkt(steps=3, features=shown, tutor=told, reward=lambda before, after, taught: np.nan)
    for needed in ({"reference": "tuned_mastery"}, {}):
        with pytest.raises(InputError, match=r"^task\.reward = "):
            rules({"tuned_mastery": tuned}, task, 0, needed)


def test_functions_of_a_configuration_are_called_without_hydras_checks():
    """Its partials check themselves at each call, .2 ms long: more than a step of many learners."""
    plain = instantiate({"_target_": "coursewright.envs.rewards.mean_recall", "_partial_": True})
    given = {"_target_": "coursewright.envs.rewards.post_test", "_partial_": True, "answers": 5}
    tested = bare(instantiate(given))
    assert bare(plain) is mean_recall
    assert (type(tested), tested.func, tested.keywords) == (partial, post_test, {"answers": 5})
    assert bare(mean_gain) is mean_gain
    kept = instantiate({"_target_": f"{keep_right.__module__}.keep_right", "_partial_": True})
    feature = Feature("mine", "skill", kept, highest=9.0)
    episodes = Episodes(bkt(steps=3, reward=plain, features=["goal", feature]), 3)
    assert episodes._reward is mean_recall
    assert [own.update for own in episodes.records._own] == [keep_right]


def keep_right(values, event):
    """A feature of one's own."""
