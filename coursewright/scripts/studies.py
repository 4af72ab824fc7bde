"""From finished runs to studies: one a task, with everything that was trained on it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from tqdm import tqdm

from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation.comparison.compare import compare
from coursewright.evaluation.comparison.jobs import Seeded
from coursewright.evaluation.comparison.publish import Published, publish
from coursewright.scripts.making import agent_of, comparing_of, task_of
from coursewright.scripts.run_directory import read_run
from coursewright.scripts.tracking import Results
from coursewright.simulators.folders import SHIPPED

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """A task and what was trained on it: agent name -> agent seed -> policy or training metrics.

    `card` says how the learners were fitted, where they come from a folder that has one.
    """

    name: str
    simulator: str
    task: Task
    card: str = ""
    trained: dict[str, dict[int, Policy]] = field(default_factory=dict)
    metrics: dict[str, list[pd.DataFrame]] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """The exported policies, one per agent."""
        policies = [next(iter(seeds.values())) for seeds in self.trained.values()]
        return [policy.path for policy in policies if isinstance(policy, OnnxPolicy)]


def studies(config: DictConfig) -> list[Study]:
    """The studies behind `config.runs`, or the configured task alone where there are no runs."""
    if config.runs is None:
        name = f"{config.choices.simulator}-{config.choices.task}"
        return [Study(name, config.choices.simulator, task_of(config, config.tutor), _card(config.simulator))]
    places = config.runs if isinstance(config.runs, ListConfig) else [config.runs]
    found: dict[str, Study] = {}
    for folder in _finished([Path(str(place)) for place in places]):
        run = read_run(folder)
        key = OmegaConf.to_yaml(OmegaConf.masked_copy(run, ["simulator", "task", "seeds"]))
        key += (folder / "tutor.csv").read_text(encoding="utf-8")
        if key not in found:
            taken = [study.name for study in found.values()]
            name = str(run.study) if run.study not in taken else f"{run.study} ({folder.name})"
            found[key] = Study(name, str(run.choices.simulator), trained_on(folder), _card(run.simulator))
        _add(found[key], run, folder)
    return list(found.values())


def trained_on(folder: Path) -> Task:
    """The task that a run was trained on, with the run's own tutor.

    Raises `InputError` where the folder is not a run's, or is of another format.
    """
    return task_of(read_run(folder), str(folder / "tutor.csv"))


def rules(
    policies: Mapping[str, DictConfig], task: Task, seed: int, needed: Mapping[str, str]
) -> dict[str, Policy]:
    """What the runs are compared with; a rule that cannot do this task is left out with a word.

    Raises `InputError` for one that is `needed`: setting -> name, such as that of the reference.
    """
    made: dict[str, Policy] = {}
    for name, agent in tqdm(policies.items(), desc="tuning rules", delay=2.0, leave=False, disable=None):
        make_policy = agent_of(agent, f"policies.{name}")
        try:
            made[str(name)] = make_policy(task, seed, SilentTracker())
        except InputError as error:
            for setting in (setting for setting, wanted in needed.items() if wanted == name):
                raise InputError(
                    f"{setting} = {name}: cannot do this task ({error}); name another"
                ) from error
            log.info("left out: %s (%s)", name, error)
    return made


def published(study: Study, config: DictConfig, folder: Path) -> Published:
    """Compare a study's policies with the rules and write everything into `folder/<study>`."""
    settings = comparing_of(config)
    needed = {name: config[name] for name in ("reference", "baseline") if config[name] not in study.trained}
    made = rules(config.policies, study.task, config.seed, needed)
    policies: dict[str, Seeded] = {**study.trained, **made}
    with tqdm(unit=" learners", desc=study.name, delay=2.0, leave=False, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        comparison = compare(
            study.task,
            policies,
            settings,
            name=study.name,
            simulator=study.simulator,
            trained=list(study.trained),
            progress=progress,
        )
    curves = {agent: pd.concat(tables) for agent, tables in study.metrics.items()}
    figures = instantiate(config.figures, _convert_="all")
    return publish(replace(comparison, training=curves), folder / study.name, figures, card=study.card)


def results(done: Sequence[Published]) -> Results:
    """What the tracker gets: every comparison under its name."""
    named = {part.section.comparison.name: part for part in done}
    rows = [part.section.comparison.summary.assign(study=name) for name, part in named.items()]
    return Results(
        summary={f"eval/{name}": value for part in done for name, value in part.scores.items()},
        table=pd.concat(rows),
        figures={f"{name}-{k}": path for name, part in named.items() for k, path in part.figures.items()},
        files={f"{name}-{k}": path for name, part in named.items() for k, path in part.tables.items()},
    )


def _card(simulator: DictConfig | ListConfig) -> str:
    """How learners from a folder were fitted: the card in it, or none."""
    assert isinstance(simulator, DictConfig)
    folder = Path(str(simulator.get("folder", "")))
    card = (folder if folder.is_dir() else SHIPPED / folder) / "card.md"
    return card.read_text(encoding="utf-8") if card.is_file() else ""


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
