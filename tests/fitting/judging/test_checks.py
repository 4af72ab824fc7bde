"""Statistics of a log beside simulated ones: closed forms, planted faults, and what a true model gets."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from coursewright.data.log import UNTIMED, learner_log
from coursewright.data.readers.ednet import read_ednet
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.coded import Coded
from coursewright.fitting.groups import grouped
from coursewright.fitting.histories import Histories
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.accuracy import BY_SKILL, DELAY_NAMES, LEARNING, LENGTH, RETENTION
from coursewright.fitting.judging.checks import Check, checks
from coursewright.fitting.judging.measures import residuals
from coursewright.fitting.judging.neighbours import NEIGHBOURS, REPEATS, autocorrelation, repeats
from coursewright.fitting.judging.replay import replay
from coursewright.fitting.judging.spread import SPREAD, spread
from coursewright.fitting.judging.within_pairs import WITHIN, within_pairs
from coursewright.fitting.logistic.models import IrtModel
from nobody_learns import judged
from places import DATA
from small_logs import coded, learners, uneven_log, with_answers

EDNET = DATA / "ednet"
with_ednet = pytest.mark.skipif(not EDNET.is_dir(), reason=f"the EdNet sample is not at {EDNET}")
Rows = list[tuple[str, str, list[str], float, int]]


@pytest.fixture(scope="module")
def log():
    return uneven_log()


def table_of(rows: Rows) -> pa.Table:
    names = ("learner", "item", "skills", "time", "correct")
    return learner_log(pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))), "").table


def by_check(log: Coded, answers: np.ndarray) -> dict[str, Check]:
    return {check.name: check for check in checks(log, answers)}


# Closed forms


def test_bins_by_hand():
    """25 learners, one skill, right at the first opportunity and wrong at the second, 2 days later."""
    table = table_of([(f"{n}", "i", ["k"], 2.0 * t, 1 - t) for n in range(25) for t in range(2)])
    always = np.ones((4, 50), np.int8)
    always[0] = 0
    found = by_check(coded(table), always)
    learning, skills, retention = (found[name] for name in (LEARNING, BY_SKILL, RETENTION))
    assert (learning.place, learning.count.tolist()) == (("1", "2"), [25, 25])
    assert learning.data.tolist() == [1.0, 0.0]
    assert learning.low.tolist() == learning.high.tolist() == [1.0, 0.0]
    assert learning.mean.tolist() == [0.75, 0.75]
    assert learning.rmse == pytest.approx(np.sqrt((0.25**2 + 0.75**2) / 2))
    assert skills.group == ("k", "k")
    assert (retention.place, retention.data.tolist()) == (("1–3 d",), [0.0])
    few = by_check(coded(table.slice(0, 30)), always[:, :30])[LEARNING]  # 15 answers a bin are too few
    assert len(few.data) == 0
    assert few.left_out == "no bin has 20 answers of one learner"
    assert len(DELAY_NAMES) == 10


def test_the_within_pair_curve_by_hand():
    """Half right in long pairs, from the seventh opportunity on; short pairs take no part."""
    rows = [(f"{n:02}", "i", ["k"], float(t), int(t >= 6)) for n in range(30) for t in range(12)]
    rows += [(f"short {n}", "i", ["k"], float(t), 1) for n in range(30) for t in range(9)]
    log = coded(table_of(rows))
    sample = within_pairs(log).of(log.correct)
    assert sample.values() == pytest.approx([-0.5] * 6 + [0.5] * 4)
    assert sample.count.tolist() == [30] * 9 + [90]
    assert sample.learners.tolist() == [30] * 10


def test_pairs_of_five_opportunities_stand_in_where_hardly_any_has_ten():
    rows = [(f"{n:02}", "i", ["k"], float(t), int(t >= 4)) for n in range(30) for t in range(8)]
    rows += [(f"long {n}", "j", ["k"], float(t), 1) for n in range(19) for t in range(10)]
    log = coded(table_of(rows[:-40]))
    measure = within_pairs(log)
    assert [place for _, place in measure.bins] == ["1", "2", "3", "4", "5+"]
    sample = measure.of(log.correct)
    assert sample.count.tolist() == [45, 45, 45, 45, 30 * 4 + 15 * 6]
    assert sample.values()[:4] == pytest.approx(-0.5 * 30 / 45)  # a long pair is always right: 0


def test_items_that_come_in_order_of_difficulty_are_no_learning():
    """Hard items first, 400 answers each: a pair's curve is flat but for the five typical answers."""
    share = np.array([0.25] * 5 + [0.75] * 5)
    right = [np.random.default_rng(t).permutation(np.arange(400) < 400 * p) for t, p in enumerate(share)]
    rows = [
        (f"{n:03}", f"{t // 5}", ["k"], float(t), int(right[t][n])) for n in range(400) for t in range(10)
    ]
    log = coded(table_of(rows))
    pulled = (share - 0.5) * 5.0 / (5 * 400 + 5.0)  # of an item's own accuracy to the mean of all
    assert within_pairs(log).of(log.correct).values() == pytest.approx(pulled)


