"""From configurations to things: the task, and the agent that makes a policy of it.

An error in a thing is reported at the setting that makes the thing.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from coursewright.errors import InputError, reject
from coursewright.files import write_atomically
from coursewright.scripts.explain import explanation
from coursewright.scripts.signatures import TARGET, fields_of, refuse_misfits

if TYPE_CHECKING:
    from coursewright.agents.tracker import Tracker
    from coursewright.agents.tutor import TaskRecipe
    from coursewright.envs.policy import Policy
    from coursewright.envs.task import Task
    from coursewright.evaluation.comparison.settings import Comparing
    from coursewright.fitting.model import LearnerModel
    from coursewright.simulators.protocol import Simulator

    Agent = Callable[[Task, int, Tracker], Policy]


log = logging.getLogger(__name__)


def task_of(config: DictConfig, tutor: str | None, keep: Path | None = None, at_once: bool = False) -> "Task":
    """The task of a configuration with its simulator, seeds and tutor (see `TaskRecipe.tutor`).

    The table is written to `keep`, so that a run can be repeated from its own files.  A model is fitted
    when something first reads it, or `at_once`, for agents who are made in several processes.
    """
    from coursewright.agents.beliefs.late import LateMind

    recipe = recipe_of(config)
    thinks = model_of(config.get("tutor"))
    given = None if thinks is not None and tutor == config.tutor else tutor
    table = recipe.tutor(given, str(config.choices.simulator))
    if keep is not None:
        write_atomically(keep, table.write)
    mind = None if thinks is None else recipe.mind(thinks)
    return recipe.with_tutor(table, mind.mind if at_once and isinstance(mind, LateMind) else mind)


def model_of(tutor: str | None) -> "LearnerModel | Simulator[Any] | None":
    """The model that a `tutor` names: learners of a folder, or a model to fit; None for a table."""
    if tutor is None:
        return None
    if Path(tutor).is_dir():
        from coursewright.agents.beliefs.minds import learners_of

        return learners_of(Path(tutor))
    with _hydra():
        loader = GlobalHydra.instance().config_loader()
        return learner_models([tutor])[tutor] if tutor in loader.get_group_options("model") else None


def learner_models(names: Iterable[str]) -> dict[str, "LearnerModel"]:
    """The models of these files in configs/model, each once; only where Hydra is ready."""
    models = {name: instantiate(hydra.compose(overrides=[f"+model={name}"]).model) for name in names}
    for name, model in models.items():
        if not hasattr(model, "fit"):
            raise reject("models", name, "a file in configs/model whose _target_ follows LearnerModel")
    return models


@contextmanager
def _hydra() -> Iterator[None]:
    """Hydra with our configurations: as it is inside an app, and made ready where there is none."""
    if GlobalHydra.instance().is_initialized():
        yield
        return
    with hydra.initialize_config_module("coursewright.configs", version_base="1.3"):
        yield


def warn_of_invented(simulator: DictConfig) -> None:
    """A warning where the learners of a folder in the `simulator` invent learning, as its facts say.

    Where the log could not tell, or nobody measured it, a line says so: that is no fault of these learners.
    """
    from coursewright.simulators.folders import invents

    for folder in _folders(OmegaConf.to_container(simulator, resolve=True)):
        found = invents(folder)
        if found == "cannot tell":
            log.info("%s: the log cannot tell if these learners invent learning (see its card.md)", folder)
        elif found == "not measured":
            log.info("%s: nobody measured if these learners invent learning (see its card.md)", folder)
        elif found not in ("", "nothing"):
            said = "%s: these learners invent %s (see its card.md): a policy may live on it"
            log.warning(said, folder, found)


def warn_of_caveat(name: str, policy: "Policy") -> None:
    """Say what may make it no good rule, before it is scored: tuning the rule beside it takes a while."""
    from coursewright.agents.rule import caveat_of

    if doubt := caveat_of(policy):
        log.warning("%s: %s", name, doubt)


def _folders(node: Any) -> Iterator[str]:
    """The folders that a simulator, or one that it wraps, is read from."""
    if isinstance(node, dict) and isinstance(node.get("folder"), str):
        yield node["folder"]
    if isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _folders(part)


def licence_of(task: "Task") -> dict[str, str]:
    """The licence of the log behind a task's learners, for a tracker's summary; nothing without a log."""
    return {} if task.course.licence is None else {"licence": task.course.licence}


def recipe_of(config: DictConfig) -> "TaskRecipe":
    """The same without its tutor."""
    from coursewright.agents.tutor import TaskRecipe

    make = instantiate(config.task, seeds=instantiate(config.seeds))
    return TaskRecipe(made(config.simulator, "simulator"), make)


def agent_of(config: DictConfig, at: str = "agent") -> "Agent":
    """The agent of a configuration that stands `at` some place: a class with its options, or a function.

    A function takes `(task, seed, tracker)` before its options and says `_partial_: true`; a class does not.
    Raises `InputError` for an option that the class does not have.
    """
    options = OmegaConf.to_container(config, resolve=True)
    if not isinstance(options, dict) or not isinstance(options.get(TARGET), str):
        raise reject(f"{at}.{TARGET}", "nothing", "the address of the class or function that makes the agent")
    refuse_misfits(options, fields_of(config[TARGET]), at)
    agent: Agent = made(config, at)
    if isinstance(agent, partial) and isinstance(agent.func, type):
        raise reject(f"{at}._partial_", True, f"left out: {agent.func.__qualname__} is a class of agents")
    return agent


def comparing_of(config: DictConfig, reference: str = "tuned_mastery") -> "Comparing":
    """The settings of `evaluate`'s comparison; `reference` stands where the configuration names none."""
    from coursewright.evaluation.comparison.settings import Comparing

    return Comparing(
        learners=config.learners,
        reference=reference if config.reference is None else config.reference,
        baseline=config.baseline,
        outcomes=instantiate(config.outcomes, _convert_="all"),
        statistics=instantiate(config.statistics, _convert_="all"),
        aims=tuple(config.aims),
        columns=tuple(config.columns),
        example=config.example,
        seed=config.seed,
        workers=config.workers,
    )


def made(node: Any, at: str) -> Any:
    """The object that a node makes; a refusal names the setting by the place where the node stands."""
    try:
        return instantiate(node)
    except Exception as error:
        raise refusal_at(error, node, at) from error


def refusal_at(error: Exception, node: Any, at: str) -> InputError:
    """One line about the error in the node `at` some place."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return cause.at(at, fields_of(node[TARGET]) or ())
        cause = cause.__cause__ or cause.__context__
    line = explanation(error)
    if line is not None:
        return InputError(f"{at}.{line}" if line.startswith(TARGET) else line, at)
    reason = error.__cause__ or error
    words = " ".join(str(reason).split())
    return InputError(f"{at} = {node[TARGET]}: cannot be made ({type(reason).__name__}: {words})", at)
