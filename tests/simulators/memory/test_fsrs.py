"""FSRS learners against py-fsrs, the published review tables, and closed forms."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import fsrs as py_fsrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.memory import fsrs
from coursewright.simulators.memory.fsrs import HIGHEST, LOWEST, WEIGHTS, Fsrs
from coursewright.simulators.protocol import clone, empty_response

DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)


def begun(simulator, learners):
    """A state with the learners 0, 1, ... in it, and their luck."""
    luck = identify(Seeds(), np.arange(learners), Split.EVALUATE, np.zeros(learners, np.int64))
    state = simulator.empty(learners)
    simulator.enrol(state, np.arange(learners), luck)
    return state, luck


def review(simulator, state, luck, item=0, taught=True):
    """One step; the response."""
    batch = len(state.now)
    response = empty_response(batch)
    items = np.broadcast_to(item, batch).astype(np.int64)
    simulator.practise(state, items, np.full(batch, taught), luck, response)
    luck.step[:] += 1
    return response


def chance(simulator, state, item=0):
    out = np.full(len(state.now), np.nan)
    simulator.p_correct(state, np.broadcast_to(item, len(out)).astype(np.int64), out)
    return out


def assert_share(values, expected) -> None:
    """The mean of 0s and 1s agrees with `expected` within four standard errors."""
    assert abs(np.mean(values) - expected) <= 4 * np.sqrt(expected * (1 - expected) / len(values)) + 1e-12


# Published: py-fsrs 6.3 without fuzz and learning steps, reviewed when due; (R, S, D, interval) a review.
TABLES = {
    (
        3,
        3,
        3,
        3,
    ): "0 2.3065 2.1181 2 .9095 10.9643 2.1112 11 .8998 46.2802 2.1043 46 .9004 162.8622 2.0975 163",
    (1, 3, 3, 3): "0 .212 6.4133 1 .7662 1.8868 6.4021 2 .8959 6.2692 6.3909 6 .903 17.3792 6.3798 17",
    (3, 1, 3, 2): "0 2.3065 2.1181 2 .9095 .6076 7.3945 1 .8623 2.4004 7.3823 2 .912 4.529 8.2475 5",
}


@pytest.mark.parametrize("grades", TABLES)
def test_published_reviews(grades) -> None:
    w = np.array(WEIGHTS)
    stability, difficulty, days, found = 0.0, 0.0, 0.0, []
    for turn, grade in enumerate(grades):
        recalled = fsrs.recall(days, stability, w) if turn else 0.0
        if turn:
            stability, difficulty = (
                fsrs.next_stability(stability, difficulty, days, recalled, grade, w),
                fsrs.next_difficulty(difficulty, grade, w),
            )
        else:
            stability, difficulty = w[grade - 1], fsrs.in_range(fsrs.first_difficulty(grade, w))
        days = fsrs.interval(stability, 0.9, w)
        found += [recalled, stability, difficulty, days]
    np.testing.assert_allclose(found, np.array(TABLES[grades].split(), float), atol=5.1e-5)


@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_a_thousand_review_sequences_equal_py_fsrs(spread) -> None:
    # gaps are multiples of 1/64 day, so that floats and timedeltas agree on where a day is full
    learners, turns = 1_000, 10
    simulator = Fsrs(Course.of(1), spread=spread, same_day=0.8)
    state, luck = begun(simulator, learners)
    schedulers = [
        py_fsrs.Scheduler(w, learning_steps=(), relearning_steps=(), enable_fuzzing=False)
        for w in state.weights.tolist()
    ]
    cards = [py_fsrs.Card(card_id=i) for i in range(learners)]
    rng = np.random.default_rng(2)
    for _ in range(turns):
        now = [DAY_0 + timedelta(days=day) for day in state.now.tolist()]
        mastery = np.empty((learners, 1), np.float32)
        simulator.mastery(state, mastery)
        p = chance(simulator, state)
        grades = review(simulator, state, luck).grade
        for i, (card, scheduler) in enumerate(zip(cards, schedulers, strict=True)):
            theirs = scheduler.get_card_retrievability(card, now[i])
            assert mastery[i, 0] == pytest.approx(theirs, abs=1e-6)
            if 0.0 < theirs < 1.0:
                assert p[i] == pytest.approx(theirs, abs=1e-12)
            cards[i], _ = scheduler.review_card(card, py_fsrs.Rating(int(grades[i])), now[i])
        np.testing.assert_allclose(state.stability[:, 0], [card.stability for card in cards], rtol=1e-9)
        np.testing.assert_allclose(state.difficulty[:, 0], [card.difficulty for card in cards], rtol=1e-9)
        same_day = rng.random(learners) < 0.35
        gaps = np.where(same_day, rng.integers(0, 64, learners), rng.integers(64, 64 * 60, learners)) / 64
        simulator.elapse(state, gaps, luck)
    assert set(grades) == {1, 2, 3, 4}


@pytest.mark.parametrize(("stability", "retention"), [(0.3, 0.9), (2.5, 0.8), (77.0, 0.95), (9e4, 0.7)])
def test_intervals_equal_py_fsrs(stability, retention) -> None:
    theirs = py_fsrs.Scheduler(desired_retention=retention)._next_interval(stability=stability)
    assert fsrs.interval(stability, retention, np.array(WEIGHTS)) == theirs


def test_days_that_floats_leave_a_little_short_are_whole() -> None:
    now = 0.0
    for _ in range(10):
        now += 0.1
    assert now < 1.0
    assert fsrs.whole_days(now) == 1.0
    assert fsrs.whole_days(1.0 - 1e-6) == 0.0


def test_grades_and_answers_follow_their_shares() -> None:
    learners = 100_000
    simulator = Fsrs(Course.of(1))
    state, luck = begun(simulator, learners)
    assert chance(simulator, state) == pytest.approx(0.76)
    assert not mastery_of(simulator, state).any()
    first = review(simulator, state, luck)
    assert np.array_equal(first.correct, first.grade > 1)
    for grade, share in zip((1, 2, 3, 4), fsrs.FIRST_GRADES, strict=True):
        assert_share(first.grade == grade, share)
    simulator.elapse(state, np.full(learners, 9.0), luck)
    p = chance(simulator, state)
    later = review(simulator, state, luck)
    for grade in (1, 2, 3, 4):
        chosen = first.grade == grade
        assert_share(later.correct[chosen], p[chosen].mean())
    for grade, share in zip((2, 3, 4), fsrs.RIGHT_GRADES, strict=True):
        assert_share(later.grade[later.correct == 1] == grade, share)


def mastery_of(simulator, state) -> np.ndarray:
    out = np.empty((len(state.now), simulator.course.n_skills), np.float32)
    simulator.mastery(state, out)
    return out


def test_mastery_is_the_mean_recall_of_a_skill_s_items() -> None:
    course = Course.of(["a", "b"], items={"a1": "a", "a2": "a", "ab": ["a", "b"]})
    simulator = Fsrs(course)
    state, luck = begun(simulator, 50)
    for item in (0, 2):
        review(simulator, state, luck, item)
        simulator.elapse(state, np.full(50, 3.0), luck)
    a1, ab = chance(simulator, state, 0), chance(simulator, state, 2)
    np.testing.assert_allclose(mastery_of(simulator, state), np.stack([(a1 + ab) / 3, ab], axis=1), rtol=1e-6)


def test_learners_take_turns_with_rows_of_weights() -> None:
    table = np.array([WEIGHTS, np.clip(np.array(WEIGHTS) * 1.2, LOWEST, HIGHEST)])
    simulator = Fsrs(Course.of(2), weights=table.tolist())
    state, _ = begun(simulator, 5)
    np.testing.assert_array_equal(state.weights, table[[0, 1, 0, 1, 0]])


def test_spread_is_a_share_of_each_weight() -> None:
    state, _ = begun(Fsrs(Course.of(1), spread=0.05), 20_000)
    log_ratio = state.weights / np.array(WEIGHTS)
    np.testing.assert_allclose(log_ratio.mean(axis=0)[8:11], 1.0, atol=4 * 0.05 / np.sqrt(20_000))
    np.testing.assert_allclose(log_ratio.std(axis=0)[8:11], 0.05, rtol=0.03)
    assert ((state.weights >= LOWEST) & (state.weights <= HIGHEST)).all()


def test_rows_without_an_item_or_teaching_are_left_alone() -> None:
    simulator = Fsrs(Course.of(3))
    state, luck = begun(simulator, 40)
    review(simulator, state, luck, 1)
    simulator.elapse(state, np.full(40, 4.0), luck)
    before = clone(state)
    assert (review(simulator, state, luck, -1).grade == -1).all()
    for item in (0, 1):
        assert set(review(simulator, state, luck, item, taught=False).correct) == {0, 1}
    assert all(np.array_equal(now, then) for now, then in zip(state, before, strict=True))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_memories_stay_in_range_for_any_weights(data) -> None:
    w = np.array([data.draw(st.floats(low, high)) for low, high in zip(LOWEST, HIGHEST, strict=True)])
    simulator = Fsrs(Course.of(1), weights=w.tolist())
    state, luck = begun(simulator, 20)
    for gap in data.draw(st.lists(st.floats(0.0, 1e4), min_size=6, max_size=6)):
        review(simulator, state, luck)
        today = chance(simulator, state)
        simulator.elapse(state, np.full(20, gap), luck)
        p = chance(simulator, state)
        assert ((p >= 0) & (p <= today) & np.isfinite(state.stability[:, 0])).all()
        assert ((state.difficulty >= 1) & (state.difficulty <= 10) & (state.stability >= 0.001)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": WEIGHTS[:20]}, r"fsrs.weights = array of shape \(1, 20\): must be \[21\]"),
        ({"weights": (0.05, *WEIGHTS[1:20], 0.9)}, r"fsrs.weights\[20\] = 0.9: must be in \[0.1, 0.8\]"),
        ({"weights": (float("nan"), *WEIGHTS[1:])}, r"fsrs.weights\[0\] = nan"),
        ({"spread": -0.1}, "fsrs.spread = -0.1"),
        ({"same_day": 1.1}, "fsrs.same_day = 1.1"),
        ({"first_grades": (0.5, 0.5)}, "fsrs.first_grades"),
        ({"right_grades": (0.5, 0.5, 0.5)}, "fsrs.right_grades .*3 shares that add up to 1"),
    ],
)
def test_what_is_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message):
        replace(Fsrs(Course.of(1)), **changes)