def test_residuals_are_nothing_where_nothing_was_asked():
    rows = [("a", "i", ["k"], 0.0, 1), ("a", "i", ["k"], 1.0, -1), ("b", "j", ["k"], 0.0, 0)]
    log = coded(table_of(rows))
    expected = (1 + 5 * 0.5) / (1 + 5)
    assert residuals(log, log.correct) == pytest.approx([1 - expected, np.nan, -(1 - expected)], nan_ok=True)


def test_the_spread_of_a_hundred_and_one_learners():
    """Shares right of 0, .01, ..., 1."""
    rows = [(f"{n:03}", "i", ["k"], float(t), int(t < n)) for n in range(101) for t in range(100)]
    rows += [(f"short {n}", "i", ["k"], float(t), 1) for n in range(50) for t in range(19)]
    log = coded(table_of(rows))
    sample = spread(log).of(log.correct)
    assert sample.values() == pytest.approx([0.01 * np.sqrt((101**2 - 1) / 12), 0.05, 0.95])
    assert (sample.count.tolist(), sample.learners.tolist()) == ([10_100] * 3, [101] * 3)
    times = np.ones(len(log.learners))
    twice = sample.resampled(log.learner, [times, 2 * times])
    assert twice == pytest.approx(np.array([sample.values()] * 2))


def test_repeats_by_hand():
    """Two items in turn; a study row in between is no answer."""
    said = {"i": (1, 1, 0, 1), "j": (0, 0, -1, 1)}
    rows = [
        (f"{n:02}", item, ["k"], float(2 * t + (item == "j")), said[item][t])
        for n in range(20)
        for t in range(4)
        for item in "ij"
    ]
    log = coded(table_of(rows))
    sample = repeats(log).of(log.correct)
    assert sample.count.tolist() == [60, 40]  # after wrong: i once, j twice; after right: i twice
    assert sample.values() == pytest.approx([2 / 3, 1 / 2])


def test_the_autocorrelation_of_alternating_answers():
    """Right and wrong in turn, on two skills in turn: opposite a row apart, alike from skill to skill."""
    rows = [(f"{n:02}", "i", [f"{t % 2}"], float(t), t % 2) for n in range(20) for t in range(20)]
    log = coded(table_of(rows))
    assert autocorrelation(log).of(log.correct).values() == pytest.approx([-1.0, -1.0, 1.0])


def test_accuracy_by_the_length_of_the_record():
    rows = [
        (f"{length} {n}", "i", ["k"], float(t), int(t < right))
        for length, right in ((9, 3), (10, 5), (19, 19), (20, 0), (100, 75))
        for n in range(20)
        for t in range(length)
    ]
    log = coded(table_of(rows))
    found = by_check(log, np.array([log.correct] * 2))[LENGTH]
    assert found.place == ("1–9", "10–19", "20–99", "100+")
    assert found.data == pytest.approx([1 / 3, 24 / 29, 0.0, 0.75])


