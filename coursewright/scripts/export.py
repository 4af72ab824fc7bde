"""`coursewright export`: a finished run's policy as one ONNX file."""

import logging
from typing import Any

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="export")
@explained
def main(config: DictConfig) -> None:
    """Write the policy of a run to a file that runs elsewhere."""
    from pathlib import Path

    from coursewright.agents.export.onnx import export
    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.scripts.making import agent_of
    from coursewright.scripts.run_directory import read_run
    from coursewright.scripts.studies import trained_on

    run = Path(config.run)
    task = trained_on(run)
    agent: Any = agent_of(read_run(run).agent)
    policy = TrainedPolicy.load(run / "model.zip", agent, task)
    export(policy, task, config.to)
    log.info("%s: checked against the original; it runs with onnxruntime and numpy:", config.to)
    log.info(
        '\n    from coursewright.agents.export.policy import OnnxPolicy\n    policy = OnnxPolicy("%s")',
        config.to,
    )
