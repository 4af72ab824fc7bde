"""The single card: pins of the benchmark, the exact optimum, Cost-ADR, and the frontier."""

import math
from functools import cache

import numpy as np
import pytest

from coursewright.errors import InputError
from coursewright.evaluation.card import __main__ as command
from coursewright.evaluation.card.card import Card, Cards, Score, score
from coursewright.evaluation.card.exact import RETENTIONS, card_grid, optimum
from coursewright.evaluation.card.figure import LOOKS, OWN, frontier_figure
from coursewright.evaluation.card.frontier import (
    ADR,
    BASE,
    BEST,
    RANDOM,
    SSP,
    STILL,
    Frontier,
    Point,
    frontier,
)
from coursewright.evaluation.card.schedules import (
    AnkiCard,
    CostAdr,
    FixedRetention,
    MemorizeCard,
    MemriseCard,
    SspMmcCard,
)
from coursewright.evaluation.card.stationary import occupancy, stationary, worth_of
from coursewright.evaluation.card.told import show
from coursewright.progress import Progress
from coursewright.simulators.luck import ANSWER, Seeds, Split, identify, uniform
from coursewright.simulators.memory.fsrs import (
    FIRST_GRADES,
    RIGHT_GRADES,
    WEIGHTS,
    first_difficulty,
    in_range,
    interval,
    next_difficulty,
    next_stability,
    recall,
)

W, CARD = np.array(WEIGHTS), Card()
LEARNING, REVIEW = CARD.costs.learning, CARD.costs.review


@cache
def grid():
    return card_grid(CARD)


@cache
def best(price):
    return optimum(CARD, price, grid())


# Pins: srs-simulator's card with the default weights of FSRS-6


@pytest.mark.parametrize(
    ("schedule", "recalled", "minutes"),
    [
        pytest.param(FixedRetention(0.70), 0.8151, 11.56, marks=pytest.mark.slow),
        (FixedRetention(0.80), 0.8870, 13.84),
        pytest.param(FixedRetention(0.85), 0.9189, 15.69, marks=pytest.mark.slow),
        (FixedRetention(0.90), 0.9475, 19.35),
        (MemriseCard(), 0.9504, 20.18),
        (AnkiCard(), 0.9437, 19.29),
    ],
)
def test_fixed_retention_memrise_and_anki(schedule, recalled, minutes):
    found = score(CARD, schedule)
    assert found.recall == pytest.approx(recalled, abs=4 * found.recall_se)
    assert found.deck == pytest.approx(minutes, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("retention", "recalled", "minutes"), [(0.96, 0.9791, 35.9), (0.98, 0.9893, 63.8)])
def test_very_high_retention(retention, recalled, minutes):
    # Stated from 20,000 to 40,000 cards, with a standard error of up to .45 minutes.
    found, stated = score(CARD, FixedRetention(retention), 40_000), score(CARD, FixedRetention(retention))
    assert found.recall == pytest.approx(recalled, abs=0.0003)
    apart = math.hypot(10_000 * found.minutes_se, 10_000 * stated.minutes_se)
    assert abs(found.deck - minutes) < 3.6 * apart
    assert found.deck == pytest.approx(minutes, rel=0.025)


@pytest.mark.parametrize(
    ("price", "worth", "recalled", "minutes"),
    [
        (0, 0.989, 0.9893, 62.4),
        pytest.param(16, 0.937, 0.9763, 24.5, marks=pytest.mark.slow),
        pytest.param(64, 0.8445, 0.9492, 16.5, marks=pytest.mark.slow),
        pytest.param(256, 0.6125, 0.8503, 9.3, marks=pytest.mark.slow),
    ],
)
def test_the_optimum(price, worth, recalled, minutes):
    found, exact = score(CARD, best(price)), best(price).worth
    assert exact == pytest.approx(worth, abs=0.002)
    assert found.recall - price * found.minutes == pytest.approx(exact, abs=0.002)
    assert found.recall == pytest.approx(recalled, rel=0.03)
    assert found.deck == pytest.approx(minutes, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("price", "recalled", "minutes"), [(128, 0.9155, 12.86), (384, 0.7996, 7.74)])
def test_the_optimum_at_other_prices(price, recalled, minutes):
    found = score(CARD, best(price))
    assert found.recall == pytest.approx(recalled, rel=0.03)
    assert found.deck == pytest.approx(minutes, rel=0.03)


