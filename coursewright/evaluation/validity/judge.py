"""Held-out prediction of a log by learner models, and the likeness of their simulated learners to its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from coursewright.data.log import LearnerLog
from coursewright.errors import InputError, reject
from coursewright.evaluation.statistics import from_draws
from coursewright.evaluation.tables import write_tables
from coursewright.fitting.coded import Coded
from coursewright.fitting.groups import grouped
from coursewright.fitting.judging.calibration import Calibration, calibration
from coursewright.fitting.judging.causality import peeks
from coursewright.fitting.judging.checks import Check, checks
from coursewright.fitting.judging.held_out import (
    FEWEST_LEARNERS,
    HeldOut,
    by_fold,
    held_out,
    over_folds,
    plan,
    resampled_figures,
)
from coursewright.fitting.judging.invented import Invented, Trial, check_worlds, unseen_spread
from coursewright.fitting.judging.null_world import EACH, LEVELS, WORLDS, lessons, never_learn
from coursewright.fitting.judging.replay import REPLICATES, replay
from coursewright.fitting.model import LearnerModel, refuse_untimed
from coursewright.fitting.refit import redrawn
from coursewright.simulators.arrays import Floats

MOST = 10_000_000
FIGURES = ("auc", "log_loss", "rmse")


@dataclass(frozen=True, eq=False)
class Settings:
    """The settings of a judgement of models.

    `folds` and `min_rows` (per learner) set the cross-validation; `replicates` simulated logs give the bands;
    with `draws` refits to resampled learners, replicates take the parameters of one refit after the other,
    and the bands hold the doubt about them too; `worlds` of learners who never learn (0: none) show the
    learning that a model invents; `seed` is of everything that is drawn.
    """

    folds: int = 5
    min_rows: int = 10
    replicates: int = REPLICATES
    draws: int = 0
    worlds: int = WORLDS
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"folds": 2, "min_rows": 1, "replicates": 2, "draws": 0, "worlds": 0, "seed": 0}
        for name, lowest in least.items():
            if not lowest <= getattr(self, name) <= MOST:
                raise reject(name, getattr(self, name), f"a whole number from {lowest} to {MOST:,}")
        check_worlds(self.worlds)


@dataclass(frozen=True, eq=False)
class Validity:
    """The findings about one model.

    by_fold [folds, 3] and resampled [resamples, 3] hold AUC, log loss (nats) and RMSE of held-out
    predictions; `invented` is the learning that its learners show where nobody learns; `peeks` says how its
    predictions use rows that they may not, `warnings` names the gaps that the log left in the fit; `still`
    is True of learners who never learn.
    """

    name: str
    held: HeldOut
    by_fold: Floats
    resampled: Floats
    calibration: Calibration
    checks: Sequence[Check]
    invented: Invented
    warnings: Sequence[str]
    peeks: Sequence[str]
    still: bool

    @property
    def means(self) -> Floats:
        """AUC, log loss and RMSE `[3]`, the mean over folds."""
        return over_folds(self.by_fold)

    def check(self, name: str) -> Check:
        """The check of that name."""
        return next(check for check in self.checks if check.name == name)

    @property
    def passed(self) -> int:
        """The number of checks that are passed."""
        return sum(check.passes for check in self.checks if len(check.data))

    @property
    def n_units(self) -> int:
        """The number of independent units that the intervals rest on."""
        return len(np.unique(self.held.unit))


@dataclass(frozen=True, eq=False)
class Validation:
    """All models on one log; `split` and `groups` say how predictions were held out, and what is pooled.

    The models that pass most checks come first, then those with the largest AUC, and those that peek last.
    """

    log: LearnerLog
    models: Sequence[Validity]
    reference: str
    settings: Settings
    split: str
    groups: str

    @property
    def few_learners(self) -> bool:
        """True where intervals had to take responses as independent."""
        return self.models[0].held.n_learners < FEWEST_LEARNERS

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a model: honest ones first, then those that pass most checks, then by AUC."""
        (first,) = [model for model in self.models if model.name == self.reference]
        return pd.DataFrame([_row(model, first) for model in self.models]).set_index("model")

    @property
    def checks(self) -> pd.DataFrame:
        """One row for each model, check and bin."""
        return pd.concat([_bins(m.name, check) for m in self.models for check in m.checks], ignore_index=True)

    @property
    def calibration(self) -> pd.DataFrame:
        """One row for each model and bin of predictions."""
        columns = ("predicted", "observed", "low", "high", "answers")
        tables = [
            pd.DataFrame({"model": m.name} | {name: getattr(m.calibration, name) for name in columns})
            for m in self.models
        ]
        return pd.concat(tables, ignore_index=True)

    def write(self, folder: Path) -> dict[str, Path]:
        """Write the tables into `folder`, and say where each is."""
        tables = {
            "validity": self.table.reset_index(),
            "checks": self.checks,
            "calibration": self.calibration,
        }
        return write_tables(tables, folder, float_format="%.6g")


