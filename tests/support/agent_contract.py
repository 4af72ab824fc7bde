"""The contract of every configured agent that needs no training, each found by its YAML.

The checks take a policy, so that they serve an agent from outside the package as well.
"""

import pickle
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import yaml
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from omegaconf import OmegaConf

import coursewright
from coursewright.agents.planners.oracle_best import ORACLES
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.episodes import Episodes
from coursewright.envs.features import NAMES
from coursewright.envs.policy import Glancing, Policy, Telling, attend
from coursewright.envs.rewards import mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.memory.deeptutor import DeepTutor
from coursewright.simulators.memory.laws import Efc
from learners import luck_of
from small_tasks import begun, small_parameters, small_task

CONFIGS = Path(coursewright.__file__).parent / "configs" / "agent"
LEARNED = "coursewright.agents.learning."
LEARNERS, STEPS = 9, 6
BASE = {"_target_": "coursewright.agents.rules.mastery.NInARow"}


def names() -> list[str]:
    """Every configured agent that needs no training; a YAML may have its `_target_` from another one."""
    stems = [path.stem for path in sorted(CONFIGS.glob("*.yaml"))]
    return [name for name in stems if LEARNED not in written(name)["_target_"]]


@cache
def written(name: str) -> dict[str, Any]:
    """An agent's YAML file as it is written, below the one that it builds on.

    To find the agents costs no composition, since every process that collects tests would pay for each.
    """
    own = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    above = [written(other) for other in own.pop("defaults", []) if other != "_self_"]
    return {key: value for part in (*above, own) for key, value in part.items()}


def configured(name: str, *options: str, folder: Path | None = None) -> Any:
    """The configuration of an agent, which may lie in a folder of your own; `options` go on top."""
    return OmegaConf.create(OmegaConf.to_container(_composed(name, *options, folder=folder)))


@cache
def _composed(name: str, *options: str, folder: Path | None = None) -> Any:
    overrides = [f"agent={name}", *options]
    if folder is not None:
        overrides.append(f"hydra.searchpath=[file://{folder.as_posix()}]")
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        return compose("train", overrides).agent


def agent(name: str, folder: Path | None = None) -> Any:
    """The agent of a YAML file, tuned on few learners and with narrow beams."""
    config = configured(name, folder=folder)
    if "base" in config:  # a rule that remembers and draws; to tune one takes most of the time
        OmegaConf.update(
            config, "base", {"_target_": "coursewright.agents.rules.mastery.NInARow"}, merge=False
        )
    small = {
        "learners": 3,
        "kss_width": 30,
        "draws": 4,
        "copies": 4,
        "simulations": 12,
        "proof": 0,
        "width": 6,
    }
    return instantiate(OmegaConf.merge(config, {key: n for key, n in small.items() if key in config}))


def tasks() -> list[Task]:
    """A platform's own rules; items of several skills, locks and a stop; recall, days and delays."""
    recall = Task(
        simulator=DeepTutor(Efc(), Course.of(5)),
        tutor=small_parameters(),
        steps=STEPS,
        delays=(0.0, 3.0),
        days=2.0,
        reward=mean_recall,
        features=NAMES,
    )
    return [kss(STEPS), replace(small_task(), steps=STEPS, unlock_after=1, stop=True), recall]


def sets() -> Task:
    """A task for those who accept none of the others: the state is the set of known skills."""
    return Task(simulator=KT6kc(), steps=STEPS, features=("goal",))


@cache
def policies(name: str) -> tuple[tuple[Task, Policy], ...]:
    """The tasks that an agent accepts, with its policy on each."""
    return _accepted(name, tasks()) or _accepted(name, [sets()])


def _accepted(name: str, among: Sequence[Task]) -> tuple[tuple[Task, Policy], ...]:
    made = []
    small = {oracle: agent(oracle) for oracle in ORACLES} if name == "oracle_best" else {}
    for task in among:
        try:
            with patch.dict(ORACLES, small):
                made.append((task, agent(name)(task, 0, SilentTracker())))
        except InputError:
            continue
    return tuple(made)


def flat(state: Any) -> list[np.ndarray]:
    """The arrays of a policy's state, of the states in it too."""
    return [a for part in state for a in (flat(part) if isinstance(part, tuple) else [part])]


