"""The parts of `tune`: the search, the winner's trainings with fresh seeds, others beside it, their files."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from coursewright.agents.tracker import SILENT, Tracker
from coursewright.envs.rollout import Group
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject, unsettable
from coursewright.evaluation.numbers import brief, number
from coursewright.evaluation.statistics import over_learners, over_seeds
from coursewright.evaluation.tables import say
from coursewright.evaluation.tuning.efforts import Effort, costs, standings, tables
from coursewright.evaluation.tuning.jobs import Agent, Job, Trained, run_all
from coursewright.evaluation.tuning.search import CLAIMS, Plan, Trial, best_of, forget, search
from coursewright.evaluation.tuning.space import Settings, Space
from coursewright.evaluation.tuning.together import Claims
from coursewright.files import write_atomically, write_text
from coursewright.scripts.making import agent_of
from coursewright.scripts.overrides import command_line, override
from coursewright.scripts.recorded import BEST
from coursewright.scripts.settings import Tune
from coursewright.scripts.signatures import TARGET, fields, fields_of, misfits
from coursewright.scripts.tracking import Results
from coursewright.simulators.luck import Split

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

Fresh = Mapping[int, Trained]  # the winner's trainings by their seeds

OURS = {"space", "policies", "trials", "learners", "evaluated", "retrain", "together", "part", "workers"}
OURS |= {"tracker", "seed"}


def space_of(given: Mapping[str, Any], agent: Mapping[str, Any]) -> Space:
    """The space of an agent's options; every end of a range and every choice is shown to the agent.

    Raises `InputError` for an option that the agent does not have, and for a value that it refuses.
    """
    for part in given:
        if part != "agent":
            raise unsettable(f"space.{part}", ["agent"])
    options, known = given.get("agent") or {}, fields_of(agent[TARGET])
    if not options:
        others = ", ".join(known or ())
        own = (
            f" (its options: {others})"
            if others
            else "; this agent has no options, so that nothing can be tuned"
        )
        remedy = f"given, as 'space.agent.OPTION={{low: 1, high: 9}}' or a list of choices{own}"
        raise reject("space.agent", "{}", f"{remedy}; agents with a space: coursewright list spaces")
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


class Contestant(NamedTuple):
    """An agent, the space of its settings ({}: there is nothing to tune), and the folder of its work.

    Several processes may work for it in that folder; each takes `at_once` trials or trainings at a time.
    """

    name: str
    agent: DictConfig
    space: Mapping[str, Any]
    folder: Path
    at_once: int


def shared(config: DictConfig, folder: Path) -> Path:
    """The folder of the work: the run's own, or beside those of all parts of one tuning, for all of them."""
    if config.part is None:
        return folder
    plain: Any = OmegaConf.to_container(config, resolve=True)
    apart = ("part", "workers", "trials")  # in which the parts may differ, and a command that goes on
    same = json.dumps({name: value for name, value in plain.items() if name not in apart})
    return folder.parent / f"{config.name}-{sha256(same.encode()).hexdigest()[:10]}"


def contestants(config: DictConfig, folder: Path, chosen: Mapping[str, str]) -> list[Contestant]:
    """The agent that is tuned, and the policies beside it; `chosen` names the file that each of these is."""
    at_once = config.together if config.part is None else config.workers
    given: Any = OmegaConf.to_container(config.space, resolve=True)
    first = Contestant(config.name, config.agent, given, folder, at_once)
    others = [
        Contestant(name, agent, _shipped_space(chosen.get(name, "")), folder / "policies" / name, at_once)
        for name, agent in config.policies.items()
        if name != config.name
    ]
    return [first, *others]


def _shipped_space(agent: str) -> Mapping[str, Any]:
    """The space of an agent by the file that bears its name; {} where there is none."""
    loader = GlobalHydra.instance().config_loader()
    if agent not in loader.get_group_options("tune"):
        return {}
    space = loader.load_configuration(f"tune/{agent}", [], RunMode.RUN).tune
    found: Mapping[str, Any] = OmegaConf.to_container(space)  # type: ignore[assignment]
    return found


def effort(config: DictConfig, task: Task, one: Contestant, tracker: Tracker = SILENT) -> Effort:
    """Everything that is done for a contestant.  Raises `InputError` where it cannot do the task."""
    trials = searched(config, task, one, tracker) if one.space else []
    return Effort(trials, retrained(config, task, one, trials))


def searched(config: DictConfig, task: Task, one: Contestant, tracker: Tracker) -> list[Trial]:
    """Every trial, on the first `learners` tuning learners; the tracker is told of each."""
    plain: Any = OmegaConf.to_container(one.agent, resolve=True)
    space = space_of(one.space, plain)
    group = Group(config.learners, Split.TUNE)

    def run(asked: Sequence[Settings]) -> Iterator[Trained | InputError]:
        ready = [_ready(config, task, one.agent, settings, group) for settings in asked]
        ends = run_all([job for job in ready if isinstance(job, Job)], config.workers)
        for job in ready:
            yield job if isinstance(job, InputError) else next(ends)

    plan = Plan(config.trials, config.together, config.seed, one.at_once)
    trials: list[Trial] = []
    steps, best = 0, -np.inf
    for trial in search(space, plain, run, plan, one.folder):
        trials.append(trial)
        steps += trial.training_steps + trial.scoring_steps
        best = max(best, trial.score) if np.isfinite(trial.score) else best
        if trial.scoring_steps:  # one that was tried before has nothing new
            told = {"tuning/trial": len(trials), "tuning/return": trial.score, "time/seconds": trial.seconds}
            tracker.log(told, steps)
        words = trial.note if not np.isfinite(trial.score) else number(trial.score)
        said = "%s: trial %d of %d: %s; best %s"
        log.info(said, one.name, trial.number, plan.trials, words, number(best))
    if not np.isfinite(best) and config.part is None:  # a command that is refused leaves nothing
        forget(one.folder)
    return trials


