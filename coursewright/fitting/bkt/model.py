"""Bayesian knowledge tracing as a learner model: which skills are kept, and the population made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from coursewright.errors import InputError, reject
from coursewright.fitting.bkt.em import BktFit, EmSettings, as_parameters, as_theta, fit, reweighted
from coursewright.fitting.bkt.hidden_markov import FORGET
from coursewright.fitting.bkt.individual import Differences, Marginal, apart, fit_marginal
from coursewright.fitting.bkt.predict import predict, predict_marginal
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded
from coursewright.fitting.course import course_of
from coursewright.fitting.model import Estimates, Teaching
from coursewright.simulators.arrays import Floats, Ints
from coursewright.simulators.course import Course
from coursewright.simulators.folders import rounded
from coursewright.simulators.knowledge.bkt import Bkt, Spread
from coursewright.simulators.knowledge.parameters import FIELDS, BktParameters
from coursewright.simulators.knowledge.tables import write_bkt
from coursewright.simulators.lists import of_pairs, pack, pairs, unpack

SOUND = "G < .5, S < .5, .01 < L0 < .99, .005 < T < .9"
VAGUE = 0.2  # a standard error of a probability above this says little more than "somewhere in [0, 1]"
MANY = 100  # learners, where nothing else is asked for
SHOWN = 12  # names in a warning
ALIKE = Spread(0.0, 0.0)
SPREADS = ("prior_sd", "learn_sd")
CLEAR = 3.0  # standard errors


@dataclass(frozen=True)
class BktModel:
    """Bayesian knowledge tracing by EM, each skill by itself.

    Of the skills with a sound fit and at least `min_learners` learners, the `n_skills` with most learners
    are kept, in the log's order (ties go to the earlier skill); None keeps all skills, sound or not.
    `min_learners` None asks for 100 learners, and in a small log for half as many as any skill has.
    `forgetting` fits P(F) at each opportunity, or with `per_day` as days pass; `individual` fits by how much
    logit P(L0) and logit P(T) differ between learners; `by_skill` makes a course of one item per skill
    instead of one of the log's items.
    """

    min_learners: int | None = 1
    n_skills: int | None = None
    forgetting: bool = False
    by_skill: bool = False
    individual: bool = False
    per_day: bool = False

    def __post_init__(self) -> None:
        if self.n_skills is not None and self.n_skills < 1:
            raise reject("model.n_skills", self.n_skills, "at least 1, or null")
        if self.min_learners is not None and self.min_learners < 1:
            raise reject("model.min_learners", self.min_learners, "at least 1, or null")
        if self.per_day and not self.forgetting:
            raise reject("model.per_day", True, "false where model.forgetting is false")

    @property
    def name(self) -> str:
        """The model's name in tables."""
        return "bkt"

    def fit(self, log: Coded) -> "FittedBkt":
        """Fit every skill of `log`, sound or not."""
        sequences, course = Sequences.of(log), course_of(log)
        if self.individual or self.per_day:
            differ = Differences(self.individual, self.per_day)
            found = fit_marginal(log, sequences, self.forgetting, differ)
            chosen = self._chosen(found.fit)
            return FittedBkt(self, found.fit, chosen, course, spread=found.spread, marginal=found)
        everything = fit(sequences, EmSettings(self.forgetting))
        signs = apart(log, sequences, everything)
        return FittedBkt(self, everything, self._chosen(everything), course, apart=signs)

    def least(self, everything: BktFit) -> int:
        """The number of learners that a skill needs to be kept."""
        if self.min_learners is not None:
            return self.min_learners
        most = int(everything.learners.max())
        return MANY if most >= MANY else max(1, most // 2)

    def _chosen(self, everything: BktFit) -> Ints:
        """The skills to be kept `[kept]`, ascending; empty where none is fit for it."""
        if self.n_skills is None:
            return np.arange(len(everything.skills))
        usable = everything.sound & (everything.learners >= self.least(everything))
        by_learners = np.argsort(-everything.learners, kind="stable")
        return np.sort(by_learners[usable[by_learners]][: self.n_skills])


@dataclass(frozen=True, eq=False)
class FittedBkt:
    """BKT parameters of every skill of a log, of which the `chosen` are kept, and the log's course.

    All skills serve to predict; estimates, simulator and files are of the kept ones.  `spread` is how much
    learners differ, where that was fitted (`marginal`); `apart` are the signs of differences that were not.
    """

    settings: BktModel
    everything: BktFit
    chosen: Ints
    course: Course
    draws: BktParameters | None = None
    spread: Spread = ALIKE
    marginal: Marginal | None = None
    apart: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def kept(self) -> BktFit:
        """The kept skills.  Raises `InputError` where none is sound, or none has learners enough."""
        if not len(self.chosen):
            raise self._none_kept()
        return self.everything.subset(self.chosen)

    def _none_kept(self) -> InputError:
        sound = self.everything.sound
        if not sound.any():
            remedy = "model.n_skills=null keeps them all"
            return InputError(f"log = {len(sound)} skills: none has a sound fit ({SOUND}); {remedy}")
        most = int(self.everything.learners[sound].max())
        allowed = f"at most {most}, the most learners of any skill with a sound fit ({SOUND})"
        return reject("model.min_learners", self.settings.least(self.everything), allowed)

    @property
    def teaching(self) -> Teaching:
        """See `read_bkt`."""
        return Teaching(task="mastery", simulator="bkt")

    def estimates(self) -> Estimates:
        """Prior, learn, guess and slip of each kept skill; forget and the spreads where they were fitted."""
        theta = self.kept.theta
        shown = [at for at in range(len(FIELDS)) if at != FORGET or theta[:, at].any()]
        names = tuple(f"{FIELDS[at]}[{skill}]" for skill in self.kept.skills for at in shown)
        if not self.settings.individual:
            return Estimates(names, theta[:, shown].ravel())
        return Estimates((*names, *SPREADS), np.append(theta[:, shown].ravel(), self.spread))

    def warnings(self) -> Sequence[str]:
        """Skills that are left out, not identified, switched, or did not converge."""
        errors = np.delete(self.kept.standard_errors, FORGET, axis=1)
        vague = (np.nan_to_num(errors) > VAGUE).any(axis=1)
        kinds = {
            "no standard error for some parameter (at a bound, or not identified)": ~self.kept.identified,
            f"a standard error above {VAGUE:g}: hardly identified": vague,
            "label switching (guess + slip reach 1: answers get no better with mastery)": self.kept.switched,
            "the climb did not converge": ~self.kept.converged,
        }
        hit = {why: np.flatnonzero(flags) for why, flags in kinds.items()}
        troubles = [f"{why}: {_names(self.kept.skills, at)}" for why, at in hit.items() if len(at)]
        return [*self._left_out(), *troubles, *self._differences()]

    def _differences(self) -> list[str]:
        """Learners who differ although they were fitted as alike, and spreads that the log does not tell."""
        if self.marginal is None:
            return [
                f"learners differ in {what} (z = {z:.1f}), and were fitted as alike: model.individual=true "
                "fits how much"
                for what, z in zip(("prior", "learn"), self.apart, strict=True)
                if z > CLEAR
            ]
        untold = np.isnan(self.marginal.spread_errors) & self.settings.individual
        names = [name for name, unknown in zip(SPREADS, untold, strict=True) if unknown]
        return [f"at a bound, or not identified: {name}" for name in names]

    def undetermined(self) -> Sequence[str]:
        """Plain sentences on assumptions and gaps; the figures are those of docs/recovery.md."""
        lines = []
        if not self.settings.individual:
            lines.append(
                "Learners are fitted as alike.  Where they differ in truth, the fitted prior lies above that "
                "of the typical learner (by .03 at spreads of 1.0 in logit prior and .8 in logit learn), and "
                "the taught learners differ less.  `model.individual=true` fits how much they differ."
            )
        if not self.settings.forgetting:
            lines.append(
                "Nobody forgets, by assumption.  `model.forgetting=true` fits forgetting at each "
                "opportunity, and `model.per_day=true` with it forgetting as days pass."
            )
        several = [len(needs) for needs in unpack(self.course.needs) if len(needs) > 1]
        if several:
            lines.append(
                f"{len(several)} of {self.course.n_items} items need several skills.  The fit gives the "
                "whole answer to each of them, while taught learners need all at once: they answer such "
                "items right less often than the fit predicts, and the fitted slip is too high, the prior"
                " too low (by .04 and .07 where one item in five needs two skills)."
            )
        return [*lines, "Prerequisites: a log does not name them, and none are taught."]

    def _left_out(self) -> list[str]:
        every, kept = len(self.everything.skills), len(self.chosen)
        if kept == every:
            return []
        least = self.settings.least(self.everything)
        met, learners = self.everything.learners >= least, self.kept.learners
        sound = int((met & self.everything.sound).sum())
        return [
            f"{every - kept} of {every} skills are left out: {int(met.sum())} have at least "
            f"{least} learners, {sound} of these a sound fit "
            f"({SOUND}), and the {kept} of them with most learners are kept ({learners.min()} to "
            f"{learners.max()} learners, {int(self.kept.opportunities.sum()):,} responses)"
        ]

    def predict(self, log: Coded) -> Floats:
        """P(correct) `[rows]`; an item with several skills gets the mean of their predictions."""
        if self.marginal is None:
            return predict(self.everything.parameters, log)
        return predict_marginal(self.everything.parameters, self.spread, self.settings.per_day, log)

    def simulator(self) -> Bkt:
        """Learners over the log's items, who need all kept skills of an item at once (conjunctive).

        Items that need none of the kept skills are left out.
        """
        draws = None if self.draws is None else self.draws.rounded()
        course = Course.of(self.kept.skills) if self.settings.by_skill else self._kept_course()
        course = replace(course, licence=self.course.licence)
        form: Literal["time", "opportunity"] = "time" if self.settings.per_day else "opportunity"
        prior_sd, learn_sd = rounded(np.array(self.spread)).tolist()
        parameters = self.kept.parameters.rounded()
        return Bkt(course, parameters, 0.1, form, prior_sd, learn_sd, draws)

    def _kept_course(self) -> Course:
        place = {skill: k for k, skill in enumerate(self.chosen.tolist())}
        kept = [[place[k] for k in needs if k in place] for needs in unpack(self.course.needs)]
        items = [a for a, needs in enumerate(kept) if needs]
        return Course(
            skills=self.kept.skills,
            items=tuple(self.course.items[i] for i in items),
            needs=of_pairs(*pairs(pack([kept[a] for a in items])), len(items)),
            parents=pack([[]] * len(self.chosen)),
            minutes=self.course.minutes[items],
            difficulty=self.course.difficulty[items],
            kind=tuple(self.course.kind[i] for i in items),
            format=tuple(self.course.format[i] for i in items),
        )

    def redrawn(self, log: Coded, draws: int, seed: int) -> tuple["FittedBkt", Sequence["FittedBkt"]]:
        """The same fit with `draws` bootstrap draws of the kept skills, and each draw as a fit."""
        if self.marginal is not None:
            points = self.marginal.draws(draws, seed)
            return self._with([theta[self.chosen] for theta, _ in points], [spread for _, spread in points])
        sequences = Sequences.of(log, only=self.kept.skills)
        drawn = reweighted(sequences, self.kept, draws, seed, EmSettings(self.settings.forgetting))
        return self._with([as_theta(drawn, draw) for draw in range(draws)], [self.spread] * draws)

    def _with(
        self, theta: Sequence[Floats], spreads: Sequence[Spread]
    ) -> tuple["FittedBkt", Sequence["FittedBkt"]]:
        """The same fit with draws of the kept skills `[skills, 5]`, and each draw as a fit."""
        skills, every, course = self.kept.skills, np.arange(len(self.chosen)), self._kept_course()
        fits = [replace(self.kept, parameters=as_parameters(one[None], skills)) for one in theta]
        drawn = [
            FittedBkt(self.settings, one, every, course, spread=spread, marginal=self.marginal)
            for one, spread in zip(fits, spreads, strict=True)
        ]
        return replace(self, draws=as_parameters(np.stack(theta), skills)), drawn

    def write(self, folder: Path) -> None:
        """Write the tables that `read_bkt` reads, with counts and standard errors beside the parameters."""
        columns: dict[str, Sequence[float]] = {"learners": self.kept.learners.tolist()}
        columns["opportunities"] = self.kept.opportunities.tolist()
        for at, name in enumerate(FIELDS):
            if at != FORGET or self.kept.theta[:, at].any():
                columns[f"{name}_se"] = self.kept.standard_errors[:, at].tolist()
        write_bkt(folder, self.simulator(), columns)


def _names(skills: Sequence[str], at: Ints) -> str:
    shown = ", ".join(skills[k] for k in at[:SHOWN]) + (", ..." if len(at) > SHOWN else "")
    return f"{len(at)} of {len(skills)} skills ({shown})"