def test_each_check_says_why_it_is_left_out():
    """One learner; ten who meet everything once, in one length, at no times."""
    alone = coded(table_of([("a", f"{t}", ["k"], float(t), t % 2) for t in range(60)]))
    found = by_check(alone, np.ones((2, 60), np.int8))
    assert found[SPREAD].left_out == "1 learner has 20 answers or more, and it takes 10 to show a spread"
    assert found[LENGTH].left_out == "all records are about as long"
    again = "answers to an item that the learner had answered before"
    assert found[REPEATS].left_out == f"{again}: 0, and it takes 20"
    pairs = "pairs of a learner and a skill with 5 opportunities or more"
    assert found[WITHIN].left_out == f"{pairs}: 1, and it takes 20"
    assert not found[LEARNING].left_out
    rows = [(f"{n}", f"{t}", [f"{t}"], float(t), (n + t) % 2) for n in range(9) for t in range(25)]
    untimed = by_check(replace(coded(table_of(rows)), timed=False), np.ones((2, 225), np.int8))
    assert untimed[RETENTION].left_out == UNTIMED
    assert untimed[SPREAD].left_out.startswith("9 learners have 20 answers or more, and it takes 10")
    for check in (found[SPREAD], untimed[RETENTION]):
        assert len(check.data) == len(check.place) == check.simulated.shape[1] == 0
        assert np.isnan([check.p_value, check.share_inside, check.rmse, check.width, check.log_width]).all()
        assert not check.passes


def test_rows_whose_items_a_simulator_does_not_know_count_in_neither(log):
    known = log.filter(pa.compute.starts_with(log["item"], "ratios"))
    simulator = learners(known)
    part = by_check(coded(log), replay([simulator], coded(log), 2))
    met = Histories.of(coded(log), "skill")
    ratios = met.code == met.names.index("ratios")
    asked = ratios & (met.correct >= 0) & (met.place == 0)
    assert set(part[BY_SKILL].group) == {"ratios"}
    assert part[LEARNING].count[0] == asked.sum()
    assert part[LEARNING].data[0] == pytest.approx((met.correct[asked] == 1).mean())


# Intervals, p, and passing


def test_intervals_of_the_log_widen_where_learners_differ():
    """200 learners who always or never answer right: 10 answers each tell no more than one."""
    right = np.random.default_rng(0).random(200) < 0.5
    rows = [(f"{n:03}", "i", ["k"], float(t), int(right[n])) for n in range(200) for t in range(19)]
    check = by_check(coded(table_of(rows)), np.ones((2, len(rows)), np.int8))[LEARNING]
    half = (check.high - check.low) / 2
    assert half == pytest.approx(1.96 * 0.5 / np.sqrt(200), rel=0.15)  # also with 10 answers in the last bin
    assert check.log_width == pytest.approx(2 * half.mean(), rel=0.05)


def random_check(rng: np.random.Generator, **more: Any) -> Check:
    every = rng.normal(0.5, 0.1, (40, 6))
    half = 2 * 0.1
    ends = {"low": every[0] - half, "high": every[0] + half} | more
    empty = ("",) * 6
    return Check("x", empty, empty, np.arange(1, 7), data=every[0], simulated=every[1:], **ends)


def test_p_values_are_uniform_when_the_log_is_one_more_replicate():
    rng = np.random.default_rng(1)
    found = [random_check(rng) for _ in range(400)]
    p = np.array([check.p_value for check in found])
    assert np.mean(p <= 0.1) == pytest.approx(0.1, abs=0.06)  # four standard errors
    assert np.mean(p) == pytest.approx(0.5125, abs=0.06)
    assert np.mean([check.share_inside for check in found]) == pytest.approx(0.95, abs=0.02)
    assert np.mean([check.passes for check in found]) > 0.9


