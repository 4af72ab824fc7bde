"""`coursewright evaluate`: finished runs in, a comparison with rules and oracles out."""

import logging
from collections.abc import Sequence

import hydra
from omegaconf import DictConfig, OmegaConf, open_dict

from coursewright.scripts.app import explained
from coursewright.scripts.elsewhere import TAUGHT, asked_price, chosen
from coursewright.scripts.run_directory import Place, open_run, placed

log = logging.getLogger(__name__)

TASK = ("simulator", "task", "seeds", "tutor", "choices")
TITLE, RULES = "Does the trained policy beat the tuned rules?", "Which rule teaches best?"


@hydra.main(version_base="1.3", config_path="../configs", config_name="evaluate")
@explained
def main(config: DictConfig) -> None:
    """Compare trained policies with rules and oracles, on unseen learners."""
    evaluate(config, placed(config))


def beside(names: Sequence[str]) -> str:
    """The files beside the report, by folder."""
    folders = ", ".join(f"{name}/" for name in names)
    return f"tables and pictures (PNG, SVG) in {folders} beside this page; all figures in comparison.csv"


def evaluate(config: DictConfig, place: Place) -> None:
    """Gather the runs, compare, draw, report, track, and print the paths."""
    from coursewright.evaluation.comparison.report import Report
    from coursewright.evaluation.comparison.table import show
    from coursewright.scripts.studies import published, results, studies

    if config.runs is not None:  # which have tasks and seeds of their own
        theirs = {*TASK} - ({*TASK} if "task" in chosen() else {*TAUGHT} if chosen() else set())
        price = asked_price(config.task)
        config = OmegaConf.masked_copy(config, [key for key in map(str, config) if key not in theirs])
        with open_dict(config):
            config.price = price  # null: theirs
    with open_run(config, place) as run:
        given = studies(config)
        tracker = run.tracker("evaluate")
        done = [published(study, config, run.path) for study in given]
        sections = [part.section for part in done]
        page = run.path / "report.html"
        title = TITLE if any(study.trained for study in given) else RULES
        Report(title, sections, run.facts(), {"files": beside([study.name for study in given])}).write(page)
        tracker.report(results(done, given))
    for section in sections:
        show(section.comparison)
    for policy in sorted(file for study in given for file in study.files):
        log.info("policy   %s", policy)
    log.info("figures  %s\nreport   %s", run.path, page)
