"""The policies that `coursewright export` writes: that of a run, or a rule that is made here."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from coursewright.agents.export.refused import refuse_agent
from coursewright.agents.stored import Stored
from coursewright.agents.tracker import SilentTracker
from coursewright.errors import reject
from coursewright.scripts.learners import others, with_own_tutor
from coursewright.scripts.making import agent_of, task_of
from coursewright.scripts.overrides import command_line
from coursewright.scripts.recorded import STORED, SUMMARY, WEIGHTS, read_run
from coursewright.scripts.studies import made_by, trained_on
from coursewright.scripts.trust import trusted_of

if TYPE_CHECKING:
    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.envs.policy import Policy
    from coursewright.envs.task import Task

log = logging.getLogger(__name__)


def made_in_a_run(config: DictConfig) -> "tuple[Policy, Task]":
    """The policy of a run, network, bandit or rule, and its task."""
    from coursewright.agents.learning.trained import TrainedPolicy

    folder, name, agent, task, seed = _run(config)
    if hasattr(agent, "algorithm"):
        return TrainedPolicy.load(folder / WEIGHTS, agent, task), task
    refuse_agent(agent, task, name)
    if isinstance(agent, Stored):
        return agent.load(folder / STORED, task), task
    return agent(task, seed, SilentTracker()), task


def made_here(config: DictConfig) -> "tuple[Policy, Task]":
    """A rule by its name, and the task of the command."""
    name = str(config.choices.agent)
    agent: Any = agent_of(config.agent)
    if hasattr(agent, "algorithm") or isinstance(agent, Stored):
        trains = command_line("train", [f"agent={name}", "simulator=...", "task=..."])
        raise reject("agent", name, f"a rule; this one is trained first ({trains}, then export run=FOLDER)")
    task = task_of(config, config.tutor)
    refuse_agent(agent, task, name)
    return agent(task, config.seed, SilentTracker()), task


def network_of(config: DictConfig) -> "tuple[TrainedPolicy, Task]":
    """The network of a run, and its task; another run is refused."""
    from coursewright.agents.learning.trained import TrainedPolicy

    folder, name, agent, task, _ = _run(config)
    if not hasattr(agent, "algorithm"):
        instead = "is a rule, which needs no file"
        if isinstance(agent, Stored):
            instead = f"leaves {STORED}, which its agent's load reads without a network"
        raise reject(
            "run", folder, f"a training that left a network ({name} {instead}; whole=true writes it)"
        )
    return TrainedPolicy.load(folder / WEIGHTS, agent, task), task


def scored_in(run: str | None) -> dict[str, Any] | None:
    """The numbers of a run's summary: how its policy did at the end of its training."""
    file = Path(str(run)) / SUMMARY
    if run is None or not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    numbers = found.items() if isinstance(found, dict) else ()
    return {str(name): x for name, x in numbers if isinstance(x, int | float | str)} or None


def _run(config: DictConfig) -> "tuple[Path, str, Any, Task, int]":
    folder = Path(str(config.run))
    run = read_run(folder, trusted_of(config.trust))
    task = trained_on(run, folder, moved=config.learners_folder)
    for line in others(with_own_tutor(run, folder), task.simulator, folder):
        log.warning("%s: %s", folder, line)
    return folder, str(run.name), made_by(run, folder), task, int(run.seed)
