"""`coursewright validate`: learner models and a log in, a page about their validity out."""

import logging
from dataclasses import replace

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained
from coursewright.scripts.run_directory import Place, code_version, open_run, placed

console = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="validate")
@explained
def main(config: DictConfig) -> None:
    """Judge learner models on a log."""
    validate(config, placed(config))


def validate(config: DictConfig, place: Place) -> None:
    """Read the log, judge each model, write the page, and print the findings and their folder."""
    from hydra.utils import instantiate

    from coursewright.evaluation.tables import say
    from coursewright.evaluation.validity import judge, report, words
    from coursewright.scripts.making import learner_models
    from coursewright.scripts.tracking import Results

    with open_run(config, place) as run:
        names = [config.models] if isinstance(config.models, str) else config.models
        models = learner_models(dict.fromkeys([config.reference, *names]))
        log = replace(instantiate(config.log)(), min_group=config.min_group)
        console.info("%s\n", log.summary)
        found = judge.validate(log, models, config.reference, instantiate(config.settings))
        code = ", ".join(f"{name} {value}" for name, value in code_version().items())
        facts = {"settings": "config.yaml beside this page", "seed": str(config.seed), "code": code}
        made = report.write_judged(found, run.path, facts)
        rows = found.table.to_dict("index").items()
        scores = {f"{name}/{k}": v for name, row in rows for k, v in row.items()}
        scores["licence"] = log.licence or "unknown"
        run.tracker("validate").report(Results(scores, found.table.reset_index(), made.figures, made.tables))
    say(report.models_table(found), "", *words.conclusions(found))
    console.info("\nsmall groups: %s\n\ntables   %s\nreport   %s", found.groups, run.path, made.page)