# The simulation


class Every:
    """The same interval always, or one a review."""

    def __init__(self, *days):
        self.days = days

    def begin(self, batch):
        return [0]

    def intervals(self, cards, memory):
        memory[0] += 1
        return np.full(len(cards.left), float(self.days[min(memory[0], len(self.days)) - 1]))


def shares(u, of):
    place = 0
    while place < len(of) - 1 and u >= of[place]:
        u -= of[place]
        place += 1
    return place


def test_a_card_lives_as_a_plain_loop_has_it():
    days, n, schedule = 60, 300, (4, 7, 20, 5)
    fate = identify(Seeds(), np.arange(n), Split.EVALUATE, np.zeros(n, np.int64)).fate
    memories, minutes = [], []
    for i in range(n):
        grade = 1 + shares(uniform(fate[i], 0, ANSWER), FIRST_GRADES)
        s, d, left = W[grade - 1], in_range(first_difficulty(grade, W)), days
        memory, spent, turn = 0.0, LEARNING[grade - 1], 0
        while left > 0:
            gap = schedule[min(turn, 3)]
            turn += 1
            memory += sum(recall(day, s, W) for day in range(1, min(gap, left) + 1))
            left -= gap
            if left < 0:
                break
            r = recall(gap, s, W)
            right = uniform(fate[i], turn, ANSWER) < r
            grade = 2 + shares(uniform(fate[i], turn, ANSWER + 1), RIGHT_GRADES) if right else 1
            s, d = next_stability(s, d, gap, r, grade, W), next_difficulty(d, grade, W)
            spent += REVIEW[grade - 1]
        memories.append(memory / days)
        minutes.append(spent / days)
    found = score(Card(days), Every(*schedule), n)
    assert found.recall == pytest.approx(np.mean(memories))
    assert found.minutes == pytest.approx(np.mean(minutes))
    assert found.recall_se == pytest.approx(np.std(memories) / np.sqrt(n))


def test_day_0_is_not_counted_and_a_review_on_the_last_day_costs():
    first = [sum(recall(d, W[g], W) for d in range(1, 11)) / 10 for g in range(4)]
    later, on_time = score(Card(10), Every(11), 20_000), score(Card(10), Every(10), 20_000)
    assert later.recall == pytest.approx(np.dot(FIRST_GRADES, first), abs=4 * later.recall_se)
    assert on_time.recall == later.recall
    assert later.minutes * 10 == pytest.approx(np.dot(FIRST_GRADES, LEARNING), abs=0.01)
    right = [recall(10, W[g], W) for g in range(4)]
    review = [r * np.dot(RIGHT_GRADES, REVIEW[1:]) + (1 - r) * REVIEW[0] for r in right]
    more = (on_time.minutes - later.minutes) * 10
    assert more == pytest.approx(np.dot(FIRST_GRADES, review), abs=0.005)


# The exact optimum


def exact(left, s, d, price, actions):
    """The value of a state by plain recursion, without a grid; all gaps beyond the last day are the same."""
    if left <= 0:
        return 0.0
    values = []
    for gap in {min(int(interval(s, retention, W)), left + 1) for retention in actions}:
        value = sum(recall(day, s, W) for day in range(1, min(gap, left) + 1))
        if gap <= left:
            r = recall(gap, s, W)
            for grade in range(1, 5):
                p = r * RIGHT_GRADES[grade - 2] if grade > 1 else 1 - r
                after = next_stability(s, d, gap, r, grade, W), next_difficulty(d, grade, W)
                value += p * (exact(left - gap, *after, price, actions) - price * REVIEW[grade - 1])
        values.append(value)
    return max(values)


@pytest.mark.parametrize("price", [0.0, 0.5, 2.0])
def test_value_iteration_is_a_plain_recursion(price):
    days = 5
    total = 0.0
    for grade in range(1, 5):
        state = W[grade - 1], in_range(first_difficulty(grade, W))
        value = exact(days, *state, price, RETENTIONS) - price * LEARNING[grade - 1]
        total += FIRST_GRADES[grade - 1] * value
    assert optimum(Card(days), price).worth == pytest.approx(total / days, abs=0.003)


