"""PPO with a memory: whole sequences give what single steps gave, and the memory lives for an episode."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coursewright.agents.export.onnx import export
from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.learning import teacher
from coursewright.agents.learning.beginning import begun
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.sequences import padded
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.errors import InputError
from learners import luck_of

# Episodes of 7 steps and rollouts of 5: sequences begin in the middle of episodes, and episodes in rollouts.
SMALL = RecurrentPpo(masked=True, steps=400, learners=8, n_steps=5, batch_size=16, layers=(8,), units=8)


def collected(agent=SMALL, rounds=3):
    """A model after some rollouts, whose weights have hardly moved."""
    model, env = begun(replace(agent, learning_rate=1e-12, anneal=False), kss(7), 0)
    model.learn(rounds * env.num_envs * agent.n_steps, log_interval=None)
    return model


def test_sequences_are_cut_and_padded():
    rows, inside = padded(np.array([0, 3, 4]), np.array([3, 1, 2]))
    assert rows.reshape(3, 3).tolist() == [[0, 1, 2], [3, 3, 3], [4, 5, 4]]
    assert inside.reshape(3, 3).tolist() == [[True] * 3, [True, False, False], [True, True, False]]


@pytest.mark.parametrize("masked", [False, True])
def test_sequences_give_the_values_and_chances_of_the_rollout(masked):
    model = collected(replace(SMALL, masked=masked))
    buffer = model.rollout_buffer
    assert buffer.episode_starts[1:].any()
    steps = 0
    for part in buffer.get(16):
        assert part.episode_starts.sum() == 0
        value, likely, _ = model.policy.evaluate_actions(
            part.observations, part.actions.long().flatten(), part.lstm_states, part.episode_starts
        )
        inside = part.mask
        assert torch.allclose(value.flatten()[inside], part.old_values[inside], atol=1e-5)
        assert torch.allclose(likely[inside], part.old_log_prob[inside], atol=1e-5)
        steps += int(inside.sum())
        # the planted fault: sequences without their memory are another distribution
        empty = type(part.lstm_states)(*(tuple(map(torch.zeros_like, pair)) for pair in part.lstm_states))
        _, other, _ = model.policy.evaluate_actions(
            part.observations, part.actions.long().flatten(), empty, part.episode_starts
        )
        assert not torch.allclose(other[inside], part.old_log_prob[inside], atol=1e-5)
    assert steps == 40


def test_every_update_is_one_call_for_a_batch(monkeypatch):
    model = collected()
    calls = []
    whole = torch.nn.LSTM.forward

    def counted(lstm, sequences, *states):
        calls.append(len(sequences))
        return whole(lstm, sequences, *states)

    monkeypatch.setattr(torch.nn.LSTM, "forward", counted)
    model.train()
    assert len(calls) == 2 * SMALL.epochs * (40 // 16)  # two networks
    assert min(calls) > 1  # steps at once


def test_the_entropy_is_that_of_the_allowed_actions():
    model = collected()
    part = next(model.rollout_buffer.get(None))
    _, _, entropy = model.policy.evaluate_actions(
        part.observations, part.actions.long().flatten(), part.lstm_states, part.episode_starts
    )
    allowed = part.observations[:, model.policy.mask_from :].sum(dim=1)
    assert allowed.min() < 10
    assert torch.allclose(entropy, allowed.log(), atol=0.05)  # nearly uniform before any learning


def test_a_memory_lives_for_an_episode():
    task = kss(7)
    policy = SMALL(task, 0, SilentTracker())
    seen = np.random.default_rng(0).random((4, task.layout.width), np.float32)
    begun_state = policy.begin(luck_of(np.arange(4)))
    _, state = policy.predict(seen, begun_state)
    assert not np.array_equal(policy.scores(seen, state=state), policy.scores(seen, state=begun_state))
    first = np.array([True, False, True, False])
    _, anew = policy.predict(seen, state, first)
    _, fresh = policy.predict(seen, begun_state)
    np.testing.assert_array_equal(anew.memory.hidden[first], fresh.memory.hidden[first])
    assert not np.array_equal(anew.memory.hidden[~first], fresh.memory.hidden[~first])
    assert (begun_state.memory.hidden == 0).all()


@pytest.mark.parametrize("imitate", [None, "tuned_mastery"])
def test_a_cleared_memory_is_none(imitate, tmp_path, monkeypatch):
    monkeypatch.setattr(teacher, "RULES", {"tuned_mastery": NInARow()})
    task = kss(7)
    agent = replace(SMALL, memory=False, imitate=imitate, imitate_for=0.3)
    policy = agent(task, 0, SilentTracker())
    assert policy.label.memory == 0
    seen = np.random.default_rng(0).random((4, task.layout.width), np.float32)
    mask = np.ones((4, task.n_actions), bool)
    start = policy.begin(luck_of(np.arange(4)))
    _, later = policy.predict(seen[::-1].copy(), start, action_masks=mask)
    assert later.memory == ()
    assert np.array_equal(policy.scores(seen, mask, start), policy.scores(seen, mask, later))
    np.testing.assert_array_equal(policy.library_choice(seen, mask, ()), policy.predict(seen, later)[0])
    export(policy, task, tmp_path / "policy.onnx")
    assert OnnxPolicy(tmp_path / "policy.onnx", task).label.memory == 0


def test_a_cleared_memory_is_none_in_training_either():
    forgetful = collected(replace(SMALL, memory=False))
    for model, same in ((forgetful, True), (collected(), False)):  # the second is the planted fault
        part = next(model.rollout_buffer.get(None))
        order = torch.randperm(len(part.observations), generator=torch.Generator().manual_seed(0))
        value, likely, _ = model.policy.evaluate_actions(
            part.observations[order],
            part.actions.long().flatten()[order],
            part.lstm_states,
            part.episode_starts,
        )
        assert (
            torch.allclose(likely[part.mask[order]], part.old_log_prob[order][part.mask[order]], atol=1e-5)
            == same
        )
        assert torch.allclose(value.flatten(), part.old_values[order], atol=1e-5) == same
    assert not any(part.any() for pair in forgetful._last_lstm_states for part in pair)


def test_a_policy_that_remembers_needs_its_state():
    policy = SMALL(kss(7), 0, SilentTracker())
    with pytest.raises(InputError, match=r"^state = None: [^\n]*remembers"):
        policy.predict(np.zeros((2, kss(7).layout.width), np.float32))


@pytest.mark.slow
def test_a_short_training_learns_something():
    # Random among legal items scores .154 at T=10 (n = 400,000).
    policy = RecurrentPpo(masked=True, steps=40_000, epochs=5, batch_size=512)(kss(10))
    assert rollout(kss(10), policy, 2_000).returned.mean() > 0.22
