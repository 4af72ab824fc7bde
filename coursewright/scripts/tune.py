"""`coursewright tune`: an agent in, its best settings out, trained anew and scored on unseen learners."""

import logging
from collections.abc import Mapping

import hydra
from omegaconf import DictConfig

from coursewright.errors import InputError
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

    agents, hydra_ = GlobalHydra.instance().config_loader().get_group_options("agent"), HydraConfig.get()
    words = list(hydra_.overrides.task)
    at = "agent@policies."
    chosen = {k.removeprefix(at): v for k, v in hydra_.runtime.choices.items() if k.startswith(at)}
    return tune(settled(config, words, agents), placed(config), words, chosen)


def tune(config: DictConfig, place: Place, words: list[str], chosen: Mapping[str, str]) -> float | None:
    """Search, train the winner anew, set it beside others, and print the costs.

    `words` are those of the command line, and `chosen` names the file of each policy beside the winner.
    """
    from coursewright.scripts.making import task_of, warn_of_invented
    from coursewright.scripts.trials import contestants, effort, finish, shared

    with open_run(config, place) as run:
        if run.finished:
            log.info("finished before: %s", run.path)
            return None
        task = task_of(config, config.tutor, keep=run.path / "tutor.csv", at_once=True)
        warn_of_invented(config.simulator)
        tracker = run.tracker("tune")
        first, *others = contestants(config, shared(config, run.path), chosen)
        efforts = {first.name: effort(config, task, first, tracker)}
        for other in others:
            try:
                efforts[other.name] = effort(config, task, other)
            except InputError as error:
                log.info("left out: %s (%s)", other.name, error)
        found, summary = finish(config, run.path, words, efforts)
        tracker.report(summary)
    log.info("kept in %s", run.path)
    return found
