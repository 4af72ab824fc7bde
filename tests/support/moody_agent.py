"""An agent that chooses at random and fails for some seeds, each in a way of its own."""

import os
import signal

from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.tracker import Tracker
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task
from coursewright.errors import reject


def moody(task: Task, seed: int, tracker: Tracker) -> Policy:
    if seed == 1:
        raise reject("seed", seed, "another one")
    if seed == 2:
        raise ZeroDivisionError("division by zero")
    if seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return UniformRandom()(task, seed, tracker)