def test_nothing_beats_the_optimum():
    price = 64
    other = [FixedRetention(r) for r in (0.8, 0.85, 0.9)] + [MemriseCard(), CostAdr(1024)]
    for schedule in other:
        found = score(CARD, schedule, 4000)
        assert found.recall - price * found.minutes < best(price).worth


# The stationary optimum


@cache
def still(price):
    return stationary(CARD, price, grid())


@pytest.mark.slow
@pytest.mark.parametrize("price", [16, 64, 256])
def test_the_stationary_optimum_is_near_the_exact_one_and_above_fixed_retention(price):
    found, exact_worth = score(CARD, still(price)), best(price).worth
    assert exact_worth - 0.004 < still(price).worth < exact_worth
    assert (still(price).best == still(price).best[-1]).all()
    assert found.recall - price * found.minutes == pytest.approx(still(price).worth, abs=0.002)
    for retention in (0.7, 0.8, 0.85, 0.9, 0.93, 0.96):
        other = score(CARD, FixedRetention(retention), 4000)
        assert other.recall - price * other.minutes < still(price).worth + 0.001


def test_the_worth_of_a_table_is_that_of_its_schedule():
    """One action everywhere is a fixed retention."""
    for place, retention in enumerate(RETENTIONS):
        if retention in (0.7, 0.9):
            table = np.full((CARD.days + 1, len(grid().memory)), place, np.int8)
            found = score(CARD, FixedRetention(retention), 20_000)
            worth, _ = worth_of(CARD, 64.0, grid(), table)
            assert worth == pytest.approx(found.recall - 64.0 * found.minutes, abs=0.002)


def test_occupancy_counts_reviews():
    """Visits after a review, of a table, against those of simulated cards: minutes are their cost."""
    place = RETENTIONS.index(0.9)
    table = np.full((CARD.days + 1, len(grid().memory)), place, np.int8)
    visits = occupancy(CARD, grid(), table)
    assert visits[-1].sum() == pytest.approx(1.0)
    after = visits.copy()
    fits = grid().grid.days[:, place][None, :] <= np.arange(CARD.days + 1)[:, None]
    cost = (after * fits * (grid().grid.chance[:, place] @ REVIEW)[None, :]).sum()
    minutes = (cost + np.dot(FIRST_GRADES, LEARNING)) / CARD.days
    assert minutes == pytest.approx(score(CARD, FixedRetention(0.9)).minutes, rel=0.015)


def test_a_stationary_policy_is_between_one_action_and_the_exact_optimum():
    """Two actions, six days: never below one action everywhere, never above the exact optimum."""
    small, price = Card(6), 0.3
    given = card_grid(small, (0.5, 0.98))
    found = stationary(small, price, given)
    start = optimum(small, price, given)
    assert found.worth <= start.worth + 1e-12
    for a in (0, 1):
        constant = np.full((7, len(given.memory)), a, np.int8)
        assert found.worth >= worth_of(small, price, given, constant)[0] - 1e-12


# SSP-MMC and MEMORIZE


def test_ssp_mmc_reviews_no_more_at_its_goal():
    cards = states()
    days = SspMmcCard(30.0).intervals(cards, ())
    assert ((days == 36_500) == (cards.stability >= 30.0)).all()
    near, far = score(CARD, SspMmcCard(30.0), 2000), score(CARD, SspMmcCard(1000.0), 2000)
    assert near.recall < far.recall
    assert near.minutes < far.minutes


def test_memorize_reviews_at_the_rate_of_what_is_forgotten():
    """The mean of the drawn intervals of one stability, by inverting the cumulated intensity numerically."""
    n, s, q = 20_000, 20.0, 100.0
    cards = states(n)._replace(stability=np.full(n, s), difficulty=np.full(n, 5.0))
    schedule = MemorizeCard(q)
    memory = schedule.begin(n)
    days = schedule.intervals(cards, memory)
    t = np.linspace(0.0, 4000.0, 400_001)
    lost = 1.0 - (1.0 + (0.9 ** (-1 / W[20]) - 1.0) * t / s) ** -W[20]
    survival = np.exp(-np.cumsum(lost) * (t[1] - t[0]) / math.sqrt(q))
    assert days.mean() == pytest.approx(survival.sum() * (t[1] - t[0]), rel=0.03)
    assert (memory.turn == 1).all()
    assert not (schedule.intervals(cards, memory) == days).all()


