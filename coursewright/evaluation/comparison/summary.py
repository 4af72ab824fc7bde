"""From one row per learner to one row per policy: every mean with its interval and its estimand."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from coursewright.evaluation.statistics import (
    FEWEST_SEEDS,
    THIS_POLICY,
    Estimate,
    better,
    from_draws,
    no_lead,
    over_seeds,
    resampled_means,
    share_of_lead,
)
from coursewright.simulators.arrays import Floats

ORACLE, TRAINED, RULE = "oracle", "trained", "rule"
NO_ORACLE = "no oracle was run"


@dataclass(frozen=True, eq=False)
class Scores:
    """Returns under one condition, and what the bootstrap over learners makes of them.

    Attributes
    ----------
    returns : policy -> `[seeds, learners]`.
    kinds : policy -> "oracle", "trained" or "rule".
    reference, baseline : policies that differences and headroom are measured from.
    seed : of the resampling.
    """

    returns: Mapping[str, Floats]
    kinds: Mapping[str, str]
    reference: str
    baseline: str
    seed: int

    @cached_property
    def by_learner(self) -> Floats:
        """Returns `[learners, policies]`, averaged over the seeds of an agent."""
        return np.stack([r.mean(axis=0) for r in self.returns.values()], axis=1)

    @cached_property
    def wins(self) -> dict[str, Floats]:
        """Policy -> `[seeds, learners]`, 1 where it beats the reference, 1/2 in a tie."""
        reference = self.returns[self.reference].mean(axis=0)
        return {name: better(returns, reference) for name, returns in self.returns.items()}

    @cached_property
    def draws(self) -> Floats:
        """Bootstrap means `[resamples, 2 policies]`: the returns, then the wins."""
        wins = np.stack([w.mean(axis=0) for w in self.wins.values()], axis=1)
        return resampled_means(np.hstack([self.by_learner, wins]), seed=self.seed)

    @cached_property
    def best_known(self) -> str | None:
        """The better oracle; None where there is none."""
        oracles = [name for name in self.returns if self.kinds[name] == ORACLE]
        return max(oracles, key=lambda name: self.returns[name].mean(), default=None)

    @property
    def n_learners(self) -> int:
        """How many learners each policy taught."""
        return len(self.by_learner)

    def estimand(self, name: str) -> str:
        """What a bootstrap interval of this policy is about."""
        seeds = len(self.returns[name])
        return THIS_POLICY if seeds == 1 else f"these {seeds} policies"

    def is_recipe(self, name: str) -> bool:
        """Whether there are seeds enough to speak about the training recipe."""
        return len(self.returns[name]) >= FEWEST_SEEDS

    def mean(self, name: str) -> Estimate:
        """Mean return."""
        if self.is_recipe(name):
            return over_seeds(self.returns[name].mean(axis=1))
        return self._bootstrapped(name, self.draws[:, self._place(name)], self.returns[name].mean())

    def difference(self, name: str) -> Estimate:
        """Mean paired difference to the reference."""
        reference = self.returns[self.reference].mean()
        if self.is_recipe(name):
            return over_seeds(self.returns[name].mean(axis=1) - reference)
        draws = self.draws[:, self._place(name)] - self.draws[:, self._place(self.reference)]
        return self._bootstrapped(name, draws, self.returns[name].mean() - reference)

    def p_improvement(self, name: str) -> Estimate:
        """Share of learners whose return is above the one under the reference; ties count half."""
        wins = self.wins[name]
        if self.is_recipe(name):
            given = over_seeds(wins.mean(axis=1))
            return given._replace(low=max(given.low, 0.0), high=min(given.high, 1.0))
        return self._bootstrapped(name, self.draws[:, len(self.returns) + self._place(name)], wins.mean())

    def headroom(self, name: str) -> Estimate:
        """Share of the way from the baseline to the best known oracle, unclipped."""
        if self.best_known is None:
            return Estimate(np.nan, np.nan, np.nan, self.estimand(name), self.n_learners, NO_ORACLE)
        columns = [self._place(n) for n in (name, self.baseline, self.best_known)]
        draws, means = self.draws[:, columns], self.by_learner[:, columns].mean(axis=0)
        if self.is_recipe(name) and not no_lead(draws[:, 2] - draws[:, 1], self.n_learners):
            return over_seeds((self.returns[name].mean(axis=1) - means[1]) / (means[2] - means[1]))
        return share_of_lead(means, draws, self.n_learners)._replace(estimand=self.estimand(name))

    def _place(self, name: str) -> int:
        return list(self.returns).index(name)

    def _bootstrapped(self, name: str, draws: Floats, value: float) -> Estimate:
        return from_draws(float(value), draws, self.n_learners, self.estimand(name))


def summarise(
    learners: pd.DataFrame, kinds: Mapping[str, str], reference: str, baseline: str, seed: int = 0
) -> pd.DataFrame:
    """One row per condition and policy, best first and oracles last.

    `learners` is the table of `comparison.Comparison`; `kinds` maps each policy to its kind.
    """
    rows = []
    for condition, table in learners.groupby("condition", sort=False, observed=True):
        scores = Scores(_returns(table), kinds, reference, baseline, seed)
        order = sorted(scores.returns, key=lambda n: (kinds[n] == ORACLE, -scores.returns[n].mean()))
        of_policy = dict(tuple(table.groupby("policy", observed=True)))
        rows += [{"condition": str(condition)} | _row(scores, name, of_policy[name]) for name in order]
    return pd.DataFrame(rows)


def _returns(table: pd.DataFrame) -> dict[str, Floats]:
    returns = {}
    for name, mine in table.groupby("policy", sort=False, observed=True):
        mine = mine.sort_values(["agent_seed", "learner"])
        returns[str(name)] = mine["return"].to_numpy().reshape(mine["agent_seed"].nunique(), -1)
    return returns


def _row(scores: Scores, name: str, table: pd.DataFrame) -> dict[str, object]:
    mean, difference = scores.mean(name), scores.difference(name)
    improvement, headroom = scores.p_improvement(name), scores.headroom(name)
    means = table[["start", "end", "gain", "steps", "minutes", "over_practice"]].mean()
    return {
        "policy": name,
        "kind": scores.kinds[name],
        "best_known": name == scores.best_known,
        "estimand": mean.estimand,
        "seeds": len(scores.returns[name]),
        "learners": scores.n_learners,
        "mean": mean.value,
        "low": mean.low,
        "high": mean.high,
        "difference": difference.value,
        "diff_low": difference.low,
        "diff_high": difference.high,
        "p_improvement": improvement.value,
        "p_low": improvement.low,
        "p_high": improvement.high,
        "headroom": headroom.value,
        "headroom_low": headroom.low,
        "headroom_high": headroom.high,
        "headroom_note": headroom.note,
        **{str(column): value for column, value in means.items()},
        "refused": table["refused"].sum() / max(1, table["steps"].sum()),
    }
