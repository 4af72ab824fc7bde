"""The best of the oracles that apply to the learners, found on tuning learners."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from coursewright.agents.planners.oracle_exact import OracleExact
from coursewright.agents.planners.oracle_macro import OracleMacroBeam
from coursewright.agents.planners.oracle_rollout import OracleRollout
from coursewright.agents.planners.oracle_threshold import OracleThreshold
from coursewright.agents.planners.oracles import OracleBeam, OracleGreedy
from coursewright.agents.rule import OraclePolicy
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import Agent, Tuning, check_learners
from coursewright.envs.task import Task
from coursewright.errors import InputError

EXACT: dict[str, Agent] = {"oracle_exact": OracleExact()}
ORACLES: dict[str, Agent] = {  # of equals the first, so that those who look further come first
    "oracle_beam": OracleBeam(),
    "oracle_macro_beam": OracleMacroBeam(),
    "oracle_rollout": OracleRollout(),
    "oracle_greedy": OracleGreedy(),
    "oracle_threshold": OracleThreshold(),
}
DEAR_WHERE_DAYS_PASS = "oracle_macro_beam"  # there it finds what the greedy oracle finds

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OracleBest:
    """Of the beams, the gated rollout, the greedy oracle and the threshold on true recall, the best one.

    Where the exact oracle can do the task, it is that one, for no other can be better.  Else the best is the
    one with the highest mean return on `learners` tuning learners, who are few because a rollout is costly
    (`OracleRollout`); the macro beam is tried only where no days pass.  An oracle that does not apply to the
    task is left out with a word.  Nothing depends on the seed.

    Raises `InputError` for no learners.
    """

    learners: int = 50

    def __post_init__(self) -> None:
        check_learners(self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> OraclePolicy:
        """The policy, with the oracle that was chosen in `policy.tuned`."""
        able = list(_able(EXACT, task, seed)) or list(_able(ORACLES, task, seed))
        tuning = Tuning(task, tracker)
        name, oracle = able[tuning.best(able, self.learners)[0]]
        rule = replace(oracle.policy, name="oracle_best", tuned=tuning.tuned(name, self.learners))
        return OraclePolicy(rule)


def _able(among: dict[str, Agent], task: Task, seed: int) -> Iterator[tuple[str, OraclePolicy]]:
    """The oracles that can do the task, by name; the greedy one always can."""
    for name, agent in among.items():
        if name == DEAR_WHERE_DAYS_PASS and task.longest_gap > 0.0:
            continue
        try:
            oracle = agent(task, seed, SILENT)
        except InputError as error:
            log.info("not tried: %s (%s)", name, error)
            continue
        assert isinstance(oracle, OraclePolicy)
        yield name, oracle
