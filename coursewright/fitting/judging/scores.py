"""A model's held-out figures, fold by fold, as people read them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from coursewright.fitting.judging.held_out import HeldOut, by_fold, over_folds
from coursewright.simulators.arrays import Floats


@dataclass(frozen=True, eq=False)
class Score:
    """One model's figures on each held-out fold, every row with a question scored once.

    auc, log_loss (nats per response), rmse [folds]; auc is nan in a fold of one outcome only.
    learners and rows count the scored ones.
    """

    auc: Floats
    log_loss: Floats
    rmse: Floats
    learners: int
    rows: int

    @property
    def means(self) -> dict[str, float]:
        """AUC, log loss and RMSE by name, the mean over folds."""
        rows = np.stack([self.auc, self.log_loss, self.rmse], axis=1)
        return dict(zip(("auc", "log_loss", "rmse"), over_folds(rows).tolist(), strict=True))

    @classmethod
    def of(cls, held: HeldOut) -> "Score":
        """The figures of held-out predictions."""
        auc, loss, rmse = by_fold(held).T
        return cls(auc, loss, rmse, held.n_learners, len(held.p))


def scores_table(scores: Mapping[str, Score]) -> str:
    """Mean ± standard deviation over folds (if there are several), as a Markdown table."""
    lines = ["| model | AUC | log loss (nats) | RMSE |", "|---|---|---|---|"]
    for name, score in scores.items():
        cells = (_spread(values) for values in (score.auc, score.log_loss, score.rmse))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def comparison(model: Score, item: Score, name: str) -> str:
    """A sentence that counts the folds on which the item-difficulty model predicts better than the model."""
    folds = len(model.auc)
    by_auc, by_loss = int((item.auc > model.auc).sum()), int((item.log_loss < model.log_loss).sum())
    return (
        f"The plain item-difficulty model, which knows nothing of the learner, predicts better than {name} "
        f"on {by_auc} of {folds} folds by AUC and on {by_loss} of {folds} by log loss "
        f"(mean difference {name} - item: AUC {np.mean(model.auc - item.auc):+.3f}, "
        f"log loss {np.mean(model.log_loss - item.log_loss):+.3f})."
    )


def _spread(values: Floats) -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
