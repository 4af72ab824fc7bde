"""From a log to a named simulator: a folder with parameters, their bootstrap draws, and a card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coursewright.data.log import LearnerLog
from coursewright.errors import InputError, reject
from coursewright.files import write_atomically
from coursewright.fitting.bkt.bootstrap import bootstrap
from coursewright.fitting.bkt.card import SOUND, Choice, card, comparison, scores_table, table_of, warnings_of
from coursewright.fitting.bkt.em import BktFit, EmSettings, fit
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.judging.bkt_folds import Score, bkt_model, cross_validate, item_difficulty
from coursewright.simulators.arrays import Ints
from coursewright.simulators.knowledge.parameters import FIELDS, BktParameters


@dataclass(frozen=True, eq=False)
class NamedFit:
    """What `fit_bkt` made: the fit of the kept skills, held-out figures, the folder, text for people."""

    fit: BktFit
    scores: Mapping[str, Score]
    folder: Path
    report: str


def fit_bkt(
    log: LearnerLog,
    out: str | Path,
    min_learners: int = 100,
    n_skills: int = 20,
    draws: int = 200,
    seed: int = 0,
    forgetting: bool = False,
    folds: int = 5,
    min_rows: int = 10,
    command: str = "coursewright fit",
) -> NamedFit:
    """Fit BKT to `log` and write `parameters.csv`, `draws.csv` and `card.md` into the folder `out`.

    Of the skills with at least `min_learners` learners and a sound fit, the `n_skills` with most learners
    are kept, in the log's order of skills.  `draws` learner-level bootstrap resamples are drawn with `seed`;
    `folds` and `min_rows` (per learner) set the cross-validation, which covers all skills.  `command` is
    what the card says to run.  The same log and arguments give identical files, each whole or absent.

    Raises `InputError` where the log has one outcome only, where no skill qualifies, where there are too few
    learners for `folds`, or where `out` cannot be written.
    """
    if n_skills < 1:
        raise reject("n_skills", n_skills, "at least 1")
    settings = EmSettings(forgetting=forgetting)
    everything = fit(Sequences.from_log(log.table), settings)
    met = everything.learners >= min_learners
    chosen = _most_met(everything, min_learners, n_skills)
    kept = everything.subset(chosen)
    sequences = Sequences.from_log(log.table, only=kept.skills)
    resampled = bootstrap(sequences, kept, draws, seed, settings)
    models = {"BKT": bkt_model(settings), "item difficulty": item_difficulty}
    scores = cross_validate(log.table, models, folds, min_rows)
    sound = int((met & everything.sound).sum())
    choice = Choice(min_learners, int(met.sum()), sound, draws, seed, command)
    folder = Path(out)
    _write(folder, kept, resampled, card(folder.name, log, kept, choice, scores))
    return NamedFit(kept, scores, folder, _report(everything, kept, scores, folder))


def _most_met(fitted: BktFit, min_learners: int, n_skills: int) -> Ints:
    """Choose the skills [<= n_skills], ascending; ties go to the earlier skill."""
    usable = fitted.sound & (fitted.learners >= min_learners)
    if not fitted.sound.any():
        raise InputError(f"log = {len(fitted.skills)} skills: none has a sound fit ({SOUND})")
    if not usable.any():
        most = int(fitted.learners[fitted.sound].max())
        allowed = f"at most {most}, the most learners of any skill with a sound fit ({SOUND})"
        raise reject("min_learners", min_learners, allowed)
    by_learners = np.argsort(-fitted.learners, kind="stable")
    return np.sort(by_learners[usable[by_learners]][:n_skills])


def _write(folder: Path, kept: BktFit, draws: BktParameters, text: str) -> None:
    columns: dict[str, Sequence[float]] = {"learners": kept.learners.tolist()}
    columns["opportunities"] = kept.opportunities.tolist()
    fitted = [name for name in FIELDS if name != "forget" or np.asarray(kept.parameters.forget).any()]
    for name in fitted:
        at = FIELDS.index(name)
        columns[f"{name}_se"] = kept.standard_errors[:, at].tolist()
    write_atomically(folder / "parameters.csv", lambda part: kept.parameters.write(part, columns))
    write_atomically(folder / "draws.csv", lambda part: draws.write(part))
    write_atomically(folder / "card.md", lambda part: part.write_text(text, encoding="utf-8"))


def _report(everything: BktFit, kept: BktFit, scores: Mapping[str, Score], folder: Path) -> str:
    lines = [table_of(kept), ""]
    lines += [f"warning: {line}" for line in warnings_of(kept)]
    lines += [
        f"{len(kept.skills)} of {len(everything.skills)} skills kept; in all "
        f"{int(everything.sound.sum())} have a sound fit ({SOUND}), "
        f"{int(everything.switched.sum())} are label-switched",
        "",
        scores_table(scores),
    ]
    lines += [comparison(scores["BKT"], scores["item difficulty"]), f"written to {folder}"]
    return "\n".join(lines)
