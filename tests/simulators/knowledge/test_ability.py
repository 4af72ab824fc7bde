"""Ability learners against the published formulas, written once more with numpy."""

import numpy as np
import pytest

from coursewright.errors import InputError
from coursewright.simulators.knowledge.ability import LEVELS, Ability, near
from coursewright.simulators.luck import ANSWER, LEARN, uniform
from learners import assert_share, chance, enrolled, mastery, practise

N = 40_000


def sigma(x):
    return 1 / (1 + np.exp(-x))


def at(simulator, *competence, learners=N):
    """Learners with exactly these competences."""
    state, luck = enrolled(simulator, learners)
    state.competence[:] = competence
    return state, luck


def test_near_by_hand():
    assert near(0.3, 0.3) == pytest.approx(0.668188, abs=1e-6)  # sigma(.7)
    assert near(0.0, 0.2) == pytest.approx(0.214165, abs=1e-6)  # sigma(-1.3)
    assert near(1.0, 0.0) == pytest.approx(0.999977, abs=1e-6)  # sigma(10.7)


def test_p_correct_is_a_geometric_mean_over_all_skills():
    simulator = Ability({"x": {"a": 0.5}, "y": {"a": 0.3, "b": 0.9, "c": 0.2}})
    state, luck = at(simulator, 0.4, 0.6, 0.1, learners=3)
    # x: b and c count with the level 0
    x = (sigma(-0.3) * sigma(6.7) * sigma(1.7)) ** (1 / 3)
    y = (sigma(1.7) * sigma(-2.3) * sigma(-0.3)) ** (1 / 3)
    np.testing.assert_allclose(chance(simulator, state, luck, [0, 1, 0]), [x, y, x], rtol=1e-12)


@pytest.mark.parametrize(("lacking", "possible"), [(0.59, True), (0.61, False), (0.9, False)])
def test_far_too_hard_items_are_never_answered(lacking, possible):
    simulator = Ability({"x": {"a": 0.95, "b": 0.1}})
    state, luck = at(simulator, 0.95 - lacking, 1.0, learners=1)
    expected = np.sqrt(sigma(10 * (0.07 - lacking)) * sigma(10 * 0.97)) if possible else 0.0
    assert chance(simulator, state, luck, 0)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("lacking", [0.05, 0.1, 0.2, 0.35])
def test_learning_events(lacking):
    simulator = Ability({"x": {"a": 0.7}})
    state, luck = at(simulator, 0.7 - lacking)
    practise(simulator, state, luck, 0)
    learned = mastery(simulator, state, luck)[:, 0] == np.float32(0.7)
    assert_share(learned, sigma(10 * (0.07 - lacking)))
    assert (state.competence[~learned, 0] == 0.7 - lacking).all()


def test_nothing_is_learned_from_what_is_too_far_or_too_easy():
    simulator = Ability({"hard": {"a": 0.9}, "easy": {"a": 0.2}})
    for competence, item in ((0.49, 0), (0.3, 1)):
        state, luck = at(simulator, competence, learners=3000)
        practise(simulator, state, luck, item)
        assert (state.competence == competence).all()


def test_skills_learn_apart():
    simulator = Ability({"x": {"a": 0.5, "b": 0.4, "c": 0.9}})
    state, luck = at(simulator, 0.4, 0.2, 0.1)
    practise(simulator, state, luck, 0)
    a, b = state.competence[:, 0] == 0.5, state.competence[:, 1] == 0.4
    assert_share(a, sigma(-0.3))
    assert_share(b, sigma(-1.3))
    assert_share(a & b, sigma(-0.3) * sigma(-1.3))
    assert (state.competence[:, 2] == 0.1).all()


def test_learning_comes_before_the_answer():
    simulator = Ability({"x": {"a": 0.5}})
    state, luck = at(simulator, 0.3)
    right = practise(simulator, state, luck, 0)
    learn = sigma(-1.3)
    assert_share(right, learn * sigma(0.7) + (1 - learn) * sigma(-1.3))


def test_a_plain_recount():
    simulator, learners = Ability(), 40
    q = simulator.required
    state, luck = enrolled(simulator, learners)
    c = state.competence.copy()
    rng = np.random.default_rng(0)
    for t in range(120):
        item = rng.integers(0, len(q), learners)
        correct = practise(simulator, state, luck, item)
        for i, a in enumerate(item):
            chances = sigma(10 * (c[i] - q[a] + 0.07)) * (q[a] - c[i] <= 0.4)
            event = np.array([uniform(luck.fate[i], t, LEARN + k) for k in range(4)]) < chances
            c[i] = np.where(event, np.maximum(c[i], q[a]), c[i])
            shown = sigma(10 * (c[i] - q[a] + 0.07)) * (q[a] - c[i] <= 0.6)
            assert correct[i] == (uniform(luck.fate[i], t, ANSWER) < np.prod(shown) ** 0.25)
    assert np.array_equal(state.competence, c)
    assert c.mean() > 0.5


def test_the_course():
    simulator = Ability()
    assert simulator.course.skills == ("money", "adding", "decimals", "change")
    assert simulator.course.items == tuple(LEVELS)
    assert (simulator.course.q_matrix == (simulator.required > 0)).all()
    assert simulator.required[simulator.course.item("pay with cents")].tolist() == [0.6, 0.5, 0.4, 0.0]
    # everything can be learned: from anywhere below the top of a skill some item is near enough
    assert (simulator.required.max(axis=0) == 1.0).all()
    for k in range(4):
        steps = np.unique(np.append(0.0, simulator.required[:, k]))
        assert np.diff(steps).max() <= 0.4


def test_new_learners():
    state, _ = enrolled(Ability(start_low=0.1, start_high=0.5), N)
    spread = (state.competence - 0.1) / 0.4
    assert spread.min() >= 0.0
    assert spread.max() < 1.0
    assert np.abs(spread.mean(axis=0) - 0.5).max() < 4 * np.sqrt(1 / 12 / N)
    again, _ = enrolled(Ability(start_low=0.1, start_high=0.5), np.arange(5, 9))
    assert np.array_equal(again.competence, state.competence[5:9])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"levels": {"x": {"a": 1.2}}}, r"ability.levels\[x\]\[a\].* = 1.2: must be a probability"),
        ({"levels": {"x": {"a": 0.0}}}, r"ability.levels\[x\]\[a\] = 0.0: must be above 0"),
        ({"levels": {"x": {"a": "high"}}}, r"ability.levels\[x\]\[a\] = high: must be"),
        ({"levels": {"x": {}, "y": {"a": 0.5}}}, r"course.items\[x\] = no skill"),
        ({"levels": {}}, "course.skills"),
        ({"start_low": 0.5, "start_high": 0.2}, "ability.start_low, ability.start_high = 0.5, 0.2"),
        ({"start_high": 1.5}, "ability.start_low, ability.start_high = 0.0, 1.5"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Ability(**changes)
