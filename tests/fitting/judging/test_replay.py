"""Simulated learners in a log's own sequence, and checks that catch those who behave otherwise."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from coursewright.data.log import codes, learner_log
from coursewright.data.synthetic import GUESS, LEARN, PRIOR, SKILLS, SLIP
from coursewright.errors import InputError
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.course import course_of
from coursewright.fitting.histories import Histories
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging import replay as module
from coursewright.fitting.judging.checks import (
    BY_SKILL,
    DELAY_NAMES,
    LEARNING,
    RETENTION,
    Check,
    checks,
)
from coursewright.fitting.judging.replay import replay
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.logistic.fixed_items import FixedItems
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.protocol import empty_response
from small_logs import coded, uneven_log

TRUTH = BktParameters(PRIOR, LEARN, GUESS, SLIP, skills=SKILLS)


@pytest.fixture(scope="module")
def log():
    return uneven_log()


def learners(table, forgetting="opportunity", forget=0.0):
    course = course_of(coded(table))
    order = [SKILLS.index(skill) for skill in course.skills]
    mine = {name: getattr(TRUTH, name)[:, order] for name in ("prior", "learn", "guess", "slip")}
    return Bkt(course, BktParameters(**mine, forget=forget, skills=course.skills), forgetting=forgetting)


def with_answers(table, answers):
    at = table.column_names.index("correct")
    return table.set_column(at, "correct", pa.array(answers.astype(np.int8)))


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


def test_bins_by_hand():
    """25 learners, one skill, right at the first opportunity and wrong at the second, 2 days later."""
    rows = [(f"{n}", "i", ["k"], 2.0 * t, 1 - t) for n in range(25) for t in range(2)]
    columns = dict(
        zip(("learner", "item", "skills", "time", "correct"), zip(*rows, strict=True), strict=True)
    )
    table = learner_log(pa.table(columns), "").table
    always = np.ones((4, 50), np.int8)
    always[0] = 0
    learning, by_skill, retention = checks(coded(table), always)
    assert (learning.place, learning.count.tolist()) == (("1", "2"), [25, 25])
    assert learning.data.tolist() == [1.0, 0.0]
    assert learning.low.tolist() == learning.high.tolist() == [1.0, 0.0]
    assert learning.mean.tolist() == [0.75, 0.75]
    assert learning.rmse == pytest.approx(np.sqrt((0.25**2 + 0.75**2) / 2))
    assert by_skill.group == ("k", "k")
    assert (retention.place, retention.data.tolist()) == (("1–3 d",), [0.0])
    assert len(checks(coded(table.slice(0, 30)), always[:, :30])[0].data) == 0  # 15 answers a bin are too few
    assert len(DELAY_NAMES) == 10


def test_rows_whose_items_a_simulator_does_not_know_count_in_neither(log):
    known = log.filter(pa.compute.starts_with(log["item"], "ratios"))
    simulator = learners(known)
    part = checks(coded(log), replay([simulator], coded(log), 2))
    met = Histories.of(coded(log), "skill")
    ratios = met.code == met.names.index("ratios")
    asked = ratios & (met.correct >= 0) & (met.place == 0)
    assert {group for check in part if check.name == BY_SKILL for group in check.group} == {"ratios"}
    assert part[0].count[0] == asked.sum()
    assert part[0].data[0] == pytest.approx((met.correct[asked] == 1).mean())


def test_intervals_of_the_log_widen_where_learners_differ():
    """200 learners who always or never answer right: 10 answers each tell no more than one."""
    right = np.random.default_rng(0).random(200) < 0.5
    rows = [(f"{n:03}", "i", ["k"], float(t), int(right[n])) for n in range(200) for t in range(19)]
    columns = dict(
        zip(("learner", "item", "skills", "time", "correct"), zip(*rows, strict=True), strict=True)
    )
    table = learner_log(pa.table(columns), "").table
    check = checks(coded(table), np.ones((2, len(rows)), np.int8))[0]
    half = (check.high - check.low) / 2
    assert half == pytest.approx(1.96 * 0.5 / np.sqrt(200), rel=0.15)  # also with 10 answers in the last bin


def test_p_values_are_uniform_when_the_log_is_one_more_replicate():
    rng = np.random.default_rng(1)
    p = []
    inside = []
    for _ in range(400):
        every = rng.normal(0.5, 0.1, (40, 6))
        check = Check("x", ("",) * 6, ("",) * 6, np.arange(1, 7), every[0], every[0], every[0], every[1:])
        p.append(check.p_value)
        inside.append(check.inside.mean())
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.06)  # four standard errors
    assert np.mean(p) == pytest.approx(0.5125, abs=0.06)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


@pytest.fixture(scope="module")
def simulated(log):
    """A log whose learners really are BKT learners (p-values are uniform over seeds; this is a fair one)."""
    return with_answers(log, replay([learners(log)], coded(log), 2, seed=12)[0])


def by_name(table, simulator, seed=0):
    return {check.name: check for check in checks(coded(table), replay([simulator], coded(table), 39, seed))}


def test_learners_simulated_from_the_fit_pass_their_own_checks(simulated):
    found = by_name(simulated, BktModel().fit(coded(simulated)).simulator())
    assert set(found) == {LEARNING, BY_SKILL, RETENTION}
    for check in found.values():
        assert check.share_inside > 0.85
        assert check.p_value > 0.05


def test_too_much_forgetting_is_caught_by_retention(simulated):
    honest = by_name(simulated, learners(simulated, "time"))[RETENTION]
    forgetful = by_name(simulated, learners(simulated, "time", forget=0.1))[RETENTION]
    assert honest.p_value > 0.05
    assert forgetful.p_value == 1 / 40
    assert forgetful.share_inside < 0.6
    gap = forgetful.mean - forgetful.data
    assert gap[forgetful.place.index("1–4 wk")] < -0.1  # long delays suffer
    assert gap[forgetful.place.index("1–4 wk")] < gap[forgetful.place.index("<1 min")]


def test_learners_who_never_learn_are_caught_by_the_learning_curve(simulated):
    found = by_name(simulated, ItemDifficultyModel().fit(coded(simulated)).simulator())
    assert found[LEARNING].p_value == 1 / 40
    assert found[LEARNING].share_inside < 0.5
    assert found[BY_SKILL].share_inside < 0.7
