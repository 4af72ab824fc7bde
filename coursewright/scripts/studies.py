"""From finished runs to studies: one a task, with everything that was trained on it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf

from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.rule import RulePolicy
from coursewright.agents.stored import Stored
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tuned_rule import MASTERY, TUNED_RULE
from coursewright.agents.tutor_file import TutorFile
from coursewright.agents.tutor_words import is_tutor
from coursewright.envs.policy import Policy
from coursewright.envs.price import Price
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.evaluation.comparison.compare import compare
from coursewright.evaluation.comparison.jobs import Seeded
from coursewright.evaluation.comparison.publish import Published, publish
from coursewright.evaluation.standing import references
from coursewright.progress import Progress, each
from coursewright.scripts.elsewhere import sees_a_tutor, with_learners, with_price
from coursewright.scripts.learners import found_again, refuse_others, trained_with
from coursewright.scripts.making import agent_of, comparing_of, licence_of, task_of
from coursewright.scripts.overrides import command_line
from coursewright.scripts.recorded import (
    POLICY,
    STORED,
    finished_below,
    in_a_line,
    of_the_run,
    policy_file,
    read_run,
)
from coursewright.scripts.settings import KINDS
from coursewright.scripts.tracking import Results
from coursewright.scripts.trust import plain_name, shown, trusted_of
from coursewright.simulators.folders import SHIPPED

if TYPE_CHECKING:
    from coursewright.scripts.making import Agent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """A task and the training on it: agent name -> agent seed -> policy or training metrics.

    `card` describes the fit of the learners, where they come from a folder that has one; `seen` holds the
    names and seeds of all runs.
    """

    name: str
    simulator: str
    task: Task
    card: str = ""
    trained: dict[str, dict[int, Policy]] = field(default_factory=dict)
    metrics: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    seen: set[tuple[str, int]] = field(default_factory=set)

    @property
    def files(self) -> list[Path]:
        """The exported policies, one per agent."""
        policies = [next(iter(seeds.values())) for seeds in self.trained.values()]
        return [policy.path for policy in policies if isinstance(policy, OnnxPolicy)]


def studies(config: DictConfig) -> list[Study]:
    """The studies behind `config.runs`, or the configured task where there is one, with the runs or alone.

    Raises `InputError` for anything in a folder that cannot be compared.
    """
    alone: Study | None = None
    if "task" in config:  # the command line's own, and its learners
        name, kind = f"{config.choices.simulator}-{config.choices.task}", config.choices.simulator
        alone = Study(name, kind, task_of(config, config.tutor), _card(config.simulator))
        for given, name in names_of(config.policy, config.policies).items():
            policy = kept_policy(given, alone.task)
            for line in doubts(policy, given):
                log.warning(line)
            alone.trained[name] = {config.seed: policy}
        if config.runs is None:
            return [alone]
    places = config.runs if isinstance(config.runs, ListConfig) else [config.runs]
    folders = finished_below([Path(str(place)) for place in places])
    trusted = trusted_of(config.trust)
    if alone is not None:
        for folder in folders:
            _add(alone, read_run(folder, trusted, "runs"), folder, config.policies, True)
        return [alone]
    other = config if "simulator" in config else None
    moved, price = config.learners_folder, config.get("price")
    return read_studies(folders, trusted, config.policies, True, moved, other, price)


def names_of(policy: Any, rules: Mapping[str, Any]) -> dict[Path, str]:
    """The name in a comparison of each file of `policy`: one, a list or None.

    A file called as a rule is `NAME (file)`, and where two have one name, their folders tell which is which.
    """
    files = [] if policy is None else [policy] if isinstance(policy, str) else policy
    paths = [Path(file) for file in files]
    names = dict.fromkeys(paths, "")
    for path in names:
        alike = [other for other in names if other.stem == path.stem]
        name = path.stem if len(alike) == 1 else f"{path.resolve().parent.name}-{path.stem}"
        names[path] = f"{name} (file)" if name in rules else name
    if len({*names.values()}) < len(paths):
        raise reject("policy", shown(", ".join(map(str, paths))), "files of different names")
    return names


def read_studies(
    folders: Sequence[Path],
    trusted: Sequence[str],
    rules: Mapping[str, Any],
    make: bool = True,
    moved: str | None = None,
    other: DictConfig | None = None,
    price: Price = None,
) -> list[Study]:
    """The studies of finished runs in these folders, beside these `rules`; `moved`: see `trained_on`.

    The runs teach the learners and pay the price of their trainings, or those of an `other` configuration and
    this `price`.  Without `make` they are only read: a run of a rule is not made, for which some are tuned.
    """
    found: dict[str, Study] = {}
    for folder in folders:
        run = read_run(folder, trusted, "runs")
        run = run if other is None else with_learners(run, folder, other)
        if price is not None:
            run = with_price(run, folder, price, tell=make)
        key = OmegaConf.to_yaml(OmegaConf.masked_copy(run, ["simulator", "task", "seeds"]))
        if other is None or sees_a_tutor(run):
            with in_a_line(f"runs = {folder}: its tutor.csv is truncated or broken"):
                key += (folder / "tutor.csv").read_text(encoding="utf-8")
            key += str(run.get("tutor"))
        key += trained_with(folder) if other is None else ""
        if key not in found:
            taken = [study.name for study in found.values()]
            name = run.study if run.study not in taken else f"{run.study} ({folder.name})"
            plain_name(f"runs = {folder}: study", name)
            task = trained_on(run, folder, "runs", moved)
            if other is None:
                refuse_others(run, task.simulator, folder, f"runs = {folder}")
            found[key] = Study(name, run.choices.simulator, task, _card(run.simulator))
        _add(found[key], run, folder, rules, make)
    return list(found.values())


def trained_on(run: DictConfig, folder: Path, field: str = "run", moved: str | None = None) -> Task:
    """The task that a run was trained on, with the run's own tutor.

    The learners' own folder is where the run found it, or `moved` to another place.  Raises `InputError`
    where it is not there, and where the run's folder makes no task.
    """
    run = found_again(run, folder, field, moved)
    with of_the_run(folder, field):
        return task_of(run, str(folder / "tutor.csv"))


def made_by(run: DictConfig, folder: Path, field: str = "run") -> "Agent":
    """The agent of a run.  Raises `InputError` where its folder's content makes none."""
    with of_the_run(folder, field):
        return agent_of(run.agent)


