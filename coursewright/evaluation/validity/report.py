"""The validity of learner models as one page, with tables and figures beside it, and on the terminal."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from rich.table import Table

from coursewright.evaluation.comparison import words
from coursewright.evaluation.comparison.table import plain_table
from coursewright.evaluation.figures import save
from coursewright.evaluation.page import Page, embedded, write_page
from coursewright.evaluation.validity import words as validity_words
from coursewright.evaluation.validity.figures import (
    calibration_figure,
    curves_figure,
    prediction_figure,
    skills_figure,
)
from coursewright.evaluation.validity.judge import Validation
from coursewright.fitting.judging.checks import BY_SKILL, LEARNING, RETENTION

TITLE = "How valid are these learner models?"


class Published(NamedTuple):
    """Where the page, the tables and the figures are, each by name."""

    page: Path
    tables: Mapping[str, Path]
    figures: Mapping[str, Path]


def publish(validation: Validation, folder: Path, facts: Mapping[str, str]) -> Published:
    """Write `report.html`, which needs nothing beside it, and its tables and figures into `folder`."""
    shared = {
        "prediction": ("Held-out prediction, with 95 % intervals", prediction_figure(validation)),
        "calibration": ("The share of right answers against the prediction", calibration_figure(validation)),
        "learning": (
            "Learning: the share of right answers by opportunity on the skill",
            curves_figure(validation, LEARNING, "opportunity"),
        ),
        "retention": (
            "Retention: the share of right answers by time since the learner last met the skill",
            curves_figure(validation, RETENTION, "time since last met"),
        ),
    }
    own = {
        f"skills-{model.name}": (f"{model.name}: the most practised skills", skills_figure(model))
        for model in validation.models
        if len(model.check(BY_SKILL).data)
    }
    places = {stem: folder / f"{stem}.png" for stem in {**shared, **own}}
    for stem, (_, figure) in {**shared, **own}.items():
        save(figure, places[stem])
    page = folder / "report.html"
    write_page(
        page,
        "validity/report.html",
        Page(TITLE, facts),
        validation=validation,
        shared=embedded({caption: places[stem] for stem, (caption, _) in shared.items()}),
        own={stem: embedded({caption: places[stem]}) for stem, (caption, _) in own.items()},
        words=validity_words,
        numbers=words,
    )
    return Published(page, validation.write(folder), places)


def terminal_table(validation: Validation) -> Table:
    """One row a model; it fits 80 columns."""
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
        f"{words.number(row['auc'])} {words.brief(row['auc_low'], row['auc_high'])}",
        words.number(row["log_loss"]),
        validity_words.hundredths(row["slope"]),
        *(words.percent(row[f"{check}_inside"]) for check in validity_words.CHECKS),
    )
