"""TMS learners: transition frequencies by chi-square, and DINA answers."""

from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from scipy import stats

import coursewright
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.tms import Tms
from learners import assert_share, chance, enrolled, mastery, practise

N = 40_000
CONFIG = Path(coursewright.__file__).parent / "configs" / "simulator" / "tms.yaml"

# Three skills in any order, one item that needs two of them; practice can also cost a skill.
COURSE = Course.of(["a", "b", "c"], items={"a": "a", "bc": ["b", "c"]})
PROFILES = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1]]
MOVES = [
    [[0.5, 0.5, 0, 0, 0], [0.1, 0.9, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0.6, 0.4], [0, 0, 0, 0, 1]],
    [[0.6, 0, 0.3, 0.1, 0], [0, 1, 0, 0, 0], [0, 0, 0.5, 0.5, 0], [0, 0, 0, 1, 0], [0.05, 0, 0, 0.05, 0.9]],
]


def own(**changes):
    given = {
        "course": COURSE,
        "profiles": PROFILES,
        "start": [0.3, 0.1, 0.2, 0.2, 0.2],
        "transitions": MOVES,
        "guess": [0.2, 0.05],
        "slip": [0.1, 0.3],
    }
    return Tms(**(given | changes))


def assert_frequencies(found, expected):
    """A chi-square test of counts against probabilities; impossible outcomes must not happen."""
    expected = np.asarray(expected, float)
    assert not found[expected == 0].any()
    counted, chances = found[expected > 0], expected[expected > 0]
    if len(counted) > 1:
        assert stats.chisquare(counted, counted.sum() * chances).pvalue > 1e-4


@pytest.mark.parametrize("simulator", [Tms(), own()], ids=["published", "own"])
def test_transition_frequencies(simulator):
    state, luck = enrolled(simulator, N)
    profiles = len(simulator.profiles)
    counts = np.zeros((2, profiles, profiles), int)
    rng = np.random.default_rng(3)
    for _ in range(10):
        item, before = rng.integers(0, 2, N), state.profile.copy()
        practise(simulator, state, luck, item)
        np.add.at(counts, (item, before, state.profile), 1)
    tested = 0
    for item in range(2):
        for x in range(profiles):
            if counts[item, x].any():
                tested += 1
                assert_frequencies(counts[item, x], simulator.transitions[item][x])
    assert tested == 2 * profiles


def test_the_published_instance():
    simulator = Tms()
    state, luck = enrolled(simulator, N)
    assert_frequencies(np.bincount(state.profile, minlength=3), [0.5, 0.5, 0.0])
    practise(simulator, state, luck, 1)
    practise(simulator, state, luck, 0)
    # 10 -> 11 with .7 by item 1; then 00 -> 10 with .6 by item 0
    assert_frequencies(np.bincount(state.profile, minlength=3), [0.2, 0.45, 0.35])
    known = mastery(simulator, state, luck)
    assert_share(known[:, 0], 0.8)
    assert_share(known[:, 1], 0.35)
    for chances in (simulator.guess, simulator.slip):
        assert all(0.1 <= p <= 0.3 for p in chances)
    drawn = np.random.default_rng(0).uniform(0.1, 0.3, (2, 2))
    np.testing.assert_allclose([simulator.guess, simulator.slip], drawn, atol=5e-4)


def test_the_next_step_rests_on_the_last_alone():
    # The chain is Markov and steps draw anew: after two practices, the square of the matrix.
    simulator = own(start=[1, 0, 0, 0, 0])
    state, luck = enrolled(simulator, N)
    for _ in range(3):
        practise(simulator, state, luck, 1)
    expected = np.linalg.matrix_power(np.array(MOVES[1]), 3)[0]
    assert_frequencies(np.bincount(state.profile, minlength=5), expected)


def test_dina():
    # P = g^(1 - eta) (1 - s)^eta, eta = 1 with every needed skill
    simulator = own()
    state, luck = enrolled(simulator, 500)
    has = np.array(PROFILES)[state.profile]
    assert set(state.profile) == set(range(5))
    np.testing.assert_allclose(chance(simulator, state, luck, 0), np.where(has[:, 0], 0.9, 0.2))
    np.testing.assert_allclose(chance(simulator, state, luck, 1), np.where(has[:, 1] * has[:, 2], 0.7, 0.05))


def test_answers_come_from_the_old_profile():
    simulator = Tms(
        start=[1, 0, 0], transitions=[[[0, 1, 0], [0, 1, 0], [0, 0, 1]], np.eye(3)], guess=0, slip=0
    )
    state, luck = enrolled(simulator, 50)
    assert not practise(simulator, state, luck, 0).any()
    assert practise(simulator, state, luck, 0).all()


def test_the_file_holds_the_published_instance():
    simulator = instantiate(OmegaConf.load(CONFIG))
    plain = Tms()
    assert simulator.course.hash == plain.course.hash
    for name in ("skills", "right", "reached", "reached_first"):
        assert np.array_equal(getattr(simulator, name), getattr(plain, name))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": [0.5, 0.4, 0, 0, 0]}, "tms.start = a row with the sum 0.9: must be rows that add up to 1"),
        ({"start": [1.0]}, r"tms.start = array of shape \(1,\)"),
        ({"transitions": MOVES[:1]}, "tms.transitions = array of shape"),
        ({"transitions": 0.1}, "tms.transitions = a row with the sum 0.5"),
        ({"transitions": [MOVES[0], np.eye(5) * 1.5 - 0.1]}, r"tms.transitions\[1, 0, 0\] = 1.4"),
        ({"profiles": [[0, 0, 2]] * 5}, "tms.profiles = .*: must be 0s and 1s"),
        ({"profiles": [[0, 0, 1]] * 5}, "tms.profiles = .*: must be each listed once"),
        ({"profiles": [[0, 0]] * 5}, r"tms.profiles = array of shape \(5, 2\)"),
        ({"guess": 0.8}, r"tms guess \+ slip = 1.1"),
        ({"slip": [0.1, 1.2]}, r"tms.slip\[1\] = 1.2"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        own(**changes)