def test_a_band_that_holds_any_log_is_no_pass():
    """The log's own intervals a third, and a little less than a third, as wide as the band."""
    simulated = np.tile(np.linspace(-1.0, 1.0, 39)[:, None], (1, 6))
    nothing = np.zeros(6)
    check = Check("x", ("",) * 6, ("",) * 6, np.ones(6, int), nothing, nothing, nothing, simulated)
    for times, vague in ((2.9, False), (3.1, True)):
        half = check.width / times / 2
        narrow = replace(check, low=check.data - half, high=check.data + half)
        assert (narrow.vague, narrow.passes) == (vague, not vague)
        assert (narrow.share_inside, narrow.p_value) == (check.share_inside, check.p_value)


@pytest.mark.parametrize(("outside", "passes"), [(2, True), (3, False)])
def test_four_points_in_five_have_to_lie_inside(outside, passes):
    """Ten points; those outside are so little beyond the band that p stays high."""
    simulated = np.tile(np.linspace(-1.0, 1.0, 39)[:, None], (1, 10))
    data = np.where(np.arange(10) < outside, 1.001, 0.5)
    empty = ("",) * 10
    check = Check("x", empty, empty, np.ones(10, int), data, data - 1, data + 1, simulated)
    assert check.p_value >= 0.05
    assert check.share_inside == 1 - outside / 10
    assert check.passes is passes


# Planted faults