# Cost-ADR


def states(n=400, seed=0):
    rng = np.random.default_rng(seed)
    whole = np.full(n, 100, np.int64)
    return Cards(np.exp(rng.uniform(-4, 9, n)), rng.uniform(1, 10, n), whole, whole, np.zeros(n))


@pytest.mark.parametrize("retention", [0.35, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("price", [0, 10, 1024])
def test_a_constant_retention_is_a_special_case(retention, price):
    share = (retention - 0.3) / 0.695
    heads = [[math.log(share / (1 - share)), 0, 0, 0, 0], [-40, 0, 0, 0, 0], [-40, 0, 0, 0, 0]]
    adr, cards = CostAdr(price, heads), states()
    assert adr.retentions(cards) == pytest.approx(retention)
    fixed = FixedRetention(retention).intervals(cards, ())
    assert np.mean(adr.intervals(cards, ()) == fixed) > 0.99  # of intervals half way between two days
    assert adr.intervals(cards, ()) == pytest.approx(fixed, abs=1)


def test_cost_adr_is_its_formula_and_falls_with_the_price():
    cards = states()
    a, b, c = (np.array(head) for head in CostAdr(0).heads)
    x = np.log(cards.stability / 0.001) / np.log(36_500 / 0.001)
    y = (cards.difficulty - 1) / 9
    phi = np.stack([np.ones_like(x), x, y, x * y, x * x])
    before = np.ones(len(x))
    for price in (0, 1, 16, 256, 1024):
        z = np.log(1 + price) / np.log(1025)
        raised = a @ phi - np.logaddexp(0, b @ phi) * z - np.logaddexp(0, c @ phi) * z**2
        found = CostAdr(price).retentions(cards)
        assert found == pytest.approx(0.3 + 0.695 / (1 + np.exp(-raised)))
        assert (found <= before).all()
        before = found


# The frontier


def points(family, recalls, minutes):
    return [Point(family, "", Score(r, m / 10_000, 0.0, 0.0)) for r, m in zip(recalls, minutes, strict=True)]


def test_time_saved_and_coverage():
    recalls = [0.8, 0.85, 0.9, 1.0]
    base = points(BASE, recalls, [10, 12, 15, 30])
    half = points("half", recalls, [5, 6, 7.5, 15])
    upper = points("upper", [0.9, 0.95, 1.1], [15, 20, 90])
    one = points("one", [0.85], [9])
    none = points("none", [0.5, 0.6], [1, 2])
    found = Frontier(tuple(base + half + upper + one + none))
    assert found.families == (BASE, "half", "upper", "one", "none")
    assert found.saved("half")[1:] == pytest.approx((1.0, 0.5))
    assert found.saved("upper").coverage == pytest.approx(0.5)
    assert found.saved("one")[1:] == pytest.approx((0.0, 0.25))
    assert found.saved("none").coverage == 0.0
    assert math.isnan(found.saved("none").time)
    assert found.minutes(BASE, 0.85) == pytest.approx(12.0)
    assert math.isnan(found.minutes(BASE, 0.7))


@pytest.mark.slow
def test_a_frontier_has_all_families_and_ones_own():
    found = frontier(Card(40), 200, own={"weekly": Every(7)}, prices=(0, 1))
    assert set(found.families) >= {BASE, ADR, BEST, STILL, SSP, RANDOM, "Memrise", "Anki SM-2", "weekly"}
    assert len(found.of(BEST)) == 2
    assert (found.table["deck_minutes"] > 0).all()
    with pytest.raises(InputError, match="own = Memrise"):
        frontier(Card(40), 200, own={"Memrise": Every(7)})


@pytest.mark.slow
def test_the_command(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(
        "sys.argv", ["card", "--days", "40", "--cards", "50", "--decks", "0", "--to", str(tmp_path)]
    )
    assert command.main() == 0
    assert "exact optimum" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.csv", "card.png", "card.svg"]
    before = (tmp_path / "card.csv").read_bytes()
    for to, words in (
        (tmp_path, "must be a new or empty folder"),
        (tmp_path / "card.csv", "something else is"),
    ):
        monkeypatch.setattr("sys.argv", ["card", "--days", "41", "--decks", "0", "--to", str(to)])
        assert command.main() == 2
        assert words in capsys.readouterr().err
    assert (tmp_path / "card.csv").read_bytes() == before
    monkeypatch.setattr("sys.argv", ["card", "--days", "0"])
    assert command.main() == 2
    assert capsys.readouterr().err == "error: card.days = 0: must be a whole number >= 1\n"
    monkeypatch.setattr("sys.argv", ["card", "--decks", "-1"])
    assert command.main() == 2
    assert capsys.readouterr().err == "error: --decks = -1: must be 0 or more\n"
    for words, line in (
        (["--cards=nan"], "--cards: invalid whole_number value: 'nan'"),
        (["--crads=1"], "unrecognized arguments: --crads=1"),
        (["--seed"], "--seed: expected one argument"),
    ):
        monkeypatch.setattr("sys.argv", ["card", *words])
        assert command.main() == 2
        assert capsys.readouterr().err == f"error: {line} (--help lists the options)\n"


def test_the_table_has_its_doubt_and_what_has_no_common_recall_says_so(capsys):
    base = points(BASE, [0.8, 0.9, 0.95], [10, 15, 20])
    one, none = points("one", [0.85], [9]), points("none", [0.5, 0.6], [1, 2])
    noisy = [Point("noisy", "", Score(0.9, 16 / 10_000, 0.0123, 0.5 / 10_000))]
    found = Frontier(tuple(base + one + none + noisy))
    show(found)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "noisy .9000 16.00 15.00" in lines, "15 is two standard errors below 16: not clear"
    assert f"{BASE} .8000 10.00 10.00 one 9.0" in lines
    errors = "Standard errors: at most .0123 of recall and 3.1 % of the minutes (each: card.csv, --to)."
    assert errors in " ".join(lines)
    assert any(line.startswith("one one recall +") for line in lines)
    assert "none no common recall" in lines
    assert not any("0 %" in line and "none" in line for line in lines)


@pytest.mark.slow
def test_whoever_waits_is_told_how_far_it_is(monkeypatch):
    shown = []
    monkeypatch.setattr(Progress, "show", lambda self, done, note="", total=None: shown.append(self.name))
    frontier(Card(20), 20, prices=(0, 1))
    assert shown.count(BEST) == shown.count(STILL) == 3
    assert shown.count("cards of a schedule") > 40


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Card(weights=(1.0,)), "fsrs.weights"),
        (lambda: FixedRetention(1.0), "retention = 1.0"),
        (lambda: CostAdr(2000), "price = 2000"),
        (lambda: SspMmcCard(0.0), "goal = 0.0"),
        (lambda: MemorizeCard(0.0), "q = 0.0"),
        (lambda: optimum(Card(5), -1.0), "price = -1.0"),
        (lambda: score(Card(5), MemriseCard(), 1), "cards = 1"),
    ],
)
def test_wrong_input_is_named(make, field):
    with pytest.raises(InputError, match=field.replace(".", r"\.")):
        make()


