"""Memories that answers tell, against plain loops over one learner's answers; two gaps after a practice."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from coursewright.agents import portions
from coursewright.agents.beliefs.late import LateMind
from coursewright.agents.beliefs.minds import mind_of
from coursewright.agents.beliefs.particles import Particles
from coursewright.agents.beliefs.remembered import Remembered
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.tutor import TaskRecipe, pause_of
from coursewright.envs.episodes import Episodes
from coursewright.envs.features import Event
from coursewright.envs.history import Past
from coursewright.envs.rewards import mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.schedule import Sessions
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.fitting.memory.fsrs import FsrsModel
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.luck import Split
from coursewright.simulators.memory.act_r import ActR
from coursewright.simulators.memory.answered import memory_of, nobody
from coursewright.simulators.memory.deeptutor import DeepTutor
from coursewright.simulators.memory.fsrs import Fsrs
from coursewright.simulators.memory.hlr import Hlr
from coursewright.simulators.memory.laws import Efc
from plain_memories import PLAIN

COURSE = Course.of(3)
GOOD_ONLY = {"first_grades": (0.3, 0.0, 0.7, 0.0), "right_grades": (0.0, 1.0, 0.0)}
FSRS = Fsrs(COURSE, **GOOD_ONLY)
HLR = Hlr(COURSE, 0.8, -0.4, 1.1, [0.3, 0.0, -0.5], first=0.2)
ACT_R = ActR(COURSE, history=3, first=0.1)
MODELS = {"fsrs": FSRS, "hlr": HLR, "act_r": ACT_R}


def exact(name: str, **days) -> Remembered:
    memory = memory_of(MODELS[name])
    assert memory is not None
    assert memory.exact
    return Remembered(COURSE, memory, **days)


def opened(mind, batch: int, past: Past | None = None) -> Any:
    nothing = np.zeros((batch, 0), np.int64)
    state = mind.empty(batch)
    past = past or Past(nothing, nothing, np.zeros(batch, np.int64), nothing > 0)
    mind.open(state, np.arange(batch), past, np.zeros(batch, np.uint64))
    return state


def lived(name: str, mind: Remembered, batch: int = 5, steps: int = 25):
    """The mind's state and a plain learner's items, after the same random answers and days."""
    draw, state = np.random.default_rng(3), opened(mind, batch)
    plain = [[PLAIN[name](a) for a in range(3)] for _ in range(batch)]
    now = np.zeros(batch)
    for _ in range(steps):
        item, correct = draw.integers(-1, 3, batch), draw.integers(0, 2, batch)
        days = draw.choice([0.0, 0.25, 1.0, 3.0, 20.0], batch)
        taught = np.ones(batch, bool)
        for i in range(batch):
            if item[i] >= 0:
                plain[i][item[i]].tell(int(correct[i]), float(now[i]))
        mind.update(state, Event(item, correct, np.zeros(batch), days, taught, taught, False))
        now += days
    return state, plain, now


@pytest.mark.parametrize("name", MODELS)
def test_beliefs_are_those_of_a_plain_loop(name):
    mind = exact(name)
    state, plain, now = lived(name, mind)
    rows = np.array([4, 0, 2])
    p, stable = np.empty((2, 3, 3))
    mind.chances(state, rows, p)
    mind.stabilities(state, rows, stable)
    for place, i in enumerate(rows):
        assert p[place] == pytest.approx([item.p(now[i]) for item in plain[i]], rel=1e-9)
        assert stable[place] == pytest.approx([item.stability for item in plain[i]], rel=3e-6)


@pytest.mark.parametrize("name", MODELS)
def test_gains_are_expected_over_both_answers(name):
    mind = exact(name, pause=2.0, ahead=10.0)
    state, plain, now = lived(name, mind)
    out = np.empty((5, 3))
    goal = np.array([[True, False, True]] * 5)
    mind.gains(state, np.arange(5), goal, out)

    def later(items, i):
        seen = [item.p(now[i] + 12.0) if item.stability > 0.0 else 0.0 for item in items]
        return (seen[0] + seen[2]) / 2

    for i in range(5):
        before = later(plain[i], i)
        for a in range(3):
            total = 0.0
            for correct in (0, 1):
                tried = [_copy(item) for item in plain[i]]
                chance = tried[a].p(now[i])
                tried[a].tell(correct, now[i])
                total += (chance if correct else 1.0 - chance) * (later(tried, i) - before)
            assert out[i, a] == pytest.approx(total, abs=2e-7)


def _copy(item):
    copied = type(item).__new__(type(item))
    copied.__dict__ = {key: list(v) if isinstance(v, list) else v for key, v in item.__dict__.items()}
    return copied


def test_days_until_recall_falls_to_a_value():
    for name, model in MODELS.items():
        mind = exact(name)
        state, _, _ = lived(name, mind)
        item, days, p = np.array([0, 1, 2, 0, 1]), np.empty(5), np.empty(5)
        for wanted in (0.95, 0.8, 0.5):
            mind.here.due_in(state, item, np.full(5, wanted), days)
            there = [array.copy() for array in state]
            state.now[:] = _last(state, item) + days
            model.p_correct(state, item, p)
            for array, kept in zip(state, there, strict=True):
                array[...] = kept
            if name == "fsrs":  # whole days, so near it
                assert (days == np.maximum(np.rint(days), 1.0)).all()
            else:
                assert p == pytest.approx(wanted, abs=1e-5)


def _last(state, item):
    rows = np.arange(len(item))
    if hasattr(state, "last"):
        return state.last[rows, item]
    return state.time.max(axis=2)[rows, item]


def test_an_item_that_was_only_shown_counts_as_in_the_fit():
    everyone, item, shown = np.ones(1, bool), np.zeros(1, np.int64), np.full(1, -1)
    for name, model in MODELS.items():
        mind = exact(name)
        state, other = opened(mind, 1), opened(mind, 1)
        for correct in (1, -1):
            mind.update(state, Event(item, np.full(1, correct), *np.ones((2, 1)), everyone, everyone, False))
        mind.update(other, Event(item, np.ones(1, int), *np.ones((2, 1)), everyone, everyone, False))
        if name == "act_r":
            model.practise(other, item, everyone, nobody(1), _response())
        else:
            model.study(other, item, nobody(1))
        model.elapse(other, np.ones(1), nobody(1))
        assert all(np.array_equal(one, two) for one, two in zip(state, other, strict=True))
        assert (shown == -1).all()


def _response():
    from coursewright.simulators.protocol import empty_response

    return empty_response(1)


def test_a_past_is_lived_through():
    past = Past(np.array([[0, 1]]), np.array([[1, 0]]), np.array([2]), np.array([[True, True]]))
    for name in MODELS:
        mind = exact(name)
        state, other = opened(mind, 1, past), opened(mind, 1)
        for a, correct in ((0, 1), (1, 0)):
            given = np.ones(1, bool)
            mind.update(
                other, Event(np.full(1, a), np.full(1, correct), np.zeros(1), np.zeros(1), given, given, True)
            )
        assert all(np.array_equal(one, two) for one, two in zip(state, other, strict=True))


def test_the_right_mind_for_a_memory():
    for model in MODELS.values():
        mind = mind_of(model, COURSE, 5.0)
        assert isinstance(mind, Remembered)
        assert (mind.pause, mind.ahead) == (5.0, 10.0)
    for graded in (Fsrs(COURSE), replace(FSRS, spread=0.1), replace(FSRS, first_grades=(0.2, 0.1, 0.7, 0.0))):
        assert isinstance(mind_of(graded, COURSE), Particles)


def test_stability_is_a_feature_of_memories_alone():
    table = BktParameters([0.3] * 3, [0.3] * 3, [0.2] * 3, [0.1] * 3)
    for mind in (mind_of(FSRS, COURSE), Particles(COURSE, Fsrs(COURSE), size=50, deciding=5)):
        task = Task(Fsrs(COURSE), table, mind=mind, steps=8, days=2.0).showing("stability")
        episodes = Episodes(task, 4)
        rows = np.arange(4)
        episodes.begin(rows, rows, np.zeros(4, np.int64), Split.EVALUATE)
        columns = task.layout.columns("stability")
        assert (episodes.observation[:, columns] == 0.0).all()
        episodes.step(np.array([0, 1, 2, 0]))
        seen = episodes.observation[:, columns]
        assert (seen[rows, [0, 1, 2, 0]] > 0.0).all()
        assert (seen > 0.0).sum() == 4
    bkt = read_bkt("bkt_ednet")
    with pytest.raises(InputError, match=r"tutor = BktBelief: must be a memory \(fsrs, hlr, act_r\)"):
        Task(bkt, None, mind=mind_of(replace(bkt, rho=1.0), bkt.course), steps=3, features=("stability",))


@pytest.mark.slow
def test_a_tutor_is_fitted_to_right_and_wrong_alone():
    learners = Fsrs(Course.of(8))
    recipe = TaskRecipe(learners, partial(Task, steps=60, days=2.0, reward=mean_recall))
    mind = recipe.mind(FsrsModel())
    assert isinstance(mind, LateMind)
    assert isinstance(mind.mind, Remembered)
    table = BktParameters([0.3] * 8, [0.3] * 8, [0.2] * 8, [0.1] * 8)
    task = recipe.with_tutor(table, mind)
    policy = ExpectedGain()(task)
    assert (rollout(task, policy, 20).item == rollout(task, policy, 20, chunk=7).item).all()


def test_the_pause_is_that_of_the_schedule_or_the_shortest_delay():
    task = partial(Task, FSRS, steps=5, features=("goal",))
    assert pause_of(task(days=5.0)) == 5.0
    assert pause_of(task(delays=(3.0, 0.0, 0.5))) == 0.5
    assert pause_of(task()) == 0.0
    assert (
        pause_of(task(days=Sessions(2, within=0.01))) == task(days=Sessions(2, within=0.01)).schedule.longest
    )


@pytest.mark.parametrize(("pause", "ahead"), [(5.0, 10.0), (0.0, 10.0), (3.0, 0.0)])
def test_the_first_gap_after_a_practice_is_one_of_its_own(pause, ahead):
    """EFC takes an item for shown at the end of the first gap; strength is 1, and 2 after the practice."""
    learners = DeepTutor(Efc(decay=0.1, decay_sd=0.0), COURSE)
    mind = Particles(COURSE, learners, size=1, deciding=1, pause=pause, ahead=ahead)
    state = opened(mind, 1)
    age = -state.particles.shown[0]
    out = np.empty((1, 3))
    mind.gains(state, np.zeros(1, np.int64), np.ones((1, 3), bool), out)
    before = np.exp(-0.1 * (age + pause + ahead))
    assert out[0] == pytest.approx((np.exp(-0.1 * ahead / 2.0) - before) / 3.0, abs=1e-6)


@pytest.mark.parametrize("model", [FSRS, replace(FSRS, spread=0.2)], ids=["exact", "particles"])
def test_beliefs_do_not_depend_on_the_portion(model, monkeypatch):
    mind = mind_of(model, COURSE, 2.0)
    shown = []
    for bound in (portions.MOST_BYTES, 1):
        monkeypatch.setattr(portions, "MOST_BYTES", bound)
        state, given = opened(mind, 4), np.ones(4, bool)
        event = Event(np.arange(4) % 3, np.array([1, 0, 1, 1]), np.zeros(4), np.ones(4), given, given, False)
        mind.update(state, event)
        rows, out = np.array([3, 1]), np.empty((3, 2, 3))
        mind.chances(state, rows, out[0])
        mind.stabilities(state, rows, out[1])
        mind.gains(state, rows, np.ones((2, 3), bool), out[2])
        shown.append(out)
    assert (shown[0] == shown[1]).all()
