"""Knowledge spaces: states stay feasible, and the outer fringe is found by trying every set."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.knowledge_space import TOPICS, KnowledgeSpace, topics_course
from learners import assert_share, chance, enrolled, mastery, practise
from small_tasks import small_course

N = 40_000


def space(course):
    """Every subset of the items that holds the prerequisites of each member, by trying all of them."""
    needs = {k: set(np.flatnonzero(course.prerequisites[:, k])) for k in range(course.n_skills)}
    states = set()
    for marks in product((False, True), repeat=course.n_skills):
        members = {k for k in needs if marks[k]}
        if all(needs[k] <= members for k in members):
            states.add(frozenset(members))
    return states


SPACE = space(topics_course())


def as_sets(known):
    return [frozenset(np.flatnonzero(row)) for row in known]


def test_the_outer_fringe_is_what_can_be_added():
    simulator = KnowledgeSpace()
    states = sorted(SPACE, key=sorted)
    state = simulator.empty(len(states))
    for i, members in enumerate(states):
        state.known[i, list(members)] = True
    out = np.zeros((len(states), 12), bool)
    simulator.outer_fringe(state, out)
    for members, fringe in zip(states, as_sets(out), strict=True):
        assert fringe == {q for q in range(12) if q not in members and members | {q} in SPACE}
        assert bool(fringe) == (len(members) < 12)  # the space is well graded


def test_states_stay_feasible_and_all_of_them_are_met():
    simulator = KnowledgeSpace(learn=0.5)
    state, luck = enrolled(simulator, 4000)
    rng = np.random.default_rng(0)
    met = set(as_sets(state.known))
    assert met <= SPACE
    fringe = np.zeros((4000, 12), bool)
    for _ in range(60):
        before = state.known.copy()
        simulator.outer_fringe(state, fringe)
        item = rng.integers(0, 12, 4000)
        practise(simulator, state, luck, item)
        changed = state.known != before
        assert (changed.sum(axis=1) <= 1).all()
        assert (changed <= fringe).all()  # only items of the outer fringe
        assert not changed[np.arange(12)[None] != item[:, None]].any()  # and only the practised item
        met |= set(as_sets(state.known))
    assert met <= SPACE
    assert len(met) > 0.95 * len(SPACE)


def test_learning_in_the_fringe_and_nowhere_else():
    simulator = KnowledgeSpace(Course.of(3, prerequisites=[[0, 1]]), learn=[0.4, 0.7, 0.2], prior=0.0)
    state, luck = enrolled(simulator, N)
    for _ in range(3):
        practise(simulator, state, luck, 1)
    assert not state.known.any()
    for n in range(1, 4):
        practise(simulator, state, luck, 0)
        assert_share(state.known[:, 0], 1 - 0.6**n)
    reached = state.known[:, 0].copy()
    practise(simulator, state, luck, 1)
    assert_share(state.known[reached, 1], 0.7)
    assert not state.known[~reached, 1].any()
    assert not state.known[:, 2].any()
    assert np.array_equal(mastery(simulator, state, luck), state.known)


def test_blim():
    simulator = KnowledgeSpace(careless=np.linspace(0, 0.3, 12), lucky=np.linspace(0.4, 0.1, 12))
    state, luck = enrolled(simulator, 300)
    for q in range(12):
        p = chance(simulator, state, luck, q)
        np.testing.assert_allclose(
            p, np.where(state.known[:, q], 1 - simulator.careless[q], simulator.lucky[q])
        )


def test_answers_come_from_the_old_state():
    simulator = KnowledgeSpace(learn=1.0, prior=0.0, careless=0.0, lucky=0.0)
    state, luck = enrolled(simulator, 50)
    assert not practise(simulator, state, luck, 0).any()
    assert practise(simulator, state, luck, 0).all()


def test_new_learners_have_the_states_that_the_priors_say():
    # P(K) = product of prior over K, of 1 - prior over its outer fringe
    prior = np.linspace(0.3, 0.8, 5)
    course = small_course()
    chain = Course.of(5, prerequisites=np.argwhere(course.prerequisites).tolist())
    simulator = KnowledgeSpace(chain, prior=prior)
    state, _ = enrolled(simulator, N)
    states = sorted(space(chain), key=sorted)
    expected = []
    for members in states:
        fringe = {q for q in range(5) if q not in members and members | {q} in states}
        expected.append(np.prod(prior[list(members)]) * np.prod(1 - prior[list(fringe)]))
    assert sum(expected) == pytest.approx(1.0)
    found = as_sets(state.known)
    counts = [found.count(members) for members in states]
    assert stats.chisquare(counts, N * np.array(expected)).pvalue > 1e-4


def test_the_course():
    course = topics_course()
    assert course.n_items == 12
    assert course.prerequisites.sum() == sum(map(len, TOPICS.values())) == 17
    assert course.ancestors[course.skill("counting"), course.skill("quadratic equations")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"course": small_course()}, "knowledge_space.course = items with other skills: must be of one item"),
        ({"learn": 1.2}, r"knowledge_space.learn\[0\] = 1.2: must be a probability"),
        ({"prior": [0.1] * 5}, r"knowledge_space.prior = array of shape \(5,\)"),
        ({"careless": 0.6, "lucky": 0.4}, r"knowledge_space careless \+ lucky = 1.0: must be below 1"),
        ({"lucky": float("nan")}, "knowledge_space.lucky = nan: must be finite numbers"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        KnowledgeSpace(**changes)
