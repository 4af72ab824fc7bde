"""From a log and any learner model to a folder: parameters, estimates with intervals, and a card."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from coursewright.data.log import LearnerLog
from coursewright.errors import legible, reject
from coursewright.files import fill_atomically
from coursewright.fitting.coded import Coded, require_both
from coursewright.fitting.groups import grouped
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.held_out import held_out, plan
from coursewright.fitting.judging.invented import Invented, Trial, check_worlds, unseen_spread
from coursewright.fitting.judging.null_world import WORLDS
from coursewright.fitting.judging.scores import Score, comparison, scores_table
from coursewright.fitting.model import Candid, Fitted, LearnerModel, refuse_untimed
from coursewright.fitting.refit import FEWEST_DRAWS, LEVEL, Doubt, redrawn
from coursewright.simulators.folders import OPTIONAL, add_facts

SHOWN = 12  # parameters in the report; the file has them all
ITEM = "item difficulty"


@dataclass(frozen=True, eq=False)
class ModelFit:
    """The result of `fit_model`: the fit, its estimates with intervals, held-out figures, text for people."""

    fitted: Fitted
    doubt: Doubt
    scores: Mapping[str, Score]
    folder: Path
    report: str


@dataclass(frozen=True)
class Trials:
    """The tests of a fit: cross-validation (folds; rows that a learner needs) and null worlds (0: none)."""

    folds: int = 5
    min_rows: int = 10
    worlds: int = WORLDS


class Found(NamedTuple):
    """The findings of a fit, for people: estimates with intervals, gaps that the log left, prediction.

    `groups` is about items that too few learners met; `undetermined` about parameters that no log tells, or
    that the fit only assumes; `invented` about learning where nobody learns.
    """

    doubt: Doubt
    troubles: Sequence[str]
    prediction: str
    invented: Invented
    groups: str
    undetermined: Sequence[str] = ()


class Made(NamedTuple):
    """The origin of a folder: its name, the command that makes it, and the intervals' source in words."""

    name: str
    command: str
    intervals: str


def fit_model(
    log: LearnerLog,
    out: str | Path,
    model: LearnerModel,
    draws: int = 50,
    trials: Trials = Trials(),
    seed: int = 0,
    command: str = "coursewright fit",
) -> ModelFit:
    """Fit `model` to `log` and write its parameters, `estimates.csv` and `card.md` into the folder `out`.

    `draws` resamples of whole learners (with `seed`; 0: none) give intervals and the gaps that the log
    left.  `trials` sets the cross-validation by learner (where fewer learners than folds have enough rows,
    the log is split by time) and the null worlds, which cost a fit each.  `command` stands in the card.
    Nothing that fewer than `log.min_group` learners met is named, printed or written (see `groups`).

    Raises `InputError` where the model cannot be fitted to the log, for a log of one learner with draws,
    for a log of fewer learners than `log.min_group`, and where `out` cannot be written.
    """
    folder = Path(out)
    _refuse_another(folder, model.name)
    whole = Coded.of(log)
    require_both(whole.correct)
    groups = grouped(whole, log.min_group)
    coded = groups.log
    refuse_untimed(coded, {model.name: model})
    require_both(coded.correct)
    check_worlds(trials.worlds)
    split = plan(coded, trials.folds, trials.min_rows)
    fitted, again = redrawn(model.fit(coded), coded, model, draws, seed)
    doubt = Doubt.of(fitted.estimates(), again)
    reference = ItemDifficultyModel()
    models = {model.name: model} | ({ITEM: reference} if model != reference else {})
    scores = {name: Score.of(held_out(coded, each, split.folds)) for name, each in models.items()}
    troubles = [*fitted.warnings(), *doubt.warnings()]
    if 0 < draws < FEWEST_DRAWS:
        troubles.append(f"{draws} draws are too few for 95 % intervals, which come out too narrow: draws=50")
    troubles += unseen_spread(fitted.estimates(), len(coded.learners))
    if len(again) < draws:
        troubles.append(f"{draws - len(again)} of {draws} resamples could not be fitted and are left out")
    silent = fitted.undetermined() if isinstance(fitted, Candid) else ()
    prediction = _prediction(split.words, model.name, scores)
    invented = Trial.of(coded, trials.worlds, seed).invented(model, fitted, seed)
    found = Found(doubt, troubles, prediction, invented, groups.words, silent)
    intervals = f"percentiles over {len(again)} resamples of whole learners (seed {seed})"
    made = Made(folder.name, command, intervals if again else "none (draws=0)")
    text = _card(log, model, found, made)

    def fill(part: Path) -> None:
        fitted.write(part)
        add_facts(part, invented.facts)
        _write_estimates(part / "estimates.csv", doubt)
        (part / "card.md").write_text(text, encoding="utf-8")
        for name in OPTIONAL:  # files of the fit before that this one lacks
            if not (part / name).exists():
                (folder / name).unlink(missing_ok=True)

    private = log.min_group == 1  # the folder may say something of one learner
    fill_atomically(folder, fill, private, field="out")
    return ModelFit(fitted, doubt, scores, folder, _report(found, folder))


