"""The cseal18 learner: golden transitions, its warm-up replayed by hand, its restrictions, its pins."""

import json
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.simulators.kss.learners import (
    CAP,
    DIFFICULTY,
    EDGES,
    FOLLOWERS,
    MASTERED,
    READY,
    WARM_UP_ROUNDS,
    Kss,
)
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import clone, empty_response, take
from kss_equations import GOLDEN, ORDER, STOP, grown, p_right
from small_tasks import begun
from toy_policies import Shuffle

KSS = Kss()
N = 20_000
SEEDS = Seeds()


def arrivals(learners: int, first: int = 0, seeds: Seeds = SEEDS):
    luck = identify(seeds, np.arange(first, first + learners), Split.TRAIN, np.zeros(learners, np.int64))
    state = KSS.empty(learners)
    return state, luck, KSS.enrol(state, np.arange(learners), luck)


@pytest.fixture(scope="module")
def many():
    return arrivals(N)


def practise(state, luck, item, taught):
    response = empty_response(len(item))
    KSS.practise(state, np.asarray(item), np.asarray(taught), luck, response)
    return response.correct


# Transitions


def test_golden_transitions() -> None:
    if not GOLDEN.is_file():
        pytest.skip(f"the golden transitions are not here: {GOLDEN}")
    golden = json.loads(GOLDEN.read_text())
    assert len(golden) == 400
    state = KSS.empty(400)  # every skill a target: then C(last) alone restricts
    state.ability[:] = [case["state"] for case in golden]
    state.last[:] = [-1 if case["last"] is None else case["last"] for case in golden]
    action = np.array([case["action"] for case in golden])
    allowed = np.empty((400, 10), bool)
    KSS.allowed(state, allowed)
    accepted = allowed[np.arange(400), action]
    assert accepted.tolist() == [case["accepted"] for case in golden]
    before = state.last.copy()
    practise(state, identify(Seeds(), np.arange(400), 0, np.zeros(400, np.int64)), action, accepted)
    np.testing.assert_allclose(state.ability, [case["next"] for case in golden], atol=1e-8, rtol=0)
    assert np.array_equal(state.last, np.where(accepted, action, before))


def test_growth_follows_its_equation() -> None:
    rng = np.random.default_rng(0)
    state = KSS.empty(300)
    state.ability[:] = rng.uniform(-4, 5, (300, 10))
    before, item = state.ability.copy(), rng.integers(0, 10, 300)
    practise(state, identify(Seeds(), np.arange(300), 0, np.zeros(300, np.int64)), item, np.ones(300, bool))
    np.testing.assert_allclose(
        state.ability, [grown(a, k) for a, k in zip(before, item, strict=True)], atol=1e-12
    )
    assert (state.ability <= 5).all()
    assert (state.ability >= before).all()


def test_answers_follow_the_response_curve(many) -> None:
    state, luck, _ = many
    item = np.arange(N) % 10
    chance, mastery = np.empty(N), np.empty((N, 10), np.float32)
    KSS.p_correct(state, item, chance)
    KSS.mastery(state, mastery)
    np.testing.assert_allclose(chance, p_right(state.ability)[np.arange(N), item], rtol=1e-12)
    np.testing.assert_allclose(mastery, p_right(state.ability), rtol=1e-6)
    correct = practise(clone(state), luck, item, np.zeros(N, bool))
    assert abs((correct - chance).sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())


def test_an_untaught_row_only_answers_and_a_missing_item_does_nothing(many) -> None:
    state = take(many[0], np.arange(6))
    luck = identify(Seeds(), np.arange(6), 0, np.zeros(6, np.int64))
    before = clone(state)
    correct = practise(state, luck, [0, 1, 2, -1, -1, -1], [False] * 3 + [True] * 3)
    assert set(correct[:3]) <= {0, 1}
    assert correct[3:].tolist() == [-1, -1, -1]
    assert all(np.array_equal(now, then) for now, then in zip(state, before, strict=True))


# Arrival


