"""Runs that teach other learners than those of their training: `evaluate runs=FOLDER simulator=NAME`."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from coursewright.envs.features import BELIEFS
from coursewright.errors import reject
from coursewright.scripts.making import made
from coursewright.simulators.knowledge.parameters import BktParameters

TAUGHT = ("simulator", "choices")  # the parts of a command that other learners come from
TOLD_BY_A_TUTOR = {"belief", *(feature.name for feature in BELIEFS)}


def chosen() -> bool:
    """True where the command line, which Hydra has read, says who the learners are."""
    if not HydraConfig.initialized():
        return False
    names = (word.lstrip("+~").partition("=")[0] for word in HydraConfig.get().overrides.task)
    return any(name == "simulator" or name.startswith("simulator.") for name in names)


def elsewhere(run: DictConfig, folder: Path, config: DictConfig) -> DictConfig:
    """The record of the run in `folder` with the learners of the command; its task, seeds and tutor stay.

    The study has the name that the command has without runs, so all its runs meet in one comparison.  Raises
    `InputError` where the learners are taught other skills.
    """
    theirs, ours = (
        BktParameters.read(folder / "tutor.csv").skills,
        made(config.simulator, "simulator").course.skills,
    )
    if ours != theirs:
        told = f"one with the {len(theirs):,} skills of runs = {folder} (here are {len(ours):,})"
        raise reject("simulator", config.choices.simulator, f"{told}: a policy knows its own course only")
    result = run.copy()
    with open_dict(result):
        result.simulator = OmegaConf.create(OmegaConf.to_container(config.simulator, resolve=True))
        result.choices.simulator = str(config.choices.simulator)
        result.study = f"{result.choices.simulator}-{result.choices.task}"
    return result


def sees_a_tutor(run: DictConfig) -> bool:
    """True where the run's observations hold beliefs, which the tutor of its training has."""
    features = run.task.get("features")
    return features is None or any(name in TOLD_BY_A_TUTOR for name in features if isinstance(name, str))
