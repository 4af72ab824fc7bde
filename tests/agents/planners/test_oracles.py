from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from coursewright.agents.planners.bkt_orders import _by_now
from coursewright.agents.planners.bkt_worth import Chances, worths
from coursewright.agents.planners.oracles import OracleBeam, OracleGreedy
from coursewright.agents.planners.selection import nth_highest
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.features import NAMES
from coursewright.envs.policy import Oracle
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal, Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.kernel import kernel
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import Luck
from coursewright.simulators.protocol import clone, empty_response
from plain_simulator import Levels
from small_tasks import begun, small_task

TRACKER = SilentTracker()


def small(learn, edges=(), rho=0.1, steps=8, prior=None, **changes):
    course = Course.of(len(learn), prerequisites=edges)
    n = len(learn)
    table = BktParameters(prior=prior or [0.0] * n, learn=learn, guess=[0.2] * n, slip=[0.1] * n)
    features = NAMES
    return Task(simulator=Bkt(course, table, rho=rho), tutor=table, steps=steps, features=features, **changes)


def first_choice(oracle, task):
    episodes = begun(task, 1)
    oracle.watch(episodes)
    mask = episodes.mask if task.masked else None
    item, _ = oracle.predict(episodes.observation, oracle.begin(episodes.luck), np.ones(1, bool), True, mask)
    return int(item[0])


TASKS = {
    "kss": lambda: kss(8),
    "bkt": lambda: bkt(steps=12),
    "masked": lambda: bkt(mask=True, steps=12),
    "minutes": lambda: replace(bkt(), steps=None, minutes=9.0, stop=True),
    "goals": lambda: replace(bkt(steps=12), goal=RandomGoal(2, 4), unlock_after=1),
}
AGENTS = {"greedy": OracleGreedy(), "beam": OracleBeam()}


@pytest.mark.parametrize("made", TASKS)
@pytest.mark.parametrize("name", AGENTS)
def test_rows_do_not_depend_on_the_batch_and_masks_hold(made, name):
    task = TASKS[made]()
    oracle = AGENTS[name](task, 0, TRACKER)
    assert isinstance(oracle, Oracle)
    together, apart = rollout(task, oracle, 20), rollout(task, oracle, 20, chunk=3)
    assert (together.item == apart.item).all()
    assert not together.refused.any()


@pytest.mark.parametrize("name", AGENTS)
def test_items_of_several_skills(name):
    task = replace(small_task(), steps=20, days=0.0)
    rule = rollout(task, NInARow()(task, 0, TRACKER), 300).returned.mean()
    assert rollout(task, AGENTS[name](task, 0, TRACKER), 300).returned.mean() > rule + 0.02


def test_other_simulators_have_no_beam():
    with pytest.raises(InputError, match="Levels"):
        OracleBeam()(Task(simulator=Levels(Course.of(3)), steps=5, features=("goal",)), 0, TRACKER)


def test_an_oracle_that_watches_nothing_says_so():
    task = kss(5)
    with pytest.raises(InputError, match="watch"):
        OracleGreedy()(task, 0, TRACKER).predict(np.zeros((1, task.layout.width), np.float32))


def test_kss_beam_refuses_what_depends_on_answers():
    with pytest.raises(InputError, match="unlock_after"):
        OracleBeam()(replace(kss(5), unlock_after=1), 0, TRACKER)


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("mask", [False, True])
def test_choices_do_not_depend_on_the_fate(name, mask):
    """The same learners in the same state, about to have other luck, are taught the same."""
    task = bkt(mask=mask, steps=40)
    episodes = begun(task, 60)
    oracle = AGENTS[name](task, 0, TRACKER)
    oracle.watch(episodes)
    state = oracle.begin(episodes.luck)
    masks = episodes.mask if mask else None
    for _ in range(10):
        item, state = oracle.predict(episodes.observation, state, None, True, masks)
        episodes.step(item)
    item, _ = oracle.predict(episodes.observation, state, None, True, masks)
    episodes.luck.fate[:] = episodes.luck.fate[::-1].copy()
    again, _ = oracle.predict(episodes.observation, state, None, True, masks)
    assert (item == again).all()


