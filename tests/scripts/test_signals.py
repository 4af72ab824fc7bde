"""A signal to stop, wherever it comes."""

import ctypes
import signal
import time

import pytest
from llvmlite.binding.executionengine import ExecutionEngine

from coursewright.scripts import signals


def waited(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.001)


def test_the_callbacks_are_those_of_llvmlite():
    assert all(hasattr(ExecutionEngine, name) for name in signals.CALLBACKS if name.startswith("_raw"))


@pytest.mark.parametrize("name", signals.CALLBACKS)
def test_a_signal_in_a_callback_is_told_when_that_is_over(name, capfd):
    """Raised there, it would be printed and lost, and numba would lack what the callback was to keep."""
    finished = []

    def callback():
        signal.raise_signal(signal.SIGTERM)
        finished.append(True)

    callback.__code__ = callback.__code__.replace(co_name=name)
    compiled = ctypes.CFUNCTYPE(None)(callback)
    with pytest.raises(signals.Interrupted) as stopped, signals.heeded():
        compiled()
        assert finished
        waited(60.0)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert capfd.readouterr().err == ""


def test_elsewhere_it_is_told_at_once():
    with pytest.raises(signals.Interrupted), signals.heeded():
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("went on")
