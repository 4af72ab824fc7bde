"""The validity of learner models in plain sentences."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from coursewright.evaluation.numbers import hundredths, number, span, styled
from coursewright.evaluation.validity.check_words import begun, passing, said_of
from coursewright.evaluation.validity.judge import Validation, Validity
from coursewright.evaluation.validity.told import CHECKS
from coursewright.fitting.judging.checks import FEWEST
from coursewright.fitting.judging.held_out import FEWEST_LEARNERS
from coursewright.fitting.judging.replay import REPLICATES
from coursewright.fitting.judging.verdict import NOTHING, UNTOLD, listed
from coursewright.fitting.judging.within_pairs import WITHIN


def conclusions(validation: Validation) -> list[str]:
    """The model that predicts best, and the models whose simulated learners are like the log's."""
    honest = validation.table[~validation.table["peeks"]]
    if honest.empty:
        return ["Every model peeks at the answers that it predicts, so none of these figures means anything."]
    models = [model for model in validation.models if not model.peeks]
    return [
        _best_prediction(validation, honest),
        *_best_simulation(honest),
        *_powerless(models),
        *_left_out(models),
        *_mark(models),
    ]


def _best_prediction(validation: Validation, table: pd.DataFrame) -> str:
    best, reference = table.sort_values("auc", kind="stable").iloc[-1], validation.reference
    sentence = f"{best.name} predicts unseen responses best by AUC ({number(best['auc'])})"
    if best.name == reference:
        return sentence + ": no model here beats the reference."
    doubt = span(best["auc_difference_low"], best["auc_difference_high"], signed=True)
    gap = f"{number(best['auc_difference'], signed=True)} against {reference}"
    loss = str(table["log_loss"].idxmin())
    too = ", and by log loss too." if loss == best.name else f"; by log loss {loss} does."
    return f"{sentence}, {gap} (95 % interval {doubt}){too}"


def _best_simulation(table: pd.DataFrame) -> list[str]:
    judged = [check for check in CHECKS if table[f"{check}_rmse"].notna().any()]
    if not judged:
        return [f"No bin has {FEWEST} answers: this log is too small to compare simulated learners with."]
    passed = (
        table[[f"{check}_passes" for check in judged]].sum(axis=1).sort_values(ascending=False, kind="stable")
    )
    most = ", ".join(f"{name} {n}" for name, n in passed.items())
    first = f"Simulated learners beside the log, checks passed of {len(judged)}: {most}."
    lines = [passing(table, check) for check in judged]
    if WITHIN in judged:  # the verdict on learning stands alone
        first += f" {begun(lines.pop(judged.index(WITHIN)))}."
    return [first, "Other checks: " + "; ".join(lines) + "."]


def _powerless(models: Sequence[Validity]) -> list[str]:
    """A warning where learners who never learn pass the check of learning: then it says nothing."""
    still = [model.name for model in models if model.still and model.check(WITHIN).passes]
    if not still:
        return []
    return [
        f"This log cannot tell learning from none: {listed(still)}, of whom nobody learns, "
        f"{'passes' if len(still) == 1 else 'pass'} learning within pairs, so that passing says nothing."
    ]


def _left_out(models: Sequence[Validity]) -> list[str]:
    """The checks, and the null worlds, that this log or a model has no data for, each with its reason."""
    reasons = [
        *((told.what, {m.name: m.check(name).left_out for m in models}) for name, told in CHECKS.items()),
        ("null worlds", {m.name: m.invented.left_out for m in models}),
    ]
    parts = []
    for what, found in reasons:
        for reason in dict.fromkeys(filter(None, found.values())):
            names = [name for name, given in found.items() if given == reason]
            whose = f" of {listed(names)}" if len(names) < len(models) else ""
            parts.append(f"{what}{whose} ({reason})")
    return [f"Left out: {'; '.join(parts)}."] if parts else []


