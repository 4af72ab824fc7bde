"""Bounds by hand, by enumeration, by figures of record, and by a policy that breaks what is no bound."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import ClassVar, NamedTuple

import numpy as np
import pytest

from coursewright.agents.planners.oracles import OracleBeam
from coursewright.agents.rule import RulePolicy
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.index import Index
from coursewright.envs.rewards import mastered_gain, mean_gain, normalised_gain
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import RandomGoal, Task
from coursewright.evaluation import bounds
from coursewright.evaluation.bounds import (
    NONE,
    RESPONSES,
    TOLD,
    bound,
    full_information,
    goals_of,
    lagrangian,
)
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.luck import Split

GOAL = ("goal",)


def table(prior, learn, guess=0.2, slip=0.1, **more):
    n = len(prior)
    return BktParameters(prior=prior, learn=learn, guess=[guess] * n, slip=[slip] * n, **more)


def task_of(parameters, steps, course=None, rho=0.1, **changes):
    simulator = Bkt(course or Course.of(parameters.n_skills), parameters, rho=rho)
    return Task(simulator=simulator, steps=steps, **{"features": GOAL} | changes)


def ednet(**changes):
    """The learners of the front page, with a tutor who knows their parameters."""
    simulator = read_bkt("bkt_ednet")
    return Task(simulator=simulator, tutor=simulator.parameters, steps=60, **changes)


def test_the_figures_of_record():
    task = ednet()
    found = bound(task)
    assert found.kind == RESPONSES
    assert 0.3305 <= found.value <= 0.3316
    assert found.value == pytest.approx(0.3314, abs=5e-5)
    loose = full_information(task.simulator.parameters, goals_of(task), 60)
    assert loose == pytest.approx(0.4396, abs=5e-5)


def test_one_step_is_worth_the_highest_gain():
    found = bound(task_of(table([0.3, 0.1, 0.6], [0.2, 0.25, 0.9]), 1))
    assert found.value == pytest.approx(0.4 * 0.9 / 3, abs=1e-9)
    assert found.value >= 0.4 * 0.9 / 3 - 1e-12


def test_two_steps_by_hand():
    """Answers tell nothing where guess = 1 - slip, nearly: skill 0 gains .4, then .24; skill 1 gains .3."""
    flat = table([0.0, 0.0], [0.4, 0.3], guess=0.5, slip=0.4999999)
    # At a price from .24 to .3 each skill is practised once: .4 + .3 - 2 price + 2 price.
    assert bound(task_of(flat, 2)).value == pytest.approx(0.7 / 2, abs=1e-6)
    steep = table([0.0, 0.0], [0.4, 0.1], guess=0.5, slip=0.4999999)
    assert bound(task_of(steep, 2)).value == pytest.approx((0.4 + 0.24) / 2, abs=1e-6)


def test_one_skill_is_the_tree_of_its_answers():
    """With one skill there is nothing to choose: the bound is what practice gives, to the last answer."""

    def taught(belief, left):
        if not left:
            return 0.0
        total = (1 - belief) * 0.15
        for known, unknown in ((0.9, 0.2), (0.1, 0.8)):
            chance = belief * known + (1 - belief) * unknown
            shown = belief * known / chance
            total += chance * taught(shown + (1 - shown) * 0.15, left - 1)
        return total

    found = bound(task_of(table([0.35], [0.15]), 10)).value
    assert taught(0.35, 10) - 1e-12 <= found <= taught(0.35, 10) + 1e-9


def test_no_policy_is_above_it_on_small_courses():
    """The best policy by enumeration of all answers: two skills, five steps."""
    skills = [(0.3, 0.35, 0.25, 0.1), (0.5, 0.5, 0.1, 0.2)]

    def best(beliefs, left):
        if not left:
            return 0.0
        options = []
        for k, (_, learn, guess, slip) in enumerate(skills):
            total = (1 - beliefs[k]) * learn
            for known, unknown in ((1 - slip, guess), (slip, 1 - guess)):
                chance = beliefs[k] * known + (1 - beliefs[k]) * unknown
                shown = beliefs[k] * known / chance
                moved = list(beliefs)
                moved[k] = shown + (1 - shown) * learn
                total += chance * best(moved, left - 1)
            options.append(total)
        return max(options)

    prior, learn, guess, slip = zip(*skills, strict=True)
    parameters = BktParameters(prior=prior, learn=learn, guess=guess, slip=slip)
    optimum = best(list(prior), 5) / 2
    found = bound(task_of(parameters, 5)).value
    assert optimum <= found <= 1.1 * optimum
    assert found <= full_information(parameters, goals_of(task_of(parameters, 5)), 5)


def test_the_informed_index_is_below_it():
    task = ednet()
    returned = rollout(task, Index()(task), 2000).returned
    assert returned.mean() < bound(task).value + 2 * returned.std() / np.sqrt(2000)


@pytest.mark.slow
def test_no_policy_is_above_it_on_20_000_learners():
    task = ednet()
    limit = bound(task).value
    index, gain = (rollout(task, agent(task), 20_000).returned.mean() for agent in (Index(), ExpectedGain()))
    assert gain <= index + 0.0005
    assert index == pytest.approx(0.3300, abs=0.001)
    assert index <= limit
    oracle = rollout(task, OracleBeam()(task), 2000).returned.mean()
    assert limit < oracle <= full_information(task.simulator.parameters, goals_of(task), 60)


# --- prerequisites -----------------------------------------------------------------------------

CLUSTERS, PARENTS, STEPS = 100, 10, 330


class Repaired(NamedTuple):
    failed: np.ndarray  # [batch, clusters]
    queue: np.ndarray  # [batch, steps] items still to be given, -1 behind the last


@dataclass(frozen=True)
class Repair:
    """Practise each child twice, then the parents and the child of the clusters that failed."""

    needs: ClassVar[tuple[str, ...]] = ("last_correct",)

    def begin(self, luck):
        batch = len(luck.fate)
        return Repaired(np.zeros((batch, CLUSTERS), bool), np.full((batch, STEPS), -1))

    def choose(self, seen, memory):
        turn = int(seen.turn[0])
        each = PARENTS + 1
        if 0 < turn <= 2 * CLUSTERS and turn % 2 == 0:
            memory.failed[:, turn // 2 - 1] = ~seen.last.right
        if turn < 2 * CLUSTERS:
            return np.full(len(seen), (turn // 2) * each + PARENTS), memory
        if turn == 2 * CLUSTERS:
            for queue, failed in zip(memory.queue, memory.failed, strict=True):
                items = [c * each + k for c in np.flatnonzero(failed) for k in range(each)]
                queue[: len(items)] = items[:STEPS]
        return np.maximum(memory.queue[:, turn - 2 * CLUSTERS], 0), memory


def clusters():
    each = PARENTS + 1
    edges = [[c * each + k, c * each + PARENTS] for c in range(CLUSTERS) for k in range(PARENTS)]
    prior = ([0.99] * PARENTS + [0.0]) * CLUSTERS
    parameters = table(prior, [1.0] * len(prior), guess=0.0, slip=0.0)
    course = Course.of(len(prior), prerequisites=edges)
    return task_of(parameters, STEPS, course, rho=0.0, features=("goal", "last_correct"))


def test_with_prerequisites_the_lagrangian_bound_is_broken_and_refused():
    task = clusters()
    skills = task.course.n_skills
    parameters = task.simulator.parameters
    wrong = lagrangian(parameters, parameters.prior[0], goals_of(task), STEPS) * skills
    gained = rollout(task, RulePolicy("repair", task, Repair()), 100).returned.mean() * skills
    assert wrong == pytest.approx(102.3, abs=0.1)
    assert gained == pytest.approx(108.7, abs=0.5)
    found = bound(task)
    assert found.kind == TOLD
    assert "prerequisites" in found.note
    assert found.value * skills > gained


def test_prerequisites_without_effect_change_nothing():
    parameters = table([0.3, 0.1], [0.2, 0.3])
    tied = bound(task_of(parameters, 6, Course.of(2, prerequisites=[[0, 1]]), rho=1.0))
    assert tied == bound(task_of(parameters, 6))


def test_with_prerequisites_and_forgetting_oracles_stay_below():
    task = bkt(steps=40)
    oracle = rollout(task, OracleBeam()(task), 100).returned.mean()
    found = bound(task)
    assert (found.kind, found.value > oracle) == (TOLD, True)
    forgetful = replace(
        task_of(table([0.3] * 3, [0.2] * 3, forget=[0.1] * 3), 8, features=("goal", "last_correct")), days=1.0
    )
    assert bound(forgetful).kind == TOLD
    assert "forget" in bound(forgetful).note
    assert rollout(forgetful, OracleBeam()(forgetful), 300).returned.mean() < bound(forgetful).value


# --- conditions --------------------------------------------------------------------------------

PLAIN = table([0.3, 0.1], [0.2, 0.3])


class Kinder(Bkt):
    """Learners derived from Bkt, who may do anything."""


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (kss(), "Kss learners"),
        (Task(simulator=Kinder(Course.of(2), PLAIN), steps=5, features=GOAL), "Kinder learners"),
        (task_of(PLAIN, 5, reward=normalised_gain), "reward"),
        (task_of(PLAIN, 5, reward=partial(mastered_gain, mastered_at=0.2)), "reward"),
        (replace(task_of(PLAIN, 5), steps=None, minutes=5.0), "minutes"),
        (task_of(PLAIN, 5, Course.of(2, items={"a": ["0", "1"], "b": "1"})), "several skills"),
        (
            Task(simulator=replace(Bkt(Course.of(2), PLAIN), prior_sd=0.5), steps=5, features=GOAL),
            "their own",
        ),
        (
            Task(simulator=replace(Bkt(Course.of(2), PLAIN), learn_sd=0.5), steps=5, features=GOAL),
            "their own",
        ),
        (Task(simulator=read_bkt("bkt_ednet").resampled(), steps=5, features=GOAL), "their own"),
        (Task(simulator=KT6kc(perturbed=True), steps=5, features=GOAL), "their own"),
    ],
)
def test_no_bound_is_known_where_a_condition_fails(task, reason):
    found = bound(task)
    assert found.kind == NONE
    assert not found.known
    assert np.isnan(found.value)
    assert reason in found.note


def test_locks_stops_delays_and_days_only_take_choices_away():
    plain = task_of(PLAIN, 6)
    for changes in (
        {"stop": True},
        {"delays": (0.0, 2.0)},
        {"days": 1.0},
        {"strict": True},
        {"reward": partial(mean_gain)},
        {"reward": mastered_gain},
        {"unlock_after": 1, "features": ("goal", "successes")},
    ):
        assert bound(replace(plain, **changes)) == bound(plain)


def test_a_goal_of_their_own_has_a_price_of_its_own(monkeypatch):
    parameters = table([0.3, 0.1, 0.5, 0.2], [0.2, 0.3, 0.05, 0.6])
    task = task_of(parameters, 6)
    drawn = bound(replace(task, goal=RandomGoal(1, 2))).value
    each = [
        np.mean(
            [bound(replace(task, goal=list(map(str, chosen)))).value for chosen in combinations(range(4), k)]
        )
        for k in (1, 2)
    ]
    assert np.mean(each) - 1e-9 <= drawn <= np.mean(each) + 1e-3
    monkeypatch.setattr(bounds, "MOST_GOALS", 1)
    by_size = bound(replace(task, goal=RandomGoal(1, 2))).value
    assert drawn <= by_size + 1e-3
    best = rollout(
        replace(task, goal=RandomGoal(1, 2), tutor=parameters, features=("goal", "belief", "budget_left")),
        Index()(replace(task, tutor=parameters, features=("goal", "belief", "budget_left"))),
        4000,
        Split.TUNE,
    ).returned
    assert best.mean() < drawn + 2 * best.std() / np.sqrt(4000)


# --- value iteration over states ---------------------------------------------------------------


def test_kt6kc_by_hand():
    """Scenario 0 is a chain of six skills with P(T) .2: the gain is the mean of min(6, successes)."""
    for steps in (1, 4, 40):
        chances = np.zeros(7)
        chances[0] = 1.0
        for _ in range(steps):
            moved = 0.2 * chances[:6]
            chances[:6] -= moved
            chances[1:] += moved
        task = Task(simulator=KT6kc(), steps=steps, features=GOAL)
        assert bound(task).value == pytest.approx(chances @ np.arange(7) / 6, abs=1e-12)
    assert bound(task).kind == TOLD


def test_kt6kc_policies_stay_below_it():
    parameters = table([0.0] * 6, [0.2] * 6, guess=0.1)
    for scenario in range(5):
        learners = KT6kc(scenario=scenario)
        named = replace(parameters, skills=learners.course.skills)
        task = Task(simulator=learners, tutor=named, steps=30)
        assert rollout(task, ExpectedGain()(task), 300).returned.mean() < bound(task).value


def test_kt6kc_with_too_many_states_is_refused():
    many = KT6kc(learn=[0.2] * 13, dependencies=np.zeros((13, 13)).tolist())
    found = bound(Task(simulator=many, steps=5, features=GOAL))
    assert (found.kind, found.note) == (NONE, "there are too many sets of known skills")