def _refuse_another(folder: Path, name: str) -> None:
    """Refuse a folder that holds something else: tables of two models in one would be read as one model."""
    card = folder / "card.md"
    same = card.is_file() and f": {name} learners" in card.read_text(encoding="utf-8").partition("\n")[0]
    if folder.is_dir() and any(folder.iterdir()) and not same:
        raise reject("out", folder, f"a new or empty folder, or one that holds a fit of {name}")


def _write_estimates(path: Path, doubt: Doubt) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "value", "low", "high"])
        columns = (doubt.values, doubt.low, doubt.high)
        for name, *numbers in zip(doubt.names, *columns, strict=True):
            writer.writerow([name, *("" if np.isnan(x) else f"{x:.6g}" for x in numbers)])


def _prediction(words: str, name: str, scores: Mapping[str, Score]) -> str:
    mine = scores[name]
    lines = [
        f"{words[0].upper()}{words[1:]} ({mine.rows:,} responses of {mine.learners:,} learners).",
        "",
        scores_table(scores),
    ]
    if ITEM in scores:
        lines += ["", comparison(mine, scores[ITEM], name)]
    return "\n".join(lines)


def _table(doubt: Doubt) -> str:
    """The first estimates with their intervals, as a Markdown table."""
    lines = [f"| parameter | estimate | {LEVEL:.0%} interval |", "|---|---|---|"]
    for name, value, low, high in list(zip(doubt.names, doubt.values, doubt.low, doubt.high, strict=True))[
        :SHOWN
    ]:
        cell = legible(name).replace("|", r"\|")
        lines.append(f"| {cell} | {value:.3f} | {'–' if np.isnan(low) else f'{low:.3f} to {high:.3f}'} |")
    if len(doubt.names) > SHOWN:
        lines.append(f"| ... {len(doubt.names) - SHOWN:,} more in `estimates.csv` | | |")
    return "\n".join(lines)


def _rows(log: LearnerLog) -> str:
    return f"{log.table.num_rows:,} rows of {log.n_learners:,} learners; rows dropped: {log.left_out}"


def _report(found: Found, folder: Path) -> str:
    lines = [_table(found.doubt), ""]
    lines += [f"warning: {legible(line)}" for line in found.troubles]
    invented = f"{found.invented.words}."
    lines += [f"warning: {invented}"] if found.invented.unfit else ["", invented]
    small = f"small groups: {found.groups}"
    return "\n".join([*lines, "", found.prediction, "", small, f"written to {folder}"])


def _undetermined(lines: Sequence[str]) -> str:
    """The card's section on what the fit could not determine; nothing where it says nothing of that."""
    if not lines:
        return ""
    return "\n".join(["## Not determined", "", *(f"- {legible(line)}" for line in lines), "", ""])


def _card(log: LearnerLog, model: LearnerModel, found: Found, made: Made) -> str:
    """Write the whole card in Markdown.  Nothing in it is about a single learner."""
    return f"""# {made.name}: {model.name} learners fitted to a log

Made by `{made.command}`; running it again gives the same files.

- **Source**: {log.source}.
- **Licence**: {log.licence or "unknown"}.
- **Log**: {_rows(log)}; in stable order of learner, time, file ({log.reordered} rows followed a later one of
  the same learner).
- **Small groups**: {found.groups}.
- **Model**: `{model!r}`
- **Intervals**: {made.intervals}.

## Parameters

{_table(found.doubt)}

Doubtful:

{chr(10).join(f"- {legible(line)}" for line in found.troubles or ["none"])}

{_undetermined(found.undetermined)}## Held-out prediction

{found.prediction}

## Invented learning

{found.invented.words}.

## Limits

- The order of practice was not randomised: what looks like learning may be the choice of items.
- Good prediction of the next response does not make a good simulator: `coursewright validate` compares
  simulated learners with the log's own curves of learning and forgetting.
"""
