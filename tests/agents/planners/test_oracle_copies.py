"""The greedy oracle by copies, for learners of any kind."""

from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents import portions
from coursewright.agents.planners import copies
from coursewright.agents.planners.copies import goal_means
from coursewright.agents.planners.oracle_bkt import BktGreedyRule
from coursewright.agents.planners.oracle_copies import CopiesRule
from coursewright.agents.planners.oracles import OracleGreedy
from coursewright.agents.rule import OraclePolicy
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.rules.mastery import NInARow
from coursewright.envs.features import NAMES
from coursewright.envs.rewards import mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.capabilities import redraw
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Seeds, identify
from coursewright.simulators.memory.deeptutor import DeepTutor
from coursewright.simulators.memory.dhp import Dhp
from coursewright.simulators.memory.laws import Efc
from coursewright.simulators.protocol import clone, spread
from coursewright.simulators.strata import Strata
from plain_simulator import Levels
from small_tasks import begun, small_bkt, small_task

GOAL = ("goal",)


def efc(steps=100):
    law = Efc(decay=0.077, decay_sd=1.0)
    features = ("goal", "last_correct")
    return Task(DeepTutor(law, Course.of(30)), steps=steps, days=5.0, reward=mean_recall, features=features)


def kt6kc(steps=50):
    table = BktParameters(prior=[0.0] * 6, learn=[0.2] * 6, guess=[0.1] * 6, slip=[0.1] * 6)
    return Task(KT6kc(), tutor=table, steps=steps, features=NAMES)


TASKS = {
    "levels": lambda: Task(Levels(Course.of(4), fading=0.1), steps=6, days=1.0, features=("goal",)),
    "kt6kc": lambda: kt6kc(6),
    "efc": lambda: efc(6),
    "kss": lambda: kss(6),
    "delays": lambda: replace(small_task(), steps=6, delays=(0.0, 3.0), unlock_after=1, stop=True),
    "strata": lambda: Task(
        Strata({"a": small_bkt(), "b": small_bkt()}, {"a": 0.5, "b": 0.5}),
        steps=6,
        days=1.0,
        features=("goal",),
    ),
}


def by_copies(task, **options):
    return OraclePolicy(OracleGreedy(**options).by_copies(task))


@pytest.mark.parametrize("made", TASKS)
def test_rows_do_not_depend_on_the_batch_and_masks_hold(made, monkeypatch):
    task = TASKS[made]()
    together = rollout(task, by_copies(task, copies=5), 12)
    apart = rollout(task, by_copies(task, copies=5), 12, chunk=5)
    monkeypatch.setattr(portions, "MOST_BYTES", 1)  # every learner is tried out alone
    alone = rollout(task, by_copies(task, copies=5), 12)
    assert (together.item == apart.item).all()
    assert (together.item == alone.item).all()
    assert not together.refused.any()


def exchanged(task, steps=6):
    """The choices for learners in one state, and again when their luck to come is another."""
    oracle, episodes = by_copies(task, copies=16), begun(task, 40)
    oracle.watch(episodes)
    state = oracle.begin(episodes.luck)
    for _ in range(steps):
        item, state = oracle.predict(episodes.observation, state, None, True, episodes.mask)
        episodes.step(item)
    item, _ = oracle.predict(episodes.observation, state, None, True, episodes.mask)
    fate = episodes.luck.fate
    fate[:] = fate[::-1].copy()
    redraw(task.simulator, episodes.state, episodes.luck)  # events to come that were drawn already
    again, _ = oracle.predict(episodes.observation, state, None, True, episodes.mask)
    return item, again


FORGETTING = TASKS | {"bkt": lambda: replace(small_task(), steps=12)}


@pytest.mark.parametrize("made", FORGETTING)
def test_choices_do_not_depend_on_the_fate(made):
    item, again = exchanged(replace(FORGETTING[made](), steps=12))
    assert (item == again).all()


def own_fates(luck, rows, copied):
    """Planted: the copies live through the episode's own luck."""
    return np.repeat(luck.fate[rows], copied)


def test_the_episodes_own_fate_would_show(monkeypatch):
    monkeypatch.setattr(copies, "other_fates", own_fates)
    item, again = exchanged(FORGETTING["bkt"]())
    assert (item != again).any()


def test_known_skills_stay_known_when_their_forgetting_is_drawn_anew():
    learners, luck = small_bkt(), identify(Seeds(), np.arange(4000), 0, np.zeros(4000, np.int64))
    state = learners.empty(4000)
    learners.enrol(state, np.arange(4000), luck)
    learners.elapse(state, np.full(4000, 1.5), luck)
    before, after = np.empty((2, 4000, 5), np.float32)
    learners.mastery(state, before)
    drawn = clone(state)
    redraw(learners, drawn, luck._replace(fate=luck.fate[::-1].copy()))
    learners.mastery(drawn, after)
    assert (before == after).all()
    assert (drawn.until != state.until).any()
    shares = []
    for later in (state, drawn):  # the same share is lost in the days that follow
        learners.elapse(later, np.full(4000, 3.0), luck)
        learners.mastery(later, after)
        shares.append(after.mean(axis=0) / before.mean(axis=0))
    assert np.allclose(shares[0], shares[1], atol=0.06)


