"""The belief by a network's memory: of the model's own learners it is the truth."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.beliefs.minds import learners_of, mind_of
from coursewright.agents.beliefs.neural import NeuralBelief
from coursewright.agents.beliefs.particles import Particles
from coursewright.agents.rules.baselines import RoundRobin
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.envs.episodes import Episodes
from coursewright.envs.features import Event
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.simulators.course import Course
from coursewright.simulators.folders import SHIPPED
from coursewright.simulators.lists import unpack
from coursewright.simulators.luck import Split, fates
from coursewright.simulators.neural.kes import Kes
from coursewright.simulators.neural.network import GRU_GATES, LSTM_GATES, Network
from coursewright.simulators.neural.tracer import Tracer, read_neural
from coursewright.simulators.protocol import clone, empty_response

ITEMS, UNITS, HIDDEN, SKILLS, ROWS = 8, 6, 5, 3, 9
FEATURES = ("attempts", "goal", "expected_mastery", "chance", "gain")


def learners(gates=GRU_GATES, **options):
    """Eight items of three skills, one of which needs two; the last two items share units with others."""
    draw = np.random.default_rng(2)
    wide = gates * HIDDEN
    shapes = (UNITS, 2, wide), (HIDDEN, wide), (wide,), (UNITS, HIDDEN), (UNITS,)
    network = Network(*(draw.normal(0.0, 0.7, shape) for shape in shapes))
    items = {f"i{i}": [f"s{i % SKILLS}"] for i in range(ITEMS)} | {"i4": ["s1", "s2"]}
    course = Course.of([f"s{k}" for k in range(SKILLS)], items)
    tracer = Tracer(course, network, np.array([0, 1, 2, 3, 4, 5, 0, 1]))
    return Kes(tracer, **({"start_count": 4, "target_count": 2} | options))


def begun(model, rows=ROWS):
    """Learners after a warm-up, and the beliefs about them as features."""
    mind = NeuralBelief(model.course, model)
    task = Task(model, mind=mind, steps=50, features=FEATURES)
    episodes = Episodes(task, rows)
    episodes.begin(np.arange(rows), np.arange(rows), np.zeros(rows, np.int64), Split.EVALUATE)
    return episodes


def shown(episodes, feature):
    return episodes.observation[:, episodes.task.layout.columns(feature)]


@pytest.mark.parametrize("gates", [GRU_GATES, LSTM_GATES])
def test_it_knows_its_own_learners_from_the_warm_up_on(gates):
    model = learners(gates)
    episodes = begun(model)
    for step in range(12):
        assert (episodes.records.thoughts.memory == episodes.state.memory).all()
        np.testing.assert_allclose(shown(episodes, "expected_mastery"), episodes.after, atol=1e-6)
        for item in range(ITEMS):
            p = np.empty(ROWS)
            model.p_correct(episodes.state, np.full(ROWS, item), p)
            np.testing.assert_allclose(shown(episodes, "chance")[:, item], p, atol=1e-6)
        episodes.step((np.arange(ROWS) + 3 * step) % ITEMS)


@pytest.mark.parametrize("gates", [GRU_GATES, LSTM_GATES])
def test_gains_are_the_mean_over_both_answers(gates):
    """Each answer is had by learners who give it in one fate or another."""
    model = learners(gates)
    episodes = begun(model)
    for step in range(7):
        episodes.step((np.arange(ROWS) * step) % ITEMS)
    goal, everyone = episodes.goal, np.ones(ROWS, bool)
    assert goal.sum(axis=1).tolist() == [2] * ROWS
    key = episodes.luck.fate
    for item in range(ITEMS):
        p, after = np.empty(ROWS), np.full((2, ROWS), np.nan)
        model.p_correct(episodes.state, np.full(ROWS, item), p)
        for attempt in range(200):
            fate = np.empty(ROWS, np.uint64)
            fates(key, np.full(ROWS, attempt), 1, 99, fate)
            state, response = clone(episodes.state), empty_response(ROWS)
            luck = episodes.luck._replace(fate=fate)
            model.practise(state, np.full(ROWS, item), everyone, luck, response)
            mastery = np.empty((ROWS, SKILLS), np.float32)
            model.mastery(state, mastery)
            after[response.correct, np.arange(ROWS)] = (mastery * goal).sum(axis=1) / 2
            if not np.isnan(after).any():
                break
        before = (episodes.after * goal).sum(axis=1) / 2
        expected = (1.0 - p) * after[0] + p * after[1] - before
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(shown(episodes, "gain")[:, item], expected, atol=1e-6)


def test_answers_alone_are_read():
    model = learners()
    mind = NeuralBelief(model.course, model)
    state = mind.empty(4)
    item, none = np.array([0, 1, -1, 3]), np.zeros(4)
    taught = np.array([True, True, True, False])
    mind.update(state, Event(item, np.array([1, -1, -1, 1]), none, none + 3.0, taught, taught, False))
    assert (state.memory != 0.0).any(axis=1).tolist() == [True, False, False, False]


def test_a_row_alone_is_believed_as_among_others():
    many, few = begun(learners()), begun(learners(), 3)
    for step in range(5):
        many.step((np.arange(ROWS) + step) % ITEMS)
        few.step((np.arange(3) + step) % ITEMS)
    np.testing.assert_allclose(many.observation[:3], few.observation, atol=1e-5)


def test_a_course_in_another_order_with_an_item_more():
    model = learners()
    rows = zip(model.course.items, unpack(model.course.needs), strict=True)
    named = {name: [model.course.skills[k] for k in needed] for name, needed in rows}
    order = ["i6", "i4", "i0", "i7", "i1", "i2", "i3", "i5"]
    taught = Course.of(["s2", "s0", "s1"], {"new": ["s0"]} | {name: named[name] for name in order})
    minds = NeuralBelief(model.course, model), NeuralBelief(taught, model)
    places = np.array([model.course.items.index(name) for name in order])
    states = [mind.empty(2) for mind in minds]
    none, everyone, right = np.zeros(2), np.ones(2, bool), np.array([1, 0])
    for item in range(ITEMS):
        event = Event(np.full(2, places[item]), right, none, none, everyone, everyone, False)
        minds[0].update(states[0], event)
        minds[1].update(states[1], event._replace(item=np.full(2, item + 1)))
    minds[1].update(states[1], event._replace(item=np.zeros(2, np.int64)))
    found = []
    for mind, state, columns in zip(minds, states, (ITEMS, ITEMS + 1), strict=True):
        chances, gains = np.empty((2, 2, columns))
        mind.chances(state, np.arange(2), chances)
        mind.gains(state, np.arange(2), np.ones((2, SKILLS), bool), gains)
        found.append((chances, gains))
    assert (found[1][0][:, 0] == 0.5).all()
    assert (found[1][1][:, 0] == 0.0).all()
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(other[:, 1:], mine[:, places], atol=1e-7)


def test_the_minds_of_neural_learners():
    model = learners(mastery_of="goal")
    mind = mind_of(model, model.course)
    assert isinstance(mind, NeuralBelief)
    assert mind.model.mastery_of == "all"
    apart = replace(model, feedback="expected")
    assert isinstance(mind_of(apart, model.course), Particles)
    found = learners_of(SHIPPED / "kes_synthetic")
    assert found.tracer.sessions is None
    assert isinstance(mind_of(found, found.course), NeuralBelief)


def test_it_teaches_better_than_practice_in_turn():
    model = Kes(read_neural("kes_synthetic"), start_count=4, target_count=2)
    everything = {"goal": model.course.skills, "features": ("attempts", "goal")}
    task = Task(model, mind=mind_of(model, model.course), steps=60, **everything)
    lead = rollout(task, ExpectedGain()(task), 100).returned - rollout(task, RoundRobin()(task), 100).returned
    assert lead.mean() > 3.0 * lead.std() / np.sqrt(len(lead))
