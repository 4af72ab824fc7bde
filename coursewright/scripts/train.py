"""`coursewright train`: simulated learners in, a trained policy out."""

import logging

import hydra
from omegaconf import DictConfig

from coursewright.scripts.app import explained
from coursewright.scripts.run_directory import Place, open_run, placed

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path="../configs", config_name="train")
@explained
def main(config: DictConfig) -> float | None:
    """Train one policy; the value is its mean return on learners who are new to it."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    from coursewright.scripts.experiment import settled
    from coursewright.scripts.learners import anchored, refuse_other_tutor

    agents = GlobalHydra.instance().config_loader().get_group_options("agent")
    settings = anchored(settled(config, HydraConfig.get().overrides.task, agents))
    place = placed(settings)
    refuse_other_tutor(settings, place.path)
    return train(settings, place)


def train(config: DictConfig, place: Place) -> float | None:
    """Instantiate the task and the agent, train, score, save, export."""
    from coursewright.evaluation.standing import in_a_line, standing
    from coursewright.scripts.learners import keep, take_along
    from coursewright.scripts.making import agent_of, licence_of, task_of, warn_of_caveat, warn_of_invented
    from coursewright.scripts.products import leave
    from coursewright.scripts.tracking import Results

    with open_run(config, place) as run:
        if run.finished:
            log.info("finished before: %s", run.path)
            return None
        make_policy = agent_of(config.agent)
        mine = take_along(config, run.path)
        task = task_of(mine, mine.tutor, keep=run.path / "tutor.csv")
        keep(config, task.simulator, run.path)
        warn_of_invented(config.simulator)
        tracker = run.tracker("train")
        policy = make_policy(task, config.seed, tracker)
        warn_of_caveat(f"{config.name}-{config.seed}", policy)
        files = leave(policy, make_policy, task, run.path)
        found = standing(config.name, policy, task, config.learners)
        score = found.means[config.name]
        summary = {"eval/return": score, "eval/learners": config.learners, **licence_of(task)}
        tracker.report(Results(summary | found.scores, files=files))
    log.info("%s-%d: %s", config.name, config.seed, in_a_line(found, config.learners))
    for doubt in found.warnings:
        log.warning("%s-%d: %s", config.name, config.seed, doubt)
    log.info("kept in %s", run.path)
    return score
