"""`coursewright validate`: learner models and a log in, a page about their validity out."""

import logging

import hydra
from omegaconf import DictConfig

from coursewright.errors import InputError
from coursewright.scripts.app import explained

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="validate")
@explained
def main(config: DictConfig) -> None:
    """Judge learner models on a log."""
    validate(config)


def validate(config: DictConfig) -> None:
    """Read the log, judge each model, write the page, and say what was found and where it is."""
    from hydra.utils import instantiate
    from rich.console import Console

    from coursewright.evaluation.validity import judge as validity
    from coursewright.evaluation.validity import report as validity_report
    from coursewright.evaluation.validity import words as validity_words
    from coursewright.scripts.models import learner_models
    from coursewright.scripts.run_directory import code_version, open_run
    from coursewright.scripts.tracking import Results

    if "model" in config:
        raise InputError("model: validate compares several; give models=[NAME, ...]")
    run = open_run(config)
    models = learner_models(config.models, first=config.reference)
    learners = instantiate(config.log)
    log.info("%s\n", learners.summary)
    found = validity.validate(learners, models, config.reference, instantiate(config.settings))
    code = ", ".join(f"{name} {value}" for name, value in code_version().items())
    facts = {"settings": str(run.path / "config.yaml"), "seed": str(config.seed), "code": code}
    made = validity_report.write_judged(found, run.path, facts)
    tracker = run.tracker("validate")
    scores = {f"{name}/{k}": v for name, row in found.table.to_dict("index").items() for k, v in row.items()}
    tracker.report(Results(scores, found.table.reset_index(), made.figures, made.tables))
    tracker.finish()
    console = Console()
    console.print(
        validity_report.models_table(found), "", *validity_words.conclusions(found), sep="\n", highlight=False
    )
    log.info("\ntables   %s\nreport   %s", run.path, made.page)