class Cheat:
    """Planted: tries every item with the episode's own luck, and takes one by which something is learned."""

    respects_mask = True

    def __init__(self, task):
        self.task = task

    def watch(self, episodes):
        self.episodes = episodes

    def begin(self, luck):
        return None

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        batch, simulator = len(observation), self.task.simulator
        gain = np.zeros((batch, self.task.course.n_items))
        before, after = self.episodes.after.copy(), self.episodes.after.copy()
        for item in range(self.task.course.n_items):
            tried = clone(self.episodes.state)
            luck = Luck(*(array.copy() for array in self.episodes.luck))
            items, taught = np.full(batch, item), np.ones(batch, bool)
            simulator.practise(tried, items, taught, luck, empty_response(batch))
            simulator.mastery(tried, after)
            gain[:, item] = (after - before).sum(axis=1)
        return gain.argmax(axis=1), None


def test_seeing_the_future_would_show():
    task = bkt(steps=20)
    cheat = rollout(task, Cheat(task), 200).returned.mean()
    for agent in AGENTS.values():
        assert cheat > 2 * rollout(task, agent(task, 0, TRACKER), 200).returned.mean()


# --- KSS ---------------------------------------------------------------------------------------


def kss_value(task, episodes, row, ability):
    gap = (ability - task.course.difficulty + np.log(2) / 8.5)[episodes.goal[row]]
    return (gap >= 0).sum(), np.minimum(0, gap).sum()


def test_kss_greedy_is_the_best_of_all_next_states():
    task = kss(4)
    learners = 40
    values = []
    for item in range(10):
        episodes = begun(task, learners)
        allowed = episodes.mask[:, item].copy()
        episodes.step(np.full(learners, item))
        values.append(
            [
                kss_value(task, episodes, i, episodes.state.ability[i]) if allowed[i] else (-1, 0.0)
                for i in range(learners)
            ]
        )
    best = [max(range(10), key=lambda k, i=i: (*values[k][i], -k)) for i in range(learners)]
    assert rollout(task, OracleGreedy()(task, 0, TRACKER), learners).item[:, 0].tolist() == best


def test_kss_beam_finds_the_optimum_of_short_episodes():
    task, learners = kss(3), 25
    most = np.zeros(learners)
    for items in product(range(10), repeat=3):
        episodes = begun(task, learners)
        valid, returned = np.ones(learners, bool), np.zeros(learners)
        for item in items:
            valid &= episodes.mask[:, item]
            returned += episodes.step(np.full(learners, item)).reward
        most = np.maximum(most, np.where(valid, returned, 0.0))
    beam = rollout(task, OracleBeam(kss_width=3000)(task, 0, TRACKER), learners).returned
    assert most.max() > 0
    assert np.allclose(beam, most)


def test_a_wider_beam_is_better_and_both_beat_greedy():
    task = kss(30)
    greedy, narrow, wide = (
        rollout(task, oracle, 150).returned.mean()
        for oracle in (
            OracleGreedy()(task, 0, TRACKER),
            OracleBeam(kss_width=12)(task, 0, TRACKER),
            OracleBeam(kss_width=200)(task, 0, TRACKER),
        )
    )
    assert greedy + 0.05 < narrow < wide - 0.05


