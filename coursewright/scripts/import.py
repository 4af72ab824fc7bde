# ruff: noqa: N999  (a keyword, but also the verb: the command line imports it by name)
"""`coursewright import`: a learner log of any size in, a folder of sorted Parquet files out."""

import logging

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained
from coursewright.scripts.overrides import command_line, override
from coursewright.scripts.run_directory import open_run, placed

console = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="import")
@explained
def main(config: DictConfig) -> None:
    """Write a log to a folder, a batch at a time."""
    from functools import partial

    from hydra.utils import instantiate

    from coursewright.data.stream import store

    with open_run(config, placed(config)):
        stored = instantiate(config.log)(into=partial(store, folder=config.to, parts=config.parts))
    console.info(stored.summary)
    line = command_line("fit", ["log=stream", override("log.path", stored.path)])
    console.info("\nfit learners to it: %s", line)
