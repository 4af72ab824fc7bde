"""`coursewright export`: a policy as one ONNX file that runs elsewhere."""

import logging

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="export")
@explained
def main(config: DictConfig) -> None:
    """Write the policy of a run, or a rule, to a file that runs elsewhere."""
    from coursewright.agents.export.onnx import export
    from coursewright.agents.export.whole import EPISODES, write
    from coursewright.agents.tutor_words import words_of
    from coursewright.scripts.exporting import made_here, made_in_a_run, network_of, scored_in
    from coursewright.scripts.products import alone_at, refuse_other_policy, settings_of, tutor_mark

    if config.whole:
        policy, task = made_here(config) if config.run is None else made_in_a_run(config)
        mark = tutor_mark(settings_of(config))
        with alone_at(config.to, mark):
            write(policy, task, config.to, scored_in(config.run), mark)
        told = "%s: taught %d learners as the original; %s says all in words"
        log.info(told, config.to, EPISODES, words_of(config.to))
        return
    network, task = network_of(config)
    refuse_other_policy(config.to, network.label)
    export(network, task, config.to)
    log.info("%s: checked against the original; it runs with onnxruntime and numpy:", config.to)
    log.info(
        '\n    from coursewright.agents.export.policy import OnnxPolicy\n    policy = OnnxPolicy("%s")',
        config.to,
    )