def kept_policy(given: Path, task: Task) -> Policy:
    """The policy of a run's folder or of a file of one, for a task; only our own agents read theirs.

    Raises `InputError` where there is none, and where it was made for another task.
    """
    if is_tutor(given):
        return TutorFile(given, task)
    file = policy_file(given)
    if file.suffix != Path(STORED).suffix:
        return OnnxPolicy(file, task)
    agent = made_by(read_run(file.parent, (), "policy"), file.parent, "policy")
    if not isinstance(agent, Stored):
        raise reject("policy", given, f"a run whose agent leaves {STORED}")
    return agent.load(file, task)


def doubts(policy: Policy, given: Path) -> Iterator[str]:
    """A line where a tutor file was made for something else than the task that it is to teach."""
    if isinstance(policy, TutorFile) and policy.unlike:
        (name, here, there), *more = policy.unlike
        told = f"{name} = {shown(here)} here and {shown(there)} in the file"
        others = f"; {', '.join(other for other, *_ in more)} differ too" if more else ""
        yield f"{shown(given)} was made for something else: {told}{others}"


def rules(
    policies: Mapping[str, DictConfig], task: Task, seed: int, needed: Mapping[str, str]
) -> dict[str, Policy]:
    """The rules that the runs are compared with; a rule that cannot do this task is left out with a word.

    Raises `InputError` for one that is `needed`: setting -> name, such as that of the reference.
    """
    made: dict[str, Policy] = {}
    first = sorted(policies.items(), key=lambda named: named[0] not in needed.values())  # refused early
    for name, agent in each(first, "tuning rules", "rules"):
        make_policy = agent_of(agent, f"policies.{name}")
        try:
            made[str(name)] = make_policy(task, seed, SilentTracker())
        except InputError as error:
            if error.field.startswith(("task.reward", "task.features.")):  # no rule can do such a task
                raise
            for setting in (setting for setting, wanted in needed.items() if wanted == name):
                raise InputError(
                    f"{setting} = {name}: cannot do this task ({error}); name another ({setting}=random)"
                ) from error
            log.info("left out: %s (%s)", name, error)
    return {str(name): made[name] for name in policies if name in made}


def published(study: Study, config: DictConfig, folder: Path) -> Published:
    """Compare a study's policies with the rules and write everything into `folder/<study>`."""
    needed = {name: config[name] for name in ("reference", "baseline") if config[name] not in study.trained}
    suited = suited_of(config, study.task)
    named = {name: config.policies[name] for name in needed.values() if name in config.policies}
    made = rules(suited | named, study.task, config.seed, needed)
    policies: dict[str, Seeded] = {**study.trained, **made}
    settings = comparing_of(config, reference_of(made, study, config.baseline))
    with Progress(study.name, None, "learners") as progress:
        comparison = compare(
            study.task,
            policies,
            settings,
            name=study.name,
            simulator=study.simulator,
            trained=list(study.trained),
            progress=lambda done, total: progress.show(done, total=total),
        )
    curves = {agent: pd.concat(tables) for agent, tables in study.metrics.items()}
    figures = instantiate(config.figures, _convert_="all")
    licences = licence_of(study.task).values()
    notes = [f"These learners come from a log; its licence: {licence.rstrip('.')}." for licence in licences]
    whole = replace(comparison, training=curves)
    return publish(whole, folder / study.name, figures, notes, card=study.card)