def _mark(models: Sequence[Validity]) -> list[str]:
    """The models that invent learning, those that do not, and those of which the log cannot tell."""
    verdicts: dict[str, list[str]] = {}
    for model in models:
        verdicts.setdefault(model.invented.verdict, []).append(model.name)
    fit, untold = verdicts.pop(NOTHING, []), verdicts.pop(UNTOLD, [])
    verdicts.pop("", None)
    parts = [
        f"{listed(names)} {_verb('invent', names)} {what} and {'is' if len(names) == 1 else 'are'} unfit to "
        "train policies"
        for what, names in verdicts.items()
    ]
    if fit:
        parts.append(f"{listed(fit)} {_verb('invent', fit)} no learning where nobody learns")
    if untold:
        this = "this" if parts else "This"
        parts.append(f"{this} log cannot tell if {listed(untold)} {_verb('invent', untold)} learning")
    return ["; ".join(parts) + "."] if parts else []


def _verb(stem: str, names: Sequence[str]) -> str:
    return stem + "s" * (len(names) == 1)


def about(model: Validity) -> list[str]:
    """The findings about one model: the checks, peeking, and the gaps that the log left in the fit."""
    lines = [f"Void: {line}." for line in model.peeks]
    lines += [said_of(check) for check in model.checks]
    lines.append(f"{styled(model.invented.words)}.")
    slope, low, high = model.calibration.slope
    if np.isfinite(slope) and not low <= 1.0 <= high:
        doubt = f"95 % interval {hundredths(low)} to {hundredths(high)}"
        lines.append(f"Its held-out predictions {_fault(slope, high)}: slope {hundredths(slope)} ({doubt}).")
    if not np.isfinite(slope):
        lines.append("No recalibration line: its predictions hardly vary, or part right from wrong.")
    return lines + [f"Fit: {line}." for line in model.warnings]


def _fault(slope: float, high: float) -> str:
    """The fault of predictions whose recalibration line has this slope, up to `high`; 1 is none."""
    if slope <= 0.0:
        return "point the wrong way" if high < 0.0 else "say nothing"
    return "are too extreme" if slope < 1.0 else "are too timid"


def heading(model: Validity) -> str:
    """The model's name, and its mark."""
    found = model.invented
    return f"{model.name}: invents {found.verdict}, unfit to train policies" if found.unfit else model.name


def limits(validation: Validation) -> list[str]:
    """The limits that a careful reader has to know before believing the page."""
    log = validation.log
    notes = [
        "Simulated learners get the log's items at the log's times, for any answers. Where the real "
        "choice of items, or staying on, depended on the answers, the real curves hold that selection and "
        "the simulated ones do not: late opportunities belong to those who stayed.",
        "Each replicate is a new population, not the log's own learners again, fitted to the whole log: "
        "the checks test the model's description of these data, the held-out figures its predictions.",
        f"A point of a curve needs {FEWEST} answers. If a model were the truth, one point in twenty would "
        "still lie outside its band. p is the share of logs, real or simulated, at least as far from all "
        "others.",
        f"The log: {log.source}; licence: {log.licence or 'unknown'}; {log.table.num_rows:,} rows of "
        f"{log.n_learners:,} learners; rows dropped: {log.left_out}.",
        f"Small groups: {validation.groups}. A point of a curve needs as many learners as a name does.",
    ]
    if validation.few_learners:
        notes.append(
            f"With fewer than {FEWEST_LEARNERS} learners there is nobody to resample: intervals take "
            "responses as independent, and are too narrow."
        )
    return notes


def resampled(validation: Validation) -> str:
    """The kind of the intervals of held-out figures."""
    kind = "single responses" if validation.few_learners else "whole learners"
    return f"a bootstrap over {kind}, with the fitted models as they are"


def bands(validation: Validation) -> str:
    """The sources of doubt that the bands hold."""
    settings = validation.settings
    inside = "Bands hold the luck of answering and the draw of learners"
    inside += (
        f", and the doubt about the parameters ({settings.draws} refits to resampled learners)."
        if settings.draws
        else ", with the parameters as fitted."
    )
    few = (
        ""
        if settings.replicates >= REPLICATES
        else f" With fewer than {REPLICATES} replicates they are too narrow."
    )
    return inside + few


def spread(row: pd.Series, name: str) -> str:
    """A mean with its standard deviation over folds, if there are several."""
    deviation = row[f"{name}_sd"]
    return number(row[name]) + (f" ± {number(deviation)}" if np.isfinite(deviation) else "")
