"""The settings of a comparison of policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coursewright.envs.rollout import CHUNK
from coursewright.errors import reject, unknown, whole
from coursewright.evaluation.comparison.scores import STATISTICS, Statistic
from coursewright.evaluation.outcomes import OUTCOMES, Outcome

KEYS = ("condition", "policy", "agent_seed", "simulator", "learner", "stratum")  # of the learner table
NEEDED = ("mean", "difference")  # the verdict is made of them


@dataclass(frozen=True)
class Comparing:
    """The settings of a comparison of policies.

    Attributes
    ----------
    learners : the number of unseen learners; every policy meets the same with the same luck.
    reference : the policy that differences are measured from.
    baseline : the policy where headroom starts, which ends at the better oracle, and the share of the
        possible, which ends at the bound.
    outcomes : name -> figure per learner.
    statistics : name -> a figure of a policy's outcome.
    aims : outcomes of which more is better; policies are ranked by the first of them.
    columns : of tables for people, besides the statistics of the first aim, as OUTCOME/STATISTIC.
    example : the learner whose way through the course is kept for the pictures; None is the learner with the
        median difference between the contender and the reference.
    seed : of the bootstrap over learners.
    workers, chunk : the division of the work; the result does not depend on them.
    """

    learners: int = 2000
    reference: str = "tuned_mastery"
    baseline: str = "random"
    outcomes: Mapping[str, Outcome] = field(default_factory=lambda: OUTCOMES)
    statistics: Mapping[str, Statistic] = field(default_factory=lambda: STATISTICS)
    aims: tuple[str, ...] = ("return",)
    columns: tuple[str, ...] = ()
    example: int | None = None
    seed: int = 0
    workers: int = 1
    chunk: int = CHUNK

    def __post_init__(self) -> None:
        whole("learners", self.learners, 2)
        for name, least in (("seed", 0), ("workers", 1), ("chunk", 1)):
            whole(name, getattr(self, name), least)
        if self.example is not None:
            whole("example", self.example, 0, self.learners - 1)
        for name in ("reference", "baseline"):
            if not isinstance(getattr(self, name), str):
                raise reject(name, repr(getattr(self, name)), "the name of a policy")
        for name, kind in (
            ("outcomes", Mapping),
            ("statistics", Mapping),
            ("aims", tuple),
            ("columns", tuple),
        ):
            if not isinstance(getattr(self, name), kind):
                raise reject(name, repr(getattr(self, name)), f"a {kind.__name__.lower()}")
        for name in self.outcomes:
            if name in KEYS:
                raise reject(f"outcomes.{name}", name, f"another name than {', '.join(KEYS)}")
        for name in NEEDED:
            if name not in self.statistics:
                raise reject("statistics", list(self.statistics), f"a mapping that holds {name}")
        if not self.aims:
            raise reject("aims", "none", "at least one outcome")
        known = [f"{outcome}/{statistic}" for outcome in self.outcomes for statistic in self.statistics]
        for column in self.columns:
            if column not in known:
                raise unknown("columns", column, known)
        for aim in self.aims:
            if aim not in self.outcomes:
                raise unknown("aims", aim, tuple(self.outcomes))
