"""`coursewright replay`: real learners of a log in, a page on what a tutor would have chosen out."""

import logging
from dataclasses import replace
from pathlib import Path

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained
from coursewright.scripts.run_directory import code_version, open_run, placed

console = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="replay")
@explained
def main(config: DictConfig) -> None:
    """Lead a log's learners through a tutor's memory, write the page, and print the findings."""
    from hydra.utils import instantiate

    from coursewright.data.read import LogFile
    from coursewright.data.sparing import answers_alone
    from coursewright.evaluation.replay import found, report
    from coursewright.evaluation.tables import say
    from coursewright.scripts.given_policy import tutor_file
    from coursewright.scripts.tracking import Results

    with open_run(config, placed(config)) as run:
        run.path.chmod(0o700)  # tables and pictures show single learners
        tutor = tutor_file(config.policy)
        reader = instantiate(config.log)
        reader, assumed = answers_alone(reader) if isinstance(reader, LogFile) else (reader, [])
        log = replace(reader(), min_group=config.min_group)
        console.info("%s\n", "\n".join([log.summary, *assumed]))
        replayed = found.replay(log, tutor, instantiate(config.settings))
        if replayed.given.lost:
            console.warning("%s\n", replayed.given.lost)
        left_out = [log.left_out] * bool(log.dropped) + [replayed.given.lost] * bool(replayed.given.lost)
        made_by = tutor.words["made_by"]
        facts = {
            "tutor": f"{Path(config.policy).name} ({made_by.get('agent')}, stamp {tutor.words['stamp']})",
            "log": f"{log.source}; licence: {log.licence or 'unknown'}",
            "left out": "; ".join(left_out) or "nothing",
            "assumed": "; ".join(assumed) or "nothing",
            "settings": "config.yaml beside this page",
            "code": ", ".join(f"{name} {value}" for name, value in code_version().items()),
        }
        made = report.write_replay(replayed, run.path, config.tables, facts)
        scores = {
            f"{name}/{part}": getattr(replayed.agreement(name), part)
            for name in ("same_item", "random_item", "same_skills", "random_skills")
            for part in ("value", "low", "high")
        }
        results = Results(
            scores | {"licence": log.licence or "unknown"}, replayed.by_skill, made.figures, made.tables
        )
        run.tracker("replay").report(results)
    say(*report.sentences(replayed), "", *report.NO_VERDICT)
    console.info("\ntables   %s\nreport   %s", run.path, made.page)
