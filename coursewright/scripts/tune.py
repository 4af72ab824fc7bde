"""`coursewright tune`: an agent in, its best settings out, trained anew and scored on unseen learners."""

import logging

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained
from coursewright.scripts.run_directory import Place, open_run, placed

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="tune")
@explained
def main(config: DictConfig) -> float | None:
    """Tune one agent; the value is its winner's mean return on unseen learners, over fresh seeds."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    from coursewright.scripts.experiment import settled

    agents = GlobalHydra.instance().config_loader().get_group_options("agent")
    words = list(HydraConfig.get().overrides.task)
    return tune(settled(config, words, agents), placed(config), words)


def tune(config: DictConfig, place: Place, words: list[str]) -> float | None:
    """Search, train the winner anew, and print the costs; `words` are those of the command line."""
    from coursewright.scripts.making import task_of, warn_of_invented
    from coursewright.scripts.trials import finish, retrained, searched

    with open_run(config, place) as run:
        if run.finished:
            log.info("finished before: %s", run.path)
            return None
        task = task_of(config, config.tutor, keep=run.path / "tutor.csv")
        warn_of_invented(config.simulator)
        tracker = run.tracker("tune")
        trials = searched(config, task, run.path, tracker)
        again = retrained(config, task, run.path, trials)
        found, summary = finish(config, run.path, words, trials, again)
        tracker.report(summary)
    log.info("kept in %s", run.path)
    return found
