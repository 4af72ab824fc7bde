"""Predictions of responses that a model has not seen, and how good they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import KFold

from coursewright.errors import reject
from coursewright.fitting.coded import Coded
from coursewright.fitting.model import LearnerModel
from coursewright.progress import each
from coursewright.simulators.arrays import Floats, Ints

EDGE = 1e-6  # predictions stay this far from 0 and 1, so that one sure error does not cost infinity
FIRST_PART = 0.8  # of each learner's rows, where a log is split by time
FEWEST_LEARNERS = 10  # resampling fewer learners says nothing: there, responses count as independent
RESAMPLES = 400


class Fold(NamedTuple):
    """Rows of the log to fit and to predict, and which of the latter count `[test rows]`."""

    train: Ints
    test: Ints
    scored: npt.NDArray[np.bool_]


def by_learner(log: Coded, folds: int, min_rows: int) -> list[Fold]:
    """Split the learners with at least `min_rows` rows by `KFold(folds, shuffle=True, random_state=0)`.

    Raises `InputError` where there are fewer such learners than folds.
    """
    eligible = np.flatnonzero(np.diff(log.start) >= min_rows)
    if not 2 <= folds <= len(eligible):
        few = f"from 2 to the {len(eligible)} learners with at least {min_rows} rows"
        raise reject("folds", folds, f"{few} (a lower min_rows lets more of them in)")
    parts = KFold(folds, shuffle=True, random_state=0).split(eligible)
    rows = [
        [np.flatnonzero(np.isin(log.learner, eligible[part])) for part in (inside, outside)]
        for inside, outside in parts
    ]
    return [Fold(train, test, np.ones(len(test), bool)) for train, test in rows]


def by_time(log: Coded, min_rows: int) -> list[Fold]:
    """One fold: the first 80 % of each learner's rows to fit, the rest to score.

    For logs of a few learners.  Raises `InputError` where no learner has `min_rows` rows.
    """
    counts = np.diff(log.start)
    if counts.max() < min_rows:
        raise reject("min_rows", min_rows, f"at most {counts.max()}, the most rows of any learner")
    test = np.flatnonzero(counts[log.learner] >= min_rows)
    late = log.place[test] >= FIRST_PART * counts[log.learner[test]]
    return [Fold(test[~late], test, late)]


@dataclass(frozen=True, eq=False)
class Plan:
    """The folds of the log, and the words in which people are told of them."""

    folds: list[Fold]
    words: str


def plan(log: Coded, folds: int = 5, min_rows: int = 10) -> Plan:
    """Split by learner, or by time where fewer learners than folds have `min_rows` rows.

    Raises `InputError` where fewer learners than the log's `min_group` have them.
    """
    rows = np.diff(log.start)
    eligible = int((rows >= min_rows).sum())
    if eligible < log.min_group and log.min_group > 1:
        most = int(np.sort(rows)[-log.min_group])
        few = f"at most {most}, which {log.min_group} learners have (figures of fewer need min_group=1)"
        raise reject("min_rows", min_rows, few)
    if not eligible:
        raise reject("min_rows", min_rows, f"at most {rows.max()}, the most rows of any learner")
    if eligible < folds:
        words = (
            f"split by time (only {eligible} {'learner has' if eligible == 1 else 'learners have'} at least "
            f"{min_rows} rows): fitted to the first 80 % of each learner's rows, scored on the rest, with "
            "everything before a response as history"
        )
        return Plan(by_time(log, min_rows), words)
    words = (
        f"{folds}-fold cross-validation by learner over the {eligible:,} learners with at least {min_rows} "
        "rows: every response scored once, with only the learner's earlier rows as history"
    )
    return Plan(by_learner(log, folds, min_rows), words)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A model's predictions of responses it had not seen, `[responses]` each.

    `correct` is 0 or 1, `p` the predicted P(correct), `fold` the fold that held it out, `learner` its learner
    (a number).
    """

    learner: Ints
    fold: Ints
    correct: npt.NDArray[np.int8]
    p: Floats

    @property
    def n_learners(self) -> int:
        """The number of learners who were scored."""
        return len(np.unique(self.learner))

    @property
    def unit(self) -> Ints:
        """The resampled unit of each response `[responses]`: its learner, or itself with fewer than ten."""
        return units(self.learner)


