"""How well a model predicts learners it has never seen: cross-validation by learner."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.metrics import log_loss, roc_auc_score
from tqdm import tqdm

from coursewright.fitting.bkt.em import EmSettings, fit
from coursewright.fitting.bkt.predict import predict
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.judging.held_out import EDGE, HeldOut, by_fold, by_learner
from coursewright.fitting.logistic.item_difficulty import ItemDifficulty
from coursewright.simulators.arrays import Floats

Model = Callable[[pa.Table, pa.Table], Floats]  # (training log, held-out log) -> P(correct) [held-out rows]


@dataclass(frozen=True, eq=False)
class Score:
    """One model's figures on each held-out fold, every row with a question scored once.

    auc, log_loss (nats per response), rmse [folds]; auc is nan in a fold of one outcome only.
    learners and rows count what was scored.
    """

    auc: Floats
    log_loss: Floats
    rmse: Floats
    learners: int
    rows: int


def cross_validate(
    table: pa.Table, models: Mapping[str, Model], folds: int = 5, min_rows: int = 10
) -> dict[str, Score]:
    """Score each model on the same folds of learners with at least `min_rows` rows.

    Learners, sorted by id (numbers as numbers), are split by `KFold(folds, shuffle=True, random_state=0)`.
    Models see, of a held-out learner, only the rows before the one they predict.  Raises `InputError`
    where there are fewer such learners than folds.
    """
    folded = by_learner(table, folds, min_rows)
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in models}
    scored = 0
    for fold in tqdm(folded, desc="held-out folds", delay=2.0, leave=False, disable=None):
        train, test = (table.take(pa.array(rows)) for rows in (fold.train, fold.test))
        correct = test["correct"].to_numpy()
        scored += int((correct >= 0).sum())
        for name, model in models.items():
            figures[name].append(_figures(correct, model(train, test)))
    learners = sum(len(pc.unique(table["learner"].take(pa.array(fold.test)))) for fold in folded)
    columns = {name: np.array(rows).T for name, rows in figures.items()}
    return {name: Score(auc, loss, rmse, learners, scored) for name, (auc, loss, rmse) in columns.items()}


def score(held: HeldOut) -> Score:
    """The figures of held-out predictions."""
    auc, loss, rmse = by_fold(held).T
    return Score(auc, loss, rmse, held.n_learners, len(held.p))


def bkt_model(settings: EmSettings | None = None) -> Model:
    """BKT, fitted to the training log; unseen skills get the median parameters."""

    def model(train: pa.Table, test: pa.Table) -> Floats:
        return predict(fit(Sequences.from_log(train), settings).parameters, test)

    return model


def item_difficulty(train: pa.Table, test: pa.Table) -> Floats:
    """Predict from the item alone: one-hot logistic regression, L2 penalty; unseen: the intercept."""
    return ItemDifficulty().fit(train).predict(test)


def _figures(correct: np.ndarray, p: Floats) -> tuple[float, float, float]:
    """AUC, log loss and RMSE of predictions p [rows], over the rows with a question."""
    asked = correct >= 0
    y, p = correct[asked], np.clip(p[asked], EDGE, 1.0 - EDGE)
    auc = roc_auc_score(y, p) if len(np.unique(y)) == 2 else np.nan
    return float(auc), float(log_loss(y, p, labels=[0, 1])), float(np.sqrt(np.mean((y - p) ** 2)))
