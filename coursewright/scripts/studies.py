"""From finished runs to studies: one a task, with everything that was trained on it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig, ListConfig, OmegaConf
from tqdm import tqdm

from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.rule import RulePolicy
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tuning import Tuned
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation.comparison.compare import Seeded, compare
from coursewright.evaluation.comparison.publish import Published, publish
from coursewright.scripts.making import agent_of, task_of
from coursewright.scripts.run_directory import read_run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """A task and what was trained on it: agent name -> agent seed -> policy or training metrics."""

    name: str
    simulator: str
    task: Task
    trained: dict[str, dict[int, Policy]] = field(default_factory=dict)
    metrics: dict[str, list[pd.DataFrame]] = field(default_factory=dict)


def studies(config: DictConfig) -> list[Study]:
    """The studies behind `config.runs`, or the configured task alone where there are no runs."""
    if config.runs is None:
        name = f"{config.choices.simulator}-{config.choices.task}"
        return [Study(name, config.choices.simulator, task_of(config, config.tutor))]
    places = config.runs if isinstance(config.runs, ListConfig) else [config.runs]
    found: dict[str, Study] = {}
    for folder in _finished([Path(str(place)) for place in places]):
        run = read_run(folder)
        key = OmegaConf.to_yaml(OmegaConf.masked_copy(run, ["simulator", "task", "seeds"]))
        key += (folder / "tutor.csv").read_text(encoding="utf-8")
        if key not in found:
            taken = [study.name for study in found.values()]
            name = str(run.study) if run.study not in taken else f"{run.study} ({folder.name})"
            found[key] = Study(name, str(run.choices.simulator), trained_on(folder))
        _add(found[key], run, folder)
    return list(found.values())


def trained_on(folder: Path) -> Task:
    """The task that a run was trained on, with the run's own tutor.

    Raises `InputError` where the folder is not a run's, or is of another format.
    """
    return task_of(read_run(folder), str(folder / "tutor.csv"))


def rules(policies: Mapping[str, DictConfig], task: Task, seed: int) -> dict[str, Policy]:
    """What the runs are compared with; a rule that cannot do this task is left out with a word."""
    made: dict[str, Policy] = {}
    for name, agent in tqdm(policies.items(), desc="tuning rules", delay=2.0, leave=False, disable=None):
        make_policy = agent_of(agent, f"policies.{name}")
        try:
            made[str(name)] = make_policy(task, seed, SilentTracker())
        except InputError as error:
            log.info("left out: %s (%s)", name, error)
    return made


def published(study: Study, config: DictConfig, folder: Path) -> Published:
    """Compare a study's policies with the rules and write everything into `folder/<study>`."""
    made = rules(config.policies, study.task, config.seed)
    policies: dict[str, Seeded] = {**study.trained, **made}
    with tqdm(unit=" learners", desc=study.name, delay=2.0, leave=False, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        comparison = compare(
            study.task,
            policies,
            learners=config.learners,
            reference=config.reference,
            baseline=config.baseline,
            trained=list(study.trained),
            name=study.name,
            simulator=study.simulator,
            seed=config.seed,
            workers=config.workers,
            progress=progress,
        )
    one_each = {name: next(iter(seeds.values())) for name, seeds in study.trained.items()} | made
    tuned = [f"{name} was tuned to: {t.setting}." for name, t in _tuned(made).items()]
    return publish(comparison, one_each, study.metrics, folder / study.name, config.example, tuned)


def _tuned(policies: Mapping[str, Policy]) -> dict[str, Tuned]:
    """How those policies that were tuned came by their settings."""
    rules = {name: policy for name, policy in policies.items() if isinstance(policy, RulePolicy)}
    return {name: rule.tuned for name, rule in rules.items() if rule.tuned is not None}


def _finished(places: Sequence[Path]) -> list[Path]:
    folders = sorted(
        {p.parent for place in places for p in place.glob("**/config.yaml") if p.parent.name != ".hydra"}
    )
    folders = [folder for folder in folders if (folder / "tutor.csv").is_file()]
    for folder in folders:
        if not (folder / "summary.json").is_file():
            log.info("left out: %s is not finished (coursewright train resume=%s)", folder, folder)
    finished = [folder for folder in folders if (folder / "summary.json").is_file()]
    if not finished:
        raise InputError(
            f"runs = {', '.join(map(str, places))}: must hold at least one finished run of `train`"
        )
    return finished


def _add(study: Study, run: DictConfig, folder: Path) -> None:
    file = folder / "policy.onnx"
    seed = int(run.seed)
    seeds = study.trained.setdefault(str(run.name), {})
    if seed in seeds:
        raise InputError(
            f"runs = {folder}: a second {run.name} with seed {seed}; give one of them another name="
        )
    made = (
        OnnxPolicy(file, study.task)
        if file.is_file()
        else agent_of(run.agent)(study.task, seed, SilentTracker())
    )
    seeds[seed] = made
    curve = folder / "metrics.csv"
    if curve.is_file():
        table = pd.read_csv(curve).drop_duplicates("step", keep="last")
        if "train/return" in table:
            rows = table[["step", "train/return"]].rename(columns={"train/return": "value"}).dropna()
            study.metrics.setdefault(str(run.name), []).append(rows.assign(seed=seed))