def _ready(
    config: DictConfig, task: Task, agent: DictConfig, settings: Settings, group: Group
) -> Job | InputError:
    try:
        return Job(task, with_settings(agent, settings), config.seed, group)
    except InputError as error:  # options that do not go together
        return error


def retrained(config: DictConfig, task: Task, one: Contestant, trials: Sequence[Trial]) -> Fresh:
    """The winner by fresh seed, scored on evaluation learners; each is kept in the folder on its way.

    An agent that was not tuned is made once.  The trainings stand under the winner's number: more trials may
    have another winner.
    """
    winner = best_of(trials) if trials else None
    agent = with_settings(one.agent, winner.settings if winner else {})
    group = Group(config.evaluated, Split.EVALUATE)
    seeds = [config.seed + fresh for fresh in range(1, config.retrain + 1 if trials else 2)]
    place = one.folder / "seeds" / (f"of-trial-{winner.number}" if winner else "")
    files = {seed: place / f"{seed}.npz" for seed in seeds}
    claims = Claims(one.folder / CLAIMS, one.at_once)
    while left := {f"{place.name}-{seed}": seed for seed in seeds if not files[seed].is_file()}:
        with claims.taken(list(left)) as mine:
            mine_left = [left[name] for name in mine if not files[left[name]].is_file()]
            ends = run_all([Job(task, agent, seed, group) for seed in mine_left], config.workers)
            for seed, end in zip(mine_left, ends, strict=True):
                if isinstance(end, InputError):
                    raise end
                write_atomically(files[seed], lambda part, end=end: _save(part, end))  # type: ignore[misc]
                mean = number(end.returned.mean())
                log.info("%s: seed %d: %s on %d unseen learners", one.name, seed, mean, config.evaluated)
    return {seed: _load(files[seed]) for seed in seeds}


def _save(path: Path, end: Trained) -> None:
    kept: dict[str, Any] = end._asdict()
    with path.open("wb") as file:  # numpy would add its own suffix to a name
        np.savez(file, **kept)


def _load(path: Path) -> Trained:
    with np.load(path) as kept:
        steps = int(kept["training_steps"]), int(kept["scoring_steps"])
        own = int(kept["tried"]), int(kept["tried_steps"])
        search = float(kept["tried_seconds"])
        return Trained(kept["returned"], *steps, float(kept["seconds"]), *own, search)


def finish(
    config: DictConfig, folder: Path, words: Sequence[str], efforts: Mapping[str, Effort]
) -> tuple[float, Results]:
    """Write the tables and `best.yaml`, and print; the winner's score, and the summary."""
    trials, whole = efforts[config.name].trials, efforts[config.name].stages.values()
    best, spent, found = best_of(trials), costs(efforts), standings(efforts)
    returned = efforts[config.name].returned
    recipe, policy = over_seeds(returned.mean(axis=1)), over_learners(returned.mean(axis=0))
    flags = [flag for flag in sys.argv if flag.startswith("--config-dir")]
    line = command_line("train", [*flags, *_kept(words), *_given(best.settings), f"seed={config.seed + 1}"])
    for name, effort in efforts.items():
        if effort.trials:
            file = "trials.csv" if name == config.name else f"trials-{name}.csv"
            write_text(folder / file, _table(effort.trials).to_csv(index=False, lineterminator="\n"))
    write_text(folder / "costs.csv", spent.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "comparison.csv", found.to_csv(index=False, lineterminator="\n"))
    options = OmegaConf.to_yaml(OmegaConf.create({"agent": best.settings}))
    write_text(folder / BEST, f"# {line}\n{options}")
    for part in tables(found, spent, f"{config.study}: {policy.n:,} unseen learners"):
        say("", part)
    say("")
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
        "steps": sum(one.training_steps + one.scoring_steps for stage in whole for one in stage),
    }
    for row in found.to_dict("records")[1:]:
        name = row["agent"]
        summary |= {f"eval/return_{name}": row["return"], f"eval/ahead_of_{name}": row["ahead"]}
        summary |= {f"eval/ahead_of_{name}_{end}": row[f"ahead_{end}"] for end in ("low", "high")}
    return recipe.value, Results(summary | {f"best/{k}": _told(v) for k, v in best.settings.items()})


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
    assert tuned >= OURS
    return [word for word in words if _setting(word) not in OURS]


def _setting(word: str) -> str:
    """The setting at the top that a word of a command line sets, or chooses a file for."""
    return word.lstrip("+~").split("=")[0].split("@")[-1].split(".")[0]


def _given(settings: Settings) -> list[str]:
    """The settings as words of a command line."""
    return [
        override(f"agent.{name}", value) if isinstance(value, str) else f"agent.{name}={_told(value)}"
        for name, value in settings.items()
    ]


def _told(value: Any) -> str:
    """A value in a table or a word."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
