"""The parts of `tune`: the search, the winner's trainings with fresh seeds, and the files of both."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from coursewright.agents.tracker import Tracker
from coursewright.envs.rollout import Group
from coursewright.envs.task import Task
from coursewright.errors import InputError, unsettable
from coursewright.evaluation.numbers import brief, number
from coursewright.evaluation.statistics import over_learners, over_seeds
from coursewright.evaluation.tuning.jobs import Agent, Job, Trained, run_all
from coursewright.evaluation.tuning.search import Plan, Trial, best_of, search
from coursewright.evaluation.tuning.space import Settings, Space
from coursewright.files import write_atomically, write_text
from coursewright.scripts.making import agent_of
from coursewright.scripts.overrides import command_line, override
from coursewright.scripts.settings import Tune
from coursewright.scripts.signatures import TARGET, fields, fields_of, misfits
from coursewright.scripts.tracking import Results
from coursewright.simulators.luck import Split

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

Fresh = Mapping[int, Trained]  # the winner's trainings by their seeds

JOURNAL = "trials.journal"
OURS = ("space", "trials", "learners", "evaluated", "retrain", "together", "workers", "tracker", "seed")


def space_of(given: Mapping[str, Any], agent: Mapping[str, Any]) -> Space:
    """The space of an agent's options; every end of a range and every choice is shown to the agent.

    Raises `InputError` for an option that the agent does not have, and for a value that it refuses.
    """
    for part in given:
        if part != "agent":
            raise unsettable(f"space.{part}", ["agent"])
    options, known = given.get("agent") or {}, fields_of(agent[TARGET])
    for name in options:
        if name.startswith("_") or (known is not None and name not in known):
            raise unsettable(f"space.agent.{name}", list(known or ()))
    whole = {name: _whole(known, name, node) for name, node in options.items()}
    space = Space.of(options, whole)
    for name in options:
        for value in space.extremes(name):
            at = f"space.agent.{name}"
            try:
                agent_of(OmegaConf.create({**agent, name: value}))
            except InputError as error:
                raise InputError(f"{at}: {value} cannot be tried ({error})", at) from error
    return space


def _whole(known: Mapping[str, Any] | None, name: str, node: Any) -> bool:
    """True for an option of whole numbers, by its annotation; by the ends of its range where it has none."""
    if known is not None:
        return any(misfits(0.5, known[name], name))
    return isinstance(node, Mapping) and all(isinstance(node.get(end), int) for end in ("low", "high"))


def with_settings(agent: DictConfig, settings: Settings) -> Agent:
    """The agent with other settings."""
    plain: Any = OmegaConf.to_container(agent, resolve=True)
    return agent_of(OmegaConf.create({**plain, **settings}))


def searched(config: DictConfig, task: Task, folder: Path, tracker: Tracker) -> list[Trial]:
    """Every trial, on the first `learners` tuning learners; the tracker is told of each."""
    plain: Any = OmegaConf.to_container(config.agent, resolve=True)
    given: Any = OmegaConf.to_container(config.space, resolve=True)
    space = space_of(given, plain)
    group = Group(config.learners, Split.TUNE)

    def run(asked: Sequence[Settings]) -> Iterator[Trained | InputError]:
        ready = [_ready(config, task, settings, group) for settings in asked]
        ends = run_all([job for job in ready if isinstance(job, Job)], config.workers)
        for job in ready:
            yield job if isinstance(job, InputError) else next(ends)

    plan = Plan(config.trials, config.together, config.seed)
    trials: list[Trial] = []
    steps, best = 0, -np.inf
    for trial in search(space, plain, run, plan, folder / JOURNAL):
        trials.append(trial)
        steps += trial.training_steps + trial.scoring_steps
        best = max(best, trial.score) if np.isfinite(trial.score) else best
        if trial.scoring_steps:  # one that was tried before has nothing new
            told = {"tuning/trial": len(trials), "tuning/return": trial.score, "time/seconds": trial.seconds}
            tracker.log(told, steps)
        words = trial.note if not np.isfinite(trial.score) else number(trial.score)
        log.info("trial %d of %d: %s; best %s", len(trials), plan.trials, words, number(best))
    return trials


def _ready(config: DictConfig, task: Task, settings: Settings, group: Group) -> Job | InputError:
    try:
        return Job(task, with_settings(config.agent, settings), config.seed, group)
    except InputError as error:  # options that do not go together
        return error


def retrained(config: DictConfig, task: Task, folder: Path, trials: Sequence[Trial]) -> Fresh:
    """The winner by fresh seed, scored on evaluation learners; each is kept in the folder on its way."""
    agent = with_settings(config.agent, best_of(trials).settings)
    group = Group(config.evaluated, Split.EVALUATE)
    seeds = [config.seed + fresh for fresh in range(1, config.retrain + 1)]
    files = {seed: folder / "seeds" / f"{seed}.npz" for seed in seeds}
    left = [seed for seed in seeds if not files[seed].is_file()]
    ends = run_all([Job(task, agent, seed, group) for seed in left], config.workers)
    for seed, end in zip(left, ends, strict=True):
        if isinstance(end, InputError):
            raise end
        write_atomically(files[seed], lambda part, end=end: _save(part, end))  # type: ignore[misc]
        log.info("seed %d: %s on %d unseen learners", seed, number(end.returned.mean()), config.evaluated)
    return {seed: _load(files[seed]) for seed in seeds}


def _save(path: Path, end: Trained) -> None:
    kept: dict[str, Any] = end._asdict()
    with path.open("wb") as file:  # numpy would add its own suffix to a name
        np.savez(file, **kept)


def _load(path: Path) -> Trained:
    with np.load(path) as kept:
        steps = int(kept["training_steps"]), int(kept["scoring_steps"])
        return Trained(kept["returned"], *steps, float(kept["seconds"]))


def finish(
    config: DictConfig,
    folder: Path,
    words: Sequence[str],
    trials: Sequence[Trial],
    again: Mapping[int, Trained],
) -> tuple[float, Results]:
    """Write `trials.csv`, `costs.csv` and `best.yaml`, and print; the winner's score, and the summary."""
    best = best_of(trials)
    returned = np.array([end.returned for end in again.values()])
    recipe, policy = over_seeds(returned.mean(axis=1)), over_learners(returned.mean(axis=0))
    costs = _costs(trials, again)
    flags = [flag for flag in sys.argv if flag.startswith("--config-dir")]
    line = command_line("train", [*flags, *_kept(words), *_given(best.settings), f"seed={min(again)}"])
    write_text(folder / "trials.csv", _table(trials).to_csv(index=False, lineterminator="\n"))
    write_text(folder / "costs.csv", costs.to_csv(index=False, lineterminator="\n"))
    options = OmegaConf.to_yaml(OmegaConf.create({"agent": best.settings}))
    write_text(folder / "best.yaml", f"# {line}\n{options}")
    log.info("\n%s", costs.to_string(index=False, float_format="{:.1f}".format))
    log.info("best: trial %d, %s (on tuning learners, flattering)", best.number, number(best.score))
    for name, estimate in (("over seeds", recipe), ("over learners", policy)):
        span = brief(estimate.low, estimate.high)
        log.info("%s: %s %s (%s)", config.name, number(estimate.value), span, f"{name}, n = {estimate.n}")
    log.info("\ntrain it: %s", line)
    summary: dict[str, float | str] = {
        "tuning/return": best.score,
        "eval/return": recipe.value,
        "eval/low": recipe.low,
        "eval/high": recipe.high,
        "eval/estimand": recipe.estimand,
        "eval/seeds": recipe.n,
        "eval/learners": policy.n,
        "eval/learners_low": policy.low,
        "eval/learners_high": policy.high,
        "trials": len(trials),
        "steps": int(costs["training_steps"].sum() + costs["scoring_steps"].sum()),
    }
    return recipe.value, Results(summary | {f"best/{k}": _told(v) for k, v in best.settings.items()})


