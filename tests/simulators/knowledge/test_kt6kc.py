"""KT6kc against closed forms, a plain recount of the paper, and published mean mastery."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from coursewright.agents.bandits.zpdes import Zpdes
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.agents.rules.mastery import MasteryThreshold
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.luck import ANSWER, LEARN, uniform
from learners import chance, enrolled, mastery, practise

TRACKER = SilentTracker()

# Clement et al., EDM 2016: knowing S(j+1) adds [k][j] tenths to P(T) of S(k+1); the last
# column is T alone.
PAPER = {
    0: ["000000 2", "200000 0", "020000 0", "002000 0", "000200 0", "000020 0"],
    1: ["000000 2", "000000 2", "110000 0", "002000 0", "000200 0", "000020 0"],
    2: ["000000 2", "200000 0", "000000 2", "020000 0", "002000 0", "000200 0"],
    3: ["000000 2", "200000 0", "020000 0", "000020 0", "002000 0", "000200 0"],
    4: ["000000 2", "200000 0", "000200 0", "020000 0", "002000 0", "000020 0"],
}


@pytest.mark.parametrize("scenario", PAPER)
def test_scenarios(scenario):
    simulator = KT6kc(scenario)
    table = np.array([[int(digit) / 10 for digit in row.replace(" ", "")] for row in PAPER[scenario]])
    np.testing.assert_allclose(simulator.depends, table[:, :6])
    np.testing.assert_allclose(simulator.rates, [table[:, 6], [0.1] * 6, [0.1] * 6])
    assert np.array_equal(simulator.course.prerequisites, table[:, :6].T > 0)
    assert simulator.course.skills == ("S1", "S2", "S3", "S4", "S5", "S6")


@pytest.mark.parametrize("scenario", PAPER)
def test_a_plain_recount(scenario):
    # One learner after the other, from the same draws.
    simulator, learners = KT6kc(scenario), 50
    state, luck = enrolled(simulator, learners)
    known = np.zeros((learners, 6), bool)
    rng = np.random.default_rng(scenario)
    for t in range(80):
        item = rng.integers(0, 6, learners)
        correct = practise(simulator, state, luck, item)
        for i, k in enumerate(item):
            row = PAPER[scenario][k].replace(" ", "")
            p = sum(int(row[j]) for j in range(6) if known[i, j]) / 10 + int(row[6]) / 10
            known[i, k] |= uniform(luck.fate[i], t, LEARN + k) < p
            assert correct[i] == (uniform(luck.fate[i], t, ANSWER) < (0.9 if known[i, k] else 0.1))
    assert np.array_equal(mastery(simulator, state, luck), known)
    assert 0.3 < known.mean() < 1.0


def test_learning_comes_before_the_answer():
    simulator = KT6kc(learn=[1.0], dependencies=[[0.0]], guess=0.0, slip=0.0)
    state, luck = enrolled(simulator, 50)
    assert not chance(simulator, state, luck, 0).any()
    assert practise(simulator, state, luck, 0).all()


def test_dependencies_add_up_and_are_cut_off_at_one():
    simulator = KT6kc(learn=[1.0, 1.0, 0.1], dependencies=[[0, 0, 0], [0, 0, 0], [0.7, 0.6, 0]])
    state, luck = enrolled(simulator, 20_000)
    practise(simulator, state, luck, 0)
    practise(simulator, state, luck, np.where(luck.number % 2, 1, 0))
    practise(simulator, state, luck, 2)
    learned = mastery(simulator, state, luck)[:, 2]
    assert learned[1::2].all()
    assert abs(learned[::2].mean() - 0.8) < 4 * np.sqrt(0.8 * 0.2 / 10_000)


def test_perturbed_learners_differ_as_published():
    n = 20_000
    simulator = KT6kc(scenario=1, perturbed=True)
    state, _ = enrolled(simulator, n)

    def cut(base):
        """Mean of max(0, X) and P(X <= 0) for X ~ N(base - .05, .005)."""
        m, sd = base - 0.05, np.sqrt(0.005)
        return m * stats.norm.cdf(m / sd) + sd * stats.norm.pdf(m / sd), stats.norm.cdf(-m / sd)

    for values, base in (
        (state.learn[:, 0], 0.2),
        (state.learn[:, 1], 0.2),
        (state.guess[:, 5], 0.1),
        (state.slip[:, 0], 0.1),
        (state.depends[:, 2, 0], 0.1),
        (state.depends[:, 5, 4], 0.2),
    ):
        mean, none = cut(base)
        assert abs(values.mean() - mean) < 4 * values.std() / np.sqrt(n)
        assert abs((values == 0).mean() - none) < 4 * np.sqrt(none / n)
        assert values.min() == 0.0
        assert values.max() > base + 0.1
    drawn = np.stack([state.learn[:, 0], state.learn[:, 1], state.guess[:, 5], state.depends[:, 5, 4]])
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 4 / np.sqrt(n)
    # a skill that nobody has is gained by nobody
    assert (state.learn[:, 2:] == 0).all()
    assert (state.depends[:, simulator.depends == 0] == 0).all()


def test_perturbed_probabilities_stay_probabilities():
    high = KT6kc(learn=[1.0], dependencies=[[0.0]], guess=0.0, slip=0.99, perturbed=True)
    state, _ = enrolled(high, 5000)
    assert (state.learn == 1.0).mean() == pytest.approx(stats.norm.cdf(-0.05 / np.sqrt(0.005)), abs=0.03)
    for values in (state.learn, state.slip):
        assert ((values >= 0) & (values <= 1)).all()


def test_unperturbed_learners_are_alike():
    state, _ = enrolled(KT6kc(scenario=3), 10)
    assert all((values == values[0]).all() for values in state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scenario": 5}, "kt6kc.scenario = 5: must be a whole number from 0 to 4"),
        ({"learn": [0.2, -0.1]}, r"kt6kc.learn\[1\] = -0.1: must be a probability in \[0, 1\]"),
        ({"learn": [0.2, 0.1]}, "kt6kc.dependencies = None: must be given, for 2 skills"),
        ({"learn": ["much"] * 6}, "kt6kc.learn = .*: must be numbers"),
        ({"dependencies": [[0.1]]}, r"kt6kc.dependencies = array of shape \(1, 1\): must be"),
        ({"learn": [0.1], "dependencies": [[float("nan")]]}, "kt6kc.dependencies = nan: must be finite"),
        ({"learn": [0.1], "dependencies": [[-0.5]]}, "kt6kc.dependencies = -0.5: must be >= 0"),
        ({"learn": [0.1, 0.1], "dependencies": [[0, 1], [1, 0]]}, "course.prerequisites = .*cycles"),
        ({"guess": [0.2] * 5}, "kt6kc.guess = array of shape"),
        ({"guess": 0.5, "slip": 0.5}, r"kt6kc guess \+ slip = 1.0: must be below 1"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        KT6kc(**changes)


# Published figures: mean mastery of scenario 0 after 25, 50 and 100 steps, and their standard errors.

STEPS = [25, 50, 100]
RANDOM, OTHERS = (0.0007, 0.0011, 0.0013), (0.015, 0.015, 0.015)
PINS = {
    "random": ((0.139, 0.278, 0.544), RANDOM),
    "zpdes": ((0.439, 0.760, 0.983), OTHERS),
    "threshold, T=.3": ((0.62, 0.86, 0.87), OTHERS),
    "threshold, T=.2": ((0.619, 0.905, 0.927), OTHERS),
    "oracle": ((0.765, 0.987, 1.0), OTHERS),
}
Z = NormalDist().inv_cdf(1 - 0.0027 / (len(PINS) * len(STEPS)) / 2)


class ThenTheLast:
    """The first skill in order that is believed below .95; then the last skill for good."""

    respects_mask = True

    def __init__(self, task):
        self.belief = task.layout.columns("belief")

    def begin(self, luck):
        return None

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        left = observation[:, self.belief] < np.float32(0.95)
        return np.where(left.any(axis=1), left.argmax(axis=1), left.shape[1] - 1), None


class FirstUnknown:
    """An oracle: the lowest skill in the chain that is not known; the last one when all are."""

    respects_mask = True

    def watch(self, episodes):
        self.episodes = episodes

    def begin(self, luck):
        return None

    def predict(self, observation, state=None, episode_start=None, deterministic=True, action_masks=None):
        left = self.episodes.after < 1.0
        return np.where(left.any(axis=1), left.argmax(axis=1), left.shape[1] - 1), None


def made(learn=0.3, scenario=0):
    tutor = BktParameters([0.1] * 6, [learn] * 6, [0.1] * 6, [0.1] * 6)
    return Task(simulator=KT6kc(scenario), tutor=tutor, steps=100)


def curve(name, learners):
    """Mean mastery of each learner after 25, 50 and 100 steps (it starts at 0)."""
    task = made(learn=0.2 if name.endswith("T=.2") else 0.3)
    policy = {
        "random": lambda: UniformRandom()(task, 0, TRACKER),
        "zpdes": lambda: Zpdes()(task, 0, TRACKER),
        "oracle": FirstUnknown,
    }.get(name, lambda: ThenTheLast(task))()
    return rollout(task, policy, learners).curve[:, STEPS].astype(np.float64)


def distance(found, stated, stated_se):
    """The difference between the means, `[steps]`, in standard errors of that difference."""
    se = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    return np.abs(found.mean(axis=0) - np.array(stated)) / np.hypot(se, stated_se)


@pytest.mark.parametrize("name", PINS)
def test_pins_quickly(name):
    found = curve(name, 2000)
    assert (distance(found, *PINS[name]) <= Z).all(), found.mean(axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", PINS)
def test_pins(name):
    found = curve(name, 40_000)
    assert (distance(found, *PINS[name]) <= Z).all(), found.mean(axis=0)


def test_the_check_can_fail():
    found = curve("threshold, T=.3", 2000)
    assert (distance(found, *PINS["zpdes"]) > Z).all()
    assert (distance(found, *PINS["random"]) > Z).all()


@pytest.mark.parametrize(("name", "p"), [("random", 0.2 / 6), ("oracle", 0.2)])
def test_two_policies_have_closed_forms(name, p):
    # Each step of the chain is one success of a Bernoulli trial: random hits the skill next in turn one
    # time in six, and the oracle always.
    found = curve(name, 4000)
    for column, steps in enumerate(STEPS):
        n = np.arange(steps + 1)
        mean = (np.minimum(6, n) / 6) @ stats.binom.pmf(n, steps, p)
        second = (np.minimum(6, n) / 6) ** 2 @ stats.binom.pmf(n, steps, p)
        se = np.sqrt((second - mean**2) / len(found))
        assert abs(found[:, column].mean() - mean) <= 4 * se + 1e-9


def test_the_threshold_rule_is_the_projects_own_until_nothing_is_left():
    task = made()
    own = rollout(task, MasteryThreshold()(task, 0, TRACKER), 300).item
    here = rollout(task, ThenTheLast(task), 300).item
    changed = np.flatnonzero((own != here).any(axis=1))
    first = (own != here).argmax(axis=1)
    assert len(changed) > 50
    assert (here[changed, first[changed]] == 5).all()  # every belief but perhaps the last had reached .95
    assert (first[changed] >= 12).all()  # which takes two practices a skill at least


@pytest.mark.parametrize("scenario", PAPER)
def test_everything_is_learned_in_order_of_the_course(scenario):
    simulator = KT6kc(scenario)
    state, luck = enrolled(simulator, 200)
    for k in simulator.course.order:
        for _ in range(100):
            practise(simulator, state, luck, k)
    assert mastery(simulator, state, luck).all()
