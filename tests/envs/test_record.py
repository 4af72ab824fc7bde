"""A tutor's records alone: rows of a log, real times, learners without an end, and no simulator in sight."""

import ast
import copy
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from contract import made
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.envs import record
from coursewright.envs.gym import TeachingEnv, TeachingVectorEnv
from coursewright.envs.history import Past
from coursewright.envs.record import Records
from coursewright.envs.schedule import RandomGaps, Sessions
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.capabilities import restricts
from coursewright.simulators.luck import Split, identify
from small_tasks import ALL_FEATURES, begun, random_actions, small_task

LEARNERS = 40
SMALL = small_task()
ALIKE = ("goal", "attempts", "successes", "log_failures", "item_attempts", "days_since", "item_days_since")


def others(name, **changes) -> Task:
    """A task with other learners than BKT's and KSS's, without a tutor."""
    given = {
        "steps": 25,
        "features": (*ALIKE, "last_item", "last_correct", "streak", "budget_left"),
    } | changes
    return Task(simulator=made(name), **given)


TASKS = {
    "several skills, locked": replace(SMALL, unlock_after=1, steps=40),
    "minutes, stop and delays": replace(
        SMALL, steps=None, minutes=60.0, stop=True, unlock_after=1, delays=[0.0, 3.0]
    ),
    "kss": replace(kss(25), features=ALL_FEATURES, days=Sessions(steps=4)),
    "memory": others("fsrs", days=RandomGaps(3.0)),
    "content": others("rich", steps=None, minutes=90.0, days=0.25),
}


class Row(NamedTuple):
    """A log's record of one step of each learner, and the view of `Episodes` after it."""

    item: np.ndarray
    correct: np.ndarray
    minutes: np.ndarray
    days: np.ndarray
    taught: np.ndarray
    offered: np.ndarray
    observation: np.ndarray
    mask: np.ndarray


def past_of(task) -> Past | None:
    luck = identify(task.seeds, np.arange(LEARNERS), Split.EVALUATE, np.zeros(LEARNERS, np.int64))
    told = task.simulator.enrol(task.simulator.empty(LEARNERS), np.arange(LEARNERS), luck)
    if told is None:
        return None
    taught = np.ones(told.item.shape, bool) if told.taught is None else told.taught
    return Past(told.item, told.correct, told.length, taught)


def offered(episodes) -> np.ndarray:
    items = np.ones((LEARNERS, episodes.task.course.n_items), bool)
    if restricts(episodes.task.simulator):
        episodes.task.simulator.allowed(episodes.state, items)
    return items


def log_of(task) -> tuple[np.ndarray, list[Row]]:
    """Goals, and one row per step of random learners; the first holds the beginning."""
    episodes = begun(task, LEARNERS)
    nothing = np.full(LEARNERS, -1)
    zeros, none = np.zeros(LEARNERS), np.zeros(LEARNERS, bool)
    shown = episodes.observation, episodes.mask.copy()
    rows = [Row(nothing, nothing, zeros, zeros, none, offered(episodes), *shown)]
    for action in random_actions(task, LEARNERS, min(task.horizon, 60)):
        episodes.step(action)
        answer = episodes.response
        correct = np.where(answer.assisted, -1, answer.correct)
        told = (episodes.item, correct, answer.minutes, episodes.days, episodes.taught)
        shown = episodes.observation, episodes.mask.copy()
        rows.append(Row(*(np.array(column) for column in told), offered(episodes), *shown))
    return episodes.goal.copy(), rows


@pytest.mark.parametrize("name", TASKS)
def test_a_log_walked_through_records_shows_what_the_tutor_saw(name) -> None:
    task = TASKS[name]
    goal, (first, *rows) = log_of(task)
    past = past_of(task)
    records = Records(task.terms, LEARNERS, 0 if past is None else past.item.shape[1])
    records.open(np.arange(LEARNERS), goal, past)
    records.offer(first.offered)
    assert np.array_equal(records.observation, first.observation)
    assert np.array_equal(records.mask, first.mask)
    for row in rows:
        records.add(row.item, row.correct, row.minutes, row.days, row.taught)
        records.offer(row.offered)
        assert np.array_equal(records.observation, row.observation)
        assert np.array_equal(records.mask, row.mask)
    assert records.step.sum() == sum((row.item >= 0).sum() for row in rows) > 300
    assert len(np.unique(records.observation, axis=0)) > LEARNERS / 2


def test_the_courses_minutes_and_no_days_are_the_defaults() -> None:
    terms = replace(SMALL, steps=None, minutes=9.0).terms
    one, other = Records(terms, 3), Records(terms, 3)
    for records in (one, other):
        records.open(np.arange(3))
    item, right = np.array([0, 6, 3]), np.array([1, 0, -1])
    one.add(item, right)
    other.add(item, right, SMALL.course.minutes[item], np.zeros(3), np.ones(3, bool))
    assert np.array_equal(one.observation, other.observation)
    assert one.spent.tolist() == [1.0, 5.5, 2.5]


