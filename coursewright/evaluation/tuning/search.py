"""The search for an agent's best settings, by Optuna's tree-structured Parzen estimator.

Trials are asked for in rounds of a fixed size.  A round is drawn from its own seed and from all rounds before
it, so trials depend neither on the number of workers or processes nor on an interruption.  The journal holds
finished trials alone: one that was killed is done again.
"""

import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from coursewright.errors import InputError
from coursewright.evaluation.tuning.jobs import Trained
from coursewright.evaluation.tuning.space import Settings, Space
from coursewright.evaluation.tuning.together import Claims, Journal
from coursewright.simulators.luck import hash_pair

JOURNAL, CLAIMS = "trials.journal", "claims"
AT_RANDOM = 10  # trials before the estimator has its say

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Trial(NamedTuple):
    """Settings that were tried: their mean return on tuning learners, and its cost.

    The `number` counts from 1 everywhere; only the journal counts from 0, as Optuna does.
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
    """The size of a search: its trials, how many are asked for `together`, its seed, and its share.

    Several processes may search in one folder; each takes `at_once` trials at a time.
    """

    trials: int
    together: int
    seed: int
    at_once: int


Run = Callable[[Sequence[Settings]], Iterator[Trained | InputError]]


def search(space: Space, first: Settings, run: Run, plan: Plan, folder: Path) -> Iterator[Trial]:
    """Each trial, in order; those that the folder's journal holds are not run again.

    The first trial has the agent's own settings (`first`) where the space holds them.  Other processes may
    search in the same folder: whoever is free does the next trial, and each is told all of them.
    """
    journal, claims = Journal(folder / JOURNAL), Claims(folder / CLAIMS, plan.at_once)
    done: list[Trial] = []
    while len(done) < plan.trials:
        count = min(plan.together, plan.trials - len(done))
        for trial in _round(space, _asked(space, first, done, count, plan.seed), run, done, journal, claims):
            yield trial
            done.append(trial)


def _round(
    space: Space,
    asked: Sequence[Settings],
    run: Run,
    before: Sequence[Trial],
    journal: Journal,
    claims: Claims,
) -> Iterator[Trial]:
    """The trials of a round, each as soon as it and all before it are known."""
    begin, told = len(before), list(before)
    whole = begin + len(asked)
    fresh = [
        n for n, s in enumerate(asked, begin) if s not in asked[: n - begin] and _same(s, before) is None
    ]

    def news() -> Iterator[Trial]:
        kept = journal.read()
        while len(told) < whole:
            place = len(told)
            if place in kept:
                told.append(_read(space, kept[place]))
            elif place in fresh:
                return
            else:
                earlier = _same(asked[place - begin], told)
                assert earlier is not None
                told.append(_copy(place + 1, earlier))
                journal.add(_frozen(space, told[-1]))
            yield told[-1]

    yield from news()
    while len(told) < whole:
        kept = journal.read()
        with claims.taken([str(place) for place in fresh if place not in kept]) as mine:
            kept = journal.read()  # one may have been finished just before we took it
            places = [int(name) for name in mine if int(name) not in kept]
            ends = run([asked[place - begin] for place in places])
            for place, end in zip(places, ends, strict=True):
                journal.add(_frozen(space, _ended(place + 1, asked[place - begin], end)))
                yield from news()
        yield from news()


def forget(folder: Path) -> None:
    """Remove the journal and the claims of a search in which no setting could be used."""
    for name in (JOURNAL, f"{JOURNAL}.turn"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / CLAIMS, ignore_errors=True)


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
        user_attrs=kept | {"number": trial.number - 1, "se": trial.se if scored else None},
    )


def _read(space: Space, kept: FrozenTrial) -> Trial:
    told = dict(kept.user_attrs)
    told["number"] += 1
    told["se"] = np.nan if told["se"] is None else told["se"]
    score = np.nan if kept.value is None else kept.value
    return Trial(settings=space.decoded(kept.params), score=score, **told)
