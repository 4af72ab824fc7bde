"""Oracles: policies that read the true state, as references for all other policies.

They never see the future: plans rest on the expected effect of practice, not on the episode's own
luck.  The simulator's type decides which search fits, here and nowhere else.
"""

from dataclasses import dataclass, replace

from coursewright.agents.options import at_least, not_negative
from coursewright.agents.planners.oracle_bkt import BktBeamRule, BktGreedyRule
from coursewright.agents.planners.oracle_copies import CopiesRule
from coursewright.agents.planners.oracle_kss import KssBeamRule, KssGreedyRule
from coursewright.agents.rule import OraclePolicy, RulePolicy
from coursewright.agents.tracker import SILENT, Tracker
from coursewright.agents.tuning import Tuning, check_learners, tuned_option
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.kss.learners import Kss

AHEAD = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)  # days


def _unsupported(name: str, task: Task) -> InputError:
    return reject(f"task.simulator of {name}", type(task.simulator).__name__, "a Bkt or a Kss")


@dataclass(frozen=True)
class OracleGreedy:
    """The item that is best one step ahead; a search that looks further can do better.

    KSS: most targets mastered, then least lacking; of equals, the lowest index.  BKT: the highest
    sum, over the item's unknown skills, of T_eff times the worth of knowing the skill.  Learners of any other
    kind: the highest mean goal mastery `ahead` days later, where `copies` of the true state practise the item
    under fates of their own (`CopiesRule`).  Without `ahead` it is none, or where days pass between steps the
    best of 0 to 50 days on `learners` tuning learners: a practice today is worth its mastery later, and how
    much later depends on the time between steps and on how fast these learners forget.

    Raises `InputError` for no copies or learners, or for days that are negative.
    """

    copies: int = 32
    ahead: float | None = None
    learners: int = 20

    def __post_init__(self) -> None:
        at_least(1, copies=self.copies)
        if self.ahead is not None:
            not_negative(ahead=self.ahead)
        check_learners(self.learners)

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> OraclePolicy:
        """The policy."""
        if isinstance(task.simulator, Kss):
            return OraclePolicy(RulePolicy("oracle_greedy", task, KssGreedyRule(task.simulator)))
        if isinstance(task.simulator, Bkt):
            return OraclePolicy(RulePolicy("oracle_greedy", task, BktGreedyRule(task)))
        return OraclePolicy(self.by_copies(task, tracker))

    def by_copies(self, task: Task, tracker: Tracker = SILENT) -> RulePolicy:
        """The policy for learners of any kind, those of BKT and KSS too, as long as nobody watches."""

        def make(ahead: float) -> RulePolicy:
            return RulePolicy("oracle_greedy", task, CopiesRule(self.copies, ahead))

        if self.ahead is not None or task.longest_gap == 0.0:
            return make(self.ahead or 0.0)
        best, tuned = tuned_option(
            "ahead", AHEAD, lambda ahead: OraclePolicy(make(ahead)), Tuning(task, tracker), self.learners
        )
        return replace(make(best), tuned=tuned)


@dataclass(frozen=True)
class OracleBeam:
    """A search to the end of the budget.

    KSS: one beam over states of `kss_width`, at the start.  BKT: beams over orders of skills of
    `bkt_width`, anew whenever a skill has been learned.

    Raises `InputError` for a beam without width.
    """

    kss_width: int = 1500
    bkt_width: int = 8

    def __post_init__(self) -> None:
        if self.kss_width < 3:
            raise reject("agent.kss_width", self.kss_width, "a whole number >= 3")
        if self.bkt_width < 1:
            raise reject("agent.bkt_width", self.bkt_width, "a whole number >= 1")

    def __call__(self, task: Task, seed: int = 0, tracker: Tracker = SILENT) -> OraclePolicy:
        """The policy.

        Raises `InputError` for any other simulator, and for KSS with a budget of minutes or with
        `unlock_after`, where the allowed items depend on answers.
        """
        if isinstance(task.simulator, Kss):
            return OraclePolicy(
                RulePolicy("oracle_beam", task, KssBeamRule(task, task.simulator, self.kss_width))
            )
        if isinstance(task.simulator, Bkt):
            return OraclePolicy(RulePolicy("oracle_beam", task, BktBeamRule(task, self.bkt_width)))
        raise _unsupported("oracle_beam", task)
