"""`coursewright fit`: a learner log in, a simulator's folder out."""

import logging
import sys

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained
from coursewright.scripts.names import near
from coursewright.scripts.overrides import command_line
from coursewright.scripts.run_directory import Place, open_run, placed
from coursewright.scripts.words import typed

console = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="fit")
@explained
def main(config: DictConfig) -> None:
    """Fit a learner model to a log."""
    fit(config, placed(config))


def fit(config: DictConfig, place: Place) -> None:
    """Read the log, fit, and print the findings and their folder."""
    from dataclasses import replace
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig
    from hydra.utils import instantiate

    from coursewright.fitting.folder import Trials, fit_model
    from coursewright.scripts.tracking import Results

    out = near(Path(config.out))
    with open_run(config, place) as run:
        log = replace(instantiate(config.log)(), min_group=config.min_group)
        if HydraConfig.get().runtime.choices["log"] == "synthetic":
            console.info(
                "This is the synthetic log that comes with the package.  For a log of your own: log=file "
                "log.path=FILE.\nEdNet is public (github.com/riiid/ednet, CC BY-NC 4.0): "
                "log=ednet log.path=FOLDER.\n"
            )
        console.info(log.summary)
        command = command_line(
            "fit", [word for word in sys.argv[1:] if not word.startswith("hydra.run.dir=")]
        )
        trials = Trials(config.folds, config.min_rows, config.worlds)
        made = fit_model(log, out, instantiate(config.model), config.draws, trials, config.seed, command)
        console.info(made.report)
        scores = {f"{name}/{k}": v for name, score in made.scores.items() for k, v in score.means.items()}
        run.tracker("fit").report(Results({**scores, "licence": log.licence or "unknown"}))
    teaching = made.fitted.teaching
    choice = [f"task={teaching.task}", f"simulator={teaching.simulator}", *teaching.more]
    line = command_line("train", [*choice, typed(teaching.folder, out)])
    console.info("\nteach these learners: %s", line)
