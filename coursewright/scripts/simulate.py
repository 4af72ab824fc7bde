"""`coursewright simulate`: learners whom a policy teaches, and their answers as a learner log."""

import logging

import hydra
from omegaconf import DictConfig

from coursewright.errors import reject
from coursewright.scripts.app import explained
from coursewright.scripts.overrides import command_line, override

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="simulate")
@explained
def main(config: DictConfig) -> None:
    """Write the allowed items, the choice and the answer, one row per response."""
    from pathlib import Path

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
    else:
        agent = agent_of(hydra.compose(overrides=[f"+agent={given}"]).agent, "policy")
        if hasattr(agent, "algorithm"):
            trained = f"the folder of a finished training (coursewright train agent={given})"
            raise reject("policy", given, trained)
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