def _costs(trials: Sequence[Trial], again: Fresh) -> "pd.DataFrame":
    """Trainings, environment steps and processor seconds of the trials and of the fresh seeds."""
    import pandas as pd

    stages: dict[str, Sequence[Trial | Trained]] = {"trials": trials, "fresh seeds": list(again.values())}
    rows = [
        {
            "stage": stage,
            "trainings": len(done),
            "training_steps": sum(one.training_steps for one in done),
            "scoring_steps": sum(one.scoring_steps for one in done),
            "processor_seconds": sum(one.seconds for one in done),
        }
        for stage, done in stages.items()
    ]
    return pd.DataFrame(rows)


def _table(trials: Sequence[Trial]) -> "pd.DataFrame":
    """A row a trial, with a column for each option; no clock is in it."""
    import pandas as pd

    rows = []
    for trial in trials:
        told = trial._asdict() | {name: _told(value) for name, value in trial.settings.items()}
        rows.append({name: value for name, value in told.items() if name not in ("settings", "seconds")})
    return pd.DataFrame(rows)


def _kept(words: Sequence[str]) -> list[str]:
    """The words of the command line that `train` reads too."""
    tuned = set(fields(Tune) or ())
    assert set(OURS) <= tuned
    return [word for word in words if word.lstrip("+~").split("=")[0].split(".")[0] not in OURS]


def _given(settings: Settings) -> list[str]:
    """The settings as words of a command line."""
    return [
        override(f"agent.{name}", value) if isinstance(value, str) else f"agent.{name}={_told(value)}"
        for name, value in settings.items()
    ]


def _told(value: Any) -> str:
    """A value in a table or a word."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