class World:
    """Learners as plain numpy: ability, the item, growth on the skill and the last answer on the item add up.

    60 learners (or so many) who differ by `spread`, five skills with ten items; a row a minute.
    """

    def __init__(self, learners: int = 60, rows: int = 100, stay: bool = False, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        length = rng.integers(rows // 4, rows, learners) if stay else np.full(learners, rows)
        self.learner = np.repeat(np.arange(learners), length)
        self.rank = np.argsort(np.argsort(length, kind="stable")) / learners  # 0: leaves first
        skill = rng.integers(5, size=len(self.learner))
        item = 10 * skill + rng.integers(10, size=len(skill))
        time = np.arange(len(skill)) / 1440.0
        self.easiness = rng.normal(0.0, 0.7, 50)[item]
        rows_ = zip(self.learner, item, skill, time, np.arange(len(skill)) % 2, strict=True)
        self.log = coded(table_of([(f"{a:04}", f"{i:02}", [str(k)], t, int(y)) for a, i, k, t, y in rows_]))
        met = Histories.of(self.log, "skill")
        self.opportunity = np.empty(len(skill))
        self.opportunity[met.row] = met.place
        self.items = Histories.of(self.log, "item")

    def answers(
        self, rng: np.random.Generator, spread: float = 0.8, growth: float = 0.0, last: float = 0.0
    ) -> np.ndarray:
        ability = rng.normal(0.0, spread, self.learner[-1] + 1)[self.learner]
        return self.drawn(rng, ability + growth * np.log1p(self.opportunity), last)

    def drawn(self, rng: np.random.Generator, odds: np.ndarray, last: float = 0.0) -> np.ndarray:
        odds = odds + self.easiness
        luck = rng.random(len(odds))
        out = np.zeros(len(odds), np.int8)
        for turn in range(int(self.items.place.max()) + 1):  # rows by the number of earlier ones on the item
            now = np.flatnonzero(self.items.place == turn)
            row = self.items.row[now]
            before = np.where(out[self.items.row[now - 1]] == 1, last, -last) if turn else 0.0
            out[row] = luck[row] < 1.0 / (1.0 + np.exp(-(odds[row] + before)))
        return out

    def judged(
        self, real: np.ndarray, model: Callable[[np.random.Generator], np.ndarray]
    ) -> dict[str, Check]:
        rng = np.random.default_rng(100)
        answers = np.array([model(rng) for _ in range(39)])
        return by_check(replace(self.log, correct=real), answers)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.slow
def test_the_truth_passes_its_own_checks(world):
    """Twenty logs of one population, each beside 39 others: p is below .05 in one of twenty."""
    truth = {"spread": 0.8, "growth": 0.4, "last": 0.5}
    passes = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        answers = np.array([world.answers(rng, **truth) for _ in range(40)])
        found = by_check(replace(world.log, correct=answers[0]), answers[1:])
        passes.append([found[name].passes for name in (WITHIN, LEARNING, SPREAD, REPEATS, NEIGHBOURS)])
        assert not any(check.vague for check in found.values())
    rates = np.mean(passes, axis=0)
    assert rates.min() >= 0.7  # of two or three points all have to lie inside: .85 to .9 of true models do
    assert np.mean(passes) >= 0.85


def test_learners_who_learn_fail_where_nobody_does_and_the_other_way_round(world):
    rng = np.random.default_rng(1)
    for real, model in ((0.0, 0.4), (0.4, 0.0)):
        found = world.judged(
            world.answers(rng, growth=real), lambda rng, g=model: world.answers(rng, growth=g)
        )
        assert not found[WITHIN].passes
        assert found[WITHIN].p_value == 1 / 40
    same = world.judged(world.answers(rng, growth=0.4), lambda rng: world.answers(rng, growth=0.4))
    assert same[WITHIN].passes


def test_able_learners_who_stay_look_like_learning_by_opportunity_but_not_within_pairs():
    """Nobody learns, the able stay; a model of equal learners who follow the curve by opportunity."""
    world, rng = World(150, 160, stay=True), np.random.default_rng(2)
    real = world.drawn(rng, 3.0 * world.rank[world.learner] - 1.5)
    turn = np.minimum(world.opportunity, 9).astype(int)
    curve = np.bincount(turn, real) / np.bincount(turn)
    copied = (np.log(curve) - np.log1p(-curve))[turn]
    copied -= (world.easiness @ np.ones(len(real))) / len(real)
    found = world.judged(real, lambda rng: world.drawn(rng, copied))
    rise = found[LEARNING].data[-1] - found[LEARNING].data[0]
    assert rise > 0.05  # and yet nobody learns
    assert found[LEARNING].rmse < 0.03
    assert not found[WITHIN].passes
    assert found[WITHIN].data[-1] - found[WITHIN].data[0] < 0.02
    assert found[WITHIN].mean[-1] - found[WITHIN].mean[0] > 0.04
    assert not found[LENGTH].passes
    honest = world.judged(real, lambda rng: world.drawn(rng, 3.0 * world.rank[world.learner] - 1.5))
    assert all(honest[name].passes for name in (WITHIN, LEARNING, LENGTH, SPREAD))


def test_learners_who_polarise_fail_the_spread(world):
    """Success breeds success: ability moves with the answers so far."""

    def polarised(rng: np.random.Generator) -> np.ndarray:
        first = world.answers(rng, spread=0.8)
        share = np.bincount(world.learner, first) / np.bincount(world.learner)
        return world.drawn(rng, (6.0 * share - 3.0)[world.learner])

    real = world.answers(np.random.default_rng(3), spread=0.8)
    found = world.judged(real, polarised)[SPREAD]
    assert not found.passes
    assert found.mean[0] > 1.1 * found.data[0]
    alike = world.judged(real, lambda rng: world.answers(rng, spread=0.0))[SPREAD]
    assert not alike.passes
    assert alike.mean[0] < 0.5 * alike.data[0]


def test_a_model_without_the_last_answer_fails_repeats_where_it_counts(world):
    real = world.answers(np.random.default_rng(4), last=0.8)
    without = world.judged(real, lambda rng: world.answers(rng, spread=0.8))
    assert not without[REPEATS].passes
    assert without[REPEATS].data[1] - without[REPEATS].mean[1] > 0.05
    assert world.judged(real, lambda rng: world.answers(rng, last=0.8))[REPEATS].passes


def test_days_that_go_well_fail_autocorrelation(world):
    """Twenty rows at a time go well or badly."""

    def moody(rng: np.random.Generator) -> np.ndarray:
        mood = rng.normal(0.0, 0.8, len(world.learner) // 20 + 1)[np.arange(len(world.learner)) // 20]
        return world.drawn(rng, mood + rng.normal(0.0, 0.8, world.learner[-1] + 1)[world.learner])

    real = moody(np.random.default_rng(5))
    assert not world.judged(real, lambda rng: world.answers(rng))[NEIGHBOURS].passes
    assert world.judged(real, moody)[NEIGHBOURS].passes


def test_one_learner_does_not_let_a_model_of_many_pass():
    """300 answers of one person; learners of the model differ so much that any log lies inside."""
    world = World(1, 400)
    real = world.answers(np.random.default_rng(6), spread=0.0)
    found = world.judged(real, lambda rng: world.answers(rng, spread=1.5))[LEARNING]
    assert found.share_inside == 1.0
    assert found.p_value > 0.05
    assert found.vague
    assert not found.passes


# Learners of fitted models


@pytest.fixture(scope="module")
def simulated(log):
    """A log whose learners really are BKT learners (p-values are uniform over seeds; this is a fair one)."""
    return with_answers(log, replay([learners(log)], coded(log), 2, seed=12)[0])


def beside(table: pa.Table, simulator: Any) -> dict[str, Check]:
    return by_check(coded(table), replay([simulator], coded(table), 39, 0))


def test_learners_simulated_from_the_fit_pass_their_own_checks(simulated):
    found = beside(simulated, BktModel().fit(coded(simulated)).simulator())
    for name in (LEARNING, BY_SKILL, RETENTION):
        assert found[name].share_inside > 0.85
        assert found[name].p_value > 0.05
        assert found[name].passes


def test_too_much_forgetting_is_caught_by_retention(simulated):
    honest = beside(simulated, learners(simulated, "time"))[RETENTION]
    forgetful = beside(simulated, learners(simulated, "time", forget=0.1))[RETENTION]
    assert honest.p_value > 0.05
    assert forgetful.p_value == 1 / 40
    assert forgetful.share_inside < 0.6
    gap = forgetful.mean - forgetful.data
    assert gap[forgetful.place.index("1–4 wk")] < -0.1  # long delays suffer
    assert gap[forgetful.place.index("1–4 wk")] < gap[forgetful.place.index("<1 min")]


def test_learners_who_never_learn_are_caught_by_the_learning_curve(simulated):
    found = beside(simulated, ItemDifficultyModel().fit(coded(simulated)).simulator())
    assert found[LEARNING].p_value == 1 / 40
    assert found[LEARNING].share_inside < 0.5
    assert found[BY_SKILL].share_inside < 0.7


@pytest.fixture(scope="module")
def ednet() -> Coded:
    return grouped(Coded.of(read_ednet(EDNET)), 1).log


@pytest.mark.slow
@with_ednet
def test_on_ednet_learners_who_never_learn_pass_by_opportunity_and_fail_within_pairs(ednet):
    found = judged(ednet)
    assert found[LEARNING].passes
    assert found[RETENTION].passes
    assert not found[WITHIN].passes
    assert found[WITHIN].p_value == 1 / 40
    assert found[WITHIN].data[-1] - found[WITHIN].data[0] == pytest.approx(0.079, abs=0.001)
    assert abs(found[WITHIN].mean[-1] - found[WITHIN].mean[0]) < 0.02


@pytest.mark.slow
@with_ednet
def test_on_ednet_learners_who_learn_pass_within_pairs(ednet):
    assert by_check(ednet, replay([IrtModel().fit(ednet).simulator()], ednet))[WITHIN].passes