def test_starting_abilities_and_score(many) -> None:
    state, _, _ = many
    base = state.ability + 0.1 * np.arange(10)
    assert set(np.round(base, 9).ravel()) == {-3.0, -2.0, -1.0, 0.0}
    counts = np.bincount(np.round(base).astype(int).ravel() + 3)
    np.testing.assert_allclose(counts / counts.sum(), 0.25, atol=0.005)
    mastered = (p_right(state.ability) >= 0.5) & state.goal
    assert (mastered.sum(axis=1) < state.goal.sum(axis=1)).all()  # something is left for everybody
    # Only skills 0 and 5 (difficulty 0, abilities -.1 i + U{-3..0}) can be mastered; 5 never is: -.5 < -.08.
    assert not mastered[:, 1:].any()
    fraction = (mastered.sum(axis=1) / state.goal.sum(axis=1)).mean()
    assert fraction == pytest.approx(0.025, abs=0.005)


def test_targets(many) -> None:
    goal = many[0].goal
    size = goal.sum(axis=1)
    assert stats.chisquare(np.bincount(size, minlength=11)[3:]).pvalue > 1e-3
    assert (np.bincount(size) > 0).tolist() == [False] * 3 + [True] * 8
    for n in (3, 6, 9):  # each set of a size is as likely as any other
        share = goal[size == n].mean(axis=0)
        np.testing.assert_allclose(share, n / 10, atol=4.5 * np.sqrt(0.25 / (size == n).sum()))
    pairs = [int("".join(map(str, row.astype(int))), 2) for row in goal[size == 9]]
    assert len(set(pairs)) == 10


def test_learners_and_rows_do_not_depend_on_the_batch(many) -> None:
    state, _, prologue = many
    rows = np.arange(500, 540)
    part, _, past = arrivals(40, first=500)
    for mine, theirs in zip(part, take(state, rows), strict=True):
        assert np.array_equal(mine, theirs)
    for mine, theirs in zip(past, take(prologue, rows), strict=True):
        assert np.array_equal(mine, theirs)
    # alone, or in other rows of a larger batch
    luck = identify(Seeds(), np.array([0, 500, 3]), Split.TRAIN, np.zeros(3, np.int64))
    other = KSS.empty(3)
    KSS.enrol(other, np.array([1]), luck)
    assert np.array_equal(other.ability[1], state.ability[500])
    assert not other.ability[[0, 2]].any()


def test_the_warm_up_is_undone_but_its_last_item_stays(many) -> None:
    state, _, prologue = many
    start = np.round(state.ability + 0.1 * np.arange(10), 9)
    assert np.isin(start, [-3, -2, -1, 0]).all()
    last = prologue.item[np.arange(N), prologue.length - 1]
    assert np.array_equal(state.last, np.where(prologue.length > 0, last, -1))
    assert np.array_equal(prologue.goal, state.goal)


class Round(NamedTuple):
    """One round of a warm-up: its choice, and the abilities before."""

    items: list[int]  # the items asked: one item, the same one twice, or STOP
    ability: np.ndarray
    right: int  # the previous answer, -1 where there was none
    previous: int
    varied: bool  # whether the last three records differ


def rounds(ability, item, correct) -> list[Round]:
    """Replay one learner's warm-up."""
    done, found = 0, []
    while done < len(item) or len(found) < 20:
        right, previous = (correct[done - 1], item[done - 1]) if done else (-1, -1)
        varied = done > 0 and len(set(item[max(0, done - 3) : done])) > 1
        size = 2 if right == 1 and varied else 1
        items = item[done : done + size].tolist() or [STOP]
        found.append(Round(items, ability, right, previous, varied))
        if items == [STOP]:
            break
        for k in items:
            ability = grown(ability, k)
        done += size
    return found


def share(choice: int, turn: Round, low: list[int]) -> float:
    """P(choice) by the published rule, where the previous item is not asked again for being varied."""
    first = low[0] if low else STOP
    other = 0.9 * (choice == first) + 0.1 * 0.1 * (choice != STOP)
    return 0.7 * (choice == turn.previous) + 0.3 * other if turn.right == 0 else other


