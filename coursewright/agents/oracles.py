"""Oracles: policies that read the true state, as bounds for everybody else.

They never see the future: plans rest on what practice is expected to do, not on the episode's own
luck.  Which search fits is decided by the simulator's type, here and nowhere else.
"""

from coursewright.agents.oracle_kss import KssBeamOracle, KssGreedyOracle
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.simulators.errors import InputError, reject
from coursewright.simulators.kss import Kss


def _unsupported(task: Task) -> InputError:
    return reject("task.simulator of an oracle", type(task.simulator).__name__, "a Bkt or a Kss")


def oracle_greedy(task: Task, seed: int, tracker: Tracker) -> KssGreedyOracle:
    if isinstance(task.simulator, Kss):
        return KssGreedyOracle(task, task.simulator)
    raise _unsupported(task)


def oracle_beam(task: Task, seed: int, tracker: Tracker, *, width: int = 1500) -> KssBeamOracle:
    if isinstance(task.simulator, Kss):
        return KssBeamOracle(task, task.simulator, width)
    raise _unsupported(task)
