"""A trained linear bandit as a policy, and as a small JSON file."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from coursewright.agents.bandits.linear import Linear, LinearRule, contexts
from coursewright.agents.label import Label, actions_of, versions
from coursewright.agents.rule import RulePolicy
from coursewright.envs.task import Task
from coursewright.errors import InputError, reject
from coursewright.files import refuse_format, write_text

FORMAT = 1


class LinearPolicy:
    """Chooses as a bandit that has been trained and learns no more: the highest theta' x, nothing explored.

    Attributes
    ----------
    model : the models of its arms.
    options : those of its agent.
    label : the agent that made it, and the task that it is for.
    """

    respects_mask = True

    def __init__(self, task: Task, model: Linear, label: Label, options: Mapping[str, Any]) -> None:
        self.model, self.label, self.options = model, label, dict(options)
        self.policy = RulePolicy(label.agent, task, LinearRule(task, model))
        self.begin = self.policy.begin
        self.predict = self.policy.predict
        self.chances = self.policy.chances

    def __repr__(self) -> str:
        """One line: agent, seed and steps."""
        label = self.label
        return f"<LinearPolicy: {label.agent}, seed {label.seed}, {label.steps:,} steps>"

    @classmethod
    def of(cls, name: str, agent: Any, task: Task, model: Linear, seed: int, steps: int) -> "LinearPolicy":
        """The policy that the `agent` of this name made of `task` in so many steps."""
        label = Label(
            agent=name,
            seed=seed,
            steps=steps,
            respects_mask=True,
            stochastic=False,
            columns=task.layout.names,
            actions=actions_of(task),
            course=task.course.hash,
            versions=versions(),
            licence=task.course.licence,
        )
        return cls(task, model, label, asdict(agent))

    def save(self, path: str | Path) -> None:
        """Write A, b and the counts of every arm, the agent's options and seed, and the label, as JSON."""
        model = {"a": self.model.a.tolist(), "b": self.model.b.tolist(), "pulls": self.model.pulls.tolist()}
        tree = {"format": FORMAT, "label": asdict(self.label), "options": self.options, "model": model}
        write_text(path, json.dumps(tree) + "\n")

    @classmethod
    def load(cls, path: str | Path, name: str, agent: Any, task: Task) -> "LinearPolicy":
        """The policy that the `agent` of this name made of `task` and `save` wrote; the file is read as data.

        Raises `InputError` for a missing or broken file, one of another format, one that another agent or
        other options made, or one that was made for another task.
        """
        tree = _read(path)
        texts = {key: json.dumps(value) for key, value in tree["label"].items()}
        label = Label.read(texts, path)
        if label.agent != name:
            raise reject("policy", path, f"made by {name}; {label.agent} made it")
        label.check(task, path)
        for option, value in asdict(agent).items():
            theirs = tree["options"].get(option)
            if theirs != value:
                raise reject(f"agent.{option}", value, f"{theirs}, with which the policy {path} was made")
        return cls(task, _model(tree["model"], task, path), label, tree["options"])


def _read(path: str | Path) -> dict[str, Any]:
    try:
        tree = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(tree, dict) or "format" not in tree:
            raise TypeError("no mapping")
        refuse_format("policy", path, tree["format"], FORMAT)
        if not all(isinstance(tree[name], dict) for name in ("label", "options", "model")):
            raise TypeError("no mapping")
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"policy = {path}: cannot be read ({error.strerror})") from error
    except InputError:
        raise
    except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise InputError(f"policy = {path}: truncated or broken") from error
    return tree


def _model(stored: Mapping[str, Any], task: Task, path: str | Path) -> Linear:
    """The models of a file, which must be those of this task's arms."""
    skills = task.course.n_skills
    d = contexts(task.layout, np.zeros((1, task.layout.width), np.float32)).shape[2]
    try:
        a, b = np.array(stored["a"], np.float64), np.array(stored["b"], np.float64)
        pulls = np.array(stored["pulls"], np.int64)
        whole = (a.shape, b.shape, pulls.shape) == ((skills, d, d), (skills, d), (skills,))
        if not (whole and np.isfinite(a).all() and np.isfinite(b).all()):
            raise ValueError("not the shapes or no numbers")
        inverse = np.asarray(np.linalg.inv(a), np.float64)
    except (ValueError, TypeError, LookupError, OverflowError, np.linalg.LinAlgError) as error:
        raise InputError(f"policy = {path}: its models are not those of this task's skills") from error
    return Linear(a, inverse, b, (inverse @ b[:, :, None])[:, :, 0], pulls)
