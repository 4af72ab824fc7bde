"""A log as numbers: invariants, parts of it, and the same numbers as the text gives."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from coursewright.data.log import codes, learner_log
from coursewright.fitting.coded import Coded, places, runs
from coursewright.fitting.histories import Histories
from small_logs import coded

NEEDS = (["x"], ["y", "x"], ["z"], ["x", "z", "y"])


def log_of(seed=0, learners=9, rows=11) -> pa.Table:
    """Learners of several skills an item; "10" follows "9" only where ids are numbers."""
    rng = np.random.default_rng(seed)
    item = rng.integers(0, len(NEEDS), learners * rows)
    table = {
        "learner": [str(n) for n in rng.permutation(np.repeat(np.arange(7, 7 + learners), rows))],
        "item": [f"item {n}" for n in item],
        "skills": [NEEDS[n] for n in item],
        "time": rng.integers(0, 20, len(item)) / 2.0,
        "correct": rng.integers(-1, 2, len(item)),
        "grade": [None if n == 2 else n / 4 for n in item],
    }
    return learner_log(pa.table(table), "made up").table


def same(one: Coded, other: Coded) -> None:
    assert (one.learners, one.items, one.skills) == (other.learners, other.items, other.skills)
    for name in (
        "learner",
        "item",
        "day",
        "correct",
        "grade",
        "minutes",
        "assisted",
        "start",
        "place",
        "gap",
    ):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for ours, theirs in zip(one.needs, other.needs, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_numbers_stand_for_sorted_names() -> None:
    table = log_of()
    log = coded(table)
    assert log.learners == tuple(map(str, range(7, 16)))
    assert [log.items[i] for i in log.item] == table["item"].to_pylist()
    number, lists = log.skill_sets
    assert [list(lists[k]) for k in number] == table["skills"].to_pylist()
    assert (np.diff(log.learner) >= 0).all()
    assert np.isnan(log.grade).sum() == table["grade"].null_count
    assert np.isnan(log.minutes).all()
    assert not log.assisted.any()


@pytest.mark.parametrize("seed", range(5))
def test_a_part_is_what_the_part_of_the_text_gives(seed) -> None:
    table = log_of(seed)
    rows = np.flatnonzero(np.random.default_rng(seed).random(table.num_rows) < 0.1)
    same(coded(table).take(rows), coded(table.take(pa.array(rows))))


def test_a_resample_is_whole_learners_under_new_names() -> None:
    table, chosen = log_of(), np.array([3, 0, 3, 8])
    learner, _ = codes(table["learner"])
    rows = np.concatenate([np.flatnonzero(learner == one) for one in chosen])
    ids = np.repeat(["0", "1", "2", "3"], 11)
    text = table.take(pa.array(rows)).set_column(0, "learner", pa.array(ids))
    same(coded(table).resampled(chosen), coded(text))


def test_runs_keep_the_order_of_rows() -> None:
    outer, inner = np.array([1, 0, 1, 1, 0]), np.array([2, 5, 0, 2, 5])
    order, start = runs(outer, inner)
    assert [order[a:b].tolist() for a, b in pairwise(start)] == [[1, 4], [2], [0, 3]]
    assert places(["b", "?", "a"], ["a", "b"]).tolist() == [1, 2, 0]


@pytest.mark.parametrize("kind", ["skill", "item", "total"])
def test_histories_hold_each_learners_rows_of_one_name(kind) -> None:
    log = coded(log_of())
    of = Histories.of(log, kind)
    keys = [(log.learner[of.row[a]], of.code[a]) for a in of.start[:-1]]
    assert keys == sorted(set(keys))
    for a, b in pairwise(of.start):
        assert len(set(log.learner[of.row[a:b]])) == len(set(of.code[a:b])) == 1
        assert (np.diff(of.row[a:b]) > 0).all()
        assert of.place[a:b].tolist() == list(range(b - a))
        assert of.gap[a:b].tolist() == [0.0, *np.diff(log.day[of.row[a:b]])]
        assert of.before(1)[a:b].tolist() == [int((of.correct[a:e] == 1).sum()) for e in range(a, b)]
