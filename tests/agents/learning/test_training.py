"""Training with Stable-Baselines3: features of the network, masks, seeds, options, logging."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coursewright.agents.learning.a2c import A2c
from coursewright.agents.learning.ars import Ars
from coursewright.agents.learning.dqn import Dqn
from coursewright.agents.learning.network import Reading, default_features, reading
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.qr_dqn import QrDqn
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.trpo import Trpo
from coursewright.agents.sampling import DISALLOWED, Draws, draw
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.gym import spaces
from coursewright.envs.layout import Layout
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Luck, Seeds, identify

FEW = {"steps": 320, "learners": 8, "layers": (8,)}
SMALL = FEW | {"batch_size": 40}
REPLAY = SMALL | {"learning_starts": 64, "buffer_size": 200}
PPO, MASKED = Ppo(imitate=None, **SMALL), Ppo(imitate=None, masked=True, **SMALL)
REMEMBERING = [RecurrentPpo(**SMALL, masked=masked, units=8) for masked in (False, True)]
OTHERS = [A2c(**FEW), Trpo(**SMALL), Dqn(**REPLAY), QrDqn(**REPLAY), Ars(**FEW, directions=2)]
AGENTS = [PPO, MASKED, *REMEMBERING, *OTHERS]


class Notebook(SilentTracker):
    def __init__(self, directory=None):
        super().__init__(directory)
        self.rows = []

    def log(self, data, step):
        self.rows.append((step, dict(data)))


def weights(policy):
    return {name: value.numpy().copy() for name, value in policy.model.policy.state_dict().items()}


def same(mine, theirs):
    assert mine.keys() == theirs.keys()
    return all(np.array_equal(mine[name], theirs[name]) for name in mine)


def test_the_default_features_are_the_measured_ones():
    assert default_features(kss().layout) == (
        "goal",
        "last_item",
        "log_warmup_right",
        "log_warmup_wrong",
        "log_successes",
        "log_failures",
        "streak",
        "budget_left",
    )


def test_a_task_without_some_features_gets_those_that_it_has():
    assert default_features(bkt().layout) == (
        "goal", "last_item", "log_successes", "log_attempts", "streak", "budget_left"
    )  # fmt: skip
    assert default_features(Layout.of(Course.of(2), ("belief",))) == ("belief",)
    assert default_features(Layout.of(Course.of(2), ("attempts",))) == ("attempts",)


def test_reading_is_the_stated_transform():
    layout = Layout.of(Course.of(2), ("streak", "goal", "days_since", "budget_left", "last_item"))
    observation = np.zeros((3, layout.width), np.float32)
    observation[:, layout.columns("streak")] = [[0, 5], [6, 7], [100, 1]]
    observation[:, layout.columns("goal")] = [[1, 0], [0, 1], [1, 1]]
    observation[:, layout.columns("days_since")] = [[0, 1], [3, 30], [7, 0.5]]
    observation[:, layout.columns("budget_left")] = [[1], [0.5], [0]]
    space = spaces(replace(kss(4)), 40)[0]
    module = Reading(space, **reading(layout, ("budget_left", "streak", "days_since", "goal")))
    expected = np.concatenate(
        [
            [[1], [0.5], [0]],
            np.array([[0, 2.5], [3, 3], [3, 0.5]]),
            np.log1p([[0, 1], [3, 30], [7, 0.5]]),
            [[1, 0], [0, 1], [1, 1]],
        ],
        axis=1,
    )
    np.testing.assert_allclose(module(torch.as_tensor(observation)).numpy(), expected, rtol=1e-6)
    assert module.features_dim == expected.shape[1]


def test_the_network_reads_nothing_else():
    policy = replace(MASKED, features=("goal", "streak"))(kss(4), 0, SilentTracker())
    layout = kss(4).layout
    seen = np.random.default_rng(0).random((5, layout.width), np.float32)
    read = np.zeros(layout.width, bool)
    for name in ("goal", "streak"):
        read[layout.columns(name)] = True
    other = np.where(read, seen, -3.0).astype(np.float32)
    np.testing.assert_array_equal(policy.scores(seen), policy.scores(other))
    assert np.any(policy.scores(seen) != policy.scores(np.where(read, seen + 1, seen)))


@pytest.mark.parametrize("features", [["strek"], ["days_since"], []])
def test_a_feature_that_the_task_lacks_is_refused(features):
    with pytest.raises(InputError, match="feature"):
        replace(PPO, features=features)(kss(4), 0, SilentTracker())


@pytest.mark.parametrize("agent", AGENTS)
def test_one_seed_gives_one_set_of_weights(agent):
    first = weights(agent(kss(5), 0, SilentTracker()))
    torch.rand(7)  # earlier draws must not matter
    np.random.rand(3)  # noqa: NPY002
    assert same(first, weights(agent(kss(5), 0, SilentTracker())))
    assert not same(first, weights(agent(kss(5), 1, SilentTracker())))


@pytest.mark.parametrize("agent", [MASKED, REMEMBERING[1]])
def test_masked_training_never_tries_what_is_disallowed(agent):
    task = replace(kss(6), strict=True)
    agent(task, 0, SilentTracker())
    with pytest.raises(InputError, match="allowed"):
        PPO(task, 0, SilentTracker())


def test_updates_use_the_masks_of_the_rollout():
    # Without learning the probabilities of an update are those of the rollout, if the masks are.
    notebook = Notebook()
    policy = replace(MASKED, learning_rate=1e-12)(kss(6), 0, notebook)
    assert [abs(row["train/approx_kl"]) < 1e-6 for _, row in notebook.rows] == [True] * len(notebook.rows)
    buffer = policy.model.rollout_buffer
    assert 0.1 < buffer.action_masks.mean() < 0.9
    taken = np.take_along_axis(buffer.action_masks, buffer.actions.astype(int), axis=-1)
    assert taken.all()
    # the planted fault: the same transitions without their masks are another distribution
    buffer.action_masks[:] = 1.0
    policy.model.train()
    assert policy.model.logger.name_to_value["train/approx_kl"] > 1e-3


@pytest.mark.parametrize("agent", [MASKED, REMEMBERING[1]])
def test_masks_where_nothing_restricts_and_with_stop(agent):
    for task in (bkt(steps=5), replace(kss(5), stop=True)):
        policy = agent(task, 0, SilentTracker())
        assert len(rollout(task, policy, 10)) == 10


@pytest.mark.parametrize("agent", AGENTS)
def test_policies_declare_what_they_do_with_masks(agent):
    task = kss(6)
    policy = agent(task, 0, SilentTracker())
    assert policy.respects_mask == getattr(agent, "masked", False)
    refused = rollout(task, policy, 200).refused.sum()
    assert (refused == 0) == policy.respects_mask


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("agent", [MASKED, REMEMBERING[1]])
def test_rows_do_not_depend_on_the_batch(deterministic, agent):
    task = kss(8)
    policy = agent(task, 0, SilentTracker())
    whole = rollout(task, policy, 60, deterministic=deterministic)
    parts = rollout(task, policy, 60, chunk=7, deterministic=deterministic)
    alone = rollout(task, policy, 12, chunk=1, deterministic=deterministic)
    np.testing.assert_array_equal(whole.item, parts.item)
    np.testing.assert_array_equal(whole.item[:12], alone.item)


def test_drawing_follows_the_logits():
    scores = np.log(np.array([[0.5, 0.2, 0.3], [0.1, 0.9, 1e-9]], np.float32)) + 5
    scores[0, 2] = DISALLOWED
    rows = np.arange(20_000)
    luck = identify(Seeds(), rows, 0, np.zeros(len(rows), np.int64))
    for row, expected in ((0, [5 / 7, 2 / 7, 0]), (1, [0.1, 0.9, 0])):
        action = draw(np.tile(scores[row], (len(rows), 1)), Draws.of(luck))
        share = np.bincount(action, minlength=3) / len(rows)
        assert share == pytest.approx(expected, abs=4 * 0.5 / len(rows) ** 0.5)
    later = draw(np.tile(scores[0], (len(rows), 1)), Draws.of(luck).next())
    assert 0.3 < np.mean(later != draw(np.tile(scores[0], (len(rows), 1)), Draws.of(luck))) < 0.5


def test_drawing_needs_the_learners_luck():
    policy = PPO(kss(4), 0, SilentTracker())
    seen = np.zeros((2, kss(4).layout.width), np.float32)
    with pytest.raises(InputError, match="begin"):
        policy.predict(seen, deterministic=False)
    luck = Luck(np.ones(2, np.uint64), np.ones(2, np.uint64), np.zeros(2, np.int64), np.zeros(2, np.int64))
    state = policy.begin(luck)
    first, later = policy.predict(seen, state, deterministic=False)
    assert first[0] == first[1]  # the same fate
    assert later.step.tolist() == [1, 1]
    assert state.step.tolist() == [0, 0]


def test_numbers_go_out_once_a_rollout():
    notebook = Notebook()
    policy = replace(MASKED, steps=480)(kss(20), 0, notebook)
    assert [step for step, _ in notebook.rows] == [160, 320, 480]
    for _, row in notebook.rows:
        assert {"train/return", "train/loss", "train/approx_kl", "train/entropy_loss"} <= row.keys()
        assert all(isinstance(value, float) for value in row.values())
    recent = [info["r"] for info in policy.model.ep_info_buffer]
    assert notebook.rows[-1][1]["train/return"] == pytest.approx(np.mean(recent))
    assert len(recent) == SMALL["learners"]


def test_nothing_is_printed(capfd):
    for agent in AGENTS:
        agent(kss(5), 0, SilentTracker())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("learners", 0),
        ("batch_size", 1.5),
        ("batch_size", 1),
        ("batch_size", 63),  # 8 learners x 8 steps: the last batch would hold a single transition
        ("steps", 1e3),
        ("steps", "many"),
        ("epochs", -1),
        ("gamma", 1.1),
        ("gae_lambda", -0.1),
        ("learning_rate", 0.0),
        ("entropy", -1.0),
        ("layers", (8, 0)),
        ("threads", 0),
        ("checkpoint_every", 0),
        ("n_steps", 0),
        ("masked", 1),
        ("steps", None),
        ("gamma", float("nan")),
        ("learning_rate", float("inf")),
        ("entropy", None),
        ("imitate_for", 1.5),
        ("layers", 128),
        ("features", "goal"),
        ("device", "cdua"),
    ],
)
def test_an_option_out_of_range_names_itself(name, value):
    with pytest.raises(InputError, match=rf"^agent\.{name}(\[1\])? = [^\n]*$"):
        Ppo(**SMALL | {name: value})(kss(4), 0, SilentTracker())


def test_an_agent_seed_out_of_range_is_refused():
    with pytest.raises(InputError, match=r"agent\.seed"):
        PPO(kss(4), -1, SilentTracker())
