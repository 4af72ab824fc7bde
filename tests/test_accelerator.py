"""The comparison with an accelerator, on the processor: equal where it must be, and able to fail."""

import pytest
import torch

import accelerator
from coursewright.simulators.neural.tracer import OnDevice


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, size in (("LEARNERS", 8), ("UNITS", 20), ("HIDDEN", 6), ("STEPS", 4)):
        monkeypatch.setattr(accelerator, name, size)


def test_neural_learners_are_equal_and_a_difference_is_seen(monkeypatch):
    assert all(check.difference < accelerator.CLOSE for check in accelerator.learners("cpu"))
    right = OnDevice.p

    def wrong(self, memory, unit, out):
        right(self, memory, unit, out)
        out[0] += 0.001

    monkeypatch.setattr(OnDevice, "p", wrong)
    assert all(check.difference > accelerator.CLOSE for check in accelerator.learners("cpu"))


@pytest.mark.slow
def test_an_update_of_ppo_is_equal():
    assert all(check.difference <= accelerator.CLOSE for check in accelerator.policies("cpu"))


def test_where_there_is_no_accelerator_it_says_that_nothing_was_run(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["accelerator.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert accelerator.main() == 0
    assert "nothing was run" in capsys.readouterr().out
