"""Every YAML file composes and instantiates."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import OmegaConf

import contract
import coursewright
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tutor import TaskRecipe, fit_tutor
from coursewright.data.log import LearnerLog
from coursewright.envs import shipped
from coursewright.envs.episodes import Episodes
from coursewright.envs.task import Task
from coursewright.evaluation.comparison.publish import FIGURES
from coursewright.evaluation.comparison.scores import STATISTICS
from coursewright.evaluation.outcomes import OUTCOMES
from coursewright.scripts.tracking import Run

CONFIGS = Path(coursewright.__file__).parent / "configs"


def names(group):
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


def composed(app, *overrides, hydra=True):
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        return compose(app, list(overrides), return_hydra_config=hydra)


def task(*overrides):
    config = composed("train", *overrides)
    make = instantiate(config.task, seeds=instantiate(config.seeds))
    recipe = TaskRecipe(instantiate(config.simulator), make)
    return recipe.with_tutor(recipe.tutor(None, config.hydra.runtime.choices.simulator)), config


@pytest.mark.parametrize("name", contract.names())
def test_every_simulator_teaches(name):
    made = instantiate(composed("train", "task=mastery").task)(
        simulator=contract.made(name), features=["attempts", "budget_left"]
    )
    episodes = Episodes(made, 3)
    episodes.begin(*np.arange(6).reshape(2, 3), np.zeros(3, np.int64), 0)
    episodes.step(np.zeros(3, np.int64))
    assert episodes.observation.shape == (3, made.layout.width)


@pytest.mark.parametrize("name", sorted(set(names("simulator")) - set(contract.names())))
def test_the_others_ask_for_what_they_need(name):
    assert OmegaConf.is_missing(composed("train", f"simulator={name}").simulator, "folder")


@pytest.mark.parametrize("name", names("task"))
def test_every_task_is_a_task(name):
    made, _ = task(f"task={name}", "simulator=bkt_v0")
    assert isinstance(made, Task)


@pytest.mark.parametrize("name", names("agent"))
def test_every_agent_is_a_partial(name):
    config = composed("train", f"agent={name}")
    assert callable(instantiate(config.agent))


@pytest.mark.parametrize("name", names("experiment"))
def test_every_experiment_makes_its_task(name):
    made, config = task(f"experiment={name}")
    assert made.horizon >= 10
    assert config.study.replace("-", "_").startswith(name.split("_")[0])


@pytest.mark.parametrize("name", names("sweep"))
def test_every_sweep_is_a_multirun(name):
    assert composed("train", f"sweep={name}").hydra.mode.name == "MULTIRUN"


@pytest.mark.parametrize("name", names("tracker"))
def test_every_tracker(name, tmp_path):
    config = composed("train", f"tracker={name}")
    if name == "wandb":
        assert config.tracker.mode == "offline"
        config.tracker.mode = "disabled"
    tracker = instantiate(config.tracker)(Run(tmp_path, {}, "a", "b", "train"))
    tracker.log({"train/return": 1.0}, 1)
    tracker.finish()


@pytest.mark.parametrize("name", names("log"))
def test_every_log(name):
    config = composed("fit", f"log={name}")
    if name == "synthetic":
        assert isinstance(instantiate(config.log)(), LearnerLog)
    else:
        assert OmegaConf.is_missing(config.log, "path")


@pytest.mark.parametrize("name", names("model"))
def test_every_model(name):
    config = composed("fit", f"model={name}")
    assert callable(instantiate(config.model).fit)
    assert config.draws >= 0


@pytest.mark.parametrize("app", ["train", "evaluate", "fit", "export"])
def test_every_app_composes(app):
    assert composed(app).hydra.job.chdir is False


@pytest.mark.parametrize(
    ("group", "known"), [("outcomes", OUTCOMES), ("statistics", STATISTICS), ("figures", FIGURES)]
)
def test_what_is_computed_by_default_is_what_is_configured(group, known):
    made = instantiate(composed("evaluate")[group], _convert_="all")
    assert {name: partial.func for name, partial in made.items()} == dict(known)
    assert not any(partial.keywords for partial in made.values())


def test_the_shipped_environments_are_the_configured_tasks():
    for made, theirs in ((shipped.kss(), task()[0]), (shipped.bkt(), task("experiment=bkt_v0")[0])):
        assert made.course.hash == theirs.course.hash
        assert made.horizon == theirs.horizon
        assert set(made.features) <= set(theirs.features)
        assert (made.beliefs == theirs.beliefs).all()


@pytest.mark.parametrize("name", ["kss_cseal18", "bkt_v0", "bkt_ednet"])
def test_shipped_tutors_are_what_a_fit_gives(name):
    config = composed(
        "train", f"simulator={name}", "task=" + ("kss" if name.startswith("kss") else "mastery")
    )
    steps = {"kss_cseal18": 30, "bkt_v0": 100, "bkt_ednet": 60}[name]
    simulator = instantiate(config.simulator)
    shipped_table = shipped.tutor(name, simulator.course)
    made = instantiate(config.task)(simulator=simulator, tutor=shipped_table, steps=steps)
    fitted = fit_tutor(made)
    for field in ("prior", "learn", "guess", "slip"):
        assert getattr(fitted, field) == pytest.approx(getattr(shipped_table, field), abs=2e-4)


def test_agents_see_a_tracker_that_keeps_nothing():
    assert SilentTracker().directory is None