def validate(
    log: LearnerLog, models: Mapping[str, LearnerModel], reference: str, settings: Settings | None = None
) -> Validation:
    """Judge each of `models` on `log`; differences are measured from `reference`, which is one of them.

    Nothing that fewer than `log.min_group` learners met is named (see `fitting/groups.py`).  Raises
    `InputError` where a model cannot be fitted, or where the settings do not suit the log.
    """
    settings = settings or Settings()
    if reference not in models:
        raise reject("reference", reference, "one of the models: " + ", ".join(models))
    groups = grouped(Coded.of(log), log.min_group)
    coded = groups.log
    refuse_untimed(coded, models, "models")
    split = plan(coded, settings.folds, settings.min_rows)
    trial = Trial.of(coded, settings.worlds, settings.seed)
    judged = []
    for name, model in models.items():
        try:
            held = held_out(coded, model, split.folds)
            fitted, others = redrawn(model.fit(coded), coded, model, settings.draws, settings.seed)
        except InputError as error:
            raise InputError(
                f"models: {name} cannot be fitted to this log, leave it out ({error})"
            ) from error
        simulators = [other.simulator() for other in others or [fitted]]
        answers = replay(simulators, coded, settings.replicates, settings.seed)
        judged.append(
            Validity(
                name=name,
                held=held,
                by_fold=by_fold(held),
                resampled=resampled_figures(held, settings.seed),
                calibration=calibration(held, min_group=coded.min_group),
                checks=checks(coded, answers, settings.seed),
                invented=trial.invented(model, fitted, settings.seed),
                warnings=[*fitted.warnings(), *unseen_spread(fitted.estimates(), len(coded.learners))],
                peeks=peeks(fitted, coded, settings.seed),
                still=never_learn(fitted.simulator(), lessons(coded, EACH)),
            )
        )
    judged.sort(key=lambda found: (bool(found.peeks), -found.passed, -found.means[0]))
    return Validation(log, judged, reference, settings, split.words, groups.words)


def _row(model: Validity, reference: Validity) -> dict[str, object]:
    row: dict[str, object] = {
        "model": model.name,
        "learners": model.held.n_learners,
        "responses": len(model.held.p),
    }
    spread = model.by_fold.std(axis=0, ddof=1) if len(model.by_fold) > 1 else np.full(3, np.nan)
    for k, figure in enumerate(FIGURES):
        row |= _columns(figure, model.means[k], model.resampled[:, k], model.n_units)
        row[f"{figure}_sd"] = spread[k]
    gap, draws = model.means[0] - reference.means[0], model.resampled[:, 0] - reference.resampled[:, 0]
    row |= _columns("auc_difference", gap, draws, model.n_units)
    for name in ("slope", "intercept"):
        value, low, high = getattr(model.calibration, name)
        row |= {name: value, f"{name}_low": low, f"{name}_high": high}
    for check in model.checks:
        row[f"{check.name}_inside"] = check.share_inside
        row[f"{check.name}_rmse"] = check.rmse
        row[f"{check.name}_p"] = check.p_value
        row[f"{check.name}_width"] = check.width
        row[f"{check.name}_log_width"] = check.log_width
        row[f"{check.name}_passes"] = check.passes
    null, real = model.invented.null, model.invented.real
    for where, gains in (("invented", null.mean), ("invented_error", null.error), ("log", real)):
        row |= {f"{where}_gain_{level}": gain for level, gain in zip(LEVELS, gains.gain, strict=True)}
        row |= {f"{where}_spread_{level}": sd for level, sd in zip(LEVELS, gains.spread, strict=True)}
    return row | {
        "passed": model.passed,
        "judged": sum(len(check.data) > 0 for check in model.checks),
        "invents": model.invented.verdict,
        "peeks": bool(model.peeks),
    }


def _columns(name: str, value: float, draws: Floats, n: int) -> dict[str, float]:
    known = draws[np.isfinite(draws)]  # a resample may hold one outcome only, and so no AUC
    estimate = from_draws(value, known if len(known) else np.array([np.nan]), n)
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _bins(model: str, check: Check) -> pd.DataFrame:
    low, high = check.band
    return pd.DataFrame(
        {
            "model": model,
            "check": check.name,
            "skill": check.group,
            "bin": check.place,
            "answers": check.count,
            "log": check.data,
            "log_low": check.low,
            "log_high": check.high,
            "simulated": check.mean,
            "simulated_low": low,
            "simulated_high": high,
            "inside": check.inside,
        }
    )
