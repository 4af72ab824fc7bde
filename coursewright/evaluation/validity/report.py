"""The validity of learner models as one page, with tables and figures beside it, and on the terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich.table import Table

from coursewright.evaluation import numbers
from coursewright.evaluation.figures import Picture, keep
from coursewright.evaluation.page import Page, embedded, write_page
from coursewright.evaluation.tables import plain_table
from coursewright.evaluation.validity import words
from coursewright.evaluation.validity.figures import (
    calibration_figure,
    curves_figure,
    prediction_figure,
    skills_figure,
)
from coursewright.evaluation.validity.judge import Validation, Validity
from coursewright.fitting.judging.checks import BY_SKILL, LEARNING, RETENTION

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
        model.name: keep({f"skills-{model.name}": _skills(model)}, folder)
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
        words=words,
        numbers=numbers,
    )
    figures = {name: kept.path for part in (shared, *own.values()) for name, kept in part.items()}
    return Judged(page, validation.write(folder), figures)


def _shared(validation: Validation) -> dict[str, Picture]:
    """The pictures that hold all models."""
    learning = curves_figure(validation, LEARNING, "opportunity")
    retention = curves_figure(validation, RETENTION, "time since last met")
    return {
        "prediction": Picture("Held-out prediction, with 95 % intervals", prediction_figure(validation)),
        "calibration": Picture(
            "The share of right answers against the prediction", calibration_figure(validation)
        ),
        "learning": Picture("Learning: the share of right answers by opportunity on the skill", learning),
        "retention": Picture(
            "Retention: the share of right answers by time since the learner last met the skill", retention
        ),
    }


def _skills(model: Validity) -> Picture:
    return Picture(f"{model.name}: the most practised skills", skills_figure(model))


def models_table(validation: Validation) -> Table:
    """One row per model; it fits 80 columns."""
    held = validation.models[0].held
    learners = "1 learner" if held.n_learners == 1 else f"{held.n_learners:,} learners"
    table = plain_table(
        f"{len(held.p):,} held-out responses of {learners}; and, last three columns,\n"
        "the share of the log's points inside the band of simulated ones",
        ("model", "AUC [95 %]", "log loss", "slope", "learning", "skills", "delay"),
    )
    for name, row in validation.table.iterrows():
        table.add_row(*_cells(str(name), row), style="cyan" if name == validation.reference else None)
    return table


def _cells(name: str, row: pd.Series) -> tuple[str, ...]:
    return (
        name + (" (peeks)" if row["peeks"] else ""),
        f"{numbers.number(row['auc'])} {numbers.brief(row['auc_low'], row['auc_high'])}",
        numbers.number(row["log_loss"]),
        numbers.hundredths(row["slope"]),
        *(numbers.percent(row[f"{check}_inside"]) for check in words.CHECKS),
    )
