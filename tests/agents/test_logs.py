"""The logs that simulated learners leave: grades, the allowed items, and the probability of each choice."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from coursewright.agents.bandits.thompson import Thompson
from coursewright.agents.logs import write_log
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, UniformRandom
from coursewright.data.read import LogFile
from coursewright.envs.rollout import Group, rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import Task
from coursewright.fitting.coded import Coded
from coursewright.fitting.memory.reviews import reviews_of
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Split
from coursewright.simulators.memory.fsrs import Fsrs

MANY = Group(30, Split.TRAIN, first=5)


def written(task, policy, tmp_path, group=MANY, **more):
    path = tmp_path / "log.parquet"
    rows = write_log(task, policy, path, group, "made up", **more)
    log = LogFile(str(path))()
    assert log.table.num_rows == rows
    return log.table


def test_every_response_of_the_rollout_is_there(tmp_path) -> None:
    task = bkt(mask=True)
    policy = RandomLegal()(task)
    table, run = written(task, policy, tmp_path), rollout(task, policy, 30, Split.TRAIN, 5)
    assert table.num_rows == int(run.steps.sum())
    seven = table.filter(np.array(table["learner"]) == "7").to_pydict()
    assert seven["item"] == [task.course.items[i] for i in run.item[2] if i >= 0]
    assert seven["correct"] == [c for c, i in zip(run.correct[2], run.item[2], strict=True) if i >= 0]


@pytest.mark.parametrize("task", [bkt(mask=True), kss(10)], ids=["bkt", "kss"])
def test_a_uniform_choice_among_the_allowed_has_their_share(task, tmp_path) -> None:
    table = written(task, RandomLegal()(task), tmp_path).to_pydict()
    chosen = [
        (item, allowed, p)
        for item, allowed, p in zip(table["item"], table["allowed"], table["propensity"], strict=True)
        if allowed is not None  # the past that learners bring along was nobody's choice
    ]
    assert len(chosen) > 100
    assert all(item in allowed and p == pytest.approx(1 / len(allowed)) for item, allowed, p in chosen)


def test_a_choice_without_a_draw_is_certain_and_one_that_ignores_masks_has_its_own_share(tmp_path) -> None:
    task = bkt(mask=True)
    assert set(written(task, RoundRobin()(task), tmp_path)["propensity"].to_pylist()) == {1.0}
    share = 1 / task.course.n_items
    assert set(written(task, UniformRandom()(task), tmp_path)["propensity"].to_pylist()) == {share}


def test_a_policy_that_cannot_tell_leaves_them_out(tmp_path) -> None:
    table = written(bkt(), Thompson()(bkt()), tmp_path)
    assert table["propensity"].null_count == table.num_rows
    assert table["allowed"].null_count == 0


@pytest.mark.slow
def test_weights_from_the_log_find_another_policys_first_choices(tmp_path) -> None:
    # Inverse propensities: under random choice, the weighted share of round_robin's first item is 1.
    task = bkt()
    first = RoundRobin()(task).predict(np.zeros((1, task.layout.width), np.float32))[0][0]
    table = written(task, RandomLegal()(task), tmp_path, Group(4000, Split.TRAIN)).to_pandas()
    begun = table[table.groupby("learner").cumcount() == 0]
    weight = (begun.item == task.course.items[first]) / begun.propensity
    assert weight.mean() == pytest.approx(1.0, abs=4 * weight.std() / np.sqrt(len(weight)))


def test_fsrs_finds_its_own_grades_again(tmp_path) -> None:
    task = Task(Fsrs(Course.of(6)), steps=40, features=["last_item", "last_correct"], days=1.5)
    policy = RandomLegal()(task)
    table, run = written(task, policy, tmp_path), rollout(task, policy, 30, Split.TRAIN, 5)
    assert set(run.grade.ravel().tolist()) == {1, 2, 3, 4}
    log = LogFile(str(tmp_path / "log.parquet"))()
    marks = np.bincount(reviews_of(Coded.of(log)).grade, minlength=5)
    assert marks.tolist() == np.bincount(run.grade.ravel(), minlength=5).tolist()
    assert table["grade"].null_count == 0


def test_chunks_change_nothing(tmp_path) -> None:
    task = kss(6)
    one = written(task, RandomLegal()(task), tmp_path, Group(9, Split.TRAIN, chunk=9))
    assert written(task, RandomLegal()(task), tmp_path, Group(9, Split.TRAIN, chunk=2)).equals(one)
    assert pq.read_metadata(tmp_path / "log.parquet").num_row_groups == 5
