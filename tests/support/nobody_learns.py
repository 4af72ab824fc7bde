"""Learners who differ, stay as the log's do, and never learn, beside a log: what each check makes of them.

    export PYTHONPATH=.:tests/support
    python tests/support/nobody_learns.py log=ednet log.path=FOLDER min_group=1

They are the negative control of `coursewright validate`: a check of learning that they pass has no power.
"""

import sys
from collections.abc import Sequence

from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from coursewright.evaluation.validity.check_words import said_of
from coursewright.fitting.coded import Coded
from coursewright.fitting.groups import grouped
from coursewright.fitting.judging.checks import Check, checks
from coursewright.fitting.judging.null_world import nobody_learns
from coursewright.fitting.judging.replay import replay


def judged(log: Coded, seed: int = 0) -> dict[str, Check]:
    """The checks of learners fitted to `log` of whom nobody learns, by name."""
    return {check.name: check for check in checks(log, replay([nobody_learns(log)], log, seed=seed), seed)}


def main(options: Sequence[str]) -> None:
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("validate", list(options))
        log = grouped(Coded.of(instantiate(config.log)()), config.min_group).log
    for check in judged(log).values():
        print(said_of(check))


if __name__ == "__main__":
    main(sys.argv[1:])
