"""`coursewright fit`: a learner log in, a simulator out."""

import logging
import shlex
import sys

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="fit")
@explained
def main(config: DictConfig) -> None:
    """Fit a learner model to a log."""
    fit(config)


def fit(config: DictConfig) -> None:
    """Read the log, fit, and say what was found and where it is."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.utils import instantiate

    from coursewright.scripts.run_directory import open_run

    open_run(config)
    learners = instantiate(config.log)
    if HydraConfig.get().runtime.choices["log"] == "synthetic":
        log.info(
            "This is the synthetic log that comes with the package.  For a log of your own: log=file "
            "log.path=FILE.\nEdNet is public (github.com/riiid/ednet, CC BY-NC 4.0): "
            "log=ednet log.path=FOLDER.\n"
        )
    log.info(learners.summary)
    command = shlex.join(
        ["coursewright", "fit", *(a for a in sys.argv[1:] if not a.startswith(("out=", "name=")))]
    )
    fitted = instantiate(config.model.fit)(learners, config.out, seed=config.seed, command=command)
    log.info(fitted.report)
    if "teach" in config.model:
        read = f"{config.model.teach}{shlex.quote(str(config.out))}"
        log.info("\nteach these learners: coursewright train %s", read)
