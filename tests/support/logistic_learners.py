"""Walks of logistic learners that keep every event, so that a test can work chances out from scratch."""

from typing import Any, NamedTuple

import numpy as np

from coursewright.simulators.course import Course
from coursewright.simulators.logistic.das3h import WIDTHS
from coursewright.simulators.logistic.worth import COLUMNS
from coursewright.simulators.protocol import clone, take
from learners import enrolled, luck_of, mastery, practise


class Event(NamedTuple):
    day: float
    item: int
    correct: int


class Walk(NamedTuple):
    """`events` before each step and learner, the day, the chances of all items, and the last state."""

    events: list[list[list[Event]]]  # [steps][learners]
    day: np.ndarray  # [steps, learners]
    chances: np.ndarray  # [steps, learners, items]
    answers: np.ndarray  # [steps, learners]
    state: Any


def course() -> Course:
    """Three skills, five items; one item needs two skills, another all three."""
    items = {"a": "x", "b": "y", "c": "z", "ab": ["x", "y"], "abc": ["x", "y", "z"]}
    return Course.of(["x", "y", "z"], items, difficulty=[0.3, -0.2, 0.0, 0.5, -0.4])


def chances(simulator, state, learners) -> np.ndarray:
    """P(correct) of every item, `[learners, items]`."""
    out = np.full((simulator.course.n_items, learners), np.nan)
    for item in range(simulator.course.n_items):
        simulator.p_correct(state, np.full(learners, item), out[item])
    return out.T


def step(simulator, state, luck, item, taught=True, days=0.0) -> np.ndarray:
    """One opportunity and the days after it; the answers `[learners]`, -1 where there was none."""
    answers = practise(simulator, state, luck, item, taught)
    simulator.elapse(state, np.broadcast_to(days, len(answers)).astype(float), luck)
    return answers


def walk(simulator, numbers, steps=40) -> Walk:
    """Items, pauses of seconds to weeks, and teaching that depend on a learner's number alone."""
    numbers = np.asarray(numbers)
    state, luck = enrolled(simulator, numbers)
    day = np.zeros(len(numbers))
    past: list[list[Event]] = [[] for _ in numbers]
    seen, days, every, answers = [], [], [], []
    for t in range(steps):
        seen.append([list(events) for events in past])
        days.append(day.copy())
        every.append(chances(simulator, state, len(numbers)))
        item = (numbers * 7 + t * t) % (simulator.course.n_items + 1) - 1
        taught = (numbers + t) % 6 > 0
        pause = np.array([0.0, 1e-4, 0.02, 0.4, 3.0, 12.0])[(numbers + 5 * t) % 6]
        answers.append(step(simulator, state, luck, item, taught, pause))
        for i in np.flatnonzero((item >= 0) & taught):
            past[i].append(Event(float(day[i]), int(item[i]), int(answers[-1][i])))
        day += pause
    return Walk(seen, np.array(days), np.array(every), np.array(answers), state)


def same(one, other) -> None:
    """Two states are equal, bit for bit."""
    for a, b in zip(one, other, strict=True):
        same(a, b) if isinstance(a, tuple) else np.testing.assert_array_equal(a, b)


def rows_stand_alone(simulator) -> None:
    """Rows do not depend on their neighbours; untaught and absent rows change nothing."""
    whole = walk(simulator, np.arange(24), steps=15)
    for rows in (np.arange(24)[::-1], np.arange(5, 12), np.array([7])):
        part = walk(simulator, rows, steps=15)
        np.testing.assert_array_equal(part.answers, whole.answers[:, rows])
        np.testing.assert_array_equal(part.chances, whole.chances[:, rows])
        same(part.state, take(whole.state, rows))
    before, luck = clone(whole.state), luck_of(np.arange(24))
    assert set(step(simulator, whole.state, luck, 4, taught=False)) == {0, 1}
    assert (step(simulator, whole.state, luck, -1) == -1).all()
    same(before, whole.state)
    simulator.enrol(whole.state, np.arange(24), luck)
    same(whole.state, enrolled(simulator, np.arange(24))[0])


def mastery_is_the_mean_over_items(simulator) -> None:
    state = walk(simulator, np.arange(10), steps=12).state
    p, q = chances(simulator, state, 10), simulator.course.q_matrix
    expected = np.stack([p[:, q[:, k]].mean(axis=1) for k in range(simulator.course.n_skills)], axis=1)
    np.testing.assert_allclose(mastery(simulator, state, luck_of(np.arange(10))), expected, rtol=1e-6)


def sigmoid(z) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.asarray(z)))


def by_counts(simulator, theta, events, item, now) -> Any:
    """P(correct) of `Logistic` by its module's formula, from the list of past events."""
    c, f = simulator.course, (lambda x: x) if simulator.raw else np.log1p
    logit = theta - c.difficulty[item]
    skills = [(k, lambda e, k=k: c.q_matrix[e.item, k]) for k in np.flatnonzero(c.q_matrix[item])]
    others = [(3 + item, lambda e: e.item == item), (8, lambda e: True)]
    for row, touches in skills + (others if len(simulator.weights) > 3 else []):
        mine = [e for e in events if touches(e)]
        s = sum(e.correct for e in mine)
        w = dict(zip(COLUMNS, simulator.weights[row], strict=True))
        logit += w["easiness"] + w["opportunity"] * f(len(mine))
        logit += w["success"] * f(s) + w["failure"] * f(len(mine) - s)
        if mine:
            x = np.log(1 + 86_400 * (now - mine[-1].day))
            logit += w["seen"] + w["lag"] * x + w["right_last" if mine[-1].correct else "wrong_last"]
            for name, seconds in (("10s", 10), ("1min", 60), ("10min", 600), ("1h", 3600), ("1d", 86_400)):
                logit += w[f"lag_{name}"] * max(0.0, x - np.log(1 + seconds))
    return sigmoid(logit)


def by_windows(simulator, alpha, events, item, now) -> Any:
    """The same of DAS3H."""
    logit = alpha - simulator.course.difficulty[item]
    for k in np.flatnonzero(simulator.course.q_matrix[item]):
        mine = [e for e in events if simulator.course.q_matrix[e.item, k]]
        logit += simulator.weights[k, 0]
        for w, width in enumerate(WIDTHS):
            inside = [e for e in mine if now - e.day < width]
            logit += simulator.weights[k, 1 + w] * np.log(1 + sum(e.correct for e in inside))
            logit -= simulator.weights[k, 6 + w] * np.log(1 + len(inside))
    return sigmoid(logit)


def by_growth(simulator, theta, events, item, now) -> Any:
    """The same of IRT whose skills have no part of their own."""
    c = simulator.course
    skills = np.flatnonzero(c.q_matrix[item])
    practices = [sum(c.q_matrix[e.item, k] for e in events) for k in skills]
    ability = theta + np.mean(simulator.mean[skills] + simulator.growth[skills] * np.log1p(practices))
    guess = simulator.guess[item]
    return guess + (1 - guess) * sigmoid(simulator.discrimination[item] * (ability - c.difficulty[item]))
