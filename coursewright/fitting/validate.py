"""How well a model predicts learners it has never seen: cross-validation by learner."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import KFold

from coursewright.data.log import codes
from coursewright.fitting.bkt import EmSettings, fit
from coursewright.fitting.predict import predict
from coursewright.fitting.sequences import Integers, Sequences
from coursewright.simulators.errors import reject
from coursewright.simulators.parameters import Floats

Model = Callable[[pa.Table, pa.Table], Floats]  # (training log, held-out log) -> P(correct) [held-out rows]
EDGE = 1e-6  # predictions stay this far from 0 and 1, so that one sure error does not cost infinity
STRENGTH = 1.0  # inverse L2 penalty of the item-difficulty model


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
    learner, _ = codes(table["learner"])
    eligible = np.flatnonzero(np.bincount(learner) >= min_rows)
    if not 2 <= folds <= len(eligible):
        allowed = f"from 2 to the {len(eligible)} learners with at least {min_rows} rows"
        raise reject("folds", folds, allowed)
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in models}
    scored = 0
    for inside, outside in KFold(folds, shuffle=True, random_state=0).split(eligible):
        train, test = (_rows_of(table, learner, eligible[part]) for part in (inside, outside))
        correct = test["correct"].to_numpy()
        scored += int((correct >= 0).sum())
        for name, model in models.items():
            figures[name].append(_figures(correct, model(train, test)))
    columns = {name: np.array(rows).T for name, rows in figures.items()}
    return {
        name: Score(auc, loss, rmse, len(eligible), scored) for name, (auc, loss, rmse) in columns.items()
    }


def bkt_model(settings: EmSettings | None = None) -> Model:
    """BKT, fitted to the training log; unseen skills get the median parameters."""

    def model(train: pa.Table, test: pa.Table) -> Floats:
        return predict(fit(Sequences.from_log(train), settings).parameters, test)

    return model


def item_difficulty(train: pa.Table, test: pa.Table) -> Floats:
    """Predict from the item alone: one-hot logistic regression, L2 penalty; unseen: the intercept."""
    asked = train.take(pa.array(np.flatnonzero(train["correct"].to_numpy() >= 0)))
    _, items = codes(asked["item"])
    place = {name: k for k, name in enumerate(items)}
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    model.fit(_one_hot(asked, place), asked["correct"].to_numpy())
    return np.asarray(model.predict_proba(_one_hot(test, place))[:, 1])


def _one_hot(table: pa.Table, place: Mapping[str, int]) -> csr_matrix:
    at = np.array([place.get(name, -1) for name in table["item"].to_pylist()])
    rows = np.flatnonzero(at >= 0)
    return csr_matrix((np.ones(len(rows)), (rows, at[rows])), shape=(len(at), len(place)))


def _rows_of(table: pa.Table, learner: Integers, chosen: Integers) -> pa.Table:
    return table.take(pa.array(np.flatnonzero(np.isin(learner, chosen))))


def _figures(correct: np.ndarray, p: Floats) -> tuple[float, float, float]:
    """AUC, log loss and RMSE of predictions p [rows], over the rows with a question."""
    asked = correct >= 0
    y, p = correct[asked], np.clip(p[asked], EDGE, 1.0 - EDGE)
    auc = roc_auc_score(y, p) if len(np.unique(y)) == 2 else np.nan
    return float(auc), float(log_loss(y, p, labels=[0, 1])), float(np.sqrt(np.mean((y - p) ** 2)))
