"""The posterior of a learner's intercept against Bayes' rule by hand, and against particles."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents import portions
from coursewright.agents.beliefs.intercept import NO_LUCK, InterceptBelief
from coursewright.agents.beliefs.minds import mind_of
from coursewright.agents.beliefs.particles import Particles
from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.das3h import Das3h
from coursewright.simulators.logistic.irt import Irt
from coursewright.simulators.logistic.published import afm, best_lr, pfa
from coursewright.simulators.logistic.tables import read_das3h, read_irt, read_logistic
from coursewright.simulators.protocol import clone
from logistic_learners import Event as Answer
from logistic_learners import by_counts, by_growth, by_windows, course

DRAW = np.random.default_rng(5)
SKILLS = course()  # three skills, five items; two of them need several skills
BENT = DRAW.normal(0.0, 0.3, (9, 13)) * np.where(np.isin(np.arange(13), range(5, 11)), 0.1, 1.0)
MODELS = {
    "afm": (afm(SKILLS, [-0.5, 0.2, 0.1], [0.3, 0.1, 0.2], spread=0.9), by_counts),
    "pfa": (pfa(SKILLS, [-0.5, 0.2, 0.1], [0.4, 0.3, 0.2], [0.1, 0.2, 0.0], spread=1.1), by_counts),
    "best_lr": (best_lr(SKILLS, BENT[:3, :3], BENT[3:8, :2], BENT[8, :2], spread=0.8), by_counts),
    "with bends": (Logistic(SKILLS, BENT, spread=1.0), by_counts),
    "irt": (
        Irt(SKILLS, [0.2, 0.0, -0.3], [0.4, 0.2, 0.3], [1.0, 1.4, 0.7, 1.2, 0.9], [0.2, 0.0, 0.1, 0.25, 0.0]),
        by_growth,
    ),
    "das3h": (Das3h(SKILLS, DRAW.normal(0.0, 0.3, (3, 11)), spread=0.9, memory=30), by_windows),
    "all alike": (pfa(SKILLS, [-0.5, 0.2, 0.1], [0.4, 0.3, 0.2], [0.1, 0.2, 0.0]), by_counts),
}
SHIPPED = {name: read_logistic(name) for name in ("afm", "pfa", "best_lr", "practice")} | {
    "irt": replace(read_irt("irt"), skill_spread=0.0),
    "das3h": read_das3h("das3h"),
}
PAUSES = np.array([0.0, 0.01, 0.3, 2.0, 9.0])


def told(mind, state, how, columns, goal=None):
    rows = np.arange(len(state.weight))
    out = np.full((len(rows), columns), np.nan)
    if how == "gains":
        mind.gains(state, rows, np.ones((len(rows), 3), bool) if goal is None else goal, out)
    else:
        getattr(mind, how)(state, rows, out)
    return out


def opened(mind, learners):
    state = mind.empty(learners)
    nothing = np.zeros((learners, 0), np.int64)
    mind.open(
        state,
        np.arange(learners),
        Past(nothing, nothing, np.zeros(learners, np.int64), nothing > 0),
        np.arange(learners).astype(np.uint64),
    )
    return state


def responses(learners, steps, items=5):
    """Random responses: item, answer (-1: shown alone), accepted or not, and days afterwards."""
    draw = np.random.default_rng(7)
    for _ in range(steps):
        item = draw.integers(-1, items, learners)
        correct = np.where(item < 0, -1, draw.integers(0, 2, learners))
        yield item, correct, draw.random(learners) < 0.9, draw.choice(PAUSES, learners)


def event(item, correct, taught, days):
    return Event(item, correct, np.zeros(len(item)), days, taught, taught, False)


class Known:
    """One learner by hand: every ability has the weight that the answers so far leave it."""

    def __init__(self, model, chance):
        spread = model.spread
        self.theta = np.linspace(-6.0, 6.0, 801) * spread if spread else np.zeros(1)
        self.weight = np.exp(-0.5 * (self.theta / spread) ** 2) if spread else np.ones(1)
        self.p = lambda events, item, now: chance(model, self.theta, events, item, now)
        self.events, self.now = [], 0.0
        self.q = model.course.q_matrix

    def tell(self, item, correct, taught, days):
        if item >= 0:
            p = self.p(self.events, item, self.now)
            self.weight = self.weight * (p if correct else 1.0 - p)
            if taught:
                self.events.append(Answer(self.now, item, correct))
        self.now += days

    def mean(self, values):
        return float((self.weight * values).sum() / self.weight.sum())

    def chances(self):
        return [self.mean(self.p(self.events, a, self.now)) for a in range(5)]

    def mastery(self, events, now):
        p = np.stack([self.p(events, a, now) for a in range(5)])
        return np.stack([p[self.q[:, k]].mean(axis=0) for k in range(3)])

    def gains(self, goal, ahead):
        then = self.now + ahead
        before = self.mastery(self.events, then)[goal].mean(axis=0)
        found = []
        for a in range(5):
            p = self.p(self.events, a, self.now)
            after = [
                self.mastery([*self.events, Answer(self.now, a, r)], then)[goal].mean(axis=0) for r in (0, 1)
            ]
            found.append(self.mean((1.0 - p) * (after[0] - before) + p * (after[1] - before)))
        return found


@pytest.mark.parametrize("ahead", [0.0, 10.0])
@pytest.mark.parametrize("name", MODELS)
def test_beliefs_are_those_of_bayes_rule_by_hand(name, ahead):
    model, chance = MODELS[name]
    mind, by_hand = InterceptBelief(SKILLS, model, ahead), [Known(model, chance) for _ in range(6)]
    state = opened(mind, 6)
    goal = np.array([[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1]], bool)
    for step, response in enumerate(responses(6, 24)):
        mind.update(state, event(*response))
        for learner, told_of in zip(by_hand, zip(*response, strict=True), strict=True):
            learner.tell(*told_of)
        if step in (0, 8, 23):
            chances = [learner.chances() for learner in by_hand]
            np.testing.assert_allclose(told(mind, state, "chances", 5), chances, atol=3e-5)
            known = np.array(chances) @ SKILLS.q_matrix / SKILLS.q_matrix.sum(axis=0)
            np.testing.assert_allclose(told(mind, state, "known", 3), known, atol=3e-5)
            gains = [learner.gains(g, ahead) for learner, g in zip(by_hand, goal, strict=True)]
            np.testing.assert_allclose(told(mind, state, "gains", 5, goal), gains, atol=1e-5)
            assert np.abs(gains).max() > 1e-3


@pytest.mark.parametrize("name", SHIPPED)
def test_particles_come_near_it(name):
    """The more particles, the nearer: 500 of them, and 1,500."""
    model = SHIPPED[name]
    items, skills = model.course.n_items, model.course.n_skills
    exact = InterceptBelief(model.course, model, 10.0)
    off = []
    for size in (500, 1500):
        mind = Particles(model.course, model, size=size, deciding=size, ahead=10.0)
        states = opened(exact, 12), opened(mind, 12)
        for item, correct, _, days in responses(12, 8, items):
            for belief, state in zip((exact, mind), states, strict=True):
                belief.update(state, event(item, correct, item >= 0, days))
        goal = np.ones((12, skills), bool)
        both = [
            (told(exact, states[0], how, n, goal), told(mind, states[1], how, n, goal))
            for how, n in (("chances", items), ("known", skills), ("gains", items))
        ]
        off.append([np.abs(a - b).mean() for a, b in both])
        assert np.corrcoef(both[2][0].ravel(), both[2][1].ravel())[0, 1] > 0.99
    assert max(off[0][:2]) < 0.01
    assert max(off[1][:2]) < 0.006
    assert off[1][2] < max(off[0][2], 1e-4)


def test_an_item_that_was_shown_and_not_asked_counts_as_the_model_says():
    item, nothing = np.array([0, 4, -1]), np.full(3, -1)
    everyone, now = np.ones(3, bool), np.zeros(3)
    for name, counts in (("with bends", True), ("irt", True), ("das3h", False)):
        mind = InterceptBelief(SKILLS, MODELS[name][0])
        state, before = opened(mind, 3), opened(mind, 3)
        mind.update(state, event(item, nothing, everyone, now))
        assert (state.weight == before.weight).all()
        moved = told(mind, state, "chances", 5) != told(mind, before, "chances", 5)
        assert moved[:2].any() == counts
        assert not moved[2].any()
        refused = clone(before)
        mind.update(refused, event(item, nothing, ~everyone, now))
        assert (told(mind, refused, "chances", 5) == told(mind, before, "chances", 5)).all()


def test_a_row_alone_is_believed_as_among_others():
    for model, _ in MODELS.values():
        mind = InterceptBelief(SKILLS, model, 3.0)
        many, one = opened(mind, 7), opened(mind, 1)
        for response in responses(7, 15):
            mind.update(many, event(*response))
            mind.update(one, event(*(part[4:5] for part in response)))
        for how, columns in (("chances", 5), ("known", 3), ("gains", 5)):
            assert (told(mind, many, how, columns)[4] == told(mind, one, how, columns)[0]).all()


def test_many_rows_are_looked_at_in_parts(monkeypatch):
    for model, _ in MODELS.values():
        mind = InterceptBelief(SKILLS, model, 3.0)
        state = opened(mind, 7)
        for response in responses(7, 9):
            mind.update(state, event(*response))
        whole = [told(mind, state, how, n) for how, n in (("chances", 5), ("known", 3), ("gains", 5))]
        few = np.full((2, 5), np.nan)
        mind.gains(state, np.array([5, 2]), np.ones((2, 3), bool), few)
        assert (few == whole[2][[5, 2]]).all()
        with monkeypatch.context() as patched:
            patched.setattr(portions, "MOST_BYTES", 2 * 3 * 8 * mind._counters)  # two learners at once
            parts = [told(mind, state, how, n) for how, n in (("chances", 5), ("known", 3), ("gains", 5))]
        for one, other in zip(whole, parts, strict=True):
            assert (one == other).all()


def test_looking_changes_nothing():
    for model, _ in MODELS.values():
        mind = InterceptBelief(SKILLS, model, 10.0)
        state = opened(mind, 5)
        for response in responses(5, 15):
            mind.update(state, event(*response))
        kept = clone(state)
        told(mind, state, "gains", 5)
        for mine, was in zip((*state.learners, state.weight), (*kept.learners, kept.weight), strict=True):
            assert (mine == was).all()


def test_an_answer_that_is_foreseen_is_the_answer_that_comes():
    """A short memory drops its oldest answer for the new one, and a foreseen one must do the same."""
    for model in (replace(MODELS["das3h"][0], memory=3), MODELS["with bends"][0], MODELS["irt"][0]):
        mind = InterceptBelief(SKILLS, model)
        state = opened(mind, 4).learners
        counters = int(model.form.touched.values.max()) + 1
        for step, (item, correct, taught, days) in enumerate(responses(4, 30)):
            foreseen, came = np.empty((4, counters, 3)), np.empty((4, counters, 1))
            model.foresee(state, days[0], foreseen)
            after = clone(state)
            model.record(after, item, taught, correct)
            model.elapse(after, np.full(4, days[0]), NO_LUCK)
            model.foresee(after, 0.0, came)
            for i in range(4):
                touched = np.zeros(counters, bool)
                if item[i] >= 0 and taught[i]:
                    touched[model.form.touched.row(item[i])] = True
                expected = np.where(touched, foreseen[i, :, 1 + correct[i]], foreseen[i, :, 0])
                np.testing.assert_allclose(came[i, :, 0], expected, rtol=1e-9, atol=1e-12, err_msg=str(step))
            model.record(state, item, taught, correct)
            model.elapse(state, days, NO_LUCK)


def test_a_past_counts_as_if_it_had_been_taught_and_leaves_others_alone():
    mind = InterceptBelief(SKILLS, MODELS["pfa"][0])
    items, right = np.array([[3, 4, 0], [2, 1, 0]]), np.array([[1, 0, 1], [0, 0, 1]])
    state, lived = opened(mind, 3), opened(mind, 3)
    everyone, now = np.ones(3, bool), np.zeros(3)
    mind.update(state, event(np.array([1, 1, 1]), np.array([1, 1, 1]), everyone, now))
    mind.update(lived, event(np.array([-1, 1, -1]), np.array([-1, 1, -1]), everyone, now))
    past = Past(items, right, np.array([3, 2]), np.ones((2, 3), bool))
    mind.open(state, np.array([0, 2]), past, np.zeros(2, np.uint64))
    for t in range(3):
        there = np.array([0, -1, 1 if t < 2 else -1])
        item, correct = (np.where(there >= 0, part[np.maximum(there, 0), t], -1) for part in (items, right))
        mind.update(lived, event(item, correct, everyone, now))
    assert (state.weight == lived.weight).all()
    assert (told(mind, state, "gains", 5) == told(mind, lived, "gains", 5)).all()


def test_a_course_in_another_order_with_an_item_more():
    model = MODELS["pfa"][0]
    items = {"new": "x", "abc": ["x", "y", "z"], "ab": ["x", "y"], "a": "x", "b": "y", "c": "z"}
    taught = Course.of(["z", "x", "y"], items)
    mind, same = InterceptBelief(taught, model), InterceptBelief(SKILLS, model)
    state, beside = opened(mind, 2), opened(same, 2)
    everyone, now = np.ones(2, bool), np.zeros(2)
    mind.update(state, event(np.array([2, 0]), np.array([1, 0]), everyone, now))
    same.update(beside, event(np.array([3, -1]), np.array([1, -1]), everyone, now))
    places = [4, 3, 0, 1, 2]
    assert (told(mind, state, "chances", 6)[:, 0] == 0.5).all()
    assert (told(mind, state, "gains", 6)[:, 0] == 0.0).all()
    for how in ("chances", "gains"):
        assert (told(mind, state, how, 6)[:, 1:] == told(same, beside, how, 5)[:, places]).all()


def test_learners_who_differ_in_more_are_thought_of_by_particles():
    assert isinstance(mind_of(SHIPPED["irt"], SHIPPED["irt"].course), InterceptBelief)
    whole = read_irt("irt")
    assert whole.skill_spread > 0.0
    assert isinstance(mind_of(whole, whole.course), Particles)
    with pytest.raises(InputError, match=r"belief.ahead = -1.0: must be a finite number of days >= 0"):
        InterceptBelief(SKILLS, MODELS["pfa"][0], -1.0)
