"""Simulated learners in a log's own sequence."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from coursewright.data.log import codes, learner_log
from coursewright.errors import InputError
from coursewright.fitting.course import course_of
from coursewright.fitting.histories import Histories
from coursewright.fitting.judging import replay as module
from coursewright.fitting.judging.replay import replay
from coursewright.simulators.course import Course
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.fixed_items import FixedItems
from coursewright.simulators.logistic.worth import COLUMNS
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import empty_response
from small_logs import coded, learners, uneven_log


@pytest.fixture(scope="module")
def log():
    return uneven_log()


def alone(simulator, table, replicates, seed):
    """The same, one learner at a time."""
    learner, names = codes(table["learner"])
    place = {name: i for i, name in enumerate(simulator.course.items)}
    item, time = [place[name] for name in table["item"].to_pylist()], table["time"].to_numpy()
    answers = np.empty((replicates, table.num_rows), np.int8)
    for r in range(replicates):
        for n in range(len(names)):
            luck = identify(
                Seeds(seed, seed), np.array([r * len(names) + n]), Split.FIT, np.zeros(1, np.int64)
            )
            state, out = simulator.empty(1), empty_response(1)
            simulator.enrol(state, np.array([0]), luck)
            last = None
            for row in np.flatnonzero(learner == n):
                simulator.elapse(state, np.array([0.0 if last is None else time[row] - last]), luck)
                simulator.practise(state, np.array([item[row]]), np.array([True]), luck, out)
                answers[r, row], last = out.correct[0], time[row]
                luck.step[:] += 1
    return answers


@pytest.mark.parametrize("rows", [3, 64, 8192])
def test_a_place_takes_the_next_learner_and_nobody_notices(log, monkeypatch, rows):
    monkeypatch.setattr(module, "MOST_ROWS", rows)
    few = log.slice(0, 400)
    simulator = replace(learners(few, "time", forget=0.1), learn_sd=0.7)
    assert (replay([simulator], coded(few), 3, seed=5) == alone(simulator, few, 3, seed=5)).all()


def test_replicates_differ_and_a_seed_repeats_them(log):
    simulator = learners(log)
    one, again, other = (replay([simulator], coded(log), 2, seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one[0] != one[1]).mean() > 0.2
    assert (one != other).mean() > 0.2


def test_replicates_take_turns_with_several_simulators(log):
    course = course_of(coded(log))
    sure, hopeless = (FixedItems(course, np.full(course.n_items, p)) for p in (1.0, 0.0))
    assert replay([sure, hopeless], coded(log), 5).mean(axis=1).tolist() == [1, 0, 1, 0, 1]


def test_study_rows_show_their_items_and_have_no_answer():
    """After a study an item has one opportunity more and no last answer, as the fit has it."""
    course = Course.of(["x"])
    rows = {
        "learner": ["a", "a", "b", "b"] * 500,
        "item": ["x"] * 2000,
        "skills": [["x"]] * 2000,
        "time": [0.0, 1.0, 0.0, 1.0] * 500,
        "correct": [-1, 1, 1, 1] * 500,
    }
    rows["learner"] = [f"{name}{n // 4}" for n, name in enumerate(rows["learner"])]
    weights = np.zeros((2, len(COLUMNS)))
    weights[0, COLUMNS.index("opportunity")] = 1.0 / np.log(
        2.0
    )  # of the skill: log odds 1 after one exposure
    weights[1, COLUMNS.index("right_last")], weights[1, COLUMNS.index("wrong_last")] = 9.0, 9.0  # of the item
    log = coded(learner_log(pa.table(rows), "").table)
    answers = replay([Logistic(course, weights)], log, 4)
    studied = log.correct < 0
    assert (answers[:, studied] == -1).all()
    assert (answers[:, ~studied] >= 0).all()
    after = np.concatenate([[False], studied[:-1]])
    assert answers[:, after].mean() == pytest.approx(1.0 / (1.0 + np.exp(-1.0)), abs=0.03)
    assert answers[:, (log.place == 1) & ~after].mean() > 0.99


def test_items_that_a_simulator_does_not_know_are_skipped(log):
    known = log.filter(pa.compute.starts_with(log["item"], "ratios"))
    answers = replay([learners(known)], coded(log), 2)
    ratios = np.array([name.startswith("ratios") for name in log["item"].to_pylist()])
    assert (answers[:, ~ratios] == -1).all()
    assert (answers[:, ratios] >= 0).all()
    other = log.set_column(1, "item", pa.array(["?"] * log.num_rows))
    with pytest.raises(InputError, match=r"course\.items"):
        replay([learners(log)], coded(other), 2)
    with pytest.raises(InputError, match="replicates = 1"):
        replay([learners(log)], coded(log), 1)


def test_exposures_by_hand():
    rows = {
        "learner": ["a", "a", "a", "a", "b", "b"],
        "item": ["i", "j", "i", "k", "i", "j"],
        "skills": [["x"], ["x", "y"], ["x"], ["y"], ["x"], ["y"]],
        "time": [0.0, 1.0, 1.0, 9.0, 2.0, 4.5],
        "correct": [1, 0, -1, 1, 1, 0],
    }
    met = Histories.of(coded(learner_log(pa.table(rows), "").table), "skill")
    found = sorted(zip(met.row, met.code, met.place + 1, met.gap.tolist(), strict=True))
    assert found == [
        (0, 0, 1, 0.0),
        (1, 0, 2, 1.0),
        (1, 1, 1, 0.0),
        (2, 0, 3, 0.0),
        (3, 1, 2, 8.0),
        (4, 0, 1, 0.0),
        (5, 1, 1, 0.0),
    ]