def test_the_warm_up_follows_its_rules() -> None:
    state, _, prologue = arrivals(600)
    outcomes = {"again after a wrong answer": [], "the first that is not ready": [], "stop": [], "any": []}
    answers, twice = [], []
    for i in range(600):
        item, correct = (past[i, : prologue.length[i]] for past in (prologue.item, prologue.correct))
        turns = rounds(state.ability[i], item, correct)
        assert sum(turn.items != [STOP] for turn in turns) <= 20
        for turn in turns:
            low = [k for k in ORDER if p_right(turn.ability)[k] < 0.6]
            if turn.right == 1 and turn.varied:
                assert turn.items == [turn.previous] * 2, "a varied right answer is asked again, twice"
                continue
            assert turn.items != [STOP] or not low, "it stops early only when every skill is ready"
            first = low[0] if low else STOP
            for name, choice in (
                ("again after a wrong answer", turn.previous if turn.right == 0 else None),
                ("the first that is not ready", first if low and turn.right != 0 else None),
                ("stop", STOP if not low else None),
                ("any", (i + len(answers)) % 10 if turn.right != 0 else None),
            ):
                if choice is not None:
                    outcomes[name].append((turn.items[0] == choice, share(choice, turn, low)))
        chances = replayed_chances(state.ability[i], item)
        answers += zip(correct, chances, strict=True)
        left = correct - np.array(chances)
        begins = np.cumsum([0, *(len(turn.items) for turn in turns)])
        twice += [
            left[b] * left[b + 1] for b, turn in zip(begins, turns, strict=False) if len(turn.items) == 2
        ]
    for name, pairs in (outcomes | {"answers": answers}).items():
        happened, expected = np.array(pairs, float).T
        z = (happened - expected).sum() / np.sqrt((expected * (1 - expected)).sum())
        assert abs(z) < 4, (name, z)
        assert expected.sum() > (3 if name == "stop" else 20), (name, "was hardly met")
    # the two answers to an item that is asked twice have draws of their own
    assert len(twice) > 1000
    assert abs(np.mean(twice)) < 4 * np.std(twice) / np.sqrt(len(twice))


def test_published_constants() -> None:
    assert (CAP, MASTERED, READY, WARM_UP_ROUNDS) == (5.0, 0.5, 0.6, 20)
    assert DIFFICULTY == [0, 2, 3, 3, 3, 0, 1, 3, 4, 4]


def replayed_chances(ability, item) -> list[float]:
    out = []
    for k in item:
        out.append(p_right(ability)[k])
        ability = grown(ability, k)
    return out


def test_warm_ups_vary() -> None:
    _, _, prologue = arrivals(400)
    assert np.quantile(prologue.length, 0.05) >= 20  # hardly anybody is ready for everything by then
    assert prologue.length.max() <= 40
    assert len(np.unique(prologue.length)) > 5


# Allowed items


def leads_to(k: int, target: int) -> bool:
    return k == target or any(leads_to(after, target) for before, after in EDGES if before == k)


def slow_allowed(last: int, goal: np.ndarray) -> list[bool]:
    targets = set(np.flatnonzero(goal))
    after = set(range(10)) if last < 0 else set(FOLLOWERS[last])
    offered = {k for k in after if any(leads_to(k, target) for target in targets)}
    return [k in (offered or targets) for k in range(10)]


def test_what_is_allowed() -> None:
    rng = np.random.default_rng(2)
    state, _, _ = arrivals(1500)
    state.last[:] = rng.integers(-1, 10, 1500)
    allowed = np.empty((1500, 10), bool)
    KSS.allowed(state, allowed)
    expected = [slow_allowed(int(last), goal) for last, goal in zip(state.last, state.goal, strict=True)]
    assert allowed.tolist() == expected
    assert allowed.any(axis=1).all()
    back = [k >= 0 and not row[FOLLOWERS[k]].any() for k, row in zip(state.last, allowed, strict=True)]
    assert 0 < np.sum(back) < 1500  # both branches were met: within C(last), and back to the targets


def test_what_is_allowed_is_taught_even_after_the_fallback() -> None:
    task = kss(10)
    episodes = begun(task, 400)
    for _ in range(10):
        before = episodes.state.ability.copy()
        action = episodes.mask.argmax(axis=1)
        episodes.step(action)
        assert not episodes.refused.any()
        assert np.array_equal(episodes.state.last, action)
        grew = episodes.state.ability[np.arange(400), action] > before[np.arange(400), action]
        assert (grew | (before[np.arange(400), action] == 5)).all()


# Pins: mean E_p of three independent codes, n = 400,000, se <= .0003; two-sided with z for four of them


@pytest.mark.parametrize(
    ("steps", "legal", "pin"),
    [(10, False, 0.0660), (10, True, 0.1543), (30, False, 0.1795), (30, True, 0.4922)],
)
def test_pins_of_random_choice(steps, legal, pin) -> None:
    returned = rollout(kss(steps), Shuffle(10, legal), N).returned
    se = np.hypot(returned.std() / np.sqrt(N), 0.0003)
    assert abs(returned.mean() - pin) <= stats.norm.isf(0.0027 / 4 / 2) * se
