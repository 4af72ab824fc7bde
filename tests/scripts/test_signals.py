"""A signal to stop, wherever it comes."""

import ctypes
import signal
import time

import pytest
from llvmlite.binding.executionengine import ExecutionEngine

from coursewright.scripts import signals


def heeding(call):
    """Call it as a command does, and wait long for a signal that may come late."""
    with signals.heeded():
        call()
        end = time.monotonic() + 60.0
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
    with pytest.raises(signals.Interrupted) as stopped:
        heeding(compiled)
    assert finished
    assert stopped.value.code == 128 + signal.SIGTERM
    assert capfd.readouterr().err == ""


def test_elsewhere_it_is_told_at_once():
    finished = []
    with pytest.raises(signals.Interrupted):
        heeding(lambda: finished.append(signal.raise_signal(signal.SIGTERM)))
    assert not finished
