"""A critic that sees the true mastery in training: it does, and the policy never does."""

import logging

import numpy as np
import pytest
import torch

from coursewright.agents.export.onnx import export
from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.learning.a2c import A2c
from coursewright.agents.learning.beginning import begun
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.sequences import empty
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.learning.trpo import Trpo
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.errors import InputError

TASK = kss(7)
FEW = {"steps": 400, "learners": 8, "n_steps": 5, "layers": (8,), "privileged_critic": True}
SMALL = FEW | {"batch_size": 40}
AGENTS = [
    Ppo(**SMALL, imitate="expected_gain"),
    Ppo(**SMALL, imitate=None, masked=True),
    Ppo(**SMALL | {"layers": ()}, imitate=None),
    RecurrentPpo(**SMALL, units=8),
    RecurrentPpo(**SMALL, units=8, masked=True),
    A2c(**FEW),
    Trpo(**SMALL),
]
every_agent = pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.algorithm.name)


def looked_at(agent, model, seen):
    """Logits and values of a model for observations."""
    policy, states = model.policy, ()
    if agent.algorithm.memory:
        memory = empty(policy, len(seen))
        states = ((memory.pi, torch.zeros(len(seen))), (memory.vf, torch.zeros(len(seen))))
    chosen = policy.get_distribution(seen, *(states[0] if states else ()))
    chosen = chosen[0] if states else chosen
    return chosen.distribution.logits, policy.predict_values(seen, *(states[1] if states else ()))


@every_agent
def test_the_policy_does_not_depend_on_true_mastery_and_the_critic_does(agent):
    trained = agent(TASK, 0, SilentTracker())
    _, env = begun(agent, TASK, 0)
    seen = torch.as_tensor(env.reset(), dtype=torch.float32)
    skills = TASK.course.n_skills
    assert torch.equal(seen[:, -skills:], torch.as_tensor(env.episodes.after))
    seen.requires_grad_()
    logits, values = looked_at(agent, trained.model, seen)
    (slope,) = torch.autograd.grad(logits.logsumexp(dim=1).sum() + (logits**2).sum(), seen, retain_graph=True)
    assert (slope[:, -skills:] == 0).all()
    assert (slope != 0).any()
    (slope,) = torch.autograd.grad(values.sum(), seen)
    assert (slope[:, -skills:] != 0).any()
    # Not even a mastery that is no number changes a choice.
    with torch.no_grad():
        other = seen.clone()
        other[:, -skills:] = float("nan")
        assert torch.equal(looked_at(agent, trained.model, other)[0], logits)


@every_agent
def test_the_saved_and_the_exported_policy_know_nothing_of_it(agent, tmp_path):
    policy = agent(TASK, 0, SilentTracker())
    assert policy.label.columns == TASK.layout.names
    policy.save(tmp_path / "policy.npz")
    again = TrainedPolicy.load(tmp_path / "policy.npz", agent, TASK)
    export(again, TASK, tmp_path / "policy.onnx")
    exported = OnnxPolicy(tmp_path / "policy.onnx", TASK)
    np.testing.assert_array_equal(rollout(TASK, exported, 50).item, rollout(TASK, policy, 50).item)


def test_a_policy_that_reads_true_mastery_is_noticed(tmp_path):
    # The planted fault: the policy reads the last columns in place of its own.
    agent = AGENTS[1]
    policy = agent(TASK, 0, SilentTracker())
    policy.model.policy.pi_features_extractor.columns[:] = TASK.layout.width
    with pytest.raises(RuntimeError, match=r"out of .* bounds"):
        export(policy, TASK, tmp_path / "policy.onnx")
    assert not (tmp_path / "policy.onnx").exists()


def test_helps_are_named_in_the_run(caplog):
    with caplog.at_level(logging.INFO, logger="coursewright.agents.learning.training"):
        AGENTS[0](TASK, 0, SilentTracker())
    told = "\n".join(caplog.messages)
    assert "agent.imitate=expected_gain" in told
    assert "true mastery" in told


@pytest.mark.parametrize("kind", [Ppo, RecurrentPpo, A2c, Trpo])
def test_a_help_that_is_no_switch_is_refused(kind):
    with pytest.raises(InputError, match=r"^agent\.privileged_critic = 1: must be true or false"):
        kind(privileged_critic=1)