def test_copies_agree_with_the_formula_for_bkt_where_gains_differ_clearly():
    learn = [0.1, 0.5, 0.9]
    table = BktParameters(prior=[0.3] * 3, learn=learn, guess=[0.2] * 3, slip=[0.1] * 3)
    task = Task(Bkt(Course.of(3), table), tutor=table, steps=5)
    episodes = begun(task, 200)
    items = np.ones((200, 3), bool)
    formula = BktGreedyRule(task).among(episodes, items)
    by_copy = CopiesRule(64, 0.0).among(episodes, items)
    unsure = (episodes.after > 0.5).all(axis=1)  # nothing left to learn
    assert (formula == by_copy)[~unsure].all()
    worth = CopiesRule(4000, 0.0).worth(episodes, items)
    gain = worth - episodes.after.mean(axis=1, keepdims=True)
    assert np.allclose(gain, (episodes.after < 0.5) * learn / 3, atol=0.012)


def test_nothing_to_gain_is_no_reason_for_the_first_item():
    """Of equals, an item that bears on the goal, and the one whose skills are mastered least."""
    task = Task(Levels(Course.of(4)), steps=5, goal=["1", "3"], features=("goal",))
    episodes = begun(task, 1)
    episodes.state.speed[:] = 0.0
    episodes.state.level[:] = episodes.after[:] = [0.1, 0.9, 0.0, 0.4]
    assert CopiesRule(4, 0.0).among(episodes, np.ones((1, 4), bool)).tolist() == [3]


def test_goal_means():
    mastery = np.arange(12, dtype=np.float32).reshape(6, 2)
    goal, out = np.array([[True, True], [False, True], [True, False]]), np.empty(2)
    goal_means(mastery, goal, goal.sum(axis=1), np.array([1, 2]), 3, out)
    assert out.tolist() == [3.0, 8.0]  # skill 1 of copies 0-2, skill 0 of copies 3-5


def test_spread_takes_all_entries_of_a_learner():
    state = identify(Seeds(), np.arange(6), 0, np.zeros(6, np.int64))
    assert spread(state, np.array([2, 0, 2]), 3).number.tolist() == [4, 5, 0, 1, 4, 5]


def test_options_are_checked():
    with pytest.raises(InputError, match="copies = 0"):
        OracleGreedy(copies=0)
    with pytest.raises(InputError, match="ahead = -1"):
        OracleGreedy(ahead=-1)
    with pytest.raises(InputError, match="learners = 0"):
        OracleGreedy(learners=0)
    assert OracleGreedy().by_copies(kt6kc()).rule.ahead == 0.0
    assert OracleGreedy(ahead=3).by_copies(kt6kc()).rule.ahead == 3.0


# --- levels that were measured before --------------------------------------------------------------


@pytest.mark.slow
def test_it_looks_as_far_ahead_as_time_passes():
    """Ten lessons a day want a view of two days: DHP 40.5, in ten days' view 21, random choice 32.9."""
    task = Task(Dhp(Course.of(50)), steps=100, days=0.1, reward=mean_recall, features=GOAL)
    found = by_copies(task, copies=2)
    assert found.policy.rule.ahead == 2.0
    assert rollout(task, found, 40).returned.mean() == pytest.approx(40.5, abs=1.0)
    assert rollout(task, by_copies(task, copies=2, ahead=10), 40).returned.mean() < 25.0


@pytest.mark.parametrize(("days", "delays", "pause"), [(5.0, (), 5.0), (0.0, (3.0, 0.0, 2.0), 2.0)])
def test_the_first_gap_after_a_practice_is_one_of_its_own(days, delays, pause):
    """EFC takes an item for shown at the end of the first gap; strength is 1, and 2 after the practice."""
    learners = DeepTutor(Efc(decay=0.1, decay_sd=0.0), Course.of(3))
    task = Task(learners, steps=5, days=days, delays=delays, features=("goal",))
    episodes = begun(task, 4)
    worth = CopiesRule(copies=2, ahead=10.0).worth(episodes, np.ones((4, 3), bool))
    faded = np.exp(-0.1 * (pause + 10.0 - episodes.state.shown))
    for a in range(3):
        others = np.delete(faded, a, axis=1).sum(axis=1)
        assert worth[:, a] == pytest.approx((np.exp(-0.1 * 10.0 / 2.0) + others) / 3.0, abs=1e-6)


def test_where_days_pass_it_looks_ahead():
    """EFC, 100 steps five days apart: 37.4 in ten days' view, 23.7 in today's, random choice 27.0."""
    task = efc()
    ahead, today, random = (
        rollout(task, policy, 40).returned.mean()
        for policy in (
            by_copies(task, copies=2, ahead=10),
            by_copies(task, copies=2, ahead=0),
            UniformRandom()(task),
        )
    )
    assert ahead == pytest.approx(37.4, abs=1.0)
    assert today == pytest.approx(23.7, abs=1.2)
    assert random == pytest.approx(27.0, abs=1.2)


def test_kt6kc():
    """.98 against a mastery rule's .93."""
    task = kt6kc()
    greedy = rollout(task, OracleGreedy()(task), 200).returned
    rule = rollout(task, NInARow()(task), 200).returned
    assert greedy.mean() > 0.97
    assert (greedy - rule).mean() > 3 * (greedy - rule).std() / 200**0.5
