"""The deck of SSP-MMC: pins, value iteration against a plain one, and the schedules' laws."""

import numpy as np
import pytest
from scipy import stats

from coursewright.errors import InputError
from coursewright.evaluation.card.deck import Deck, day_of, decks, lived
from coursewright.evaluation.card.halflife import Memorize, Seconds, SspMmc, Threshold
from coursewright.simulators.memory.dhp import after_lapse, after_recall

SSP = SspMmc()


@pytest.mark.slow
def test_days_of_6000_items():
    # Twenty seeds, stated: 473 (sd 5 over seeds), 530 for the tuned threshold, 533 for .9, 797 for MEMORIZE.
    found = decks(Deck(), 20).set_index("schedule")
    assert found.day["SSP-MMC"] == pytest.approx(473, rel=0.02)
    assert found.day["recall .86"] == pytest.approx(530, rel=0.02)
    assert found.day["recall .9"] == pytest.approx(533, rel=0.02)
    assert found.day["MEMORIZE"] == pytest.approx(797, rel=0.02)


def test_the_same_for_few_seeds():
    deck = Deck(days=620)
    days = [np.mean([day_of(lived(deck, s, seed)) for seed in range(2)]) for s in (SSP, Threshold(0.86))]
    assert days == pytest.approx([473, 530], rel=0.02)


def plain(goal, seconds, sweeps=400):
    """Value iteration in plain loops over a coarse part of the grid: up to a half-life of 3 days."""
    places = {k: 1.05**k for k in range(-30, 122)}
    value = {(k, d): 0.0 if h >= goal else 1e4 for k, h in places.items() for d in range(1, 19)}

    def at(h):
        return min(max(round(np.log(h) / np.log(1.05)), -30), 121)

    for _ in range(sweeps):
        moved = 0.0
        for k in sorted(places, reverse=True):
            h = places[k]
            if h >= goal:
                continue
            for d in range(1, 19):
                options = []
                for t in range(1, max(1, round(h * np.log(0.3) / np.log(0.5))) + 1):
                    p = 2 ** (-t / h)
                    after = after_recall(h, d, p)
                    right = seconds.recall + (0.0 if after >= goal else value[at(after), d])
                    wrong = seconds.lapse + value[at(after_lapse(h, d, p)), min(d + 2, 18)]
                    options.append(p * right + (1 - p) * wrong)
                moved = max(moved, abs(value[k, d] - min(options)))
                value[k, d] = min(options)
        if moved < 1e-3:
            break
    return value


def test_value_iteration_is_a_plain_one():
    seconds, goal = Seconds(2.0, 7.0, 5.0), 4.0
    found, expected = SspMmc(goal, seconds).table[0], plain(goal, seconds)
    for k in range(-30, 122):
        for d in range(1, 19):
            assert found[k + 30, d - 1] == pytest.approx(expected[k, d], abs=0.02)


def test_expected_seconds_are_those_of_simulated_items():
    # Items that follow the table from one grid point; those between two points count as the nearest.
    rng, n = np.random.default_rng(0), 4000
    h, d, spent = np.full(n, 1.05**20), np.full(n, 5.0), np.zeros(n)
    value = SSP.table[0][50, 4]
    for _ in range(400):
        going = np.flatnonzero(h < SSP.goal)
        if not len(going):
            break
        days = SSP.intervals(h[going], d[going], np.zeros(len(going)))
        p = 2 ** (-days / h[going])
        right = rng.random(len(going)) < p
        spent[going] += np.where(right, 3.0, 9.0)
        for i, chance, known in zip(going, p, right, strict=True):
            h[i] = (after_recall if known else after_lapse)(h[i], d[i], chance)
            d[i] = d[i] if known else min(d[i] + 2, 18)
    assert (h >= SSP.goal).all()
    assert value < spent.mean() < 1.1 * value  # the nearest grid point flatters a little


def test_the_same_luck_for_all_and_another_for_each_seed():
    deck = Deck(days=60, goal=20.0)
    first, second = lived(deck, Threshold(0.9), 3), lived(deck, Threshold(0.9), 3)
    assert (first == second).all()
    assert not (first == lived(deck, Threshold(0.9), 4)).all()
    assert (np.diff(first) >= 0).all()


def test_the_first_day_holds_as_many_new_items_as_fit():
    deck = Deck(days=1, budget=61.0, goal=0.1)
    assert lived(deck, Threshold())[0] == 10  # 6 seconds each, and every new item is past this goal
    assert lived(Deck(items=4, days=1, goal=0.1), Threshold())[0] == 4


def test_memorize_draws_from_its_intensity():
    # Survival exp(-(t - (1 - exp(-n t)) / n) / sqrt(q)), in whole days of at least one.
    halflife, n, q = 5.0, 20_000, 4.0
    draw = (np.arange(n) + 0.5) / n
    days = Memorize(q).intervals(np.full(n, halflife), np.ones(n), draw)
    rate = np.log(2) / halflife

    def survival(t):
        return np.exp(-(t - (1 - np.exp(-rate * t)) / rate) / np.sqrt(q))

    for t in (1.0, 3.0, 8.0):
        assert np.mean(days > t) == pytest.approx(survival(t + 0.5), abs=1e-3)
    # Thinning a process of the highest rate has the same law (one review a trial, at unit rate here).
    rng, first = np.random.default_rng(1), np.zeros(2000)
    for i in range(2000):
        t = 0.0
        while True:
            t += rng.exponential(np.sqrt(q))
            if rng.random() < 1 - np.exp(-rate * t):
                break
        first[i] = t
    exact = np.array([stats.ecdf(first).cdf.evaluate(x) for x in (1.5, 3.5, 8.5)])
    assert exact == pytest.approx([1 - survival(x) for x in (1.5, 3.5, 8.5)], abs=0.04)


def test_a_threshold_waits_until_recall_has_fallen():
    days = Threshold(0.5).intervals(np.array([1.0, 10.0, 0.1]), np.ones(3), np.zeros(3))
    assert days.tolist() == [1.0, 10.0, 1.0]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Deck(items=0), r"deck\.items = 0"),
        (lambda: Deck(budget=0.0), r"deck\.budget = 0\.0"),
        (lambda: SspMmc(goal=1e9), "goal = 1"),
        (lambda: Threshold(1.0), r"recall = 1\.0"),
        (lambda: Memorize(0.0), r"q = 0\.0"),
        (lambda: decks(Deck(), 1), "seeds = 1"),
    ],
)
def test_wrong_input_is_named(make, field):
    with pytest.raises(InputError, match=field):
        make()
