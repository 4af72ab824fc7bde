"""Bayesian knowledge tracing fitted to logs by expectation-maximisation (Corbett & Anderson 1994)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from coursewright.errors import reject
from coursewright.fitting.bkt.climb import EDGE, MARGIN, Limits, climb, scratch
from coursewright.fitting.bkt.hidden_markov import FORGET, GUESS, LEARN, PRIOR, SLIP, data
from coursewright.fitting.bkt.information import standard_errors
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import require_both
from coursewright.progress import each
from coursewright.simulators.arrays import Bools, Floats, Ints
from coursewright.simulators.knowledge.parameters import FIELDS, BktParameters

# The start of each climb (prior, learn, forget, guess, slip).  The likelihood has several hills; which
# one a start leads to depends mostly on the prior, on the pace and on the level of guessing.
STARTS = (
    (0.5, 0.10, 0.02, 0.20, 0.10),
    (0.2, 0.05, 0.02, 0.30, 0.20),
    (0.8, 0.10, 0.02, 0.40, 0.10),
    (0.3, 0.30, 0.05, 0.20, 0.30),
    (0.6, 0.02, 0.01, 0.45, 0.30),
    (0.1, 0.01, 0.01, 0.45, 0.20),
)
SHORT_CYCLES = 30  # per start, before only the best goes on
DRAW_CYCLES, DRAW_TOLERANCE = 100, 1e-4  # per bootstrap draw: far finer than a draw's own spread


@dataclass(frozen=True)
class EmSettings:
    """The settings of a fit.

    `forgetting` fits P(F) at each opportunity (pyBKT's `forgets`), which is 0 otherwise; `most_guess` and
    `most_slip` bound those two (.5 keeps every skill readable: "known" is right more often than not);
    `cycles` and `tolerance` (nats, per skill) end the climb.
    """

    forgetting: bool = False
    most_guess: float = 1.0
    most_slip: float = 1.0
    cycles: int = 20_000
    tolerance: float = 1e-7

    def __post_init__(self) -> None:
        for name in ("most_guess", "most_slip"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise reject(f"fit.{name}", getattr(self, name), "in (0, 1]")
        if self.cycles < 1:
            raise reject("fit.cycles", self.cycles, "at least 1")
        if not self.tolerance > 0.0:
            raise reject("fit.tolerance", self.tolerance, "above 0")

    @property
    def limits(self) -> Limits:
        """The same, as the kernels read it."""
        highest = np.full(5, 1.0 - EDGE)
        highest[GUESS] = min(self.most_guess, highest[GUESS])
        highest[SLIP] = min(self.most_slip, highest[SLIP])
        return Limits(highest, self.forgetting)


@dataclass(frozen=True, eq=False)
class BktFit:
    """A fit, with the evidence of how far to trust it.

    standard_errors [skills, 5] in the order of `FIELDS`, from the observed information; nan where the data
    do not tell the parameter (see `information.py`).  learners, opportunities [skills] are counts,
    log_likelihood [skills] is in nats, converged [skills] says whether the climb ended by itself, and
    switched [skills] marks skills whose likelihood wants guess + slip >= 1 (label switching: answers get
    worse with practice); they stay just below it, and mean nothing.
    """

    parameters: BktParameters
    standard_errors: Floats
    learners: Ints
    opportunities: Ints
    log_likelihood: Floats
    converged: Bools
    switched: Bools

    @property
    def skills(self) -> tuple[str, ...]:
        """The names of the skills."""
        return self.parameters.skills

    @property
    def theta(self) -> Floats:
        """The estimates as [skills, 5], in the order of `FIELDS`."""
        return as_theta(self.parameters)

    @property
    def identified(self) -> Bools:
        """[skills]: prior, learn, guess and slip all have a standard error."""
        finite = np.isfinite(self.standard_errors[:, [PRIOR, LEARN, GUESS, SLIP]])
        return np.asarray(finite.all(axis=1))

    @property
    def sound(self) -> Bools:
        """True where a skill can be simulated `[skills]`: G < .5, S < .5, .01 < L0 < .99, .005 < T < .9."""
        prior, learn, _, guess, slip = self.theta.T
        readable = (guess < 0.5) & (slip < 0.5) & ~self.switched
        moving = (prior > 0.01) & (prior < 0.99) & (learn > 0.005) & (learn < 0.9)
        return np.asarray(readable & moving)

    def subset(self, at: Ints) -> Self:
        """Keep the skills numbered `at` [chosen], in that order."""
        return replace(
            self,
            parameters=as_parameters(self.theta[None, at], [self.skills[k] for k in at]),
            standard_errors=self.standard_errors[at],
            learners=self.learners[at],
            opportunities=self.opportunities[at],
            log_likelihood=self.log_likelihood[at],
            converged=self.converged[at],
            switched=self.switched[at],
        )


def fit(sequences: Sequences, settings: EmSettings | None = None) -> BktFit:
    """Fit each skill of `sequences` by EM from several fixed starts, keeping the most likely.

    Deterministic.  Rows without a question (correct = -1) are opportunities to learn that tell nothing.
    Raises `InputError` where the responses are all right or all wrong.
    """
    settings = settings or EmSettings()
    require_both(sequences.correct)
    start = _best_start(sequences, settings)
    theta, likelihood, converged = climbed(sequences, start, settings, settings.cycles)
    return BktFit(
        parameters=as_parameters(theta[None], sequences.skills),
        standard_errors=standard_errors(sequences, theta, settings.limits),
        learners=sequences.learners_per_skill,
        opportunities=sequences.opportunities_per_skill,
        log_likelihood=likelihood,
        converged=converged,
        switched=theta[:, GUESS] + theta[:, SLIP] > 1.0 - 2.0 * MARGIN,
    )


def reweighted(
    sequences: Sequences, fitted: BktFit, draws: int, seed: int = 0, settings: EmSettings | None = None
) -> BktParameters:
    """Bootstrap `fitted` over resamples of whole learners, the same for all skills -> [draws, skills].

    A resample is a weight per learner, and each climb starts at the estimate `fitted`, so that draws stay
    on its hill of the likelihood.  Deterministic given `seed`.
    """
    settings = settings or EmSettings()
    n = len(sequences.learners)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=draws)
    short = replace(settings, cycles=DRAW_CYCLES, tolerance=DRAW_TOLERANCE)
    theta = [
        climbed(sequences, fitted.theta, short, short.cycles, weight)[0]
        for weight in each(list(weights), "bootstrap", "draws")
    ]
    return as_parameters(np.stack(theta), sequences.skills)


def as_theta(parameters: BktParameters, draw: int = 0) -> Floats:
    """One draw of `parameters` as [skills, 5]."""
    return np.stack([np.asarray(getattr(parameters, name))[draw] for name in FIELDS], axis=1)


def as_parameters(theta: Floats, skills: Sequence[str]) -> BktParameters:
    """Theta [draws, skills, 5] -> parameters."""
    return BktParameters(
        prior=theta[..., PRIOR],
        learn=theta[..., LEARN],
        forget=theta[..., FORGET],
        guess=theta[..., GUESS],
        slip=theta[..., SLIP],
        skills=tuple(skills),
    )


def _best_start(sequences: Sequences, settings: EmSettings) -> Floats:
    """Climb a little from every start and take, for each skill, the most likely: theta [skills, 5]."""
    limits = settings.limits
    climbs = []
    for start in STARTS:
        theta = np.tile(np.minimum(start, limits.highest), (len(sequences.skills), 1))
        theta[:, FORGET] *= settings.forgetting
        climbs.append(climbed(sequences, theta, settings, SHORT_CYCLES))
    likelihood = np.stack([value for _, value, _ in climbs])
    best, skill = likelihood.argmax(axis=0), np.arange(len(sequences.skills))
    return np.asarray(np.stack([theta for theta, _, _ in climbs])[best, skill])


def climbed(
    sequences: Sequences, theta: Floats, settings: EmSettings, cycles: int, weight: Floats | None = None
) -> tuple[Floats, Floats, Bools]:
    """Climb from theta [skills, 5] -> where it led, likelihood [skills], whether it converged [skills].

    `weight` [learners] counts each learner so many times (1 if not given).
    """
    theta = np.array(theta)
    likelihood, converged = np.zeros(len(theta)), np.zeros(len(theta), bool)
    of = data(sequences, weight)
    climb(theta, of, settings.limits, cycles, settings.tolerance, scratch(of.longest), likelihood, converged)
    return theta, likelihood, converged
