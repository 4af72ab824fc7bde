"""The tutor's filter against sums over all hidden paths."""

from itertools import product

import numpy as np
import pytest

from coursewright.envs.belief import after_answer, after_practice, after_wrong


def by_hand(answers, taught, p) -> float:
    """P(known at the end | answers), summed over every hidden path."""
    weight = [0.0, 0.0]
    for path in product((0, 1), repeat=len(answers) + 1):
        chance_of_path = p["prior"] if path[0] else 1 - p["prior"]
        for t, (answer, learning) in enumerate(zip(answers, taught, strict=True)):
            right = 1 - p["slip"] if path[t] else p["guess"]
            chance_of_path *= right if answer else 1 - right
            gain, loss = (p["learn"], p["forget"]) if learning else (0.0, 0.0)
            stays = (1 - loss) if path[t] else (1 - gain)
            chance_of_path *= stays if path[t] == path[t + 1] else 1 - stays
        weight[path[-1]] += chance_of_path
    return weight[1] / sum(weight)


@pytest.mark.parametrize("seed", range(30))
def test_belief_is_the_posterior(seed) -> None:
    rng = np.random.default_rng(seed)
    p = {name: rng.uniform(0.02, 0.45) for name in ("prior", "learn", "forget", "guess", "slip")}
    answers, taught = rng.integers(0, 2, 7), rng.random(7) < 0.8
    belief = p["prior"]
    for answer, learning in zip(answers, taught, strict=True):
        chances = (1 - p["slip"], p["guess"]) if answer else (p["slip"], 1 - p["guess"])
        belief = after_answer(belief, *chances)
        if learning:
            belief = after_practice(belief, p["learn"], p["forget"])
    assert belief == pytest.approx(by_hand(answers, taught, p), rel=1e-12)


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_several_skills_share_an_answer(k, seed) -> None:
    # All 2^k joint states: exact for one opportunity.
    rng = np.random.default_rng(seed)
    belief, guess, slip = rng.uniform(0.05, 0.95, k), rng.uniform(0, 0.4, k), rng.uniform(0, 0.4, k)
    wrong, right = np.zeros(k), np.zeros(k)
    total = 0.0
    for joint in product((0, 1), repeat=k):
        mastered = np.array(joint) == 1
        prior = np.where(mastered, belief, 1 - belief).prod()
        p = np.where(mastered, 1 - slip, guess).prod()
        total += prior * p
        right += mastered * prior * p
        wrong += mastered * prior * (1 - p)
    shown = belief * (1 - slip) + (1 - belief) * guess
    for j in range(k):
        left = after_wrong(belief[j], 1 - slip[j], shown[j], shown.prod())
        assert left == pytest.approx(wrong[j] / (1 - total), rel=1e-12)
        # after a right answer each skill is updated as if alone
        alone = after_answer(belief[j], 1 - slip[j], guess[j])
        assert alone == pytest.approx(right[j] / total, rel=1e-12)


@pytest.mark.parametrize("belief", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("guess", "slip"), [(0.0, 0.0), (0.0, 0.2), (0.2, 0.0), (0.99, 0.0)])
def test_belief_stays_a_probability_at_the_edges(belief, guess, slip) -> None:
    for chances in ((1 - slip, guess), (slip, 1 - guess)):
        assert 0.0 <= after_answer(belief, *chances) <= 1.0
    shown = belief * (1 - slip) + (1 - belief) * guess
    for others in (0.0, 0.5, 1.0):
        assert 0.0 <= after_wrong(belief, 1 - slip, shown, shown * others) <= 1.0
