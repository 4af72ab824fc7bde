"""`coursewright export`: a finished run's policy as one ONNX file."""

import logging
from typing import Any

import hydra
from omegaconf import DictConfig

from coursewright.errors import reject
from coursewright.scripts.app import explained

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="export")
@explained
def main(config: DictConfig) -> None:
    """Write the policy of a run to a file that runs elsewhere."""
    from pathlib import Path

    from coursewright.agents.export.onnx import export
    from coursewright.agents.export.whole import EPISODES, words_of, write
    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.stored import Stored
    from coursewright.agents.tracker import SilentTracker
    from coursewright.scripts.learners import others, with_own_tutor
    from coursewright.scripts.products import refuse_other_policy
    from coursewright.scripts.recorded import STORED, WEIGHTS, read_run
    from coursewright.scripts.studies import made_by, trained_on
    from coursewright.scripts.trust import trusted_of

    folder = Path(str(config.run))
    run = read_run(folder, trusted_of(config.trust))
    task = trained_on(run, folder, moved=config.learners_folder)
    for line in others(with_own_tutor(run, folder), task.simulator, folder):
        log.warning("%s: %s", folder, line)
    agent: Any = made_by(run, folder)
    if config.whole:
        policy = TrainedPolicy.load(folder / WEIGHTS, agent, task) if hasattr(agent, "algorithm") else None
        write(policy or agent(task, run.seed, SilentTracker()), task, config.to)
        log.info(
            "%s: taught %d learners as the original; %s says all in words",
            config.to,
            EPISODES,
            words_of(config.to),
        )
        return
    if not hasattr(agent, "algorithm"):
        instead = "is a rule, which needs no file"
        if isinstance(agent, Stored):
            instead = f"leaves {STORED}, which its agent's load reads without a network"
        raise reject("run", folder, f"a training that left a network ({run.name} {instead})")
    policy = TrainedPolicy.load(folder / WEIGHTS, agent, task)
    refuse_other_policy(config.to, policy.label)
    export(policy, task, config.to)
    log.info("%s: checked against the original; it runs with onnxruntime and numpy:", config.to)
    log.info(
        '\n    from coursewright.agents.export.policy import OnnxPolicy\n    policy = OnnxPolicy("%s")',
        config.to,
    )
