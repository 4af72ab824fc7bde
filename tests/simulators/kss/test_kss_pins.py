"""Mean E_p of fixed rules on the published KSS task, against figures from three independent codes.

Stated with n = 400,000 and se <= .0003.  A curve of a 30-step task at step t is the return of the
t-step task, for none of these rules reads the budget.
"""

from statistics import NormalDist

import numpy as np
import pytest

from coursewright.agents.planners.oracles import OracleBeam, OracleGreedy
from coursewright.agents.rules.baselines import RandomLegal, UniformRandom
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss

TRACKER = SilentTracker()
STATED_SE = 0.0003
STEPS = [5, 10, 20, 30]
PINS = {
    "random": (0.0372, 0.0660, 0.1185, 0.1795),
    "random_legal": (0.0796, 0.1543, 0.3300, 0.4922),
    "n=2": (0.1488, 0.2775, 0.5703, 0.7485),
    "n=3": (0.1611, 0.2908, 0.6448, 0.8496),
    "n=4": (0.1362, 0.2483, 0.6167, 0.7841),
}
Z = NormalDist().inv_cdf(1 - 0.0027 / (len(PINS) * len(STEPS)) / 2)


def policy(name, task):
    if name == "random":
        return UniformRandom()(task, 0, TRACKER)
    if name == "random_legal":
        return RandomLegal()(task, 0, TRACKER)
    return NInARow(n=int(name[-1]))(task, 0, TRACKER)


def distance(curve, stated):
    """The difference between the means, `[steps]`, in standard errors of that difference."""
    se = curve.std(axis=0, ddof=1) / np.sqrt(len(curve))
    return np.abs(curve.mean(axis=0) - np.array(stated)) / np.sqrt(se**2 + STATED_SE**2)


def check(name, learners):
    task = kss(30)
    curve = rollout(task, policy(name, task), learners).curve[:, STEPS]
    assert (distance(curve, PINS[name]) <= Z).all(), curve.mean(axis=0)


@pytest.mark.parametrize("name", PINS)
def test_pins_quickly(name):
    check(name, 4000)


@pytest.mark.slow
@pytest.mark.parametrize("name", PINS)
def test_pins(name):
    check(name, 20_000)


def test_the_check_can_fail():
    task = kss(30)
    curve = rollout(task, policy("n=2", task), 4000).curve[:, STEPS]
    assert (distance(curve, PINS["n=3"]) > Z).any()


def test_a_curve_holds_the_shorter_tasks():
    long, short = kss(30), kss(10)
    rule = policy("n=3", long)
    assert (rollout(short, policy("n=3", short), 300).curve == rollout(long, rule, 300).curve[:, :11]).all()


def stands_up_to(task, oracle, learners, stated, stated_se):
    """True where an oracle is no worse than stated: a better search may exceed it."""
    returned = rollout(task, oracle, learners).returned
    se = returned.std(ddof=1) / np.sqrt(learners)
    return returned.mean() >= stated - 3 * np.hypot(se, stated_se)


@pytest.mark.parametrize(("steps", "stated"), [(10, 0.303), (30, 0.487)])
def test_greedy_oracle(steps, stated):
    task = kss(steps)
    assert stands_up_to(task, OracleGreedy()(task, 0, TRACKER), 4000, stated, 0.0005)


@pytest.mark.parametrize(
    ("steps", "width", "stated", "stated_se"), [(10, 1500, 0.578, 0.011), (30, 200, 0.964, 0.016)]
)
def test_beam_oracle_quickly(steps, width, stated, stated_se):
    task = kss(steps)
    assert stands_up_to(task, OracleBeam(kss_width=width)(task, 0, TRACKER), 200, stated, stated_se)


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "stated", "stated_se"), [(10, 0.578, 0.011), (30, 0.964, 0.016)])
def test_beam_oracle(steps, stated, stated_se):
    task = kss(steps)
    assert stands_up_to(task, OracleBeam()(task, 0, TRACKER), 1000, stated, stated_se)