def test_times_of_any_size() -> None:
    rng = np.random.default_rng(0)
    features = ("days_since", "item_days_since")
    records = Records(replace(SMALL, features=features).terms.endless(), 2)
    records.open(np.arange(2))
    layout, q_matrix = records.terms.layout, SMALL.course.q_matrix
    skills, items = np.zeros((2, 5)), np.zeros((2, 7))
    for _ in range(200):
        item = rng.integers(-1, 7, 2)
        days, pause = 10.0 ** rng.uniform(-6, 4, (2, 2))
        given = item >= 0
        skills[q_matrix[item] & given[:, None]] = 0.0
        items[np.flatnonzero(given), item[given]] = 0.0
        skills += (days + pause)[:, None]
        items += (days + pause)[:, None]
        records.add(item, np.zeros(2, int), days=days)
        records.wait(pause)
        for expected, feature in zip((skills, items), features, strict=True):
            np.testing.assert_allclose(records.observation[:, layout.columns(feature)], expected, rtol=1e-4)
    assert items.max() > 1e4


def test_a_pause_is_the_same_before_and_after_it_is_known() -> None:
    at_once, later = Records(SMALL.terms, 1), Records(SMALL.terms, 1)
    for records in (at_once, later):
        records.open(np.zeros(1, np.int64))
    for item, days in ((0, 0.5), (5, 2.0), (0, 8.0)):
        at_once.add(np.array([item]), np.ones(1, int), days=np.array([days]))
        later.add(np.array([item]), np.ones(1, int))
        later.wait(np.array([days]))
        assert np.array_equal(at_once.observation, later.observation)
    assert later.step.tolist() == [3]


def test_an_endless_learner() -> None:
    records = Records(replace(SMALL, features=ALL_FEATURES).terms.endless(), 1)
    records.open(np.zeros(1, np.int64))
    steps, layout = 1500, records.terms.layout
    for t in range(steps):
        records.add(np.array([t % 2]), np.ones(1, int), days=np.ones(1))
        assert not records.some_over
    seen = dict(zip(layout.names, records.observation[0].tolist(), strict=True))
    assert seen["attempts[a]"] == seen["streak[b]"] == seen["item_attempts[a1]"] == steps / 2
    assert seen["log_attempts[a]"] == pytest.approx(np.log1p(steps / 2), rel=1e-6)
    assert seen["days_since[c]"] == seen["item_days_since[c1]"] == steps
    assert seen["budget_left"] == 1.0
    for _ in range(600):  # beyond the table of logarithms
        records.add(np.zeros(1, int), np.ones(1, int))
    assert records.observation[0, layout.columns("log_successes")][0] == np.float32(np.log1p(1350.0))


def test_a_record_is_over_at_the_end_of_a_budget_and_notes_nothing_more() -> None:
    records = Records(replace(SMALL, steps=2).terms, 2)
    records.open(np.arange(2))
    records.add(np.array([0, -1]), np.array([1, -1]))
    records.add(np.array([0, 1]), np.array([1, 1]))
    assert records.over.tolist() == [True, False]
    before = records.memory.copy()
    records.add(np.array([3, 1]), np.array([1, 1]))
    assert np.array_equal(records.memory[0], before[0])
    assert records.over.all()
    records.open(np.array([0]))
    assert records.over.tolist() == [False, True]
    assert records.step.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"item": [0, 7]}, r"records.item\[1\] = 7: must be in \[-1, 6\]"),
        ({"item": [-2, 0]}, r"records.item\[0\] = -2"),
        ({"item": [0]}, r"records.item = an array of shape \(1,\): must be of shape \(2,\)"),
        ({"correct": [0, 2]}, r"records.correct\[1\] = 2"),
        ({"minutes": [-1.0, 0.0]}, r"records.minutes\[0\] = -1.0: must be a finite number >= 0"),
        ({"minutes": [0.0, np.inf]}, r"records.minutes\[1\] = inf"),
        ({"days": [np.nan, 0.0]}, r"records.days\[0\] = nan"),
    ],
)
def test_what_is_refused(given, message) -> None:
    given = {name: np.array(values) for name, values in given.items()}
    records = Records(SMALL.terms, 2)
    records.open(np.arange(2))
    before = records.memory.copy()
    with pytest.raises(InputError, match=message):
        records.add(
            **{"item": np.zeros(2, int), "correct": np.zeros(2, int)}
            | {k: np.array(v) for k, v in given.items()}
        )
    assert np.array_equal(records.memory, before)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_a_copy_goes_on_as_the_original_would(duplicate) -> None:
    original = Records(TASKS["several skills, locked"].terms, 1)
    original.open(np.zeros(1, np.int64))
    twin = duplicate(original)
    for item in (0, 1, 0, 2, 5):
        for records in (original, twin):
            records.add(np.array([item]), np.ones(1, int))
        assert np.array_equal(original.observation, twin.observation)
        assert np.array_equal(original.mask, twin.mask)
    assert original.mask.sum() > 2


