"""Schedulers by the calendar: Anki's every branch, ladders, ties, and the choice among delays."""

import math
from dataclasses import replace

import numpy as np
import pytest

from coursewright.agents.rule import Last
from coursewright.agents.schedulers.anki import AnkiSm2, fuzzed, lapse_interval, next_ease, passing_interval
from coursewright.agents.schedulers.cost_adr import CostAdr
from coursewright.agents.schedulers.fixed_interval import FixedInterval
from coursewright.agents.schedulers.fsrs import FsrsRetention
from coursewright.agents.schedulers.memorize import Memorize
from coursewright.agents.schedulers.memrise import RUNGS, Memrise
from coursewright.agents.schedulers.sm2 import Sm2
from coursewright.envs.rewards import mean_recall
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.memory.deeptutor import DeepTutor
from coursewright.simulators.memory.fsrs import AGAIN, EASY, GOOD, HARD, Fsrs
from coursewright.simulators.memory.laws import Efc
from learners import luck_of

FEATURES = ("attempts", "successes", "days_since", "last_item", "last_correct", "budget_left")
PLANS = {"sm2": Sm2(False), "anki": AnkiSm2(new_first=False), "memrise": Memrise(new_first=False)}
PLANS |= {"fixed": FixedInterval(new_first=False)}


def task(items=1, days=1.0, **changes):
    course = Course.of(items)
    options = {"steps": 40, "days": days, "reward": mean_recall, "features": FEATURES}
    return Task(**{"simulator": DeepTutor(Efc(), course), **options, **changes})


def half_up(x):
    return math.floor(x + 0.5 + 1e-9)


def told(interval, elapsed, ease):
    """Hard, Good and Easy as the definition says."""
    if elapsed < interval:
        hard = max(1.2 * elapsed, 0.6 * interval)
        good = max(elapsed * ease, interval)
        return [min(max(half_up(x), 1), 36_500) for x in (hard, good, good * (1.3 - 0.3 / 2))]
    late = elapsed - interval
    hard = max(half_up(1.2 * interval), interval + 1)
    good = max(half_up((interval + late / 2) * ease), hard + 1)
    easy = max(half_up((interval + late) * ease * 1.3), good + 1)
    return [min(x, 36_500) for x in (hard, good, easy)]


@pytest.mark.parametrize("interval", [1.0, 2.0, 5.0, 30.0, 1000.0, 36_000.0])
@pytest.mark.parametrize("ease", [1.3, 2.5, 4.1])
@pytest.mark.parametrize("share", [0.3, 0.7, 1.0, 1.5, 3.0])
def test_passing_intervals_early_on_time_and_late(interval, ease, share):
    elapsed = float(math.ceil(share * interval))
    found = [passing_interval(grade, interval, elapsed, ease) for grade in (HARD, GOOD, EASY)]
    assert found == told(interval, elapsed, ease)


def test_passing_intervals_by_hand():
    # On time: 10 -> 12, 25, 33 (32.5); four days late: 12, 30, 46 (45.5); early, after 5 of 10: 6, 13, 14.
    assert [passing_interval(g, 10.0, 10.0, 2.5) for g in (HARD, GOOD, EASY)] == [12, 25, 33]
    assert [passing_interval(g, 10.0, 14.0, 2.5) for g in (HARD, GOOD, EASY)] == [12, 30, 46]
    assert [passing_interval(g, 10.0, 5.0, 2.5) for g in (HARD, GOOD, EASY)] == [6, 13, 14]
    # An interval of a day grows by at least one day, and Good and Easy by one more each.
    assert [passing_interval(g, 1.0, 1.0, 1.3) for g in (HARD, GOOD, EASY)] == [2, 3, 4]


def test_ease_has_a_floor_and_no_ceiling():
    assert [round(next_ease(2.5, g), 9) for g in (AGAIN, HARD, GOOD, EASY)] == [2.3, 2.35, 2.5, 2.65]
    assert next_ease(1.4, AGAIN) == next_ease(1.4, HARD) == 1.3
    assert next_ease(9.0, EASY) == pytest.approx(9.15)


def test_a_lapse_keeps_a_share():
    assert [lapse_interval(25.0, share) for share in (0.0, 0.02, 0.5, 1.0)] == [1, 1, 12, 25]


def test_fuzz_stays_in_its_range_and_reaches_its_ends():
    draws = np.linspace(0.0, 1.0, 1001)[:-1]
    assert {fuzzed(2.0, u) for u in draws} == {2.0}
    for interval, wide in ((3.0, 1.075), (10.0, 1.975), (100.0, 1 + 0.675 + 1.3 + 4.0)):
        found = {fuzzed(interval, u) for u in draws}
        ends = max(half_up(interval - wide), 2), half_up(interval + wide)
        assert (min(found), max(found)) == ends
        assert len(found) == ends[1] - ends[0] + 1


