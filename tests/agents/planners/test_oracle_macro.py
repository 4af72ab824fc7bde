"""The macro beam, for learners whose learning does not hang on luck."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from coursewright.agents.planners import oracle_macro
from coursewright.agents.planners.oracle_macro import MacroRule, OracleMacroBeam, certain, marks
from coursewright.agents.planners.oracles import OracleBeam, OracleGreedy
from coursewright.agents.rule import OraclePolicy, RulePolicy
from coursewright.envs.rewards import mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal, Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.logistic.tables import read_irt, read_logistic
from coursewright.simulators.memory.deeptutor import DeepTutor
from coursewright.simulators.memory.laws import DeepTutorHlr, Efc
from coursewright.simulators.protocol import clone
from small_tasks import begun, small_task

GOAL = ("goal",)


def efc(**changes):
    return Task(DeepTutor(Efc(), Course.of(4)), days=2.0, reward=mean_recall, features=GOAL, **changes)


def afm(**changes):
    return Task(read_logistic("afm"), features=GOAL, **({"steps": 4} | changes))


TASKS = {
    "kss": lambda: kss(6),
    "delays": lambda: efc(steps=5, delays=(0.0, 3.0), stop=True),
    "goals": lambda: afm(goal=RandomGoal(1, 3)),
    "minutes": lambda: replace(afm(), steps=None, minutes=4.0),
}


def narrow(task):
    return OracleMacroBeam(width=6)(task)


@pytest.mark.parametrize("made", TASKS)
def test_rows_do_not_depend_on_the_batch_and_masks_hold(made, monkeypatch):
    task = TASKS[made]()
    together, apart = rollout(task, narrow(task), 9), rollout(task, narrow(task), 9, chunk=4)
    monkeypatch.setattr("coursewright.agents.portions.MOST_BYTES", 1)
    alone = rollout(task, narrow(task), 9)
    assert (together.item == apart.item).all()
    assert (together.item == alone.item).all()
    assert not together.refused.any()


def test_learning_by_luck_is_found():
    """KSS learners answer by luck and learn without; the lifetimes of HLR hang on answers."""
    assert certain(kss(10))
    assert certain(efc(steps=10))
    assert certain(Task(read_irt("irt"), steps=10, features=GOAL))
    for task in (
        bkt(),
        Task(read_logistic("pfa"), steps=10, features=GOAL),
        Task(DeepTutor(DeepTutorHlr(), Course.of(4)), steps=10, days=1.0, features=GOAL),
        replace(kss(10), unlock_after=1),  # answers open items
    ):
        assert not certain(task)
        with pytest.raises(InputError, match="hangs on luck"):
            OracleMacroBeam()(task)


@pytest.mark.parametrize("made", [lambda: kss(3), lambda: efc(steps=3)], ids=["kss", "efc"])
def test_a_wide_beam_finds_the_optimum_of_short_episodes(made):
    task, learners = made(), 12
    most = np.full(learners, -np.inf)
    for items in product(range(task.course.n_items), repeat=3):
        episodes = begun(task, learners)
        valid, returned = np.ones(learners, bool), np.zeros(learners)
        for item in items:
            valid &= episodes.mask[:, item]
            returned += episodes.step(np.full(learners, item)).reward
        most = np.maximum(most, np.where(valid, returned, -np.inf))
    found = rollout(task, OracleMacroBeam(width=2000)(task), learners).returned
    assert np.allclose(found, most)


@pytest.mark.slow
def test_it_is_far_above_greedy_and_not_above_the_search_made_for_kss():
    task = kss(30)
    greedy, macro, own = (
        rollout(task, agent(task), 60).returned
        for agent in (OracleGreedy(), OracleMacroBeam(), OracleBeam(kss_width=200))
    )
    assert (macro - greedy).mean() > 0.25
    assert (own - macro).mean() > 0.0


def exchanged(task, steps=5):
    """The plans of learners in one state, and again when their luck to come is another.

    These learners learn by luck, so that the agent refuses them; its search must not see the luck either.
    """
    episodes = begun(task, 40)
    for item in range(steps):
        episodes.step(np.full(40, item % task.course.n_items))
    oracle = OraclePolicy(RulePolicy("macro", task, MacroRule(task, 4)))
    oracle.watch(episodes)
    item, state = oracle.predict(episodes.observation, oracle.begin(episodes.luck), None, True, episodes.mask)
    episodes.luck.fate[:] = episodes.luck.fate[::-1].copy()
    _, again = oracle.predict(episodes.observation, oracle.begin(episodes.luck), None, True, episodes.mask)
    return state.memory.action, again.memory.action


@pytest.mark.parametrize("task", [bkt(steps=9), replace(small_task(), steps=9)], ids=["bkt", "small"])
def test_plans_do_not_depend_on_the_fate(task):
    one, other = exchanged(task)
    assert (one == other).all()


def test_the_episodes_own_fate_would_show(monkeypatch):
    """Planted: the copies live through the episode's own luck."""
    monkeypatch.setattr(oracle_macro, "other_fates", lambda luck, rows, n: np.repeat(luck.fate[rows], n))
    one, other = exchanged(bkt(steps=9))
    assert (one != other).any()


def test_only_equal_states_have_one_mark():
    state = begun(kss(3), 4).state
    changed = clone(state)
    assert (marks(changed, 4) == marks(state, 4)).all()
    changed.ability[1, 7] += 1e-6
    changed.last[2] += 1
    one, other = (marks(each, 4).round(oracle_macro.ALIKE) for each in (state, changed))
    assert (one != other).tolist() == [False, True, True, False]


def test_options_are_checked():
    with pytest.raises(InputError, match="width = 0"):
        OracleMacroBeam(width=0)