def test_nth_highest():
    @kernel
    def find(values, n):
        return nth_highest(values, values.shape[0], n)

    rng = np.random.default_rng(0)
    for size in (1, 2, 5, 100):
        for n in {1, size // 2 + 1, size}:
            values = rng.integers(0, 20, size).astype(float)
            assert find(values.copy(), n) == sorted(values, reverse=True)[n - 1]


# --- BKT ---------------------------------------------------------------------------------------


def test_worth_counts_what_a_skill_unlocks():
    # a -> b -> c, rho .1: T_eff of b rises from .03 to .3 with a, that of c from .04 to .4 with b
    task = small([0.2, 0.3, 0.4], [["0", "1"], ["1", "2"]])
    known, goal = np.zeros((1, 3), bool), np.array([[False, False, True]])
    out, course = np.empty((1, 3)), task.course
    learn = np.array([[0.2, 0.3, 0.4]])
    worths(Chances(known, learn, 0.1, course.parents), goal, course.order, out)
    assert np.allclose(out, [[0.27 * 0.36, 0.36, 1.0]])
    first = np.array([[True, False, False]])
    worths(Chances(first, learn, 0.1, course.parents), goal, course.order, out)
    assert np.allclose(out, [[0.0, 0.36, 1.0]])


def test_greedy_weighs_chance_against_worth():
    assert first_choice(OracleGreedy()(t := small([0.2, 0.5, 0.3]), 0, TRACKER), t) == 1
    t = small([0.5, 0.6, 0.9], [["0", "1"]], goal=["1", "2"], rho=0.0)
    assert first_choice(OracleGreedy()(t, 0, TRACKER), t) == 2  # .9 against .5 * .6
    t = small([0.5, 0.6, 0.2], [["0", "1"]], goal=["1", "2"], rho=0.0)
    assert first_choice(OracleGreedy()(t, 0, TRACKER), t) == 0


def test_greedy_works_for_successes_where_only_they_are_missing():
    task = small([0.3, 0.5], [["0", "1"]], prior=[1.0, 0.0], goal=["1"], unlock_after=2, steps=12)
    run = rollout(task, OracleGreedy()(task, 0, TRACKER), 100)
    assert run.end.mean() > 0.9


def exact_optimum(learn, edges, rho, steps, goal):
    """Value iteration over known sets: the expected number of goal skills learned."""
    n = len(learn)
    value = dict.fromkeys(product((0, 1), repeat=n), 0.0)
    for _ in range(steps):
        new = {}
        for known, stay in value.items():
            best = stay
            for k in range(n):
                if known[k]:
                    continue
                rate = learn[k] * np.prod([1.0 if known[p] else rho for p, c in edges if c == k])
                then = (*known[:k], 1, *known[k + 1 :])
                best = max(best, rate * (goal[k] + value[then]) + (1 - rate) * stay)
            new[known] = best
        value = new
    return value[(0,) * n]


@pytest.mark.parametrize(
    ("learn", "edges", "rho", "steps", "goal"),
    [
        ([0.2, 0.3, 0.4, 0.1], [(0, 1), (1, 2)], 0.1, 12, [1, 1, 1, 1]),
        ([0.3, 0.5, 0.25, 0.4], [(0, 3), (1, 3)], 0.05, 15, [0, 0, 1, 1]),
        ([0.15, 0.6, 0.35, 0.3, 0.2], [(0, 1), (0, 2), (3, 4)], 0.1, 10, [1, 1, 1, 1, 1]),
    ],
)
def test_bkt_beam_is_near_the_exact_optimum(learn, edges, rho, steps, goal):
    names = [str(k) for k, wanted in enumerate(goal) if wanted]
    task = small(learn, [[str(p), str(c)] for p, c in edges], rho=rho, steps=steps, goal=names)
    optimum = exact_optimum(learn, edges, rho, steps, goal) / sum(goal)
    returned = rollout(task, OracleBeam()(task, 0, TRACKER), 4000).returned
    se = returned.std() / np.sqrt(4000)
    assert returned.mean() < optimum + 4 * se  # a policy above the optimum has seen the future
    assert returned.mean() > 0.97 * optimum - 4 * se


def test_bkt_beam_looks_further_than_greedy():
    task = replace(bkt(steps=30), goal=RandomGoal(3, 5))
    greedy = rollout(task, OracleGreedy()(task, 0, TRACKER), 400).returned
    beam = rollout(task, OracleBeam()(task, 0, TRACKER), 400).returned
    assert (beam - greedy).mean() > 2 * (beam - greedy).std() / 20


def test_bkt_beam_knows_about_the_mask():
    # The goal waits for two successes on a skill that is known from the start.
    task = small([0.3, 0.5, 0.2], [["0", "1"]], prior=[1.0, 0.0, 0.0], goal=["1"], unlock_after=2, steps=12)
    run = rollout(task, OracleBeam()(task, 0, TRACKER), 200)
    assert (run.item[:, 0] == 0).all()
    assert not (run.item == 2)[run.end < 1].any()
    assert run.end.mean() > 0.95


@pytest.mark.parametrize("steps", [5, 10, 30])
def test_bkt_beam_is_no_worse_than_greedy(steps):
    """However short the budget is; slow skills once looked quick, and the beam got .022 of greedy's .055."""
    task = replace(bkt(), steps=steps)
    beam, greedy = (
        rollout(task, agent(task, 0, TRACKER), 500).returned for agent in (OracleBeam(), OracleGreedy())
    )
    assert beam.mean() > greedy.mean() - 2.0 * (beam - greedy).std() / 500**0.5
    assert beam.mean() > 0.9 * greedy.mean()


def test_the_chance_that_a_sum_of_geometric_times_is_over():
    @kernel
    def by_now(left, mean, variance):
        return _by_now(left, mean, variance)

    rng = np.random.default_rng(0)
    for rates, left in [((0.02,), 5), ((0.2,), 5), ((0.05, 0.3), 12), ((0.1,) * 5, 40), ((0.9,), 2)]:
        mean, variance = sum(1 / r for r in rates), sum((1 - r) / r**2 for r in rates)
        exact = np.mean(sum(rng.geometric(r, 200_000) for r in rates) <= left)
        assert by_now(left, mean, variance) == pytest.approx(exact, abs=0.03)
