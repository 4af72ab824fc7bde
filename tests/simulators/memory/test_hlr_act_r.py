"""Half-life and ACT-R learners against sums written out by hand, and their bounds."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.memory.act_r import ActR
from coursewright.simulators.memory.hlr import Hlr
from coursewright.simulators.protocol import clone, empty_response

COURSE = Course.of(["a", "b"], items={"a1": "a", "a2": "a", "ab": ["a", "b"]})
HLR = Hlr(COURSE, right=0.9, wrong=-0.4, bias=0.2, lexeme=(0.3, -0.2, 0.0), first=0.3)
ACT_R = ActR(COURSE, first=0.3, history=6)
PUBLISHED = Course.of(1)


def begun(simulator, learners):
    """A state with the learners 0, 1, ... in it, and their luck."""
    luck = identify(Seeds(), np.arange(learners), Split.EVALUATE, np.zeros(learners, np.int64))
    state = simulator.empty(learners)
    simulator.enrol(state, np.arange(learners), luck)
    return state, luck


def practise(simulator, state, luck, item, taught=True):
    response = empty_response(len(state.now))
    items = np.broadcast_to(item, len(state.now)).astype(np.int64)
    simulator.practise(state, items, np.full(len(items), taught), luck, response)
    luck.step[:] += 1
    return response.correct


def chance(simulator, state, item):
    out = np.full(len(state.now), np.nan)
    simulator.p_correct(state, np.broadcast_to(item, len(out)).astype(np.int64), out)
    return out


def mastery(simulator, state):
    out = np.empty((len(state.now), simulator.course.n_skills), np.float32)
    simulator.mastery(state, out)
    return out


def half_life_by_hand(answers, gaps, weights, lexeme):
    """P(recall) before each answer after the first, from the equations as printed."""
    found = []
    for n in range(1, len(answers)):
        right = sum(answers[:n])
        x = weights[0] * math.sqrt(1 + right) + weights[1] * math.sqrt(1 + n - right) + weights[2] + lexeme
        half_life = min(max(2**x, 15 / 60 / 24), 274)
        found.append(min(max(2 ** (-gaps[n - 1] / half_life), 0.0001), 0.9999))
    return found


def act_r_by_hand(times, a, c, s, tau, h, history=10**6):
    """P(recall) before each presentation after the first, on the scale of activations m."""
    activation, found = [-math.inf], []
    for n in range(1, len(times)):
        traces = 0.0
        for j in range(max(0, n - history), n):
            decay = c * math.exp(activation[j]) + a
            traces += max(1.0, 86400 * h * (times[n] - times[j])) ** -decay
        activation.append(math.log(traces))
        found.append(1 / (1 + math.exp((tau - activation[n]) / s)))
    return found


GAPS = (0.0, 0.01, 1.0, 0.5, 20.0, 3.0, 300.0, 0.25)


def walked(simulator, item):
    """P(correct) before each presentation after the first `[presentations, learners]`, and the answers."""
    state, luck = begun(simulator, 8)
    answers, chances = [practise(simulator, state, luck, item)], []
    for gap in GAPS:
        simulator.elapse(state, np.full(8, gap), luck)
        chances.append(chance(simulator, state, item))
        answers.append(practise(simulator, state, luck, item))
    return np.array(chances), np.array(answers)


@pytest.mark.parametrize("item", [0, 1])
def test_half_lives_by_hand(item) -> None:
    chances, answers = walked(HLR, item)
    assert len(set(map(tuple, answers.T))) > 3
    for i in range(8):
        by_hand = half_life_by_hand(answers[:, i].tolist(), GAPS, (0.9, -0.4, 0.2), HLR.lexeme[item])
        np.testing.assert_allclose(chances[:, i], by_hand, rtol=1e-13)


@pytest.mark.parametrize(("bias", "days", "expected"), [(-99.0, 1e-9, 0.9999), (-99.0, 1.0, 0.0001)])
def test_half_life_has_limits(bias, days, expected) -> None:
    simulator = Hlr(PUBLISHED, 0.0, 0.0, bias)
    state, luck = begun(simulator, 1)
    practise(simulator, state, luck, 0)
    simulator.elapse(state, np.array([days]), luck)
    assert chance(simulator, state, 0) == pytest.approx(expected)


@pytest.mark.parametrize(("bias", "half_life"), [(-99.0, 15 / 1440), (99.0, 274.0), (1.0, 2.0)])
def test_after_a_half_life_half_is_left(bias, half_life) -> None:
    simulator = Hlr(PUBLISHED, 0.0, 0.0, bias)
    state, luck = begun(simulator, 1)
    practise(simulator, state, luck, 0)
    simulator.elapse(state, np.array([half_life]), luck)
    assert chance(simulator, state, 0) == pytest.approx(0.5)


@pytest.mark.parametrize("history", [3, 100])
def test_traces_by_hand(history) -> None:
    simulator = ActR(PUBLISHED, history=history)
    times = np.concatenate([[0.0], np.cumsum(GAPS)]).tolist()
    by_hand = act_r_by_hand(times, 0.17679, 0.21697, 0.25489, -0.70421, 0.025, history)
    chances, _ = walked(simulator, 0)
    np.testing.assert_allclose(chances, np.tile(by_hand, (8, 1)).T, rtol=1e-12)
    if history < len(GAPS):
        assert abs(by_hand[-1] - act_r_by_hand(times, 0.17679, 0.21697, 0.25489, -0.70421, 0.025)[-1]) > 1e-3


def test_a_first_trace_decays_with_a() -> None:
    # one presentation: R = 1 / (1 + e^(tau/s) (86400 h t)^(a/s))
    simulator = ActR(PUBLISHED)
    state, luck = begun(simulator, 1)
    practise(simulator, state, luck, 0)
    simulator.elapse(state, np.array([2.0]), luck)
    expected = 1 / (1 + math.exp(-0.70421 / 0.25489) * (86400 * 0.025 * 2.0) ** (0.17679 / 0.25489))
    assert chance(simulator, state, 0) == pytest.approx(expected, rel=1e-12)


def test_spacing_pays_in_the_long_run() -> None:
    # Pavlik & Anderson (2005): after a long delay, spaced presentations are remembered better
    recalled = {}
    for gap in (0.01, 10.0):
        simulator = ActR(PUBLISHED)
        state, luck = begun(simulator, 1)
        for _ in range(5):
            simulator.elapse(state, np.array([gap]), luck)
            practise(simulator, state, luck, 0)
        simulator.elapse(state, np.array([200.0]), luck)
        recalled[gap] = chance(simulator, state, 0)[0]
    assert recalled[10.0] > recalled[0.01] + 0.05


@pytest.mark.parametrize("simulator", [HLR, ACT_R])
def test_answers_follow_their_chance(simulator) -> None:
    learners = 100_000
    state, luck = begun(simulator, learners)
    expected = np.full(learners, 0.3)
    for _ in range(3):
        answers = practise(simulator, state, luck, 0)
        error = 4 * np.sqrt(expected * (1 - expected)).mean() / np.sqrt(learners)
        assert abs(answers.mean() - expected.mean()) < error
        simulator.elapse(state, np.full(learners, 1.5), luck)
        expected = chance(simulator, state, 0)


@pytest.mark.parametrize("simulator", [HLR, ACT_R])
def test_mastery_counts_what_was_met(simulator) -> None:
    state, luck = begun(simulator, 30)
    assert not mastery(simulator, state).any()
    for item in (0, 2):
        practise(simulator, state, luck, item)
        simulator.elapse(state, np.full(30, 2.0), luck)
    a1, ab = chance(simulator, state, 0), chance(simulator, state, 2)
    np.testing.assert_allclose(mastery(simulator, state), np.stack([(a1 + ab) / 3, ab], axis=1), rtol=1e-6)
    assert (chance(simulator, state, 1) == 0.3).all()


@pytest.mark.parametrize("simulator", [HLR, ACT_R])
def test_rows_without_an_item_or_teaching_are_left_alone(simulator) -> None:
    state, luck = begun(simulator, 60)
    practise(simulator, state, luck, 1)
    simulator.elapse(state, np.full(60, 1.0), luck)
    before = clone(state)
    assert (practise(simulator, state, luck, -1) == -1).all()
    for item in (0, 1):
        assert set(practise(simulator, state, luck, item, taught=False)) == {0, 1}
    assert all(np.array_equal(now, then) for now, then in zip(state, before, strict=True))
    simulator.enrol(state, np.array([3, 4]), luck)
    assert not mastery(simulator, state)[[3, 4]].any()
    assert mastery(simulator, state)[[2, 5]].any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 1e5), min_size=12, max_size=12), st.floats(0.001, 3.0), st.floats(-50.0, 50.0))
def test_chances_are_probabilities(gaps, size, weight) -> None:
    for simulator in (
        ActR(PUBLISHED, a=size, c=size, s=size, history=5),
        Hlr(PUBLISHED, weight, -size, weight),
    ):
        state, luck = begun(simulator, 4)
        for gap in gaps:
            practise(simulator, state, luck, 0)
            simulator.elapse(state, np.full(4, gap), luck)
            p = chance(simulator, state, 0)
            assert (np.isfinite(p) & (p >= 0) & (p <= 1)).all()


@pytest.mark.parametrize(
    ("simulator", "changes", "message"),
    [
        (HLR, {"right": float("nan")}, "hlr.right = nan: must be a finite number"),
        (HLR, {"lexeme": (0.1,)}, "hlr.lexeme = 1 weights: must be none or 3"),
        (HLR, {"lexeme": (0.1, 0.2, float("inf"))}, "hlr.lexeme"),
        (HLR, {"first": 1.5}, "hlr.first = 1.5"),
        (ACT_R, {"a": 0.0}, "act_r.a = 0.0: must be a finite number above 0"),
        (ACT_R, {"s": -1.0}, "act_r.s"),
        (ACT_R, {"c": -0.1}, "act_r.c"),
        (ACT_R, {"tau": float("inf")}, "act_r.tau"),
        (ACT_R, {"history": 0}, "act_r.history = 0: must be a whole number"),
        (ACT_R, {"first": -0.1}, "act_r.first"),
    ],
)
def test_what_is_refused(simulator, changes, message) -> None:
    with pytest.raises(InputError, match=message):
        replace(simulator, **changes)
