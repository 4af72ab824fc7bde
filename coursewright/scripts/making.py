"""From configurations to things: the task, and whoever makes a policy of it."""

from collections.abc import Callable
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

from hydra.utils import get_object, instantiate
from omegaconf import DictConfig

from coursewright.agents.tracker import Tracker
from coursewright.agents.tutor import TaskRecipe
from coursewright.envs.policy import Policy
from coursewright.envs.task import Task
from coursewright.errors import reject, unknown
from coursewright.files import write_atomically

Agent = Callable[[Task, int, Tracker], Policy]


def task_of(config: DictConfig, tutor: str | None, keep: Path | None = None) -> Task:
    """The task of a configuration with its simulator, seeds and tutor (see `TaskRecipe.tutor`).

    The tutor's table is written to `keep`, so that a run can be repeated from its own files.
    """
    recipe = recipe_of(config)
    table = recipe.tutor(tutor, str(config.choices.simulator))
    if keep is not None:
        write_atomically(keep, table.write)
    return recipe.with_tutor(table)


def recipe_of(config: DictConfig) -> TaskRecipe:
    """The same without its tutor."""
    make = instantiate(config.task, seeds=instantiate(config.seeds))
    return TaskRecipe(instantiate(config.simulator), make)


def agent_of(config: DictConfig, at: str = "agent") -> Agent:
    """The agent of a configuration that stands `at` some place: a class with its options, or a function.

    A function takes `(task, seed, tracker)` before its options and says `_partial_: true`; a class does not.
    Raises `InputError` for an option that the class does not have.
    """
    _refuse_unknown(config, at)
    agent: Agent = instantiate(config)
    if isinstance(agent, partial) and isinstance(agent.func, type):
        raise reject(f"{at}._partial_", True, f"left out: {agent.func.__qualname__} is a class of agents")
    return agent


def _refuse_unknown(config: DictConfig, at: str) -> None:
    try:
        target: Any = get_object(config["_target_"])
    except Exception:  # it is explained where it is called
        return
    if not isinstance(target, type):
        return
    known = list(signature(target).parameters)
    for name in map(str, config):
        if name not in known and not name.startswith("_"):
            raise unknown(f"{at}.{name}", name, known)
