"""The findings of a comparison: rows per learner, long rows of statistics, curves, and one learner's way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from coursewright.envs.rollout import Rollout
from coursewright.envs.task import Task
from coursewright.errors import unknown
from coursewright.evaluation.bounds import Bound
from coursewright.evaluation.comparison.scores import UNBOUNDED
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.evaluation.comparison.summary import Row, as_table
from coursewright.evaluation.numbers import brief, number
from coursewright.evaluation.outcomes import is_return
from coursewright.evaluation.statistics import Estimate, over_normal
from coursewright.evaluation.tables import write_tables
from coursewright.files import write_atomically
from coursewright.simulators.arrays import Bools

POINT, BOOTSTRAP = "point", "bootstrap"
NO_STRATUM = ""  # of the learners of a population without strata


class Walk(NamedTuple):
    """One learner's way through the course: goal `[skills]`, number, and the rollout with mastery."""

    goal: Bools
    learner: int
    run: Rollout


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The findings of `compare`.

    Attributes
    ----------
    name, simulator : the names of the task and its learners in tables and figures.
    task : the task, with the simulator's own parameters.
    settings : the settings of the comparison.
    learners : one row per condition, policy, agent seed, simulator, learner and stratum (its name, or
        nothing where the population has none), with a column per outcome.
    policies : one row per condition and policy, best first and oracles last, with kind, seeds, learners,
        best_known (the best oracle), surpassed_by (the rule that is clearly above an oracle), setting (the
        tuned one), caveat (a reason for which a rule may be none for this task) and same_as (an earlier
        policy with the same outcomes for every learner).
    rows : one per condition, policy, outcome and statistic.
    curves : condition, policy, step, mean, low, high: mean cumulative return with pointwise intervals.
    walks : the way of the example learner under the contender (see `words`) and the reference, by policy.
    bounds : condition -> the bound on the mean return of any policy.
    training : agent -> training curves with the columns step, seed and value, where there are any.
    """

    name: str
    simulator: str
    task: Task
    settings: Comparing
    learners: pd.DataFrame
    policies: pd.DataFrame
    rows: Sequence[Row]
    curves: pd.DataFrame
    walks: Mapping[str, Walk]
    bounds: Mapping[str, Bound]
    training: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __repr__(self) -> str:
        """One line: the task, the learners, and the best policies."""
        table, n = self.at(), len(self.learners["learner"].unique())
        best = ", ".join(f"{name} {number(self.estimate(str(name)).value)}" for name in table.index[:3])
        more = ", ..." if len(table) > 3 else ""
        return f"<Comparison of {len(table)} policies on {self.name}, {n:,} learners: {best}{more}>"

    def _repr_html_(self) -> str:
        """The table of the aim, for notebooks."""
        names = list(self.at().index)
        cells = {
            statistic: [f"{number(found.value)} {brief(found.low, found.high)}" for found in column]
            for statistic in self.settings.statistics
            for column in [[self.estimate(name, statistic) for name in names]]
        }
        return str(pd.DataFrame(cells, index=names).to_html())

    @property
    def reference(self) -> str:
        """The policy that differences are measured from."""
        return self.settings.reference

    @property
    def aim(self) -> str:
        """The outcome that policies are ranked by."""
        return self.settings.aims[0]

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that were run, "point" first."""
        return tuple(self.policies["condition"].unique())

    @property
    def summary(self) -> pd.DataFrame:
        """The rows as a table."""
        return as_table(self.rows)

    @property
    def strata(self) -> pd.DataFrame:
        """Mean outcomes by condition, policy and stratum, and their numbers of rows; empty without strata."""
        kept = self.learners[self.learners["stratum"] != NO_STRATUM]
        groups = kept.groupby(["condition", "policy", "stratum"], observed=True)
        means = groups[list(self.settings.outcomes)].mean()
        return means.assign(rows=groups.size()).reset_index()

    @cached_property
    def _estimates(self) -> dict[tuple[str, str, str, str], Estimate]:
        return {row.key: row.estimate for row in self.rows}

    def at(self, condition: str = POINT) -> pd.DataFrame:
        """The policies under one condition, indexed by name."""
        return self.policies[self.policies["condition"] == condition].set_index("policy")

    @property
    def bound(self) -> Bound:
        """The bound on the mean of the aim of any policy; none is known unless the aim is the return."""
        returned = is_return(self.settings.outcomes[self.aim])
        return self.bounds[POINT] if returned else UNBOUNDED

    def twins(self, policy: str, condition: str = POINT) -> set[str]:
        """Other policies that made the same choices for every learner."""
        names = str(self.at(condition).at[policy, "same_as"])
        return set(names.split(", ")) if names else set()

    def estimate(
        self, policy: str, statistic: str = "mean", outcome: str | None = None, condition: str = POINT
    ) -> Estimate:
        """One figure; of the aim, where no other outcome is named."""
        key = (condition, policy, outcome or self.aim, statistic)
        if key not in self._estimates:
            raise unknown("estimate", "/".join(key), ["/".join(known) for known in self._estimates])
        return self._estimates[key]

    def ahead(self, other: str) -> dict[str, Estimate]:
        """The paired difference of the aim of every policy to an `other` one, each over its seeds' mean."""
        mine = self.learners[self.learners["condition"] == POINT]
        groups = mine.groupby(["learner", "policy"], observed=True)[self.aim]
        by_learner = groups.mean().unstack()
        gaps = by_learner.sub(by_learner[other], axis=0)
        return {str(name): over_normal(gaps[name].to_numpy(float)) for name in gaps}

    def has(self, outcome: str, statistic: str) -> bool:
        """True where this statistic is asked of this outcome."""
        return any(row.outcome == outcome and row.statistic == statistic for row in self.rows)

    def write(self, directory: str | Path) -> dict[str, Path]:
        """Write `learners.parquet` and the tables as CSV files, each whole or not at all; say where each is.

        A population with strata gets `strata.csv` as well.
        """
        bounds = pd.DataFrame([{"condition": at} | bound._asdict() for at, bound in self.bounds.items()])
        tables = {"summary": self.summary, "policies": self.policies, "curves": self.curves, "bounds": bounds}
        if len(self.strata):
            tables["strata"] = self.strata
        learners = Path(directory) / "learners.parquet"
        write_atomically(learners, partial(self.learners.to_parquet, index=False))
        return {"learners": learners} | write_tables(tables, directory)