def suited_of(config: DictConfig, task: Task) -> dict[str, DictConfig]:
    """The policies for a task of this kind, or for a tutor with a model (`kinds`); a line names others.

    A policy that `kinds` does not name is for every task.
    """
    here = {task.kind} | ({"model"} if task.mind is not None else set())
    suited = {name: rule for name, rule in config.policies.items() if here & {*config.kinds.get(name, KINDS)}}
    others = [str(name) for name in config.policies if name not in suited]
    if others:
        shown = f"kinds.{others[0]}=[{task.kind}] shows it"
        log.info("not for tasks of the kind %s: %s (%s)", task.kind, ", ".join(others), shown)
    return suited


def reference_of(made: Mapping[str, Policy], study: Study, baseline: str) -> str:
    """The policy that differences are measured from where none is named: the task's tuned rule.

    Where a mastery rule is the best of all families, the tuned mastery rule is that rule, and has the name.
    Where no rule that was tuned can do the task, it is the baseline.
    """
    names = [name for name in references(study.task) if name in {*made, *study.trained}]
    best = made.get(TUNED_RULE)
    if isinstance(best, RulePolicy) and best.tuned is not None:
        names = [name for name in names if name == TUNED_RULE or best.tuned.setting.startswith(MASTERY)]
    return next(iter(names), baseline)


def results(done: Sequence[Published], given: Sequence[Study]) -> Results:
    """The results for the tracker: every comparison by its name, and the licences of the logs behind."""
    licences = {f"{study.name}/{k}": v for study in given for k, v in licence_of(study.task).items()}
    named = {part.section.comparison.name: part for part in done}
    rows = [part.section.comparison.summary.assign(study=name) for name, part in named.items()]
    scores = {f"eval/{name}": value for part in done for name, value in part.scores.items()}
    return Results(
        summary={**scores, **licences},
        table=pd.concat(rows),
        figures={f"{name}-{k}": path for name, part in named.items() for k, path in part.figures.items()},
        files={f"{name}-{k}": path for name, part in named.items() for k, path in part.tables.items()},
    )


def _card(simulator: DictConfig | ListConfig) -> str:
    """The card of learners from a folder, which tells of their fit; "" where there is none."""
    assert isinstance(simulator, DictConfig)
    folder = Path(str(simulator.get("folder", "")))
    card = (folder if folder.is_dir() else SHIPPED / folder) / "card.md"
    with in_a_line(f"simulator.folder = {card}: cannot be read"):
        return card.read_text(encoding="utf-8") if card.is_file() else ""


def _add(study: Study, run: DictConfig, folder: Path, rules: Mapping[str, Any], make: bool) -> None:
    agent = made_by(run, folder, "runs")
    stored = agent if isinstance(agent, Stored) else None
    file = folder / (POLICY if stored is None else STORED)
    if stored is not None and not file.is_file():
        raise InputError(f"runs = {folder}: lacks {STORED}, which its training left there; train it anew")
    if hasattr(agent, "algorithm") and not file.is_file():
        remake = command_line("export", [f"run={folder}", "whole=false", f"to={file}"])
        raise InputError(f"runs = {folder}: lacks {POLICY}, which its training left there ({remake})")
    rule = rules.get(run.name)
    if rule == run.agent and not file.is_file():
        log.info("%s: is the rule %s, which is compared anyway", folder, run.name)
        return
    name = run.name if rule is None else f"{run.name} (run)"
    if rule is not None:
        log.info("%s: its policy is called %s, as a compared rule is; here it is %r", folder, run.name, name)
    seeds = study.trained.setdefault(name, {})
    if (name, run.seed) in study.seen:
        raise InputError(
            f"runs = {folder}: a second {name} with seed {run.seed}; give one of them another name="
        )
    study.seen.add((name, run.seed))
    with of_the_run(folder, "runs"):
        if stored is not None:
            seeds[run.seed] = stored.load(file, study.task)
        elif file.is_file():
            seeds[run.seed] = OnnxPolicy(file, study.task)
        elif make:
            seeds[run.seed] = agent(study.task, run.seed, SilentTracker())
    if (curve := _curve(folder / "metrics.csv")) is not None:
        study.metrics.setdefault(name, []).append(curve.assign(seed=run.seed))


def _curve(file: Path) -> pd.DataFrame | None:
    """The returns of a training by step; None where its folder has none, as after a short training."""
    if not file.is_file():
        return None
    with in_a_line(f"runs = {file.parent}: its metrics.csv is truncated or broken"):
        table = pd.read_csv(file)
        if "step" not in table:
            raise InputError(f"runs = {shown(file.parent)}: its metrics.csv has no column step")
        table = table.drop_duplicates("step", keep="last")
        if "train/return" not in table:
            return None
        rows = table[["step", "train/return"]].rename(columns={"train/return": "value"}).dropna()
        return None if rows.empty else rows.astype({"step": int, "value": float})
