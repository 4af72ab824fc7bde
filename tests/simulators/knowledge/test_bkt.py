"""BKT learners against closed forms, and the tutor's belief against all hidden paths."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt, p_items
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import clone, empty_response, take
from small_tasks import small_bkt, small_course, small_parameters

N = 100_000
SEEDS = Seeds()


def one_skill(prior=0.2, learn=0.3, guess=0.2, slip=0.1, forget=0.0) -> BktParameters:
    return BktParameters([prior], [learn], [guess], [slip], forget)


def enrolled(simulator, learners, seeds=SEEDS, first=0):
    """A state with the learners `first`, `first` + 1, ... in it, and their luck."""
    luck = identify(seeds, np.arange(first, first + learners), Split.EVALUATE, np.zeros(learners, np.int64))
    state = simulator.empty(learners)
    simulator.enrol(state, np.arange(learners), luck)
    return state, luck


def known(simulator, state) -> np.ndarray:
    out = np.empty((len(state.now), simulator.course.n_skills), np.float32)
    simulator.mastery(state, out)
    return out


def chance(simulator, state, item) -> np.ndarray:
    out = np.full(len(state.now), np.nan)
    simulator.p_correct(state, np.broadcast_to(item, len(out)).astype(np.int64), out)
    return out


def practise(simulator, state, luck, item, taught=True) -> np.ndarray:
    """One step; the answers `[batch]`, -1 where there was none."""
    batch = len(state.now)
    response = empty_response(batch)
    items = np.broadcast_to(item, batch).astype(np.int64)
    simulator.practise(state, items, np.broadcast_to(taught, batch).copy(), luck, response)
    luck.step[:] += 1
    assert np.array_equal(response.grade, response.correct)
    assert not response.ended.any()
    return response.correct


def assert_mean(values, expected, errors=4.0) -> None:
    """The mean of 0s and 1s agrees with `expected` within `errors` of its standard errors."""
    se = np.sqrt(expected * (1 - expected) / len(values))
    assert abs(np.mean(values) - expected) <= errors * se + 1e-12, (np.mean(values), expected, se)


# The learner


def test_p_correct_after_n_opportunities() -> None:
    # Corbett & Anderson 1994: P(L_n) = 1 - (1 - L0)(1 - T)^n, P(correct) = P(L)(1 - S) + (1 - P(L))G
    simulator = Bkt(Course.of(1), one_skill())
    state, luck = enrolled(simulator, N)
    for n in range(9):
        mastered = 1 - 0.8 * 0.7**n
        assert_mean(known(simulator, state)[:, 0], mastered)
        correct = practise(simulator, state, luck, 0)
        assert_mean(correct, mastered * 0.9 + (1 - mastered) * 0.2)


def test_answers_come_from_the_old_state() -> None:
    simulator = Bkt(Course.of(1), one_skill(prior=0.0, learn=1.0, guess=0.0, slip=0.0))
    state, luck = enrolled(simulator, 50)
    assert not practise(simulator, state, luck, 0).any()
    assert practise(simulator, state, luck, 0).all()


@pytest.mark.parametrize("days", [0.0, 0.5, 1.0, 10.0])
def test_forgetting_as_days_pass(days) -> None:
    simulator = Bkt(Course.of(1), one_skill(prior=1.0, forget=0.1))
    state, luck = enrolled(simulator, N)
    simulator.elapse(state, np.full(N, days), luck)
    assert_mean(known(simulator, state)[:, 0], 0.9**days)


def test_what_practice_taught_is_forgotten_at_the_same_rate() -> None:
    simulator = Bkt(Course.of(1), one_skill(prior=0.0, learn=1.0, forget=0.1))
    state, luck = enrolled(simulator, N)
    simulator.elapse(state, np.full(N, 3.0), luck)
    practise(simulator, state, luck, 0)
    assert known(simulator, state).all()
    simulator.elapse(state, np.full(N, 4.0), luck)
    assert_mean(known(simulator, state)[:, 0], 0.9**4)
    # and nothing is lost by practice itself
    before = known(simulator, state)
    practise(simulator, state, luck, 0, taught=True)
    assert (known(simulator, state) >= before).all()


def test_days_add_up() -> None:
    simulator = small_bkt()
    state, luck = enrolled(simulator, 500)
    other = clone(state)
    simulator.elapse(state, np.full(500, 7.0), luck)
    for days in (3.0, 4.0):
        simulator.elapse(other, np.full(500, days), luck)
    assert np.array_equal(known(simulator, state), known(simulator, other))


def test_forgetting_at_opportunities() -> None:
    # pyBKT's form: a two-state chain, which tends to T / (T + F)
    simulator = Bkt(Course.of(1), one_skill(forget=0.15), forgetting="opportunity")
    state, luck = enrolled(simulator, N)
    mastered = 0.2
    for _ in range(25):
        assert_mean(known(simulator, state)[:, 0], mastered, errors=4.5)
        practise(simulator, state, luck, 0)
        mastered = mastered * 0.85 + (1 - mastered) * 0.3
    assert_mean(known(simulator, state)[:, 0], 0.3 / (0.3 + 0.15))
    before = known(simulator, state)
    simulator.elapse(state, np.full(N, 1000.0), luck)
    assert np.array_equal(known(simulator, state), before)


def test_total_forgetting() -> None:
    simulator = Bkt(Course.of(1), one_skill(prior=1.0, learn=1.0, forget=1.0))
    state, luck = enrolled(simulator, 10)
    assert known(simulator, state).all()
    simulator.elapse(state, np.full(10, 1e-6), luck)
    assert not known(simulator, state).any()


def test_items_that_need_several_skills_are_conjunctive() -> None:
    simulator = small_bkt()
    table, q = simulator.parameters, simulator.course.q_matrix
    state, _ = enrolled(simulator, 300)
    mastered = known(simulator, state) == 1
    shown = np.where(mastered, 1 - table.slip[state.draw], table.guess[state.draw])
    for item in range(simulator.course.n_items):
        np.testing.assert_allclose(chance(simulator, state, item), shown[:, q[item]].prod(axis=1), rtol=1e-14)
    # all of the states in which the three skills of an item can be
    assert len(np.unique(mastered[:, q[6]], axis=0)) == 8


def test_every_needed_skill_gets_an_opportunity() -> None:
    course = Course.of(3, items={"both": ["0", "1"]})
    simulator = Bkt(course, BktParameters([0.0] * 3, [0.3, 0.6, 1.0], [0.2] * 3, [0.1] * 3))
    state, luck = enrolled(simulator, N)
    practise(simulator, state, luck, 0)
    learned = known(simulator, state)
    assert_mean(learned[:, 0], 0.3)
    assert_mean(learned[:, 1], 0.6)
    assert_mean(learned[:, 0] * learned[:, 1], 0.18)  # with draws of their own
    assert not learned[:, 2].any()


@pytest.mark.parametrize("parents", list(product((False, True), repeat=2)))
def test_prerequisites_slow_learning(parents) -> None:
    course = Course.of(3, prerequisites=[[0, 2], [1, 2]])
    prior = [float(parent) for parent in parents]
    simulator = Bkt(course, BktParameters([*prior, 0.0], [0.5] * 3, [0.2] * 3, [0.1] * 3), rho=0.4)
    state, luck = enrolled(simulator, N)
    effective = 0.5 * np.prod([1.0 if parent else 0.4 for parent in parents])
    rates = np.empty((N, 3))
    simulator.learn_rates(state, rates)
    np.testing.assert_allclose(rates, [[0.5, 0.5, effective]] * N)
    practise(simulator, state, luck, 2)
    assert_mean(known(simulator, state)[:, 2], effective)


def test_an_item_sees_prerequisites_as_they_were_when_it_began() -> None:
    # Both skills are learned for sure, the second only if the first was known before.
    course = Course.of(["first", "second"], items={"both": ["first", "second"]}, prerequisites=[[0, 1]])
    simulator = Bkt(course, BktParameters([0.0] * 2, [1.0] * 2, [0.2] * 2, [0.1] * 2), rho=0.0)
    state, luck = enrolled(simulator, 20)
    practise(simulator, state, luck, 0)
    assert known(simulator, state).tolist() == [[1.0, 0.0]] * 20
    practise(simulator, state, luck, 0)
    assert known(simulator, state).all()


def test_individual_learning_rates_are_logit_normal() -> None:
    simulator = Bkt(Course.of(2), BktParameters([0.1] * 2, [0.3, 0.6], [0.2] * 2, [0.1] * 2), learn_sd=0.8)
    state, luck = enrolled(simulator, N)
    rates = np.empty((N, 2))
    simulator.learn_rates(state, rates)
    logits = np.log(rates / (1 - rates))
    centre = np.log([0.3 / 0.7, 0.6 / 0.4])
    np.testing.assert_allclose(logits - centre, np.repeat(state.pace[:, None], 2, axis=1), atol=1e-9)
    assert stats.kstest(state.pace / 0.8, "norm").pvalue > 1e-3
    known_before = known(simulator, state)[:, 0]
    practise(simulator, state, luck, 0)
    gained = known(simulator, state)[:, 0] - known_before
    expected = 0.9 * mean_of_shifted(0.3, 0.8, power=1)
    assert_mean(gained, expected)


def mean_of_shifted(p, sd, power) -> float:
    def density(z: float) -> float:
        return stats.norm.pdf(z) / (1 + (1 - p) / p * np.exp(-sd * z)) ** power

    return float(integrate.quad(density, -9, 9)[0])


def test_individual_priors_are_logit_normal_and_shared_by_a_learners_skills() -> None:
    simulator = Bkt(Course.of(2), BktParameters([0.3] * 2, [0.3] * 2, [0.2] * 2, [0.1] * 2), prior_sd=1.5)
    state, _ = enrolled(simulator, N)
    start = known(simulator, state)
    assert_mean(start[:, 0], mean_of_shifted(0.3, 1.5, power=1))
    assert_mean(start[:, 0] * start[:, 1], mean_of_shifted(0.3, 1.5, power=2))


def test_without_spread_all_learners_are_alike() -> None:
    state, _ = enrolled(Bkt(small_course(), small_parameters()), 100)
    assert not state.pace.any()


def test_each_learner_has_the_draw_of_their_number() -> None:
    simulator = small_bkt()
    state, _ = enrolled(simulator, 10, first=7)
    assert state.draw.tolist() == [(7 + j) % 3 for j in range(10)]
    rates = np.empty((10, 5))
    simulator.learn_rates(state, rates)
    table = simulator.parameters
    alone = replace(simulator, parameters=table, learn_sd=0.0, rho=1.0)
    state, _ = enrolled(alone, 10, first=7)
    alone.learn_rates(state, rates)
    np.testing.assert_allclose(rates, table.learn[state.draw])


def test_the_luck_seed_leaves_learners_alone() -> None:
    simulator = small_bkt()
    one, luck = enrolled(simulator, 400, Seeds(3, 0))
    other, other_luck = enrolled(simulator, 400, Seeds(3, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    answers = practise(simulator, one, luck, 2) == practise(simulator, other, other_luck, 2)
    assert 0.2 < answers.mean() < 0.8


def walk(simulator, state, luck, steps=15):
    """Some steps with different items a row and days in between; every answer on the way."""
    answers = []
    for t in range(steps):
        item = (luck.number + 3 * t) % simulator.course.n_items
        answers.append(practise(simulator, state, luck, item, taught=(luck.number + t) % 5 > 0))
        simulator.elapse(state, 0.1 * (luck.number % 7), luck)
    return np.array(answers)


@pytest.mark.parametrize("forgetting", ["time", "opportunity"])
def test_a_row_does_not_depend_on_its_neighbours(forgetting) -> None:
    simulator = replace(small_bkt(), forgetting=forgetting)
    whole, luck = enrolled(simulator, 60)
    answers = walk(simulator, whole, luck)
    for rows in (np.arange(60)[::-1], np.arange(13, 40), np.array([7]), np.array([59, 0, 31])):
        luck = identify(SEEDS, rows, Split.EVALUATE, np.zeros(len(rows), np.int64))
        part = simulator.empty(len(rows))
        simulator.enrol(part, np.arange(len(rows)), luck)
        assert np.array_equal(walk(simulator, part, luck), answers[:, rows])
        for mine, theirs in zip(part, take(whole, rows), strict=True):
            assert np.array_equal(mine, theirs)


def test_enrolling_some_rows_leaves_the_others_alone() -> None:
    simulator = small_bkt()
    state, luck = enrolled(simulator, 8)
    walk(simulator, state, luck, steps=5)
    before = clone(state)
    simulator.enrol(state, np.array([2, 5]), luck)
    others = np.array([0, 1, 3, 4, 6, 7])
    for now, then in zip(take(state, others), take(before, others), strict=True):
        assert np.array_equal(now, then)
    assert (state.now[[2, 5]] == 0).all()


def test_rows_without_an_item_are_left_alone() -> None:
    simulator = small_bkt()
    state, luck = enrolled(simulator, 6)
    before = clone(state)
    assert practise(simulator, state, luck, np.full(6, -1)).tolist() == [-1] * 6
    assert all(np.array_equal(now, then) for now, then in zip(state, before, strict=True))
    out = np.full(6, 7.0)
    simulator.p_correct(state, np.array([-1, 0, -1, 0, -1, 0]), out)
    assert (out[::2] == 7.0).all()


def test_rows_that_are_not_taught_only_answer() -> None:
    simulator = replace(small_bkt(), parameters=replace(small_parameters(), learn=np.ones((1, 5))), rho=1.0)
    state, luck = enrolled(simulator, 400)
    before = clone(state)
    correct = practise(simulator, state, luck, 5, taught=False)
    assert set(correct) == {0, 1}
    assert all(np.array_equal(now, then) for now, then in zip(state, before, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_chances_are_probabilities_and_practice_never_hurts(data) -> None:
    probability = st.floats(0.0, 1.0)
    columns = {name: data.draw(st.lists(probability, min_size=5, max_size=5)) for name in ("prior", "learn")}
    guess = data.draw(st.lists(st.floats(0.0, 0.99), min_size=5, max_size=5))
    slip = [data.draw(st.floats(0.0, max(0.0, 0.999 - g))) for g in guess]
    simulator = Bkt(
        small_course(),
        BktParameters(**columns, guess=guess, slip=slip),
        rho=data.draw(probability),
        prior_sd=data.draw(st.floats(0.0, 50.0)),
        learn_sd=data.draw(st.floats(0.0, 50.0)),
    )
    state, luck = enrolled(simulator, 20)
    for t in range(4):
        before = [chance(simulator, state, item) for item in range(7)]
        practise(simulator, state, luck, (luck.number + t) % 7)
        after = [chance(simulator, state, item) for item in range(7)]
        assert all(((p >= 0) & (p <= 1)).all() for p in after)
        assert all((b >= a).all() for a, b in zip(before, after, strict=True))
    rates = np.empty((20, 5))
    simulator.learn_rates(state, rates)
    assert np.isfinite(rates).all()
    assert ((rates >= 0) & (rates <= 1)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rho": 1.5}, r"bkt.rho = 1.5: must be a factor in \[0, 1\]"),
        ({"rho": float("nan")}, "bkt.rho = nan"),
        ({"forgetting": "often"}, "bkt.forgetting = 'often': must be 'time' or 'opportunity'"),
        ({"prior_sd": -1.0}, "bkt.prior_sd = -1.0"),
        ({"learn_sd": float("inf")}, "bkt.learn_sd = inf"),
        ({"parameters": one_skill()}, "bkt.parameters = 1 skills: must be the course's 5"),
    ],
)
def test_what_is_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message):
        replace(small_bkt(), **changes)


def test_expected_chances_of_items() -> None:
    course, table = small_course(), small_parameters()
    belief = np.random.default_rng(1).uniform(0, 1, (200, 5))
    shown = belief * (1 - table.slip) + (1 - belief) * table.guess
    found = p_items(belief, table, course)
    for item in range(course.n_items):
        np.testing.assert_allclose(found[:, item], shown[:, course.q_matrix[item]].prod(axis=1), rtol=1e-14)
    for rows in (slice(3, 4), slice(0, 1), slice(50, 117)):
        assert np.array_equal(p_items(belief[rows], table, course), found[rows])
