"""Trainings that are other than their steps say, because rounds are finished."""

import logging

import pytest

from coursewright.agents.learning.ars import Ars
from coursewright.agents.learning.ppo import Ppo
from coursewright.envs.shipped import kss


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (Ppo(steps=100, learners=16, imitate="expected_gain"), "160 steps were trained, by imitation alone"),
        (Ppo(steps=200, learners=16, imitate="expected_gain"), "by imitation alone"),  # one update, of rate 0
        (Ppo(steps=100, learners=16, imitate=None), "320 steps were trained in place of agent.steps=100"),
        (Ppo(steps=640, learners=16, imitate=None), None),
        (Ars(steps=500, learners=16, directions=2), "640 steps were trained in place of agent.steps=500"),
    ],
)
def test_a_short_training_says_so(agent, told, caplog):
    with caplog.at_level(logging.WARNING, logger="coursewright.agents.learning.training"):
        agent(kss(10))
    assert [told in line for line in caplog.messages] == ([True] if told else []), caplog.messages
