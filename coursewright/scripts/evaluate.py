"""`coursewright evaluate`: finished runs in, a comparison with rules and oracles out."""

import logging

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="evaluate")
@explained
def main(config: DictConfig) -> None:
    """Compare what was trained with rules and oracles, on learners nobody has met."""
    evaluate(config)


def evaluate(config: DictConfig) -> None:
    """Gather the runs, compare, draw, report, track, and say where everything is."""
    import pandas as pd
    from rich.console import Console

    from coursewright.evaluation.comparison.report import Report
    from coursewright.evaluation.comparison.table import terminal_table
    from coursewright.evaluation.comparison.words import verdict
    from coursewright.scripts.run_directory import open_run
    from coursewright.scripts.studies import published, studies

    run = open_run(config)
    tracker = run.tracker("evaluate")
    try:
        done = [published(study, config, run.path) for study in studies(config)]
        page = run.path / "report.html"
        title = "Does the trained policy beat a tuned mastery rule?"
        Report(title, [d.section for d in done], run.facts(), {"folder": str(run.path.resolve())}).write(page)
        tracker.report(
            {f"eval/{name}": value for d in done for name, value in d.scores.items()},
            table=pd.concat(
                [d.section.comparison.summary.assign(study=d.section.comparison.name) for d in done]
            ),
            figures={f"{d.section.comparison.name}-{name}": p for d in done for name, p in d.figures.items()},
            files={f"{d.section.comparison.name}-{p.stem}": p for d in done for p in d.tables.values()},
        )
    except BaseException:
        tracker.finish(exit_code=1)
        raise
    tracker.finish()
    console = Console()
    for comparison in (d.section.comparison for d in done):
        for condition in comparison.conditions:
            console.print(terminal_table(comparison, condition), "")
        console.print(*verdict(comparison), "", sep="\n", highlight=False)
    for policy in sorted(policy for d in done for policy in d.policies):
        log.info("policy   %s", policy)
    log.info("figures  %s\nreport   %s", run.path, page)
