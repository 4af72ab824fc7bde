"""`coursewright simulate`: learners whom a policy teaches, and their answers as a learner log."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from coursewright.scripts.app import explained
from coursewright.scripts.overrides import command_line, override
from coursewright.scripts.recorded import in_a_line
from coursewright.scripts.trust import shown

log = logging.getLogger(__name__)

LIKE = ("simulator", "task")  # the parts of a training that a policy has learnt


def unlike_training(folder: Path, config: DictConfig) -> Iterator[str]:
    """A line where the learners or the task differ from those of the training in a run's folder.

    `evaluate` takes both from the folder; here they are the command's own.
    """
    if not (folder / "config.yaml").is_file():  # an exported file tells of neither
        return
    with in_a_line(f"policy = {shown(folder)}: its config.yaml is truncated or broken"):
        run = OmegaConf.load(folder / "config.yaml")
        theirs, ours = (dict(_leaves(OmegaConf.masked_copy(c, LIKE))) for c in (run, config))  # type: ignore[arg-type]
    names = [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]
    for name in names[:1]:
        more = f", and {len(names) - 1} more settings differ" if len(names) > 1 else ""
        told = f"{name} = {shown(ours.get(name))} here and {shown(theirs.get(name))} in its training{more}"
        yield f"{shown(folder)} was trained for something else: {told}"


def _leaves(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    for name in node:
        inner = None if OmegaConf.is_missing(node, name) else node[name]
        if isinstance(inner, DictConfig):
            yield from _leaves(inner, f"{at}{name}.")
        else:
            yield f"{at}{name}", inner


@hydra.main(version_base="1.3", config_path="../configs", config_name="simulate")
@explained
def main(config: DictConfig) -> None:
    """Write the allowed items, the choice and the answer, one row per response."""
    from coursewright.agents.export.policy import OnnxPolicy
    from coursewright.agents.logs import write_log
    from coursewright.agents.tracker import SILENT
    from coursewright.envs.policy import Policy
    from coursewright.envs.rollout import Group
    from coursewright.scripts.making import agent_of, task_of
    from coursewright.scripts.recorded import POLICY
    from coursewright.simulators.luck import Split

    given = Path(config.policy)
    policy: Policy
    if given.exists():
        task = task_of(config, config.tutor)
        policy = OnnxPolicy(given / POLICY if given.is_dir() else given, task)
        for line in unlike_training(given, config):
            log.warning(line)
    else:
        agent = agent_of(hydra.compose(overrides=[f"+agent={given}"]).agent, "policy")
        task = task_of(config, config.tutor)
        policy = agent(task, config.seed, SILENT)
    group = Group(config.learners, Split[config.split.upper()])
    source = (
        f"{config.learners} simulated learners ({config.choices.simulator}, task {config.choices.task}), "
        f"taught by {given.name}"
    )
    rows = write_log(task, policy, config.to, group, source, config.deterministic)
    log.info("%s: %s rows of %s learners", config.to, f"{rows:,}", f"{config.learners:,}")
    line = command_line("fit", ["log=file", override("log.path", config.to)])
    log.info("\nfit learners to it: %s", line)
