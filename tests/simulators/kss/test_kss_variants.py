"""The later variants of KSS: allowed items, warm-up, answers, and pins of each."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

import plain_kss
from coursewright.agents.planners.oracles import OracleBeam, OracleGreedy
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rewards import normalised_gain
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.kss.dynamics import ability_at
from coursewright.simulators.kss.learners import CSEAL18, FAR, FOLLOWERS, Kss, Variant
from coursewright.simulators.kss.variants import edusim19, edusim20, edusim21, v3
from coursewright.simulators.luck import Seeds, identify
from coursewright.simulators.protocol import clone, empty_response, take
from kss_equations import GOLDEN, ORDER, STOP, grown
from small_tasks import begun
from toy_policies import Shuffle

MAKE = {"edusim19": edusim19, "edusim20": edusim20, "edusim21": edusim21, "v3": v3}
EDUSIM = ["edusim19", "edusim20", "edusim21"]
TABLE = np.array([[k in after for k in range(10)] for after in FOLLOWERS])


def p_right(ability, simulator):
    return 0.25 + 0.75 / (1 + np.exp(-8.5 * (ability - simulator.course.difficulty)))


def luck_of(learners, first=0):
    return identify(Seeds(), np.arange(first, first + learners), 0, np.zeros(learners, np.int64))


def arrivals(simulator, learners, first=0):
    state = simulator.empty(learners)
    return state, simulator.enrol(state, np.arange(learners), luck_of(learners, first))


def practise(simulator, state, item, taught):
    response = empty_response(len(item))
    simulator.practise(state, np.asarray(item), np.asarray(taught), luck_of(len(item)), response)
    return response.correct


def task(name, steps=20):
    return Task(simulator=MAKE[name](), steps=steps, reward=normalised_gain, features=("goal",))


# The settings of each


def test_difficulties_rise_in_the_stated_order() -> None:
    rising = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert edusim19().course.difficulty.tolist() == [0, 1, 2, 3, 3, 0, 3, 3, 4, 4]
    assert edusim21().course.difficulty[[0, 1, 2, 3, 4, 8, 5, 9, 6, 7]].tolist() == rising
    assert v3().course.difficulty[ORDER].tolist() == rising
    assert Kss().variant == CSEAL18


def test_edusim_of_2020_has_the_learners_of_2019() -> None:
    assert edusim20().variant == edusim19().variant


@pytest.mark.parametrize("name", MAKE)
def test_golden_growth(name) -> None:
    """The published transitions; where nothing restricts, the refused ones are taught as well."""
    if not GOLDEN.is_file():
        pytest.skip(f"the golden transitions are not here: {GOLDEN}")
    golden = json.loads(GOLDEN.read_text())
    simulator, action = MAKE[name](), np.array([case["action"] for case in golden])
    state = simulator.empty(400)
    state.ability[:] = [case["state"] for case in golden]
    state.last[:] = [-1 if case["last"] is None else case["last"] for case in golden]
    allowed = np.empty((400, 10), bool)
    simulator.allowed(state, allowed)
    accepted = np.array([case["accepted"] for case in golden])
    taught = allowed[np.arange(400), action]
    assert np.array_equal(taught, accepted if name in EDUSIM else np.ones(400, bool))
    practise(simulator, state, action, taught)
    expected = [
        case["next"] if case["accepted"] or name in EDUSIM else grown(np.array(case["state"]), case["action"])
        for case in golden
    ]
    np.testing.assert_allclose(state.ability, expected, atol=1e-8, rtol=0)


# Allowed items


@pytest.mark.parametrize("name", MAKE)
def test_what_is_allowed_after_what(name) -> None:
    simulator = MAKE[name]()
    state, _ = arrivals(simulator, 1100)
    state.last[:] = np.arange(1100) % 11 - 1
    allowed = np.zeros((1100, 10), bool)
    simulator.allowed(state, allowed)
    free = (state.last < 0) | (name == "v3")  # targets play no part in any of these
    assert np.array_equal(allowed, TABLE[state.last] | free[:, None])
    assert simulator.restricts == (name in EDUSIM)


def test_what_is_refused_costs_the_step_and_teaches_nothing() -> None:
    episodes = begun(task("edusim19"), 300)
    before = clone(episodes.state)
    action = (~episodes.mask[:, :10]).argmax(axis=1)
    episodes.step(action)
    assert episodes.refused.all()
    assert all(np.array_equal(now, then) for now, then in zip(episodes.state, before, strict=True))
    chance = p_right(before.ability, episodes.task.simulator)[np.arange(300), action]
    assert np.array_equal(episodes.response.correct, chance >= 0.5)


# Answers


@pytest.mark.parametrize("name", MAKE)
def test_who_learns_first_answers_from_the_new_ability(name) -> None:
    simulator, learners = MAKE[name](), 4000
    state = simulator.empty(learners)
    state.ability[:] = -0.5  # skill 0 has difficulty 0 and no prerequisites: -.5 grows to 2.25
    taught = np.arange(learners) % 2 == 0
    correct = practise(simulator, state, np.zeros(learners, int), taught)
    assert np.array_equal(state.ability[:, 0], np.where(taught, 2.25, -0.5))
    if name in EDUSIM:
        assert np.array_equal(correct, taught)
    else:
        p = 0.25 + 0.75 / (1 + np.exp(8.5 * 0.5))
        for half in (taught, ~taught):
            assert stats.binomtest(int(correct[half].sum()), 2000, p).pvalue > 1e-3


@pytest.mark.parametrize("name", MAKE)
def test_p_correct_is_the_chance_of_a_right_answer(name) -> None:
    simulator, item = MAKE[name](), np.arange(5000) % 10
    state, _ = arrivals(simulator, 5000)
    chance, mastery = np.empty(5000), np.empty((5000, 10), np.float32)
    simulator.p_correct(state, item, chance)
    simulator.mastery(state, mastery)
    p = p_right(state.ability, simulator)
    np.testing.assert_allclose(mastery, p, rtol=1e-6)
    correct = practise(simulator, state, item, np.zeros(5000, bool))
    if name in EDUSIM:
        assert np.array_equal(chance, p[np.arange(5000), item] >= 0.5)
        assert np.array_equal(correct, chance)
        assert 0 < correct.sum() < 5000
    else:
        np.testing.assert_allclose(chance, p[np.arange(5000), item], rtol=1e-12)
        assert abs((correct - chance).sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())


def test_mastery_needs_no_exponential_far_from_the_difficulty() -> None:
    simulator = Kss()
    gap = np.concatenate([np.linspace(-4, 4, 3000), [-FAR, FAR, *np.nextafter([-FAR, FAR, -FAR, FAR], 0)]])
    state, mastery = simulator.empty(len(gap)), np.empty((len(gap), 10), np.float32)
    state.ability[:] = simulator.course.difficulty + gap[:, None]
    simulator.mastery(state, mastery)
    exact = (0.25 + 0.75 / (1 + np.exp(-8.5 * gap))).astype(np.float32)
    np.testing.assert_allclose(mastery, exact[:, None] * np.ones(10, np.float32), rtol=2e-7)
    assert (mastery[gap < -FAR] == 0.25).all()
    assert (exact[gap < -FAR] == 0.25).all()
    assert (mastery[gap > FAR] == 1.0).all()
    assert (exact[gap > FAR] == 1.0).all()


def test_ability_at_inverts_the_response_curve() -> None:
    for p in (0.3, 0.5, 0.6, 0.99):
        assert 0.25 + 0.75 / (1 + np.exp(-8.5 * ability_at(p))) == pytest.approx(p, abs=1e-12)
    assert ability_at(0.5) == pytest.approx(-np.log(2) / 8.5)


# Arrival


def starts(simulator, learners):
    """Abilities and targets before the warm-up: the same learners, with its effect undone."""
    return arrivals(Kss(replace(simulator.variant, warm_up_kept=False)), learners)[0]


@pytest.mark.parametrize("name", MAKE)
def test_starting_abilities(name) -> None:
    base = np.round(starts(MAKE[name](), 20_000).ability + 0.1 * np.arange(10), 9)
    levels, counts = np.unique(base, return_counts=True)
    assert levels.tolist() == ([-3, -2, -1] if name == "edusim21" else [-3, -2, -1, 0])
    np.testing.assert_allclose(counts / counts.sum(), 1 / len(levels), atol=0.005)


def distinct(draws: int) -> np.ndarray:
    """P(so many different ones) among ten, for that many draws with replacement."""
    p = np.zeros(11)
    p[0] = 1.0
    for _ in range(draws):
        p = p * np.arange(11) / 10 + np.append(0, p[:-1] * (10 - np.arange(10)) / 10)
    return p


@pytest.mark.parametrize("name", MAKE)
def test_how_many_targets(name) -> None:
    goal = starts(MAKE[name](), 20_000).goal
    expected = np.zeros(11)
    expected[3:] = 1 / 8
    if name == "edusim21":
        expected = np.mean([distinct(draws) for draws in range(3, 10)], axis=0)
    counts = np.bincount(goal.sum(axis=1), minlength=11)
    assert (counts[expected == 0] == 0).all()
    some = expected * 20_000 > 5
    assert (
        stats.chisquare(counts[some], expected[some] / expected[some].sum() * counts[some].sum()).pvalue
        > 1e-3
    )
    np.testing.assert_allclose(goal.mean(axis=0), goal.mean(), atol=4.5 * np.sqrt(0.25 / 20_000))


@pytest.mark.parametrize("name", MAKE)
def test_something_is_left_for_everybody(name) -> None:
    simulator = MAKE[name]()
    state, prologue = arrivals(simulator, 20_000)
    mastered = (p_right(state.ability, simulator) >= 0.5) & state.goal
    assert (mastered.sum(axis=1) < state.goal.sum(axis=1)).all()
    assert np.array_equal(prologue.goal, state.goal)


def test_a_variant_without_anything_to_learn_is_no_endless_search() -> None:
    state, _ = arrivals(Kss(Variant(difficulty=(-30.0,) * 10)), 2)
    assert (state.goal.sum(axis=1) >= 3).all()


@pytest.mark.parametrize("name", MAKE)
def test_rows_do_not_depend_on_the_batch(name) -> None:
    simulator = MAKE[name]()
    state, past = arrivals(simulator, 60)
    part, part_past = arrivals(simulator, 9, first=30)
    for mine, theirs in zip((*part, *part_past), (*state, *past), strict=True):
        assert np.array_equal(mine, theirs[30:39])


# Warm-up


def replay(simulator, ability, item, correct):
    """Go through one warm-up: yields what was known before each round, and the round's items.

    Answers are checked on the way where they are certain.  Last come what was learned and the last
    item that was accepted.
    """
    variant, last, done = simulator.variant, -1, 0
    while done < len(item):
        latest = item[max(0, done - 3) : done]
        again = done > 0 and correct[done - 1] == 1 and len(set(latest)) > 1
        size = 2 if again and done + 2 <= variant.warm_up_records else 1
        yield ability.copy(), done, again, item[done : done + size]
        for k in item[done : done + size]:
            if not variant.warm_up_by_table or last < 0 or TABLE[last, k]:
                ability[:], last = grown(ability, k), k
            if variant.certain:
                assert correct[done] == (p_right(ability, simulator)[k] >= 0.5)
            done += 1
    yield ability.copy(), done, last, None


@pytest.mark.parametrize("name", MAKE)
def test_the_warm_up_is_replayed_to_the_same_end(name) -> None:
    """Refused items taught nothing, answers were certain, and all that was learned is kept."""
    simulator = MAKE[name]()
    state, past = arrivals(simulator, 400)
    before = starts(simulator, 400)  # nobody of these was drawn again, or their targets would differ
    once = (before.goal == state.goal).all(axis=1)
    assert once.sum() > (350 if name in EDUSIM else 250)
    refused, repeats = 0, 0
    for i in np.flatnonzero(once):
        item, correct = (array[i, : past.length[i]] for array in (past.item, past.correct))
        *turns, (ability, done, last, _) = replay(simulator, before.ability[i].copy(), item, correct)
        np.testing.assert_allclose(ability, state.ability[i], atol=1e-12)
        assert last == state.last[i]
        assert done == past.length[i]
        for _, begin, again, items in turns:
            repeats += again
            assert not again or set(items) == {item[begin - 1]}
        refused += last != item[-1]
        assert len(turns) <= 20
    assert repeats > 20
    if name in EDUSIM:
        assert past.item.shape[1] == past.length.max() == 20
        assert refused > 0
    else:
        assert past.length.max() > 20


def test_at_nineteen_records_an_item_is_asked_again_only_once() -> None:
    """Without the table, which keeps most learners from a right answer worth repeating."""
    simulator = Kss(replace(edusim19().variant, warm_up_by_table=False))
    state, past = arrivals(simulator, 150)
    before, cut = starts(simulator, 150), []
    for i in np.flatnonzero((before.goal == state.goal).all(axis=1)):
        item, correct = (array[i, : past.length[i]] for array in (past.item, past.correct))
        for _, begin, again, items in replay(simulator, before.ability[i].copy(), item, correct):
            if begin == 19 and again:
                cut.append(items.tolist() == [item[18]] and len(item) == 20)
    assert all(cut)
    assert len(cut) > 10


def test_only_edusim_of_2021_looks_at_ability_in_the_warm_up() -> None:
    assert edusim21().variant.ready_ability == 0.6
    assert [MAKE[name]().variant.ready_ability for name in ("edusim19", "v3")] == [None, None]


@pytest.mark.parametrize("name", ["edusim19", "edusim21", "v3"])
def test_the_warm_up_moves_on_where_a_skill_is_ready(name) -> None:
    """By P(correct) < .6; in EduSim of 2021 by ability < .6, for any difficulty of the item.

    Without the table, which keeps most learners from getting as far as to tell the two apart.
    """
    simulator = Kss(replace(MAKE[name]().variant, warm_up_by_table=False))
    state, past = arrivals(simulator, 400)
    before = starts(simulator, 400)
    hits, chances = {"p": 0, "ability": 0}, []
    for i in np.flatnonzero((before.goal == state.goal).all(axis=1)):
        item, correct = (array[i, : past.length[i]] for array in (past.item, past.correct))
        for ability, begin, again, items in replay(simulator, before.ability[i].copy(), item, correct):
            wrong = begin > 0 and correct[begin - 1] == 0
            levels = {"p": p_right(ability, simulator), "ability": ability}
            firsts = {rule: next((k for k in ORDER if levels[rule][k] < 0.6), -1) for rule in hits}
            choices = {*firsts.values(), int(item[begin - 1]) if wrong else STOP}
            if items is None or again or len(choices) < 3 or min(choices) < 0:
                continue  # the end, or a rule of its own, or the two readings of "ready" agree
            chances.append(0.3 if wrong else 1.0)
            for rule, first in firsts.items():
                hits[rule] += items[0] == first
    right, other = ("ability", "p") if name == "edusim21" else ("p", "ability")
    for rule, share in ((right, 0.9 + 0.1 / 10), (other, 0.1 / 10)):
        p = share * np.array(chances)
        assert abs(hits[rule] - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum())
    assert len(chances) > 100


# Pins.  Share of targets mastered at the start, and E_p of uniform random choice in 20 steps


def simulated(name, learners, first=0):
    state, _ = arrivals(MAKE[name](), learners, first)
    mastered = (p_right(state.ability, MAKE[name]()) >= 0.5) & state.goal
    start = mastered.sum(axis=1) / state.goal.sum(axis=1)
    return start, rollout(task(name), Shuffle(10), learners, first=first).returned


# Mean and standard error of 200,000 learners each of `python tests/plain_kss.py 200000`
PLAIN = {
    "edusim19": ((0.14784, 0.00027), (0.12208, 0.00034)),
    "edusim21": ((0.14199, 0.00033), (0.17810, 0.00047)),
    "v3": ((0.54587, 0.00051), (0.48227, 0.00080)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_implementation_gives_the_same(name) -> None:
    for ours, theirs in zip(simulated(name, 20_000), plain_kss.figures(name, 2500, seed=1), strict=True):
        se = np.hypot(np.std(ours) / np.sqrt(len(ours)), np.std(theirs) / np.sqrt(len(theirs)))
        assert abs(np.mean(ours) - np.mean(theirs)) <= 3 * se


def check(name, learners):
    z = stats.norm.isf(0.0027 / (2 * len(PLAIN)) / 2)
    for ours, (mean, se) in zip(simulated(name, learners), PLAIN[name], strict=True):
        assert abs(ours.mean() - mean) <= z * np.hypot(ours.std() / np.sqrt(learners), se)


@pytest.mark.parametrize("name", PLAIN)
def test_pins(name) -> None:
    check(name, 20_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAIN)
def test_pins_closely(name) -> None:
    check(name, 200_000)


def test_the_stated_figures_of_edusim19() -> None:
    """Stated without a sample size: taken for one of 4,000 learners, as many as EduSim has."""
    for ours, stated in zip(simulated("edusim19", 20_000), (0.147, 0.1228), strict=True):
        se = ours.std() * np.hypot(1 / np.sqrt(len(ours)), 1 / np.sqrt(4000))
        assert abs(ours.mean() - stated) <= stats.norm.isf(0.0027 / 2 / 2) * se


# Oracles plan by growth and by the allowed items, which every variant has


@pytest.mark.parametrize("name", MAKE)
def test_the_beam_finds_the_optimum_and_greedy_the_best_next_state(name) -> None:
    short, learners = task(name, 2), 60
    most, first = np.zeros(learners), np.full((10, learners), -np.inf)
    for items in product(range(10), repeat=2):
        episodes = begun(short, learners)
        valid, returned = np.ones(learners, bool), np.zeros(learners)
        for step, item in enumerate(items):
            valid &= episodes.mask[:, item]
            returned += episodes.step(np.full(learners, item)).reward
            if step == 0:
                gap = episodes.state.ability - short.course.difficulty + np.log(2) / 8.5
                gap = np.where(gap >= 0, 1e4, gap) * episodes.goal
                first[item] = np.where(valid, gap.sum(axis=1), -np.inf)
        most = np.maximum(most, np.where(valid, returned, 0.0))
    beam = rollout(short, OracleBeam(kss_width=300)(short, 0, SilentTracker()), learners)
    assert most.max() > 0
    np.testing.assert_allclose(beam.returned, most, atol=1e-6)
    assert not beam.refused.any()
    greedy = rollout(short, OracleGreedy()(short, 0, SilentTracker()), learners)
    assert np.array_equal(greedy.item[:, 0], first.argmax(axis=0))


# Bad input


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("difficulty", (1.0,) * 9),
        ("difficulty", (np.nan,) * 10),
        ("highest_start", -4),
        ("highest_start", 0.5),
        ("most_targets", 2),
        ("most_targets", 11),
        ("warm_up_records", 0),
        ("warm_up_records", 41),
        ("ready_ability", np.inf),
    ],
)
def test_wrong_variants_are_refused(field, value) -> None:
    with pytest.raises(InputError, match=rf"^kss\.{field} = .*: must be "):
        Variant(**{field: value})


def test_take_keeps_learners_apart() -> None:
    state, _ = arrivals(v3(), 5)
    part = take(state, np.array([3, 1]))
    practise(v3(), part, [0, 0], [True, True])
    assert np.array_equal(state.ability, arrivals(v3(), 5)[0].ability)


@pytest.mark.parametrize("learners", [Kss(), edusim19(), edusim21(), v3()])
def test_the_history_begins_with_what_was_accepted(learners):
    task = replace(kss(5), simulator=learners)
    episodes = begun(task, 300)
    assert (episodes.last == episodes.state.last).all()
    shown = episodes.observation[:, task.layout.columns("last_item")]
    assert (shown.argmax(axis=1)[episodes.last >= 0] == episodes.last[episodes.last >= 0]).all()
