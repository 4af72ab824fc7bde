"""Oracles: policies that read the true state, as bounds for everybody else.

They never see the future: plans rest on what practice is expected to do, not on the episode's own
luck.  Which search fits is decided by the simulator's type, here and nowhere else.
"""

from coursewright.agents.planners.oracle_bkt import BktBeamOracle, BktGreedyOracle
from coursewright.agents.planners.oracle_kss import KssBeamOracle, KssGreedyOracle
from coursewright.agents.tracker import Tracker
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.kss.learners import Kss


def _unsupported(task: Task) -> InputError:
    return reject("task.simulator of an oracle", type(task.simulator).__name__, "a Bkt or a Kss")


def oracle_greedy(task: Task, seed: int, tracker: Tracker) -> KssGreedyOracle | BktGreedyOracle:
    """The item that is best one step ahead; no bound, for whoever looks further can do better.

    KSS: most targets mastered, then least lacking; of equals, the lowest index.  BKT: the highest
    sum, over the item's unknown skills, of T_eff times what knowing the skill is worth.

    Raises `InputError` for any other simulator.
    """
    if isinstance(task.simulator, Kss):
        return KssGreedyOracle(task, task.simulator)
    if isinstance(task.simulator, Bkt):
        return BktGreedyOracle(task)
    raise _unsupported(task)


def oracle_beam(
    task: Task, seed: int, tracker: Tracker, *, kss_width: int = 1500, bkt_width: int = 8
) -> KssBeamOracle | BktBeamOracle:
    """A search to the end of the budget.

    KSS: one beam over states of `kss_width`, at the start.  BKT: beams over orders of skills of
    `bkt_width`, anew whenever a skill has been learned.

    Raises `InputError` for any other simulator, and for KSS with a budget of minutes or with
    `unlock_after`, where what is allowed depends on answers.
    """
    if isinstance(task.simulator, Kss):
        return KssBeamOracle(task, task.simulator, kss_width)
    if isinstance(task.simulator, Bkt):
        return BktBeamOracle(task, bkt_width)
    raise _unsupported(task)