def test_rows_go_by_family_and_minutes_and_the_dominated_are_marked():
    base = points(BASE, [0.8, 0.9, 0.95], [10, 15, 20])
    best = points(BEST, [0.9, 0.85], [13, 9])
    worse, level = points("worse", [0.96, 0.7], [50, 9.5]), points("level", [0.9], [13.1])
    found = Frontier(tuple(best + worse + base + level))
    assert [p.score.minutes * 10_000 for p in found.rows] == pytest.approx([9, 13, 9.5, 50, 10, 15, 20, 13.1])
    marked = found.table["dominated_by"].to_list()
    # .8 by a schedule that begins at .85; .95 by nobody, and 13.1 is within a hundredth of 13
    assert marked == ["", "", BEST, "", BEST, BEST, "", ""]


@pytest.mark.slow
def test_no_two_families_of_the_picture_look_alike_even_in_grey():
    looks = [*LOOKS.values(), OWN]
    assert len({look.colour for look in looks}) == len(looks)
    assert len({(look.line, look.mark) for look in looks}) == len(looks)
    found = frontier(Card(40), 50, prices=(0, 1))
    (axes,) = frontier_figure(found).figure.axes
    depth = {line.get_label(): line.get_zorder() for line in axes.lines}
    assert set(depth) == set(LOOKS)
    assert min(depth, key=depth.get) == BEST, "a broad line, which the others lie on"
