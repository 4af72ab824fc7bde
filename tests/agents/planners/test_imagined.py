"""Imagined learners are as the tutor believes, live in its model, and stand where its records stand."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.beliefs.bkt import BktBelief
from coursewright.agents.beliefs.minds import mind_of
from coursewright.agents.planners.imagined import Imagination, Imagined
from coursewright.agents.rules.baselines import RoundRobin
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tutor import drawing_mind
from coursewright.envs.rewards import mean_gain
from coursewright.envs.shipped import kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.logistic.tables import read_das3h, read_irt, read_logistic
from coursewright.simulators.memory.fsrs import Fsrs
from plain_simulator import Levels
from small_tasks import begun, small_parameters, small_task

MANY = 4000
MODELS = {
    "pfa": lambda: read_logistic("pfa"),
    "irt": lambda: read_irt("irt"),
    "das3h": lambda: read_das3h("das3h"),
    "fsrs": lambda: Fsrs(Course.of(skills=5)),
    "particles": lambda: Levels(Course.of(4)),
}


def table_of(skills):
    """A tutor's table of so many skills."""
    table = small_parameters()
    fields = ("prior", "learn", "guess", "slip", "forget")
    few = {name: getattr(table, name)[:, :skills] for name in fields}
    return BktParameters(**few)


def taught(task, learners=3, steps=9):
    """Episodes in which everybody practised the first items in turn."""
    episodes = begun(task, learners)
    for t in range(steps):
        episodes.step(np.full(learners, t % min(3, task.course.n_items)))
    return episodes


def imagined(task, base, **more):
    """Imagined copies of each learner of the episodes, who all stand where the records stand."""
    imagination = Imagination.of(task, base(task))
    episodes = taught(imagination.seen, **more)
    who = np.repeat(np.arange(episodes.batch), MANY)
    thoughts = episodes.records.thoughts
    if imagination.by_table:
        belief = episodes.observation[:, task.layout.columns("belief")]
        thoughts = drawing_mind(task)[0].empty(episodes.batch)._replace(known=belief.copy())
    copies = imagination.episodes(episodes.records, thoughts, who, np.arange(len(who), dtype=np.uint64))
    return imagination, episodes, copies, who


@pytest.mark.parametrize("name", MODELS)
def test_draws_are_as_the_mind_believes(name):
    model = MODELS[name]()
    mind = mind_of(model, model.course)
    task = Task(model, mind=mind, steps=20, features=("goal",))
    _, episodes, copies, _ = imagined(task, RoundRobin())
    believed = np.empty((3, task.course.n_skills))
    mind.known(episodes.records.thoughts, np.arange(3), believed)
    mean = copies.after.reshape(3, MANY, -1).mean(axis=1)
    doubt = copies.after.reshape(3, MANY, -1).std(axis=1) / MANY**0.5
    assert (np.abs(mean - believed) < 5.0 * doubt + 1e-4).all()


def test_skills_of_bkt_are_known_as_often_as_believed():
    task = replace(small_task(), days=0.0)
    mind, _ = drawing_mind(task)
    state = mind.empty(2)
    state.known[:] = [[0.1, 0.5, 0.9, 0.0, 1.0], [0.3, 0.7, 0.2, 0.8, 0.6]]
    who = np.repeat([0, 1], MANY)
    drawn = mind.draw(state, who, np.arange(len(who), dtype=np.uint64))
    share = (drawn.until > 0.0).reshape(2, MANY, 5).mean(axis=1)
    assert np.allclose(share, state.known, atol=0.03)


def test_they_stand_where_the_records_stand():
    task = replace(small_task(), days=0.0, unlock_after=1)
    _, episodes, copies, who = imagined(task, NInARow())
    assert (copies.observation == episodes.observation[who]).all()
    assert (copies.mask == episodes.mask[who]).all()
    assert (copies.luck.step == episodes.luck.step[who]).all()
    assert (copies.records.spent == episodes.records.spent[who]).all()


def test_a_rule_without_the_mind_sees_no_more_than_it_did():
    model = read_logistic("pfa")
    task = Task(
        model, mind=mind_of(model, model.course), steps=20, features=("goal", "streak", "last_correct")
    )
    imagination, episodes, copies, who = imagined(task, RoundRobin())
    assert copies.task.terms.shown == ()
    there = np.concatenate([episodes.observation[:, imagination.seen.layout.columns("streak")]])
    assert (copies.observation[:, task.layout.columns("streak")] == there[who]).all()


def test_the_mean_of_bkt_mastery_is_the_belief():
    """Expected mastery takes the place of known and unknown, where the reward is a sum of it."""
    task = replace(small_task(), days=0.0, reward=mean_gain)
    _, episodes, copies, who = imagined(task, NInARow())
    assert copies.task.simulator.average
    assert (copies.after == episodes.observation[who][:, task.layout.columns("belief")]).all()


def test_the_order_of_practices_makes_no_luck():
    """Learners who practise two items in two orders meet the same answers, and end alike."""
    course = Course.of(4)
    four = table_of(4)
    task = Task(Levels(course), tutor=four, steps=9, features=("goal", "belief"), reward=mean_gain)
    ends = []
    for order in ([0, 1, 0, 2, 1], [1, 0, 2, 1, 0]):
        _, _, copies, who = imagined(task, RoundRobin(), steps=2)
        for item in order:
            copies.advance(np.full(len(who), item))
        ends.append(copies.after.copy())
    assert np.allclose(ends[0], ends[1], atol=1e-6)


def test_items_of_a_model_are_found_by_name():
    course = Course.of(["a", "b"], items={"a1": "a", "b1": "b", "b2": "b"})
    other = Course.of(["b", "a"], items={"b1": "b", "a1": "a"})
    two = table_of(2)

    mind = BktBelief(course, Bkt(other, two, rho=1.0))
    simulator = Imagined(course, mind, False, 1.0)
    state, p = simulator.empty(3), np.empty(3)
    simulator.p_correct(state, np.array([0, 1, 2]), p)
    assert np.allclose(p, [two.guess[0, 1], two.guess[0, 0], 0.5])


@pytest.mark.parametrize("steps", [1, 8])
def test_the_platform_of_kss_is_foreseen(steps):
    task, learners = kss(20), 30
    episodes = begun(task, learners)
    simulator = task.simulator
    assert isinstance(simulator, Kss)
    for _ in range(steps):
        episodes.step(episodes.mask.argmax(axis=1))
    place = simulator.foreseen(episodes.goal, episodes.last)
    offered = np.empty((learners, 10), bool)
    for _ in range(5):
        simulator.allowed(place, offered)
        assert (offered == episodes.mask).all()
        action = 9 - episodes.mask[:, ::-1].argmax(axis=1)
        simulator.accept(place, action)
        episodes.step(action)


def test_who_cannot_be_imagined_is_refused_in_one_line():
    task = Task(Levels(Course.of(4)), steps=5, features=("goal",))
    with pytest.raises(InputError, match=r"tutor = no mind.*imagines learners"):
        Imagination.of(task, RoundRobin()(task))

    class Platform(Levels):
        restricts = True

        def allowed(self, state, out):
            out[:] = True

    four = table_of(4)
    task = Task(Platform(Course.of(4)), tutor=four, steps=5, features=("goal", "belief"))
    with pytest.raises(InputError, match=r"Platform.*forbids items"):
        Imagination.of(task, RoundRobin()(task))
