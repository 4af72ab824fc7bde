"""One priced skill against the tree of all answers."""

import numpy as np
import pytest

from coursewright.agents.rules.one_skill import COARSE, GRID, Skill, indices, values

SKILLS = [
    Skill(0.3, 0.2, 0.1),
    Skill(0.05, 0.45, 0.3),
    Skill(0.6, 0.0, 0.0),
    Skill(0.0, 0.2, 0.1),
    Skill(1.0, 0.1, 0.0),
]


def after(skill, belief, right):
    """The belief after an answer and an opportunity to learn, and the chance of that answer."""
    known, unknown = (1 - skill.slip, skill.guess) if right else (skill.slip, 1 - skill.guess)
    chance = belief * known + (1 - belief) * unknown
    shown = belief * known / chance if chance > 0 else belief
    return shown + (1 - shown) * skill.learn, chance


def onward(skill, belief, price, times):
    """The worth of practising at least once, by the tree of all answers."""
    later = 0.0
    for right in (True, False):
        moved, chance = after(skill, belief, right)
        later += chance * (tree(skill, moved, price, times - 1) if chance > 0 else 0.0)
    return (1 - belief) * skill.learn - price + later


def tree(skill, belief, price, times):
    """The value of at most so many practices, by the tree of all answers."""
    return max(0.0, onward(skill, belief, price, times)) if times else 0.0


@pytest.mark.parametrize("skill", SKILLS)
def test_the_value_is_that_of_the_tree_of_answers_and_never_below(skill):
    prices = np.array([0.0, 0.01, 0.05, 0.2])
    found = values(skill, prices, 8)
    for belief in (0.0, 0.1234, 0.5, 0.777, 0.99, 1.0):
        for price, value in zip(prices, found, strict=True):
            exact = tree(skill, belief, price, 8)
            assert exact - 1e-12 <= np.interp(belief, np.linspace(0, 1, GRID), value) <= exact + 3e-6


def test_a_coarser_grid_only_makes_the_value_larger():
    prices = np.linspace(0.0, 0.3, 9)
    fine = values(SKILLS[0], prices, 30)[:, :: (GRID - 1) // 20]
    coarse = values(SKILLS[0], prices, 30, grid=21)
    assert (coarse >= fine - 1e-12).all()
    assert coarse.max() > fine.max() or (coarse > fine + 1e-6).any()


@pytest.mark.parametrize("skill", SKILLS)
def test_at_no_price_everything_that_can_be_learned_is(skill):
    value = values(skill, np.zeros(1), 6)[0]
    assert np.allclose(value, (1 - np.linspace(0, 1, GRID)) * (1 - (1 - skill.learn) ** 6), atol=1e-9)


@pytest.mark.parametrize("times", [1, 2, 6])
@pytest.mark.parametrize("skill", SKILLS)
def test_at_its_index_a_practice_is_just_worth_it(skill, times):
    found = indices(skill, times)
    for place in (0, 57, 200, 333):
        belief = place / (COARSE - 1)
        low, high = 0.0, skill.learn + 1e-12
        for _ in range(40):
            price = (low + high) / 2
            low, high = (price, high) if onward(skill, belief, price, times) >= 0 else (low, price)
        assert found[place] == pytest.approx(low, abs=2e-4)
    gain = (1 - np.linspace(0, 1, COARSE)) * skill.learn
    assert (found >= gain).all()
    assert (found <= skill.learn + 1e-12).all()
    assert times > 1 or np.allclose(found, gain, atol=1e-9)
