"""Tutor files for tests, written once a session, and the episodes that a runtime must follow."""

import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock

from coursewright.agents.bandits.zpdes import Zpdes
from coursewright.agents.export.whole import TIED, Telling, _offered, words_of, write
from coursewright.agents.learning.graph_ppo import GraphPpo
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.schedulers.fsrs import FsrsRetention
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.episodes import Episodes
from coursewright.envs.shipped import kss
from coursewright.simulators.luck import Split
from small_tasks import small_task

FEW = {"steps": 640, "learners": 16, "layers": (16,), "batch_size": 80, "imitate": None}
DATED = replace(small_task(), steps=20, unlock_after=2, delays=(0.5, 3.0), stop=True)
MADE = {
    "a rule": (NInARow(2), kss(10)),
    "a rule with delays and a stop": (NInARow(2), DATED),
    "a bandit within a learner": (Zpdes(2), kss(10)),
    "a schedule": (FsrsRetention(0.85), replace(DATED, stop=False)),
    "a network without masks": (Ppo(**FEW), kss(10)),
    "a network for any course": (GraphPpo(**{k: v for k, v in FEW.items() if k != "layers"}), kss(10)),
    "a network that remembers": (RecurrentPpo(**FEW, masked=True, units=8), kss(10)),
}
# The dearer ones are written in the slow suite; choosers are compared with their rules in test_choosers.
QUICK = ("a rule", "a schedule", "a network that remembers")


class Made(NamedTuple):
    """A tutor file and the original: `path` is the ONNX file."""

    path: Path
    policy: Any
    task: Any


def made(name: str) -> Made:
    """The tutor of `MADE[name]`, which `write` has compared with the original; workers share the file."""
    agent, task = MADE[name]
    policy = agent(task, 0, SilentTracker())
    path = Path(os.environ["COURSEWRIGHT_TESTED"]) / f"{name}.onnx"
    with FileLock(f"{path}.lock"):
        if not words_of(path).exists():
            write(policy, task, path, scored={"return": 0.5})
    return Made(path, policy, task)


def episodes_of(made: Made, learners: int) -> list[dict[str, Any]]:
    """Whole episodes that the original teaches, as a host would tell them: plain values, one dict a learner.

    Each has `key`, `goal`, `past` and `steps`; a step has the items `offered`, the `observation` (float32 in
    base64), the `choices` that are right (several where they tie), and the `event` after it.
    """
    policy, task = made.policy, made.task
    episodes, rows = Episodes(task, learners, records=Telling), np.arange(learners)
    episodes.begin(rows, rows, np.zeros(learners, np.int64), Split.TUNE)
    records, state = episodes.records, policy.begin(episodes.luck)
    course = task.course
    out: list[dict[str, Any]] = [
        {
            "key": str(int(episodes.luck.fate[row])),
            "goal": [s for s, wanted in zip(course.skills, episodes.goal[row], strict=True) if wanted],
            "past": _past(records.past, row, course),
            "steps": [],
        }
        for row in rows
    ]
    while not episodes.over.all():
        running, seen, mask = ~episodes.over, episodes.observation.copy(), episodes.mask.copy()
        offered = _offered(episodes)
        action, after = policy.predict(episodes.observation, state, None, True, mask)
        right = np.arange(mask.shape[1]) == action[:, None]
        if isinstance(policy, TrainedPolicy):
            scores = np.where(mask, policy.scores(episodes.observation, mask, state), -np.inf)
            best = scores.max(axis=1, keepdims=True)
            right = scores >= best - TIED * np.maximum(1.0, np.abs(best))
            action = scores.argmax(axis=1)
        state = after
        episodes.step(np.where(running, action, 0))
        for row in rows[running]:
            out[row]["steps"].append(
                {
                    "offered": [course.items[a] for a in np.flatnonzero(offered[row])],
                    "observation": base64.b64encode(seen[row].astype("<f4").tobytes()).decode(),
                    "choices": [_named(int(a), task) for a in np.flatnonzero(right[row])],
                    "event": _event(records.told, row, course),
                }
            )
    return out


def budget_columns(task: Any) -> list[int]:
    """The columns of a budget in minutes, which come in as float32; none where it counts steps."""
    by_minutes = task.terms.by_minutes and "budget_left" in task.features
    return list(range(task.layout.width))[task.layout.columns("budget_left")] if by_minutes else []


def _past(past: Any, row: int, course: Any) -> list[dict[str, Any]]:
    if past is None:
        return []
    told = zip(past.item[row], past.correct[row], past.taught[row], strict=True)
    return [
        {"item": course.items[item], "correct": _answer(correct), "taught": bool(taught)}
        for item, correct, taught in list(told)[: past.length[row]]
    ]


def _event(told: Any, row: int, course: Any) -> dict[str, Any]:
    item, correct, taught, _, days, minutes = told
    return {
        "item": course.items[item[row]] if item[row] >= 0 else None,
        "correct": _answer(correct[row]),
        "taught": bool(taught[row]),
        "days": float(days[row]),
        "minutes": float(minutes[row]),
    }


def _answer(correct: Any) -> int | None:
    return None if correct < 0 else int(correct)


def _named(action: int, task: Any) -> list[Any]:
    """Item, wait and stop of an action."""
    items, delays = task.course.n_items, task.delays or (0.0,)
    if action == items * len(delays):
        return [None, 0.0, True]
    return [task.course.items[action % items], float(np.float32(delays[action // items])), False]
