"""Particles against exact beliefs: the filter for BKT, quadrature for a learner's ability."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from coursewright.agents.beliefs.bkt import BktBelief
from coursewright.agents.beliefs.crowd import calibrate, means, normalised
from coursewright.agents.beliefs.particles import Particles
from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.errors import InputError
from coursewright.simulators.capabilities import learns_first, skills_apart
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.ability import Ability
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.logistic.tables import read_das3h, read_irt, read_logistic
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.memory.fsrs import Fsrs
from coursewright.simulators.protocol import empty_response, take

EDNET = replace(read_bkt("bkt_ednet"), rho=1.0)
FAMILIES = {
    "bkt": EDNET,
    "bkt with prerequisites": read_bkt("bkt_v0"),
    "pfa": read_logistic("pfa"),
    "best_lr": read_logistic("best_lr"),
    "practice": read_logistic("practice"),
    "irt": read_irt("irt"),
    "das3h": read_das3h("das3h"),
    "fsrs": Fsrs(Course.of(skills=30), spread=0.2),
}


def nothing(rows: int) -> Past:
    none = np.zeros((rows, 0), np.int64)
    return Past(none, none, np.zeros(rows, np.int64), none > 0)


def event(item, correct, days=0.0, taught=True) -> Event:
    batch = len(item)
    everyone = np.full(batch, taught)
    return Event(item, correct, np.zeros(batch), np.full(batch, days), everyone, everyone, False)


class Taught:
    """Learners of a model, and the beliefs of several minds about them, step by step."""

    def __init__(self, simulator, batch, *minds, numbers=None) -> None:
        self.simulator, self.minds = simulator, minds
        numbers = np.arange(batch) if numbers is None else numbers
        self.rows = np.arange(batch)
        self.luck = identify(Seeds(), numbers, Split.EVALUATE, np.zeros(batch, np.int64))
        self.state = simulator.empty(batch)
        simulator.enrol(self.state, self.rows, self.luck)
        self.beliefs: list[Any] = []
        for mind in minds:
            state = mind.empty(batch)
            mind.open(state, self.rows, nothing(batch), self.luck.learner)
            self.beliefs.append(state)

    def step(self, item, days=0.0):
        response = empty_response(len(self.rows))
        self.simulator.practise(self.state, item, np.ones(len(item), bool), self.luck, response)
        self.simulator.elapse(self.state, np.full(len(item), days), self.luck)
        self.luck.step[:] += 1
        self.correct = response.correct
        for mind, belief in zip(self.minds, self.beliefs, strict=True):
            mind.update(belief, event(item, response.correct.copy(), days))

    def told(self, how, columns):
        found = []
        for mind, belief in zip(self.minds, self.beliefs, strict=True):
            out = np.empty((len(self.rows), columns))
            if how == "gains":
                mind.gains(belief, self.rows, np.ones((len(self.rows), mind.course.n_skills), bool), out)
            else:
                getattr(mind, how)(belief, self.rows, out)
            found.append(out)
        return found


def test_particles_believe_what_the_exact_filter_believes():
    minds = Particles(EDNET.course, EDNET, size=500), BktBelief(EDNET.course, EDNET)
    taught = Taught(EDNET, 100, *minds)
    draw = np.random.default_rng(1)
    practised = np.zeros((100, 20), bool)
    for step in range(60):
        item = draw.integers(0, 15, 100)  # five skills are never practised
        practised[taught.rows, item] = True
        taught.step(item)
        if step in (9, 29, 59):
            few, exact = taught.told("known", 20)
            off = np.abs(few - exact)
            assert off.mean() <= 0.01
            assert off[~practised].mean() <= off[practised].mean()
            assert off[~practised].mean() <= 0.003, "that of the mean of many new learners"
            assert np.abs(np.subtract(*taught.told("chances", 20))).mean() <= 0.01


def test_weights_begin_so_that_mean_mastery_is_the_populations():
    draw = np.random.default_rng(4)
    values = draw.random((2 * 30, 4)).astype(np.float32)
    values[:, 1] = values[:, 1] > 0.9  # 0 or 1, as in BKT
    values[:, 3] = 0.5  # no weights can move that mean
    target, weight = np.array([0.3, 0.2, 0.7, 0.6]), np.zeros((2, 30, 4))
    calibrate(values, target, np.array([1]), weight)
    found = np.empty((2, 4))
    means(normalised(weight), values, found)
    np.testing.assert_allclose(found[1], [0.3, 0.2, 0.7, 0.5], atol=1e-7)
    np.testing.assert_allclose(found[0], values[:30].mean(axis=0), atol=1e-6, err_msg="of another learner")
    assert np.ptp(weight[1, :, 3]) == 0.0


def test_mean_gains_come_near_the_formula():
    minds = Particles(EDNET.course, EDNET, size=500), BktBelief(EDNET.course, EDNET)
    taught = Taught(EDNET, 60, *minds)
    for step in range(10):
        taught.step((np.arange(60) + 3 * step) % 20)
    once, exact = taught.told("gains", 20)
    for _ in range(15):
        often, _ = taught.told("gains", 20)
    assert np.abs(often - exact).mean() < 0.7 * np.abs(once - exact).mean()
    assert abs(often.mean() - exact.mean()) < 0.05 * exact.mean()
    assert np.corrcoef(often.ravel(), exact.ravel())[0, 1] > 0.97


def test_a_gain_begins_anew_once_its_skill_is_practised():
    mind = Particles(EDNET.course, EDNET, size=100)
    taught = Taught(EDNET, 3, mind)
    taught.told("gains", 20)
    taught.told("gains", 20)
    taught.step(np.array([0, 7, 7]))
    looks = taught.beliefs[0].looks
    assert looks[0, 0] == looks[1, 7] == looks[2, 7] == 0
    assert (np.delete(looks[0], 0) == 2).all()


def test_ability_is_weighed_as_by_quadrature():
    """PFA's counts follow from the answers, so that ability is all that a tutor does not know."""
    simulator = FAMILIES["pfa"]
    grid = np.linspace(-4.0, 4.0, 161) * simulator.spread
    weight = np.tile(-0.5 * (grid / simulator.spread) ** 2, (30, 1))
    taught = Taught(simulator, 30, Particles(simulator.course, simulator, size=2000))
    draw = np.random.default_rng(2)

    def chances(item):
        state = take(taught.state, np.repeat(taught.rows, len(grid)))
        state.theta[:] = np.tile(grid, 30)
        p = np.empty(30 * len(grid))
        simulator.p_correct(state, np.repeat(item, len(grid)), p)
        return p.reshape(30, len(grid))

    for _ in range(12):
        item = draw.integers(0, simulator.course.n_items, 30)
        p = chances(item)
        taught.step(item)
        weight += np.log(np.where(taught.correct[:, None] == 1, p, 1.0 - p))
    shares = np.exp(weight - weight.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    (found,) = taught.told("chances", simulator.course.n_items)
    for item in range(simulator.course.n_items):
        exact = (shares * chances(np.full(30, item))).sum(axis=1)
        assert np.abs(found[:, item] - exact).mean() < 0.01


@pytest.mark.parametrize("name", FAMILIES)
def test_particles_give_the_answers_that_were_seen(name):
    simulator = FAMILIES[name]
    assert not learns_first(simulator)
    given = []

    class Noting:
        def __getattr__(self, other):
            return getattr(simulator, other)

        def practise(self, state, item, taught, luck, out):
            simulator.practise(state, item, taught, luck, out)
            given.append(out.correct.reshape(-1, 50).copy())

    taught = Taught(simulator, 30, Particles(simulator.course, Noting(), size=50))
    draw = np.random.default_rng(3)
    agreed = []
    for _ in range(15):
        taught.step(draw.integers(0, min(simulator.course.n_items, 6), 30), days=1.0)
        agreed.append((given[-1] == taught.correct[:, None]).mean())
    assert np.mean(agreed) > 0.99


def test_what_is_seen_of_learners_who_learn_first_counts_after_the_practice():
    for simulator in (KT6kc(), Ability()):
        assert learns_first(simulator)
        mind = Particles(simulator.course, simulator, size=300)
        taught = Taught(simulator, 50, mind)
        for step in range(12):
            taught.step(np.full(50, step % 2))
        (known,) = taught.told("known", simulator.course.n_skills)
        true = np.empty((50, simulator.course.n_skills), np.float32)
        simulator.mastery(taught.state, true)
        prior = np.abs(true - true.mean(axis=0)).mean()
        assert np.abs(known - true).mean() < prior + 0.02
        assert np.abs(known.mean(axis=0) - true.mean(axis=0)).max() < 0.1


@pytest.mark.parametrize("name", ["bkt", "pfa", "fsrs", "bkt with prerequisites"])
def test_a_row_alone_is_believed_as_among_others(name):
    simulator = FAMILIES[name]
    items = simulator.course.n_items
    mind = Particles(simulator.course, simulator, size=40, deciding=10, ahead=3.0)
    many, one = Taught(simulator, 7, mind), Taught(simulator, 1, mind, numbers=np.array([4]))
    for step in range(8):
        many.step((np.arange(7) + step) % items, days=0.5)
        one.step((np.array([4]) + step) % items, days=0.5)
        for how, columns in (("known", simulator.course.n_skills), ("chances", items), ("gains", items)):
            assert (many.told(how, columns)[0][4] == one.told(how, columns)[0][0]).all()


def test_learners_who_arrive_leave_the_others_alone():
    mind = Particles(EDNET.course, EDNET, size=60)
    quiet, disturbed = (Taught(EDNET, 4, mind) for _ in range(2))
    for step in range(6):
        for taught in (quiet, disturbed):
            taught.step((np.arange(4) + step) % 20)
        mind.open(disturbed.beliefs[0], np.array([3]), nothing(1), np.array([9], np.uint64))
        apart = [taught.told("gains", 20)[0] for taught in (quiet, disturbed)]
        assert (apart[0][:3] == apart[1][:3]).all()
        assert (apart[0][3] != apart[1][3]).any()


def test_a_model_of_fewer_items_promises_nothing_of_the_others():
    simulator = read_logistic("pfa")
    course = simulator.course
    other = replace(course, items=(*course.items[:-1], "unheard of"))
    mind = Particles(other, simulator, size=20, deciding=5)
    taught = Taught(simulator, 5, mind)
    taught.step(np.full(5, course.n_items - 1))
    assert (taught.told("chances", course.n_items)[0][:, -1] == 0.5).all()
    assert (taught.told("gains", course.n_items)[0][:, -1] == 0.0).all()
    with pytest.raises(InputError, match="tutor = this model: must be one of the course's items"):
        _ = Particles(other, EDNET).matched.item


def test_a_past_counts_as_if_it_had_been_taught():
    mind = Particles(EDNET.course, EDNET, size=60)
    items = np.array([[3, 3, 5], [2, 1, 0]])
    right = np.array([[1, 0, 1], [0, 0, 1]])
    key = np.array([5, 6], np.uint64)
    past, lived = mind.empty(2), mind.empty(2)
    mind.open(past, np.arange(2), Past(items, right, np.array([3, 3]), np.ones((2, 3), bool)), key)
    mind.open(lived, np.arange(2), nothing(2), key)
    for t in range(3):
        mind.update(lived, event(items[:, t], right[:, t]))
    assert (past.weight == lived.weight).all()
    assert (past.particles.until == lived.particles.until).all()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"size": 0}, "belief.size = 0: must be a whole number >= 1"),
        ({"deciding": 300}, "belief.deciding = 300: must be between 1 and the 200 of belief.size"),
        ({"ahead": -1.0}, "belief.ahead = -1.0: must be a finite number of days >= 0"),
    ],
)
def test_numbers_out_of_range_are_refused(wrong, line):
    with pytest.raises(InputError, match=line):
        Particles(EDNET.course, EDNET, **wrong)


def test_only_skills_that_do_not_meet_are_apart():
    assert skills_apart(EDNET)
    assert not skills_apart(read_bkt("bkt_v0"))
    assert not skills_apart(replace(EDNET, learn_sd=0.5))
    assert not skills_apart(read_logistic("pfa"))


def test_an_item_that_was_shown_and_not_asked_is_studied():
    simulator = read_logistic("practice")
    mind = Particles(simulator.course, simulator, size=50)
    taught = Taught(simulator, 4, mind)
    mind.update(taught.beliefs[0], event(np.array([0, 0, 1, -1]), np.full(4, -1)))
    particles = taught.beliefs[0].particles
    assert (taught.beliefs[0].weight == 0.0).all()
    assert particles.successes.sum() == particles.failures.sum() == 0
    assert particles.exposures.reshape(4, 50, -1).sum(axis=2).tolist() == [[2] * 50] * 3 + [[0] * 50]
