"""The validity of learner models as one page, with tables and figures beside it, and on the terminal."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from rich.table import Table

from coursewright.evaluation import numbers
from coursewright.evaluation.figures import Picture, keep
from coursewright.evaluation.page import Page, embedded, write_page
from coursewright.evaluation.tables import plain_table
from coursewright.evaluation.validity import check_words, words
from coursewright.evaluation.validity.figures import (
    calibration_figure,
    check_figure,
    prediction_figure,
    skills_figure,
)
from coursewright.evaluation.validity.judge import Validation, Validity
from coursewright.evaluation.validity.told import CHECKS
from coursewright.fitting.judging.accuracy import BY_SKILL, RETENTION
from coursewright.fitting.judging.null_world import LEVELS
from coursewright.fitting.judging.spread import SPREAD
from coursewright.fitting.judging.within_pairs import WITHIN

TITLE = "How valid are these learner models?"


class Judged(NamedTuple):
    """The paths of the page, the tables and the figures, the latter two by name."""

    page: Path
    tables: Mapping[str, Path]
    figures: Mapping[str, Path]


def write_judged(validation: Validation, folder: Path, facts: Mapping[str, str]) -> Judged:
    """Write `report.html`, which needs nothing beside it, and its tables and figures into `folder`."""
    shared = keep(_shared(validation), folder)
    own = {
        model.name: keep({f"{CHECKS[BY_SKILL].figure}-{model.name}": _skills(model)}, folder)
        for model in validation.models
        if len(model.check(BY_SKILL).data)
    }
    page = folder / "report.html"
    write_page(
        page,
        "validity/report.html",
        Page(TITLE, facts),
        validation=validation,
        shared=embedded(shared.values()),
        own={name: embedded(kept.values()) for name, kept in own.items()},
        checks=CHECKS,
        levels=LEVELS,
        check_words=check_words,
        words=words,
        numbers=numbers,
    )
    figures = {name: kept.path for part in (shared, *own.values()) for name, kept in part.items()}
    return Judged(page, validation.write(folder), figures)


def _shared(validation: Validation) -> dict[str, Picture]:
    """The pictures that hold all models."""
    pictures = {
        "prediction": _both("Held-out prediction, with 95 % intervals", prediction_figure, validation),
        "calibration": _both(
            "The share of right answers against the prediction", calibration_figure, validation
        ),
    }
    for name, told in CHECKS.items():
        if name != BY_SKILL and any(len(model.check(name).data) for model in validation.models):
            pictures[told.figure] = _both(told.caption, check_figure, validation, name)
    return pictures


def _skills(model: Validity) -> Picture:
    return _both(f"{model.name}: {CHECKS[BY_SKILL].caption}", skills_figure, model)


def _both(caption: str, draw: Callable[..., Figure], *given: object) -> Picture:
    """The picture in its two layouts."""
    return Picture(caption, draw(*given), draw(*given, narrow=True))


def models_table(validation: Validation) -> Table:
    """One row per model; it fits 80 columns."""
    held = validation.models[0].held
    learners = "1 learner" if held.n_learners == 1 else f"{held.n_learners:,} learners"
    table = plain_table(
        f"{len(held.p):,} held-out responses of {learners}; then, for simulated learners,\n"
        "the log's points inside the band of some checks, and the checks that pass",
        ("model", "AUC [95 %]", "log loss", "pairs", "delay", "spread", "passes"),
    )
    for name, row in validation.table.iterrows():
        table.add_row(*_cells(str(name), row), style="cyan" if name == validation.reference else None)
    return table


def _cells(name: str, row: pd.Series) -> tuple[str, ...]:
    return (
        name + (" (peeks)" if row["peeks"] else ""),
        f"{numbers.number(row['auc'])} {numbers.brief(row['auc_low'], row['auc_high'])}",
        numbers.number(row["log_loss"]),
        *(numbers.percent(row[f"{check}_inside"]) for check in (WITHIN, RETENTION, SPREAD)),
        f"{row['passed']} of {row['judged']}",
    )
