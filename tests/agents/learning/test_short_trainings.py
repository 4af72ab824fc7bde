"""Trainings that are other than their steps say, because rounds are finished."""

import logging

import pytest
import torch

from coursewright.agents.learning import training
from coursewright.agents.learning.a2c import A2c
from coursewright.agents.learning.ars import Ars
from coursewright.agents.learning.beginning import begun
from coursewright.agents.learning.dqn import Dqn
from coursewright.agents.learning.ppo import Ppo
from coursewright.envs.shipped import kss
from coursewright.errors import InputError


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (Ppo(steps=100, learners=16, imitate="expected_gain"), "160 steps were trained, by imitation alone"),
        (Ppo(steps=200, learners=16, imitate="expected_gain"), "by imitation alone"),  # one update, of rate 0
        (Ppo(steps=100, learners=16, imitate=None), "320 steps were trained, and the network is as it began"),
        (Ppo(steps=330, learners=16, imitate=None), "640 steps were trained in place of agent.steps=330"),
        (A2c(steps=80, learners=16), "80 steps were trained, and the network is as it began"),
        (A2c(steps=80, learners=16, anneal=False), None),
        (Dqn(steps=100, learners=10), "steps=100 leaves none to learn from rewards (10,010 would)"),
        (Dqn(steps=120, learners=10, learning_starts=50), None),
        (Ppo(steps=640, learners=16, imitate=None), None),
        (Ars(steps=500, learners=16, directions=2), "640 steps were trained in place of agent.steps=500"),
    ],
)
def test_a_short_training_says_so(agent, told, caplog):
    with caplog.at_level(logging.WARNING, logger="coursewright.agents.learning.training"):
        policy = agent(kss(10))
    if "as it began" in (told or ""):
        began = begun(agent, kss(10), 0)[0].policy.state_dict()
        assert all(torch.equal(began[name], now) for name, now in policy.model.policy.state_dict().items())
    assert [told in line for line in caplog.messages] == ([True] if told else []), caplog.messages


def test_a_training_that_diverged_is_refused(monkeypatch):
    def diverge(watch):
        with torch.no_grad():
            next(watch.model.policy.parameters()).fill_(torch.nan)

    monkeypatch.setattr(training.Watch, "finish", diverge)
    with pytest.raises(InputError, match=r"^agent.learning_rate = 0.003: the training diverged, and its"):
        A2c(steps=80, learners=16)(kss(4))
