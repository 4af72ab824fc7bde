"""The price of a minute: a charge on the reward, a feature that tells of it, and nothing where it is off."""

from dataclasses import replace

import numpy as np
import pytest

from contract import made
from coursewright.agents.conditions import no_index, unlike_any
from coursewright.agents.learning.network import default_features
from coursewright.agents.planners.one_item import unlike_one_item
from coursewright.envs.gym import TeachingEnv
from coursewright.envs.record import Records
from coursewright.envs.shipped import bkt
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.luck import Split
from small_tasks import begun, random_actions, small_task

SMALL = small_task()
FEATURES = ("attempts", "goal", "last_item", "budget_left")
RICH = Task(simulator=made("rich"), minutes=90.0, features=FEATURES)
LEARNERS = 30


def lived(task, steps=25):
    """Rewards, minutes and answers `[steps, learners]` under choices that are always the same."""
    episodes, told = begun(task, LEARNERS), []
    for action in random_actions(replace(task, price=None), LEARNERS, steps):
        over = episodes.over.copy()
        reward, _ = episodes.step(action)
        minutes = np.where(over, 0.0, episodes.response.minutes)
        told.append((np.where(over, 0.0, reward), minutes, episodes.response.correct.copy()))
    return (np.array(part) for part in zip(*told, strict=True))


def column(episodes):
    return episodes.observation[:, episodes.task.layout.columns("log_price")][:, 0]


def test_no_price_is_no_column_and_no_charge():
    assert "log_price" not in SMALL.layout.features
    priced = replace(SMALL, price=0.5)
    assert priced.layout.features == (*SMALL.layout.features, "log_price")
    assert priced.layout.names == (*SMALL.layout.names, "log_price")


@pytest.mark.parametrize("task", [SMALL, RICH], ids=["bkt", "rich"])
@pytest.mark.parametrize("price", [0.0, 0.25])
def test_the_charge_is_the_price_of_the_minutes(task, price):
    plain, minutes, answers = lived(task)
    paid, same, alike = lived(replace(task, price=price))
    assert (same == minutes).all()
    assert (alike == answers).all()
    assert paid == pytest.approx(plain - price * minutes)
    assert minutes.sum() > 0


def test_a_range_gives_each_learner_a_price_that_the_tutor_sees():
    task = replace(RICH, price=[0.01, 1.0])
    episodes = begun(task, 4000)
    logs = column(episodes)
    assert np.quantile(logs, [0, 0.5, 1]) == pytest.approx(np.log([0.01, 0.1, 1.0]), abs=0.1)
    plain, minutes, _ = lived(RICH)
    paid, _, _ = lived(task)
    assert paid == pytest.approx(plain - np.exp(logs[:LEARNERS], dtype=float) * minutes, abs=1e-9)


def test_a_learner_has_one_price_alone_or_in_a_batch_and_another_in_the_next_life():
    task = replace(RICH, price=[0.01, 1.0])
    together = column(begun(task, 10))
    alone = [column(begun(task, 1, first))[0] for first in range(10)]
    assert together.tolist() == alone
    episodes = begun(task, 10)
    rows = np.arange(10)
    episodes.begin(rows[:5], rows[:5], np.ones(5, np.int64), Split.EVALUATE)
    assert (column(episodes)[:5] != together[:5]).all()
    assert (column(episodes)[5:] == together[5:]).all()


def test_copies_of_a_learner_keep_its_price():
    task = replace(RICH, price=[0.01, 1.0])
    episodes = begun(task, LEARNERS)
    rows = np.array([3, 3, 7])
    copies = episodes.branch(rows, np.arange(3).astype(np.uint64))
    assert (column(copies) == column(episodes)[rows]).all()
    kept = episodes.snapshot()
    before = column(episodes).copy()
    episodes.begin(
        np.arange(LEARNERS), 100 + np.arange(LEARNERS), np.zeros(LEARNERS, np.int64), Split.EVALUATE
    )
    episodes.restore(kept)
    assert (column(episodes) == before).all()


def test_to_stop_costs_nothing_and_what_is_over_neither():
    task = replace(SMALL, stop=True, price=2.0)
    episodes = begun(task, LEARNERS)
    stop = np.full(LEARNERS, task.n_actions - 1)
    first, _ = episodes.step(stop)
    again, _ = episodes.step(stop)
    assert (first == 0).all()
    assert (again == 0).all()


def test_a_record_without_learners_is_told_the_price():
    fixed = Records(replace(SMALL, price=0.5).terms, 2)
    fixed.open(np.arange(2))
    place = replace(SMALL, price=0.5).layout.columns("log_price")
    assert fixed.observation[:, place] == pytest.approx(np.log(0.5))
    ranged = Records(replace(SMALL, price=[0.1, 1.0]).terms, 2)
    with pytest.raises(
        InputError, match=r"records\.price = None: must be a price a row, since task\.price = "
    ):
        ranged.open(np.arange(2))
    ranged.open(np.arange(2), price=np.array([0.2, 0.9]))
    assert ranged.observation[:, place][:, 0] == pytest.approx(np.log([0.2, 0.9]))
    ranged.add(np.zeros(2, np.int64), np.ones(2, np.int64))
    assert ranged.observation[:, place][:, 0] == pytest.approx(np.log([0.2, 0.9]))


def test_observations_lie_within_their_bounds_and_networks_read_the_price():
    for price in (0.0, [1e-6, 1e6]):
        env = TeachingEnv(replace(SMALL, price=price))
        assert env.observation_space.contains(env.reset(seed=0)[0])
    assert "log_price" in default_features(replace(SMALL, price=0.5).layout)
    assert "log_price" not in default_features(SMALL.layout)


def test_what_is_proved_without_a_price_is_not_with_one():
    assert unlike_any(bkt()) == ""
    for reason in (unlike_any, no_index):
        assert reason(replace(bkt(), price=0.1)) == "minutes are charged for (task.price)"
    one = Task(simulator=made("fsrs"), steps=5, features=FEATURES, price=0.1)
    assert unlike_one_item(one) != ""


@pytest.mark.parametrize(
    "price",
    [-0.1, 2e6, float("nan"), True, "dear", [0.1], [0.0, 1.0], [1.0, 0.1], [0.1, "x"], [0.1, 0.5, 1.0]],
)
def test_a_wrong_price_is_refused(price):
    with pytest.raises(
        InputError, match=r"task\.price = .*: must be null, a number in \[0, 1e\+06\], or a range"
    ):
        replace(SMALL, price=price)
    with pytest.raises(
        InputError, match=r"task\.price = None: must be a price, because task\.features holds"
    ):
        replace(SMALL, features=(*SMALL.features, "log_price"))
