"""The rules for all learners of skills, profiles, competences and knowledge states."""

import numpy as np
import pytest

from coursewright.simulators.capabilities import restricts
from coursewright.simulators.knowledge.ability import Ability
from coursewright.simulators.knowledge.knowledge_space import KnowledgeSpace
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.knowledge.tms import Tms
from coursewright.simulators.protocol import clone, take
from learners import chance, enrolled, luck_of, mastery, practise

LEARNERS = {
    "kt6kc": KT6kc(scenario=1),
    "kt6kc perturbed": KT6kc(scenario=4, perturbed=True),
    "tms": Tms(),
    "ability": Ability(),
    "knowledge space": KnowledgeSpace(),
}


@pytest.fixture(params=LEARNERS)
def simulator(request):
    return LEARNERS[request.param]


def walk(simulator, state, luck, steps=40):
    """Random items, some not taught, with days in between; every answer on the way."""
    answers = []
    for t in range(steps):
        item = (5 * luck.number + 3 * t + (luck.number * t) // 7) % simulator.course.n_items
        answers.append(practise(simulator, state, luck, item, taught=(luck.number + t) % 5 > 0))
        simulator.elapse(state, 0.1 * (luck.number % 7), luck)
    return np.array(answers)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_row_does_not_depend_on_its_neighbours(simulator):
    whole, luck = enrolled(simulator, 60)
    start = clone(whole)
    answers = walk(simulator, whole, luck)
    assert not same(start, whole)
    for rows in (np.arange(60)[::-1], np.arange(13, 40), np.array([7]), np.array([59, 0, 31])):
        part, luck = enrolled(simulator, rows)
        assert np.array_equal(walk(simulator, part, luck), answers[:, rows])
        assert same(part, take(whole, rows))


def test_enrolling_replaces_the_given_rows_alone(simulator):
    state, luck = enrolled(simulator, 8)
    fresh = clone(state)
    walk(simulator, state, luck)
    before = clone(state)
    simulator.enrol(state, np.array([2, 5]), luck_of(np.arange(8)))
    others = np.array([0, 1, 3, 4, 6, 7])
    assert same(take(state, others), take(before, others))
    assert same(take(state, np.array([2, 5])), take(fresh, np.array([2, 5])))


def test_rows_without_an_item_are_left_alone(simulator):
    state, luck = enrolled(simulator, 6)
    before = clone(state)
    assert practise(simulator, state, luck, -1).tolist() == [-1] * 6
    assert same(state, before)
    assert np.isnan(chance(simulator, state, luck, [-1, 0] * 3)).tolist() == [True, False] * 3


def test_rows_that_are_not_taught_only_answer(simulator):
    state, luck = enrolled(simulator, 400)
    walk(simulator, state, luck, steps=5)
    before = clone(state)
    assert set(practise(simulator, state, luck, 1, taught=False)) == {0, 1}
    assert same(state, before)


def test_answers_come_with_the_chance_that_is_stated(simulator):
    state, luck = enrolled(simulator, 20_000)
    walk(simulator, state, luck, steps=12)
    for item in range(simulator.course.n_items):
        p = chance(simulator, state, luck, item)
        assert ((p >= 0) & (p <= 1)).all()
        right = practise(simulator, state, luck, item, taught=False)
        assert abs(np.mean(right - p)) <= 4.5 * np.sqrt(np.mean(p * (1 - p)) / len(p))


def test_practice_never_hurts_and_mastery_is_a_share(simulator):
    state, luck = enrolled(simulator, 300)
    for t in range(60):
        before = mastery(simulator, state, luck)
        practise(simulator, state, luck, (luck.number + t) % simulator.course.n_items)
        after = mastery(simulator, state, luck)
        assert (after >= before).all()
        assert ((after >= 0) & (after <= 1)).all()
    assert (after > 0).any()
    assert not restricts(simulator)
