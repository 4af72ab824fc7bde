"""What people read about a fit: the table on the screen, the warnings, and the card beside the numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from coursewright.data.log import LearnerLog
from coursewright.fitting.bkt.em import BktFit
from coursewright.fitting.bkt.hidden_markov import GUESS, LEARN, PRIOR, SLIP
from coursewright.fitting.judging.bkt_folds import Score

SHOWN = {"L0 prior": PRIOR, "T learn": LEARN, "G guess": GUESS, "S slip": SLIP}
VAGUE = 0.2  # a standard error of a probability above this says little more than "somewhere in [0, 1]"
SOUND = "G < .5, S < .5, .01 < L0 < .99, .005 < T < .9"


@dataclass(frozen=True)
class Choice:
    """How the skills of a named simulator were chosen, and from how many."""

    min_learners: int
    met: int
    sound: int
    draws: int
    seed: int
    command: str


def table_of(fit: BktFit) -> str:
    """One line a skill: learners, opportunities, and each parameter with its standard error."""
    width = max(5, *(len(name) for name in fit.skills))
    head = f"{'skill':<{width}} {'learners':>8} {'answers':>8}  " + "  ".join(f"{name:<11}" for name in SHOWN)
    lines = [head]
    for k, skill in enumerate(fit.skills):
        cells = [_with_error(fit.theta[k, at], fit.standard_errors[k, at]) for at in SHOWN.values()]
        lines.append(f"{skill:<{width}} {fit.learners[k]:>8} {fit.opportunities[k]:>8}  " + "  ".join(cells))
    return "\n".join(line.rstrip() for line in lines)


def warnings_of(fit: BktFit) -> list[str]:
    """One line for each kind of trouble, naming the skills it touches."""
    errors = fit.standard_errors[:, list(SHOWN.values())]
    vague = np.asarray((np.nan_to_num(errors) > VAGUE).any(axis=1))
    kinds = {
        "no standard error for some parameter (at a bound, or not identified)": ~fit.identified,
        f"a standard error above {VAGUE:g}: hardly identified": vague,
        "label switching (guess + slip reach 1: answers get no better with mastery)": fit.switched,
        "the climb did not converge": ~fit.converged,
    }
    return [f"{why}: {_names(fit, flags)}" for why, flags in kinds.items() if flags.any()]


def scores_table(scores: Mapping[str, Score]) -> str:
    """Mean ± standard deviation over folds (if there are several), as a Markdown table."""
    lines = ["| model | AUC | log loss (nats) | RMSE |", "|---|---|---|---|"]
    for name, score in scores.items():
        cells = (_spread(values) for values in (score.auc, score.log_loss, score.rmse))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def comparison(model: Score, item: Score, name: str = "BKT") -> str:
    """Which of the two predicts better, on how many folds, whichever it is."""
    folds = len(model.auc)
    by_auc, by_loss = int((item.auc > model.auc).sum()), int((item.log_loss < model.log_loss).sum())
    return (
        f"The plain item-difficulty model, which knows nothing of the learner, predicts better than {name} "
        f"on {by_auc} of {folds} folds by AUC and on {by_loss} of {folds} by log loss "
        f"(mean difference {name} - item: AUC {np.mean(model.auc - item.auc):+.3f}, "
        f"log loss {np.mean(model.log_loss - item.log_loss):+.3f})."
    )


def card(name: str, log: LearnerLog, fit: BktFit, choice: Choice, scores: Mapping[str, Score]) -> str:
    """Write the whole card in Markdown.  Nothing in it is about a single learner."""
    bkt, item = scores["BKT"], scores["item difficulty"]
    return f"""# {name}: BKT learners fitted to a log

Made by `{choice.command}`; running it again gives the same files.

- **Source**: {log.source}.
- **Licence**: {log.licence}.
- **Log**: {log.table.num_rows:,} rows of {log.n_learners:,} learners, in stable order of learner, time,
  file ({log.reordered} rows followed a later one of the same learner); rows dropped: {dropped(log)}.
- **Model**: Bayesian knowledge tracing (Corbett & Anderson 1994), one item per skill, no prerequisite
  graph, {_forgetting(fit)}, fitted to all learners by
  expectation-maximisation, each skill by itself.
- **Skills**: of the {choice.met} skills with at least {choice.min_learners} learners, {choice.sound} have a
  sound fit ({SOUND}); these are the
  {len(fit.skills)} of them with most learners ({fit.learners.min()} to {fit.learners.max()} learners,
  {int(fit.opportunities.sum()):,} rows).
- **Files**: `parameters.csv` has the estimates, counts, and standard errors (observed information; nan where
  a parameter lies at its bound or is not identified); `draws.csv` has {choice.draws} bootstrap draws of all
  parameters (whole learners resampled, the same for every skill, seed {choice.seed}). Nothing per learner.

## Parameters

{_ranges(fit)}

{_trouble(fit)}

## Held-out prediction

{len(bkt.auc)}-fold cross-validation by learner over all skills ({bkt.learners} learners, {bkt.rows:,}
responses; every response scored, only a learner's earlier rows as history; mean ± standard deviation over
folds):

{scores_table(scores)}

{comparison(bkt, item)}

## Limits

- The order of practice was not randomised: what looks like learning may be the choice of items. Items of one
  skill differ in difficulty, which this model leaves out.
- Skills are fitted and simulated as independent; learners differ only by luck and by their draw.
- Skills were chosen for having a sound fit, so the rest of the log may be less like this model.
"""


def _ranges(fit: BktFit) -> str:
    lines = ["| parameter | smallest | median | largest | median standard error |", "|---|---|---|---|---|"]
    for name, at in SHOWN.items():
        low, middle, high = np.quantile(fit.theta[:, at], [0.0, 0.5, 1.0])
        errors = fit.standard_errors[:, at]
        error = f"{np.median(errors[np.isfinite(errors)]):.3f}" if np.isfinite(errors).any() else "-"
        lines.append(f"| {name} | {low:.3f} | {middle:.3f} | {high:.3f} | {error} |")
    return "\n".join(lines)


def _trouble(fit: BktFit) -> str:
    return "Doubtful fits:\n\n" + "\n".join(f"- {line}" for line in warnings_of(fit) or ["none"])


def _forgetting(fit: BktFit) -> str:
    forget = np.asarray(fit.parameters.forget)
    return "no forgetting (F = 0)" if not forget.any() else "forgetting at each opportunity (F fitted)"


def dropped(log: LearnerLog) -> str:
    """How many rows the importer left out, by reason."""
    return ", ".join(f"{n} ({why})" for why, n in log.dropped.items()) or "none"


def _with_error(value: float, error: float) -> str:
    return f"{value:.3f}±{error:.3f}" if np.isfinite(error) else f"{value:.3f}±-    "


def _spread(values: np.ndarray) -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def _names(fit: BktFit, flags: np.ndarray) -> str:
    names = [name for name, flag in zip(fit.skills, flags, strict=True) if flag]
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"{len(names)} of {len(fit.skills)} skills ({shown})"