def walked(agent, made, rights):
    """One learner who answers so: the items, and the memory after the last answer."""
    policy = agent(made)
    seen = np.zeros((1, made.layout.width), np.float32)
    state, items = policy.begin(luck_of(np.arange(1))), []
    for right in [*rights, None]:
        item, state = policy.predict(seen, state, np.full(1, not items))
        items.append(int(item[0]))
        if right is not None:
            seen[:, made.layout.columns("last_correct")] = 2.0 * right - 1.0
            seen[:, made.layout.columns("days_since")] = made.days
    return items, state.memory


def test_anki_graduates_at_one_day_whatever_the_first_answer():
    for right in (True, False):
        _, memory = walked(AnkiSm2(), task(days=30.0), [right])
        kept = memory.own
        assert (kept.interval[0, 0], memory.due[0, 0], kept.lapses[0, 0]) == (1.0, 1.0, 0)
        assert kept.ease[0, 0] == 2.5


def test_anki_takes_the_days_into_account():
    # Every 4 days: 1 day, then 3 days late, then on time or early as the interval has grown.
    _, memory = walked(AnkiSm2(), task(days=4.0), [True, True])
    assert memory.own.interval[0, 0] == told(1, 4, 2.5)[1] == 6
    _, memory = walked(AnkiSm2(), task(days=4.0), [True, True, True])
    assert memory.own.interval[0, 0] == told(6, 4, 2.5)[1] == 10
    _, memory = walked(AnkiSm2(), task(days=4.0), [True, True, False, True])
    kept = memory.own
    assert (kept.interval[0, 0], kept.lapses[0, 0], kept.ease[0, 0]) == (told(1, 4, 2.3)[1], 1, 2.3)
    _, memory = walked(AnkiSm2(new_share=0.5), task(days=4.0), [True, True, False])
    assert (memory.own.interval[0, 0], memory.due[0, 0]) == (3.0, 11.0)


def test_anki_suspends_a_leech():
    wrongs = [True] + [False] * 8
    items, memory = walked(
        AnkiSm2(suspend=True, new_first=False), task(items=2, days=1.0), [*wrongs, True, True]
    )
    assert items[:9] == [0] * 9
    assert memory.own.lapses[0].tolist() == [8, 0]
    assert set(items[9:]) == {1}
    items, _ = walked(AnkiSm2(new_first=False), task(items=2, days=1.0), [*wrongs, True])
    assert items[9] == 0


def test_anki_fuzzes_intervals_that_grow_and_each_learner_has_another_draw():
    made, n = task(days=20.0), 4000
    policy = AnkiSm2(fuzz=True)(made)
    state = policy.begin(luck_of(np.arange(n)))
    kept = state.memory
    kept.own.interval[:], kept.own.reviewed[:], kept.met[:], kept.now[:] = 8.0, 0.0, True, 8.0
    right, item = np.ones(n, bool), np.zeros(n, np.int64)
    seen = policy._seen(np.zeros((n, made.layout.width), np.float32), state, None)
    policy.rule.plan.answered(seen, Last(item, right, right, np.zeros(n)), kept)
    found, counts = np.unique(kept.own.interval, return_counts=True)
    assert found.tolist() == list(range(17, 24))  # 20 days, and 2.975 to both sides
    assert (abs(counts / n - 1 / 7) < 0.03).all()


def test_memrise_climbs_and_falls():
    for rung, days in enumerate((*RUNGS, 180.0), 1):
        _, memory = walked(Memrise(), task(days=500.0), [True] * rung)
        assert memory.due[0, 0] - memory.now[0] + 500.0 == days
    _, memory = walked(Memrise(), task(days=500.0), [True, True, True, False])
    assert (memory.own.rung[0, 0], memory.due[0, 0]) == (0, 1501.0)
    _, memory = walked(Memrise(days=[2, 9]), task(days=500.0), [True, True, True])
    assert memory.due[0, 0] == 1009.0


def test_a_fixed_interval_is_fixed():
    for rights in ([True], [False], [True, False, True]):
        _, memory = walked(FixedInterval(days=3.0), task(days=10.0), rights)
        assert memory.due[0, 0] == 10.0 * (len(rights) - 1) + 3.0


