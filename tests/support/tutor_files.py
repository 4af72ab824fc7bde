"""Tutor files for tests, written once a session, and the episodes that a runtime must follow."""

import base64
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock

from coursewright.agents.bandits.zpdes import Zpdes
from coursewright.agents.export.whole import TIED, offered_by, write
from coursewright.agents.learning.graph_ppo import GraphPpo
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.schedulers.fsrs import FsrsRetention
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tutor_words import words_of
from coursewright.envs.episodes import Episodes
from coursewright.envs.shipped import kss
from coursewright.simulators.luck import Split
from coursewright_runtime import Tutor
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
    """The tutor of `MADE[name]`."""
    return written(name, *MADE[name])


def written(name: str, agent: Any, task: Any) -> Made:
    """The tutor that an agent makes on a task, compared with the original; workers share the file."""
    policy = agent(task, 0, SilentTracker())
    path = Path(os.environ["COURSEWRIGHT_TESTED"]) / f"{name}.onnx"
    with FileLock(f"{path}.lock"):
        if not words_of(path).exists():
            write(policy, task, path, scored={"return": 0.5})
    return Made(path, policy, task)


def episodes_of(made: Made, learners: int) -> list[dict[str, Any]]:
    """Whole episodes that the original teaches, as a host would tell them: plain values, one dict a learner.

    Each has `key`, `goal`, `past` and `steps`; a step has the items `offered` (None: all), the `observation`
    (float32 in base64), the `choices` that are right (several where they tie), and the `event` after it.
    """
    policy, task = made.policy, made.task
    episodes, rows = Episodes(task, learners), np.arange(learners)
    episodes.begin(rows, rows, np.zeros(learners, np.int64), Split.TUNE)
    records, state = episodes.records, policy.begin(episodes.luck)
    course = task.course
    out: list[dict[str, Any]] = [
        {
            "key": str(int(episodes.luck.fate[row])),
            "goal": [s for s, wanted in zip(course.skills, episodes.goal[row], strict=True) if wanted],
            "past": _past(records.brought, row, course),
            "steps": [],
        }
        for row in rows
    ]
    while not episodes.over.all():
        running, seen, mask = ~episodes.over, episodes.observation.copy(), episodes.mask.copy()
        offered = offered_by(episodes)
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
                    "offered": None if offered[row].all() else _items(offered[row], course),
                    "observation": base64.b64encode(seen[row].astype("<f4").tobytes()).decode(),
                    "choices": [_named(int(a), task) for a in np.flatnonzero(right[row])],
                    "event": _event(records.heard, row, course),
                }
            )
    return out


def _items(marked: Any, course: Any) -> list[str]:
    return [course.items[a] for a in np.flatnonzero(marked)]


def loose_columns(task: Any) -> list[int]:
    """The columns that may be off by 1e-6 of their size.

    They are a budget in minutes, which come in as float32, and days where those of the task are no sum of
    powers of two: a host tells moments, and the difference of two is then rounded.
    """
    loose = ["budget_left"] if task.terms.by_minutes else []
    gaps = (*task.delays, task.days)
    if any(not isinstance(gap, int | float) or float(np.float32(gap)) != gap for gap in gaps):
        loose += ["days_since", "item_days_since"]
    columns = np.arange(task.layout.width)
    return [int(c) for name in loose if name in task.features for c in columns[task.layout.columns(name)]]


def _past(past: Any, row: int, course: Any) -> list[dict[str, Any]]:
    told = zip(past.item[row], past.correct[row], past.taught[row], strict=True)
    return [
        {"item": course.items[item], "correct": _answer(correct), "taught": bool(taught)}
        for item, correct, taught in list(told)[: past.length[row]]
    ]


def _event(told: Any, row: int, course: Any) -> dict[str, Any]:
    item, correct, minutes, days, taught = told
    return {
        "item": course.items[item[row]] if item[row] >= 0 else None,
        "correct": _answer(correct[row]),
        "taught": bool(taught[row] and item[row] >= 0),
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


def follow(tutor: Tutor, episode: dict[str, Any], task: Any, looks: bool = True) -> None:
    """Teach one learner as the episode tells; the lesson goes through its text before each second step.

    With `looks` each choice is asked for twice.
    """
    lesson = tutor.begin(episode["goal"], int(episode["key"]), at=0.0)
    for event in episode["past"]:
        lesson.observe(**event, past=True)
    loose, now = loose_columns(task), 0.0
    for step, told in enumerate(episode["steps"]):
        if step % 2:
            lesson = tutor.load(lesson.save())
        choice = lesson.next(at=now, only=told["offered"])
        again = lesson.next(at=now, only=told["offered"]) if looks else choice
        np.testing.assert_array_equal(again.scores, choice.scores)
        wanted = np.frombuffer(base64.b64decode(told["observation"]), "<f4")
        apart = np.abs(choice.observation - wanted)
        apart[loose] = np.maximum(apart[loose] - 1e-6 * np.maximum(1.0, np.abs(wanted[loose])), 0.0)
        assert apart.max(initial=0.0) == 0.0
        assert [choice.item, choice.wait, choice.stop] in told["choices"]
        event = told["event"]
        if event["item"] is not None:
            given = {name: event[name] for name in ("item", "correct", "minutes", "taught")}
            lesson.observe(**given, at=now, offered=told["offered"])
        now += event["days"]
