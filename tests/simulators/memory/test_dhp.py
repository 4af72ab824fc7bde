"""DHP learners against numbers worked by hand and against a notebook in plain Python."""

import math

import numpy as np
import pytest

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.memory.dhp import Dhp, after_lapse, after_recall, first_halflife
from coursewright.simulators.protocol import clone
from memory_learners import chances, enrolled, follow, step


class Notebook:
    """One learner: a half-life, a difficulty and a day for every item that was practised."""

    def __init__(self, state, row) -> None:
        self.difficulty = state.difficulty[row].tolist()
        self.halflife: dict[int, float] = {}
        self.seen: dict[int, float] = {}
        self.now = 0.0

    def p(self, item) -> float:
        return 0.5 ** ((self.now - self.seen[item]) / self.halflife[item]) if item in self.seen else 0.0

    def lesson(self, item, right) -> None:
        d, missed = self.difficulty[item], 1 - self.p(item)
        if item not in self.seen:
            self.halflife[item] = -math.log(2) / math.log(max(0.925 - 0.05 * d, 0.025))
        elif right:
            h = self.halflife[item]
            logs = 3.81 - 0.534 * math.log(d) - 0.127 * math.log(h)
            self.halflife[item] = h + h * math.exp(logs) * missed**0.97
        else:
            logs = -0.041 - 0.041 * math.log(d) + 0.377 * math.log(self.halflife[item])
            self.halflife[item] = math.exp(logs - 0.227 * math.log(missed))
            self.difficulty[item] = min(d + 2, 18)
        self.seen[item] = self.now

    def wait(self, days) -> None:
        self.now += days


def test_learners_are_what_their_history_says() -> None:
    simulator = Dhp(Course.of(5))
    state, _ = enrolled(simulator, 8)
    follow(simulator, [Notebook(state, row) for row in range(8)], steps=250)


def test_numbers_by_hand() -> None:
    assert first_halflife(1.0) == pytest.approx(-1 / math.log2(0.875))  # 5.19 days
    assert first_halflife(18.0) == pytest.approx(-1 / math.log2(0.025))
    # d = 1, h = 1, p = 1/2: h' = 1 + e^3.81 .5^.97, and e^-.041 .5^-.227 if forgotten
    assert after_recall(1.0, 1.0, 0.5) == pytest.approx(1 + 45.1504 * 0.510506, rel=1e-5)
    assert after_lapse(1.0, 1.0, 0.5) == pytest.approx(0.959829 * 1.170398, rel=1e-5)
    # reviewed at once, nothing changes; forgetting the unforgettable gives no infinity
    assert after_recall(3.0, 7.0, 1.0) == 3.0
    assert math.isfinite(after_lapse(3.0, 7.0, 1.0))


def test_difficulties_are_uniform() -> None:
    state, _ = enrolled(Dhp(), 2000)
    share = np.bincount(state.difficulty.ravel().astype(int), minlength=11)[1:] / state.difficulty.size
    assert np.abs(share - 0.1).max() < 4 * math.sqrt(0.1 * 0.9 / state.difficulty.size)


def test_the_first_practice_introduces_an_item() -> None:
    simulator = Dhp(Course.of(2))
    state, luck = enrolled(simulator, 500)
    assert not chances(simulator, state).any()
    assert not step(simulator, state, luck, 0).any()  # a new item cannot be recalled
    p = chances(simulator, state)
    assert (p[:, 0] == 1).all()
    assert not p[:, 1].any()
    simulator.elapse(state, np.ones(500), luck)
    expected = np.maximum(0.925 - 0.05 * state.difficulty[:, 0], 0.025)  # after one day
    np.testing.assert_allclose(chances(simulator, state)[:, 0], expected, rtol=1e-12)
    before = clone(state)
    correct = step(simulator, state, luck, 0, taught=False)
    assert abs(correct.mean() - expected.mean()) < 4 * math.sqrt((expected * (1 - expected)).mean() / 500)
    assert all((now == then).all() for now, then in zip(state, before, strict=True))


def test_a_thousand_steps_stay_probabilities() -> None:
    simulator = Dhp(Course.of(5))
    state, luck = enrolled(simulator, 100)
    rng = np.random.default_rng(1)
    mastery = np.empty((100, 5), np.float32)
    for _ in range(1000):
        gap = rng.exponential(10.0, 100) ** rng.integers(-3, 3, 100)
        step(simulator, state, luck, rng.integers(0, 5, 100), days=gap)
        simulator.mastery(state, mastery)
        assert ((mastery >= 0) & (mastery <= 1)).all()
    np.testing.assert_allclose(mastery, chances(simulator, state), rtol=1e-6, atol=1e-30)
    assert (state.halflife > 0).all()
    assert np.isfinite(state.halflife).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"course": Course.of(2, items={"a": "0", "b": "1", "c": "1"})}, "dhp.course"),
        ({"hardest": 0}, "dhp.hardest = 0: must be a whole number from 1 to 18"),
        ({"hardest": 2.5}, "dhp.hardest = 2.5"),
    ],
)
def test_what_is_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message):
        Dhp(**changes)