# No simulator in sight

ENVS = Path(record.__file__).parent
GROUND = {"arrays", "cache", "course", "kernel", "lists"}
PURE = ("record", "terms", "locks", "history", "belief", "features", "layout")


@pytest.mark.parametrize("module", [*PURE, "view"])
def test_records_import_no_learners(module) -> None:
    tree = ast.parse((ENVS / f"{module}.py").read_text(encoding="utf-8"))
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found = {name.removeprefix("coursewright.simulators.") for name in named if ".simulators." in str(name)}
    assert found <= (GROUND | {"protocol"} if module == "view" else GROUND)


def test_not_even_indirectly() -> None:
    code = "import sys, coursewright.envs.record; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    rooms = {name.split(".", 2)[2] for name in loaded.split() if name.startswith("coursewright.simulators.")}
    assert rooms == GROUND
    assert not {"coursewright.envs.task", "coursewright.envs.episodes"} & set(loaded.split())


@pytest.mark.parametrize("task", [SMALL, bkt(mask=True), kss()], ids=["small", "bkt", "kss"])
def test_a_tasks_terms_do_not_lead_to_its_learners(task) -> None:
    reached = pickle.dumps((task.terms, Records(task.terms, 3)))
    assert b"coursewright.envs.terms" in reached
    for word in (b"simulators.knowledge", b"simulators.kss", b"simulators.luck", b"envs.task"):
        assert word not in reached


# Changes, and the arrays that are handed out


def arrays_of(thing, at="") -> dict[str, np.ndarray]:
    """Every array that hangs on an object of the envs room, by its way there; scratch is left out."""
    found = {}
    for name, value in vars(thing).items():
        parts = value if isinstance(value, tuple) else (value,)
        if name in ("task", "terms", "observation", "item", "heard", "_admitted", "_offered"):
            continue
        if type(value).__module__.startswith("coursewright.envs") and hasattr(value, "__dict__"):
            found |= arrays_of(value, f"{at}{name}.")
        found |= {f"{at}{name}[{i}]": part for i, part in enumerate(parts) if isinstance(part, np.ndarray)}
    return found


def forgotten(episodes, actions) -> list[str]:
    """Arrays that a snapshot does not bring back after some steps."""
    kept = episodes.snapshot()
    before = {name: array.copy() for name, array in arrays_of(episodes).items()}
    for action in actions:
        episodes.step(action)
        if hasattr(episodes, "planted"):
            episodes.planted += 1
    changed = [n for n, array in arrays_of(episodes).items() if not np.array_equal(array, before[n])]
    assert len(changed) > 8
    episodes.restore(kept)
    return [n for n, array in arrays_of(episodes).items() if not np.array_equal(array, before[n])]


@pytest.mark.parametrize("name", TASKS)
def test_a_snapshot_forgets_no_array(name) -> None:
    actions = random_actions(TASKS[name], LEARNERS, 8)
    episodes = begun(TASKS[name], LEARNERS)
    for action in actions[:4]:
        episodes.step(action)
    assert not forgotten(episodes, actions[4:])


def test_a_forgotten_array_would_be_noticed() -> None:
    episodes = begun(SMALL, LEARNERS)
    episodes.planted = np.zeros(LEARNERS)
    assert forgotten(episodes, random_actions(SMALL, LEARNERS, 4)) == ["planted[0]"]


def test_what_every_door_hands_out_stays_as_it_was() -> None:
    vec, single, many = LearnersVecEnv(SMALL, 3, 0), TeachingEnv(SMALL), TeachingVectorEnv(SMALL, 3)
    records = Records(SMALL.terms.endless(), 3)
    records.open(np.arange(3))
    kept = [vec.reset()[1], single.reset(seed=0)[0], many.reset(seed=0)[0][1:]]
    copies = [seen.copy() for seen in kept]
    for action in random_actions(SMALL, 3, 3 * SMALL.horizon):
        vec.step_async(action)
        outcome = single.step(action[0])
        if outcome[2]:
            single.reset()
        records.add(action, np.ones(3, int), days=np.ones(3))
        for seen in (vec.step_wait()[0][1], outcome[0], many.step(action)[0][1:], records.observation):
            kept.append(seen)
            copies.append(seen.copy())
    for seen, copied in zip(kept, copies, strict=True):
        assert np.array_equal(seen, copied)


def test_what_is_costly_is_made_once_per_course() -> None:
    task = replace(SMALL, unlock_after=1)
    task.terms.locks(3)
    other = replace(task, strict=True)
    assert other.course.waiting is task.course.waiting
    waits = task.course.q_matrix.astype(int) @ task.course.prerequisites.T.astype(int) > 0
    waits &= ~task.course.q_matrix
    for k in range(5):
        assert task.course.waiting.row(k) == np.flatnonzero(waits[:, k]).tolist()
