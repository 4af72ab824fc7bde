"""From the results of all jobs to the findings of a comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from coursewright.evaluation.bounds import Bound
from coursewright.evaluation.comparison.found import BOOTSTRAP, NO_STRATUM, POINT
from coursewright.evaluation.comparison.jobs import Job, Result
from coursewright.evaluation.comparison.scores import UNBOUNDED, Scores
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.evaluation.comparison.summary import Row, summarised
from coursewright.evaluation.outcomes import is_return
from coursewright.evaluation.statistics import Resamples
from coursewright.simulators.arrays import Floats
from coursewright.simulators.capabilities import Stratified


@dataclass(frozen=True, eq=False)
class Gathered:
    """All jobs with their results, in the order given.

    `kinds` is "oracle", "trained" or "rule" for each policy, `tuned` the setting that it was tuned to ("" if
    it was not), and `caveats` a reason against it ("" for none); all are in the order of the policies.
    `bounds` is the bound under each condition.
    """

    settings: Comparing
    jobs: Sequence[Job]
    results: Sequence[Result]
    kinds: Mapping[str, str]
    tuned: Mapping[str, str]
    caveats: Mapping[str, str]
    bounds: Mapping[str, Bound]

    @property
    def conditions(self) -> list[str]:
        """The conditions that were run."""
        return list(dict.fromkeys(job.condition for job in self.jobs))

    @cached_property
    def of(self) -> dict[tuple[str, str], list[Result]]:
        """Condition and policy -> the results of its seeds."""
        found: dict[tuple[str, str], list[Result]] = {}
        for job, result in zip(self.jobs, self.results, strict=True):
            found.setdefault((job.condition, job.entry.name), []).append(result)
        return found

    @cached_property
    def scores(self) -> dict[str, dict[str, Scores]]:
        """Condition -> outcome -> scores; every one rests on the same resamples of the learners."""
        resamples = Resamples(self.settings.learners, self.settings.seed)
        return {
            condition: {
                outcome: Scores(
                    values={policy: self._values(condition, policy, outcome) for policy in self.kinds},
                    kinds=self.kinds,
                    reference=self.settings.reference,
                    baseline=self.settings.baseline,
                    resamples=resamples,
                    aim=outcome in self.settings.aims,
                    bound=self.bounds[condition] if is_return(figure) else UNBOUNDED,
                )
                for outcome, figure in self.settings.outcomes.items()
            }
            for condition in self.conditions
        }

    def _values(self, condition: str, policy: str, outcome: str) -> Floats:
        """`[seeds, learners]`."""
        found = [result.outcomes[outcome] for result in self.of[condition, policy]]
        return np.stack(found).astype(np.float64)

    def rows(self) -> list[Row]:
        """Long rows: every statistic of every outcome of every policy, under each condition."""
        rows = []
        for condition, scores in self.scores.items():
            order = scores[self.settings.aims[0]].order
            rows += summarised(condition, scores, self.settings.statistics, order)
        return rows

    def policies(self) -> pd.DataFrame:
        """One row per condition and policy, best first and oracles last."""
        rows = []
        for condition, scores in self.scores.items():
            aim = scores[self.settings.aims[0]]
            rows += [
                {
                    "condition": condition,
                    "policy": name,
                    "kind": self.kinds[name],
                    "seeds": len(aim.values[name]),
                    "learners": aim.n_learners,
                    "best_known": name == aim.best_known,
                    "surpassed_by": aim.surpassed.get(name, ""),
                    "setting": self.tuned[name],
                    "caveat": self.caveats[name],
                    "same_as": ", ".join(self._twins(condition, name)),
                }
                for name in aim.order
            ]
        return pd.DataFrame(rows)

    def _twins(self, condition: str, name: str) -> list[str]:
        """Other policies that made the same choices for every learner."""
        mine = [result.choices for result in self.of[condition, name]]
        same = [other for other in self.kinds if [r.choices for r in self.of[condition, other]] == mine]
        return [other for other in same if other != name]

    def learners(self, simulator: str) -> pd.DataFrame:
        """One row per condition, policy, agent seed and learner, with a column per outcome."""
        task = self.jobs[0].task
        names = task.simulator.strata if isinstance(task.simulator, Stratified) else ()
        strata = np.array((*names, NO_STRATUM), dtype=object)  # -1, the last one: of no stratum
        parts = []
        for job, result in zip(self.jobs, self.results, strict=True):
            key = {"condition": job.condition, "policy": job.entry.name, "agent_seed": job.entry.seed}
            key |= {"simulator": simulator, "learner": result.number, "stratum": strata[result.stratum]}
            parts.append(pd.DataFrame(key | result.outcomes))
        table = pd.concat(parts, ignore_index=True)
        known = {
            "condition": (POINT, BOOTSTRAP),
            "policy": tuple(self.kinds),
            "simulator": (simulator,),
            "stratum": tuple(strata),
        }
        for column, categories in known.items():
            table[column] = pd.Categorical(table[column], categories=list(categories))
        return table

    def first(self, policy: str) -> Job:
        """The job of a policy's first seed under the first condition."""
        return next(job for job in self.jobs if job.entry.name == policy)

    def typical(self, one: str, other: str) -> int:
        """The learner with the median difference between two policies (the first seed of each).

        Of several, the learner whose outcome under `one` is nearest to the mean.
        """
        aim = self.scores[self.conditions[0]][self.settings.aims[0]].values
        ours, theirs = aim[one][0], aim[other][0]
        gap = ours - theirs
        far = np.round(np.abs(gap - np.median(gap)), 9)  # to the last digits, sums are not equal
        return int(np.lexsort((np.abs(ours - ours.mean()), far))[0])
