"""The search for an agent's best settings, by Optuna's tree-structured Parzen estimator.

Trials are asked for in rounds of a fixed size.  A round is drawn from its own seed and from all rounds before
it, so trials depend neither on the number of workers nor on an interruption.  The journal holds finished
trials alone: one that was killed is done again.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from coursewright.errors import InputError
from coursewright.evaluation.tuning.jobs import Trained
from coursewright.evaluation.tuning.space import Settings, Space
from coursewright.simulators.luck import hash_pair

STUDY = "tuning"
AT_RANDOM = 10  # trials before the estimator has its say

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Trial(NamedTuple):
    """Settings that were tried: their mean return on tuning learners, and its cost.

    `score` is nan where there is none, and `note` then has the reason.  A setting that was tried before costs
    nothing; `note` names the earlier trial.
    """

    number: int
    settings: Settings
    score: float
    se: float
    training_steps: int
    scoring_steps: int
    seconds: float
    note: str = ""


class Plan(NamedTuple):
    """The size of a search: its trials, how many are asked for `together`, and its seed."""

    trials: int
    together: int
    seed: int


Run = Callable[[Sequence[Settings]], Iterator[Trained | InputError]]


def search(space: Space, first: Settings, run: Run, plan: Plan, journal: Path) -> Iterator[Trial]:
    """Each trial, in order; those that the journal holds are not run again.

    The first trial has the agent's own settings (`first`) where the space holds them.
    """
    kept = _opened(journal)
    done = [_read(space, trial) for trial in kept.get_trials(deepcopy=False)][: plan.trials]
    yield from done
    while len(done) < plan.trials:
        begin = len(done) // plan.together * plan.together
        count = min(plan.together, plan.trials - begin)
        asked = _asked(space, first, done[:begin], count, plan.seed)[len(done) - begin :]
        fresh = [s for n, s in enumerate(asked) if s not in asked[:n] and _same(s, done) is None]
        ends = run(fresh)
        for settings in asked:
            earlier = _same(settings, done)
            trial = _ended(len(done), settings, next(ends)) if earlier is None else _copy(len(done), earlier)
            kept.add_trial(_frozen(space, trial))
            done.append(trial)
            yield trial


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial with the highest score, of equals the first.

    Raises `InputError` where none has a score; it says the first one's reason.
    """
    scored = [trial for trial in trials if np.isfinite(trial.score)]
    if not scored:
        raise InputError(f"agent: no setting can be used; the first one: {trials[0].note}", "agent")
    return max(scored, key=lambda trial: (trial.score, -trial.number))


def _asked(space: Space, first: Settings, before: Sequence[Trial], count: int, seed: int) -> list[Settings]:
    """The settings of a round's trials, by the trials of the rounds before it."""
    drawn = int(hash_pair(np.uint64(seed), len(before))) % 2**32
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        sampler = optuna.samplers.TPESampler(n_startup_trials=AT_RANDOM, constant_liar=True, seed=drawn)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([_frozen(space, trial) for trial in before])
    if not before:
        study.enqueue_trial(space.encoded(first))
    return [space.decoded(study.ask(dict(space.options)).params) for _ in range(count)]


def _opened(journal: Path) -> optuna.Study:
    """The study of a journal; half a line, and a lock, of a killed process are taken away first."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)  # the folder is ours alone by now
    if journal.exists():
        whole = journal.read_bytes()
        journal.write_bytes(whole[: whole.rfind(b"\n") + 1])
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return optuna.create_study(storage=storage, study_name=STUDY, direction="maximize", load_if_exists=True)


def _same(settings: Settings, done: Sequence[Trial]) -> Trial | None:
    return next((trial for trial in done if trial.settings == settings), None)


def _copy(number: int, earlier: Trial) -> Trial:
    note = earlier.note or f"as trial {earlier.number}"
    return earlier._replace(number=number, training_steps=0, scoring_steps=0, seconds=0.0, note=note)


def _ended(number: int, settings: Settings, end: Trained | InputError) -> Trial:
    if isinstance(end, InputError):
        return Trial(number, settings, np.nan, np.nan, 0, 0, 0.0, str(end))
    score, n = float(end.returned.mean()), len(end.returned)
    se = float(end.returned.std() / np.sqrt(n))
    return Trial(number, settings, score, se, end.training_steps, end.scoring_steps, end.seconds)


def _frozen(space: Space, trial: Trial) -> FrozenTrial:
    """The trial as Optuna keeps it."""
    scored = bool(np.isfinite(trial.score))
    kept: dict[str, Any] = trial._asdict()
    del kept["settings"], kept["score"]
    return create_trial(
        state=TrialState.COMPLETE if scored else TrialState.FAIL,
        value=trial.score if scored else None,
        params=space.encoded(trial.settings),
        distributions=dict(space.options),
        user_attrs=kept | {"se": trial.se if scored else None},
    )


def _read(space: Space, kept: FrozenTrial) -> Trial:
    told = dict(kept.user_attrs)
    told["se"] = np.nan if told["se"] is None else told["se"]
    score = np.nan if kept.value is None else kept.value
    return Trial(settings=space.decoded(kept.params), score=score, **told)
