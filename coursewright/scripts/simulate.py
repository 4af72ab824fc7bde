"""`coursewright simulate`: learners whom a policy teaches, and their answers as a learner log."""

import logging
from pathlib import Path

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained
from coursewright.scripts.overrides import command_line
from coursewright.scripts.products import MADE, mark_of, settings_of
from coursewright.scripts.recorded import unlike_training
from coursewright.scripts.words import typed

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="simulate")
@explained
def main(config: DictConfig) -> None:
    """Write the allowed items, the choice and the answer, one row per response."""
    from coursewright.agents.logs import write_log
    from coursewright.agents.tracker import SILENT
    from coursewright.envs.policy import Policy
    from coursewright.envs.rollout import Group
    from coursewright.scripts.making import agent_of, task_of
    from coursewright.scripts.studies import doubts, kept_policy
    from coursewright.simulators.luck import Split

    given = Path(config.policy)
    policy: Policy
    if given.exists():
        task = task_of(config, config.tutor)
        policy = kept_policy(given, task)
        for line in (*unlike_training(given, config, task.simulator), *doubts(policy, given)):
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
    marks = {MADE: mark_of(settings_of(config))}
    rows = write_log(task, policy, config.to, group, source, config.deterministic, marks)
    learners = "1 learner" if config.learners == 1 else f"{config.learners:,} learners"
    log.info("%s: %s rows of %s", config.to, f"{rows:,}", learners)
    line = command_line("fit", ["log=file", typed("log.path", config.to)])
    log.info("\nfit learners to it: %s", line)
