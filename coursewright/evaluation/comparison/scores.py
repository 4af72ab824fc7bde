"""Statistics of an outcome of each policy, each a function of `Scores` and a policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coursewright.evaluation.bounds import NONE, RESPONSES, Bound
from coursewright.evaluation.statistics import (
    BEST,
    FEWEST_SEEDS,
    THIS_POLICY,
    Estimate,
    Resamples,
    better,
    from_draws,
    no_lead,
    over_seeds,
    share_of_lead,
    unknown_because,
)
from coursewright.simulators.arrays import Floats

ORACLE, TRAINED, RULE = "oracle", "trained", "rule"
NO_ORACLE, NO_REFERENCE = "no oracle was run", "each oracle is below a rule"
CLEAR = 3.0  # standard errors
EXACT = "oracle_exact"  # the optimum of a tutor who reads minds
NO_BOUND = "no bound known"  # and the reason
MIND_READER = "the bound is for policies that see answers alone"
POSSIBLE, BOUND = "possible", "the bound"
UNBOUNDED = Bound(np.nan, NONE, note="it is the mean return that bounds are known of")


@dataclass(frozen=True, eq=False)
class Scores:
    """One outcome under one condition, with the bootstrap over learners.

    Attributes
    ----------
    values : policy -> `[seeds, learners]`.
    kinds : policy -> "oracle", "trained" or "rule".
    reference, baseline : policies that differences and headroom are measured from.
    resamples : of the learners, the same for every outcome.
    aim : True where more of it is better, so that policies can be ranked by it.
    bound : on the mean of any policy.
    """

    values: Mapping[str, Floats]
    kinds: Mapping[str, str]
    reference: str
    baseline: str
    resamples: Resamples
    aim: bool = True
    bound: Bound = UNBOUNDED

    @cached_property
    def by_learner(self) -> Floats:
        """`[learners, policies]`, averaged over the seeds of an agent."""
        return np.stack([v.mean(axis=0) for v in self.values.values()], axis=1)

    @cached_property
    def wins(self) -> dict[str, Floats]:
        """Policy -> `[seeds, learners]`, 1 where it beats the reference, 1/2 in a tie."""
        reference = self.values[self.reference].mean(axis=0)
        return {name: better(values, reference) for name, values in self.values.items()}

    @cached_property
    def draws(self) -> Floats:
        """Bootstrap means `[resamples, policies]`; of an aim `[resamples, 2 policies]`, the wins last."""
        if not self.aim:
            return self.resamples.means(self.by_learner)
        wins = np.stack([w.mean(axis=0) for w in self.wins.values()], axis=1)
        return self.resamples.means(np.hstack([self.by_learner, wins]))

    @cached_property
    def surpassed(self) -> dict[str, str]:
        """Oracle -> the best of the rules that are clearly above it: it is none, then.

        Clearly: the mean paired difference is above `CLEAR` standard errors.
        """
        rules = sorted(self._rules, key=lambda name: -self.values[name].mean())
        above = {name: [rule for rule in rules if self._clearly_above(rule, name)] for name in self.oracles}
        return {name: found[0] for name, found in above.items() if found}

    @property
    def _rules(self) -> list[str]:
        return [name for name in self.values if self.kinds[name] == RULE]

    def _clearly_above(self, rule: str, oracle: str) -> bool:
        lead = self.by_learner[:, self.place(rule)] - self.by_learner[:, self.place(oracle)]
        return bool(lead.mean() > CLEAR * lead.std(ddof=1) / np.sqrt(len(lead)))

    @property
    def oracles(self) -> list[str]:
        """The policies that read latent state."""
        return [name for name in self.values if self.kinds[name] == ORACLE]

    @cached_property
    def best_known(self) -> str | None:
        """The best oracle that was run, of equals the exact one; None where a rule is clearly above each."""
        standing = [name for name in self.oracles if name not in self.surpassed]
        return max(standing, key=lambda n: (np.round(self.values[n].mean(), 9), n == EXACT), default=None)

    @property
    def order(self) -> list[str]:
        """The policies, best first and oracles last."""
        return sorted(self.values, key=lambda n: (self.kinds[n] == ORACLE, -self.values[n].mean()))

    @property
    def n_learners(self) -> int:
        """The number of learners that each policy taught."""
        return len(self.by_learner)

    def place(self, name: str) -> int:
        """The column of a policy in `by_learner` and `draws`."""
        return list(self.values).index(name)

    def estimand(self, name: str) -> str:
        """The estimand of a bootstrap interval of this policy, in words."""
        seeds = len(self.values[name])
        return THIS_POLICY if seeds == 1 else f"these {seeds} policies"

    def is_recipe(self, name: str) -> bool:
        """True where there are seeds enough to speak about the training recipe."""
        return len(self.values[name]) >= FEWEST_SEEDS

    def bootstrapped(self, name: str, value: float, draws: Floats) -> Estimate:
        """The figure `value` of a policy, with the interval of its `draws [resamples]`."""
        return from_draws(float(value), draws, self.n_learners, self.estimand(name))


Statistic = Callable[[Scores, str], Estimate | None]
"""A figure of a policy; None where it is not asked of this outcome."""


def mean(scores: Scores, name: str) -> Estimate:
    """Mean over learners."""
    values = scores.values[name]
    if scores.is_recipe(name):
        return over_seeds(values.mean(axis=1))
    return scores.bootstrapped(name, values.mean(), scores.draws[:, scores.place(name)])


def difference(scores: Scores, name: str) -> Estimate:
    """Mean paired difference to the reference."""
    values, reference = scores.values[name], scores.values[scores.reference].mean()
    if scores.is_recipe(name):
        return over_seeds(values.mean(axis=1) - reference)
    draws = scores.draws[:, scores.place(name)] - scores.draws[:, scores.place(scores.reference)]
    return scores.bootstrapped(name, values.mean() - reference, draws)


def p_improvement(scores: Scores, name: str) -> Estimate | None:
    """Share of learners who do better than under the reference; ties count half.  Asked of aims alone."""
    if not scores.aim:
        return None
    wins = scores.wins[name]
    if scores.is_recipe(name):
        given = over_seeds(wins.mean(axis=1))
        return given._replace(low=max(given.low, 0.0), high=min(given.high, 1.0))
    draws = scores.draws[:, len(scores.values) + scores.place(name)]
    return scores.bootstrapped(name, wins.mean(), draws)


def headroom(scores: Scores, name: str) -> Estimate | None:
    """Share of the way from the baseline to the best known oracle, unclipped.  Asked of aims alone."""
    if not scores.aim:
        return None
    if scores.best_known is None:
        note = NO_ORACLE if not scores.oracles else NO_REFERENCE
        return unknown_because(note, scores.n_learners, scores.estimand(name))
    columns = [scores.place(n) for n in (name, scores.baseline, scores.best_known)]
    return _share(scores, name, scores.by_learner[:, columns].mean(axis=0), scores.draws[:, columns], BEST)


def possible(scores: Scores, name: str) -> Estimate | None:
    """Share of the way from the baseline to the bound on any policy, unclipped.  Asked of aims alone.

    The bound is exact and about the whole population: the interval is the doubt about the two means.
    """
    if not scores.aim:
        return None
    if not scores.bound.known:
        return unknown_because(f"{NO_BOUND}: {scores.bound.note}", scores.n_learners, scores.estimand(name))
    if scores.kinds[name] == ORACLE and scores.bound.kind == RESPONSES:
        return unknown_because(MIND_READER, scores.n_learners, scores.estimand(name))
    columns = [scores.place(n) for n in (name, scores.baseline)]
    means = np.append(scores.by_learner[:, columns].mean(axis=0), scores.bound.value)
    draws = scores.draws[:, columns]
    draws = np.hstack([draws, np.full((len(draws), 1), scores.bound.value)])
    return _share(scores, name, means, draws, BOUND)


def _share(scores: Scores, name: str, means: Floats, draws: Floats, best: str) -> Estimate:
    """The share of the lead of the `best`; see `statistics.share_of_lead`."""
    if scores.is_recipe(name) and not no_lead(draws[:, 2] - draws[:, 1], scores.n_learners, best):
        return over_seeds((scores.values[name].mean(axis=1) - means[1]) / (means[2] - means[1]))
    return share_of_lead(means, draws, scores.n_learners, best)._replace(estimand=scores.estimand(name))


STATISTICS: Mapping[str, Statistic] = {
    "mean": mean,
    "difference": difference,
    "p_improvement": p_improvement,
    "headroom": headroom,
    POSSIBLE: possible,
}