@pytest.mark.parametrize("name", PLANS)
def test_the_most_overdue_item_comes_first_and_of_equals_the_one_listed_first(name):
    made = task(items=4)
    policy = PLANS[name](made)
    for due, met, expected in (
        ([5.0, 3.0, 3.0, 4.0], True, 1),
        ([9.0, 8.0, 8.0, 12.0], True, 1),  # nothing is due: the soonest
        ([9.0, 8.0, 8.0, 0.0], [True, True, True, False], 3),  # the new one before those not due
        ([9.0, 7.0, 8.0, 0.0], [True, True, True, False], 1),  # a due one before the new one
    ):
        state = policy.begin(luck_of(np.arange(1)))
        state.memory.now[:], state.memory.due[:], state.memory.met[:] = 7.0, due, met
        item, _ = policy.predict(np.zeros((1, made.layout.width), np.float32), state)
        assert item[0] == expected


def delay_of(agent, made, due, met=True, days=()):
    """(item, delay) that a rule picks on day 7."""
    made = replace(made, delays=days)
    policy = agent(made)
    state = policy.begin(luck_of(np.arange(1)))
    state.memory.now[:], state.memory.due[:], state.memory.met[:] = 7.0, due, met
    action, _ = policy.predict(np.zeros((1, made.layout.width), np.float32), state)
    return int(action[0] % made.course.n_items), days[action[0] // made.course.n_items]


def test_the_smallest_delay_that_reaches_the_next_due_day():
    made, fixed, days = task(items=3, days=0.0), FixedInterval(8.0, False), (4.0, 0.0, 1.0, 20.0)
    assert delay_of(fixed, made, [7.0, 9.5, 30.0], days=days) == (0, 4.0)  # 2.5 days to item 1
    assert delay_of(fixed, made, [7.0, 8.0, 30.0], days=days) == (0, 1.0)  # exactly
    assert delay_of(fixed, made, [6.0, 7.0, 30.0], days=days) == (0, 0.0)  # item 1 is due already
    assert delay_of(fixed, made, [7.0, 50.0, 60.0], days=days) == (0, 20.0)  # its own 8 days
    assert delay_of(fixed, made, [7.0, 50.0, 60.0], days=(0.0, 2.0, 5.0)) == (0, 5.0)  # none reaches them
    some = [True, True, False]
    assert delay_of(fixed, made, [7.0, 50.0, 0.0], some, days=days) == (0, 0.0)  # a new one waits
    one = task(days=0.0)
    assert delay_of(Memrise(), one, [7.0], days=(0.0, 1.0, 6.0)) == (0, 1.0)
    assert delay_of(AnkiSm2(), one, [7.0], days=(3.0, 0.0, 1.0)) == (0, 1.0)


def test_delays_let_one_card_come_when_it_is_due():
    # FSRS, one card, delays of every length: each review is on its due day, until something is forgotten.
    made = Task(
        simulator=Fsrs(Course.of(1)),
        steps=6,
        reward=mean_recall,
        features=FEATURES,
        delays=tuple(float(day) for day in range(400)),
    )
    run = rollout(made, Memrise()(made), 300)
    right = (run.correct[:, :5] == 1).all(axis=1)
    assert right.sum() > 30
    assert (run.days[right][:, :5] == [1.0, 6.0, 12.0, 48.0, 96.0]).all()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: AnkiSm2(new_share=1.5), r"agent\.new_share = 1\.5"),
        (lambda: AnkiSm2(fuzz=1), r"agent\.fuzz = 1"),
        (lambda: AnkiSm2(suspend="no"), r"agent\.suspend = no"),
        (lambda: Memrise(days=[]), r"agent\.days = \[\]"),
        (lambda: Memrise(days=[1.0, 0.0]), r"agent\.days\[1\] = 0\.0"),
        (lambda: Memrise(days=[6, 1]), r"agent\.days\[1\] = 1: must be at least the 6 before it"),
        (lambda: Memrise(days="1"), r"agent\.days = 1"),
        (lambda: FixedInterval(days=-1.0), r"agent\.days = -1\.0"),
        (lambda: Sm2(new_first=3), r"agent\.new_first = 3"),
        (lambda: AnkiSm2()(task(features=("attempts",))), "last_correct"),
    ],
)
def test_wrong_options_are_named(make, field):
    with pytest.raises(InputError, match=field):
        make()


DATED = [Sm2(), AnkiSm2(), Memrise(), FixedInterval(), FsrsRetention(), Memorize(), CostAdr()]


@pytest.mark.parametrize("agent", DATED, ids=lambda agent: type(agent).__name__)
def test_a_task_without_days_is_refused_by_its_days(agent):
    with pytest.raises(InputError, match=r"^task\.days = 0: must be above 0, or task\.delays given: no days"):
        agent(kss(4))