def units(learner: Ints) -> Ints:
    """Number the independent units `[rows]`: learners, or the rows of fewer than ten learners."""
    names, number = np.unique(learner, return_inverse=True)
    return number.astype(np.int64) if len(names) >= FEWEST_LEARNERS else np.arange(len(learner))


def held_out(log: Coded, model: LearnerModel, folds: list[Fold]) -> HeldOut:
    """Fit `model` to each fold's training rows and predict the others."""
    parts = []
    for number, (train, test, scored) in enumerate(each(folds, f"{model.name}: held out", "folds")):
        p = model.fit(log.take(train)).predict(log.take(test))
        keep = scored & (log.correct[test] >= 0)
        rows = test[keep]
        parts.append((log.learner[rows], np.full(len(rows), number), log.correct[rows], p[keep]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return HeldOut(*columns)


class Scored(NamedTuple):
    """One fold, prepared for being scored again and again.

    `at` are its responses; `rank` orders them by prediction (equal predictions share one), `right` says
    which are correct, `loss` and `square` are their log losses and squared errors, `[responses of the fold]`.
    """

    at: Ints
    rank: Ints
    right: npt.NDArray[np.bool_]
    loss: Floats
    square: Floats

    @classmethod
    def of(cls, at: Ints, correct: npt.NDArray[np.int8], p: Floats) -> Self:
        """Prepare the responses `at` of `correct` (0 or 1) and predictions `p`, `[all responses]`."""
        right, p = correct[at] == 1, np.clip(p[at], EDGE, 1.0 - EDGE)
        rank = np.unique(p, return_inverse=True)[1]
        return cls(at, rank, right, -np.log(np.where(right, p, 1.0 - p)), (right - p) ** 2)

    def figures(self, weight: Floats | None = None) -> tuple[float, float, float]:
        """AUC, log loss (nats) and RMSE with `weight [responses of the fold]`.

        AUC is P(a right response has the higher prediction than a wrong one), ties counting half, and
        nan where all have one outcome; everything is nan where nothing is left.
        """
        weight = np.ones(len(self.at)) if weight is None else weight
        right = np.bincount(self.rank, weights=weight * self.right)
        wrong = np.bincount(self.rank, weights=weight * ~self.right)
        pairs, total = right.sum() * wrong.sum(), weight.sum()
        below = np.cumsum(wrong) - wrong
        auc = right @ (below + wrong / 2.0) / pairs if pairs > 0 else np.nan
        loss, square = (weight @ part / total if total > 0 else np.nan for part in (self.loss, self.square))
        return float(auc), float(loss), float(np.sqrt(square))


def scored_folds(held: HeldOut) -> list[Scored]:
    """The folds of `held`, prepared."""
    folds = range(int(held.fold.max()) + 1)
    return [Scored.of(np.flatnonzero(held.fold == number), held.correct, held.p) for number in folds]


def by_fold(held: HeldOut) -> Floats:
    """AUC, log loss and RMSE of each fold `[folds, 3]`."""
    return np.array([part.figures() for part in scored_folds(held)])


def resampled_figures(held: HeldOut, seed: int = 0, resamples: int = RESAMPLES) -> Floats:
    """The mean over folds of AUC, log loss and RMSE under resampling of whole learners `[resamples, 3]`.

    The same seed and the same responses give the same resamples, so that models can be compared in pairs.
    """
    folds, unit = scored_folds(held), held.unit
    draws = np.empty((resamples, 3))
    for draw, count in zip(draws, counts(int(unit.max()) + 1, resamples, seed), strict=True):
        weight = count[unit]
        draw[:] = over_folds(np.array([part.figures(weight[part.at]) for part in folds]))
    return draws


def over_folds(rows: Floats) -> Floats:
    """The mean `[3]` of `rows [folds, 3]`, of each column over the folds that have it; nan if none has."""
    known = np.isfinite(rows)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, rows, 0.0).sum(axis=0) / known.sum(axis=0))


def counts(n: int, resamples: int, seed: int) -> Iterator[Floats]:
    """The number of times each of `n` units stands in a bootstrap resample, one resample `[n]` at a time."""
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