class Lesson:
    """A policy that teaches the learners `first`, `first` + 1, ..., step by step.

    For any learners the policy's own draws are those of the learners 0, 1, ...
    """

    def __init__(self, task: Task, policy: Policy, first: int = 0, learners: int = LEARNERS) -> None:
        self.task, self.policy = task, policy
        self.meet(first, learners)
        self.state = policy.begin(luck_of(np.arange(learners)))

    def meet(self, first: int, learners: int = LEARNERS) -> None:
        """New learners come in, and everybody's episode starts; the policy's state stays as it is."""
        self.episodes: Episodes = begun(self.task, learners, first)
        self.start = np.ones(learners, bool)

    def look(self, mask: Any = ...) -> tuple[np.ndarray, Any]:
        """The choice that the policy would make now; nothing happens."""
        attend(self.policy, self.episodes)
        shown = self.episodes.mask if mask is ... else mask
        return self.policy.predict(self.episodes.observation, self.state, self.start, True, shown)

    def step(self) -> np.ndarray:
        """One step of everybody; the actions `[batch]`."""
        action, self.state = self.look()
        self.episodes.step(action)
        self.start = np.zeros_like(self.start)
        return action


def check_any_batch(task: Task, policy: Policy) -> None:
    """The same items in any batch; a row alone equals the row in the batch."""
    together = rollout(task, policy, LEARNERS).item
    for chunk in (4, 1):
        assert (rollout(task, policy, LEARNERS, chunk=chunk).item == together).all(), chunk


def check_actions(task: Task, policy: Policy) -> None:
    """Actions are in range and never the stop; where masks are respected, they are allowed."""
    lesson = Lesson(task, policy)
    for _ in range(STEPS):
        action, _ = lesson.look()
        assert ((action >= 0) & (action < task.n_actions - task.stop)).all()
        if policy.respects_mask:
            assert lesson.episodes.mask[np.arange(LEARNERS), action].all()
        lesson.step()


def check_no_mask(task: Task, policy: Policy) -> None:
    """A missing mask is a full one."""
    lesson = Lesson(task, policy)
    full = np.ones_like(lesson.episodes.mask)
    for _ in range(STEPS):
        assert (lesson.look(None)[0] == lesson.look(full)[0]).all()
        lesson.step()


def check_second_look(task: Task, policy: Policy) -> None:
    """To look twice changes nothing: neither choice and memory, nor the arrays handed in."""
    lesson = Lesson(task, policy)
    for _ in range(STEPS):
        given = [lesson.episodes.observation, lesson.episodes.mask, lesson.start, *flat(lesson.state)]
        before = [array.copy() for array in given]
        first, after = lesson.look()
        second, again = lesson.look()
        assert (first == second).all()
        pairs = [*zip(before, given, strict=True), *zip(flat(after), flat(again), strict=True)]
        assert all(np.array_equal(one, other) for one, other in pairs)
        lesson.step()


def check_new_episode(task: Task, policy: Policy) -> None:
    """At the start of an episode nothing of the one before counts but the number of its turns."""
    one, other = Lesson(task, policy, first=0), Lesson(task, policy, first=100)
    for lesson in (one, other):
        for _ in range(3):
            lesson.step()
        lesson.meet(200)
    for _ in range(STEPS):
        assert (one.step() == other.step()).all()


def check_pickled(task: Task, policy: Policy) -> None:
    """A copy in another process chooses alike."""
    copy = pickle.loads(pickle.dumps(policy))
    assert (rollout(task, copy, LEARNERS).item == rollout(task, policy, LEARNERS).item).all()


def check_chances(task: Task, policy: Policy) -> None:
    """Each action is chosen as often as the policy's own chances say, where it tells them."""
    lesson = Lesson(task, policy, learners=300)
    surplus, variance = np.zeros((2, task.n_actions))
    for _ in range(STEPS):
        action, _ = lesson.look()
        assert isinstance(policy, Telling)
        told = policy.chances(lesson.episodes.observation, lesson.state, lesson.episodes.mask)
        if told is None:
            return
        assert np.allclose(told.sum(axis=1), 1.0)
        assert (told[np.arange(len(action)), action] > 0.0).all()
        surplus += np.bincount(action, minlength=task.n_actions) - told.sum(axis=0)
        variance += (told * (1.0 - told)).sum(axis=0)
        lesson.step()
    assert (np.abs(surplus) <= 5.0 * np.sqrt(variance) + 1e-6).all()


def check_a_glance(task: Task, policy: Policy) -> None:
    """A policy that says that it keeps nothing of its observation chooses as it does by copies."""
    if isinstance(policy, Glancing):
        with patch.object(policy, "glances", False):
            staring = rollout(task, policy, LEARNERS)
        assert (rollout(task, policy, LEARNERS).item == staring.item).all()


CHECKS = (
    check_any_batch,
    check_actions,
    check_no_mask,
    check_second_look,
    check_new_episode,
    check_pickled,
    check_chances,
    check_a_glance,
)
