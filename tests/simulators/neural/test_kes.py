"""Neural learners: the network against other code and by hand, every option, same luck, same rows."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coursewright.envs.episodes import Episodes
from coursewright.envs.rewards import normalised_gain, normalised_mean_gain
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.luck import Luck, Seeds, Split, identify
from coursewright.simulators.neural.kes import Kes
from coursewright.simulators.neural.network import GRU_GATES, LSTM_GATES, Network
from coursewright.simulators.neural.sessions import PARTS, Sessions
from coursewright.simulators.neural.tracer import OnDevice, Tracer, read_neural
from coursewright.simulators.protocol import clone, empty_response, put, take
from places import SUPPORT

UNITS, HIDDEN = 12, 6


def network(gates=GRU_GATES, units=UNITS, hidden=HIDDEN, scale=0.7, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (
        (units, 2, gates * hidden),
        (hidden, gates * hidden),
        (gates * hidden,),
        (units, hidden),
        (units,),
    )
    return Network(*(rng.normal(0.0, scale, shape) for shape in shapes))


def sessions(people=20, items=UNITS, seed=1):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 16, 2 * people)
    rows = int(lengths.sum())
    return Sessions(
        start=np.append(0, np.cumsum(lengths)),
        person=np.repeat(np.arange(people), 2),
        item=rng.integers(0, items, rows),
        correct=rng.integers(0, 2, rows),
    )


def tracer(gates=GRU_GATES, **options):
    """Twelve items over four skills, one of the items needing two."""
    items = {f"i{i}": [f"s{i % 4}"] for i in range(UNITS)}
    items["i11"] = ["s3", "s0"]
    course = Course.of(["s0", "s1", "s2", "s3"], items=items)
    return Tracer(course, network(gates), np.arange(UNITS), sessions(), **options)


def learners(gates=GRU_GATES, **options):
    options = {"start_count": 5, "target_count": 2} | options
    if options.get("start") == "skills":
        options["start_count"] = 3
    return Kes(tracer(gates), **options)


def luck_of(n, split=Split.EVALUATE, first=0, seeds=Seeds()):  # noqa: B008
    return identify(seeds, np.arange(first, first + n), split, np.zeros(n, np.int64))


def enrolled(kes, n, **options):
    state, luck = kes.empty(n), luck_of(n, **options)
    return state, luck, kes.enrol(state, np.arange(n), luck)


def run(kes, n, steps=15, split=Split.EVALUATE, choose=None):
    """Random items; returns the states, answers `[steps, n]` and predictions `[steps, n]`."""
    choose = (
        np.random.default_rng(3).integers(0, kes.course.n_items, (steps, n)) if choose is None else choose
    )
    state, luck, _ = enrolled(kes, n, split=split)
    answers, chances = [], []
    for item in choose:
        p, response = np.zeros(n), empty_response(n)
        kes.p_correct(state, item, p)
        kes.practise(state, item, np.ones(n, bool), luck, response)
        luck.step[:] += 1
        answers.append(response.correct)
        chances.append(p)
    return state, np.array(answers), np.array(chances)


def s(x):
    return 1.0 / (1.0 + np.exp(-x))


# The oracle: matrices and one learner at a time, in float64, sharing no line with the package.
def oracle_gru(w, h, unit, answer):
    x = answer * w.inputs[unit, 1].astype(float) + (1 - answer) * w.inputs[unit, 0].astype(float)
    g = np.split(h @ w.recurrent.astype(float) + w.recurrent_bias, 3)
    xr, xz, xn = np.split(x, 3)
    r, z = s(xr + g[0]), s(xz + g[1])
    return (1 - z) * np.tanh(xn + r * g[2]) + z * h


def oracle_lstm(w, hc, unit, answer):
    h, c = np.split(hc, 2)
    x = answer * w.inputs[unit, 1].astype(float) + (1 - answer) * w.inputs[unit, 0].astype(float)
    i, f, g, o = np.split(x + h @ w.recurrent.astype(float) + w.recurrent_bias, 4)
    c = s(f) * c + s(i) * np.tanh(g)
    return np.concatenate([s(o) * np.tanh(c), c])


CELLS = [(GRU_GATES, oracle_gru), (LSTM_GATES, oracle_lstm)]


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize(("gates", "oracle"), CELLS, ids=["gru", "lstm"])
def test_the_network_is_what_numpy_says(gates, oracle, device):
    w = network(gates)
    engine = w if device is None else OnDevice(w, device)
    rng = np.random.default_rng(5)
    memory = np.zeros((7, w.width), np.float32)
    expected = np.zeros((7, w.width))
    for _ in range(20):
        unit, answer = rng.integers(0, UNITS, 7), rng.random(7)
        chance, everything = np.empty(7), np.empty((7, UNITS), np.float32)
        engine.p(memory, unit, chance)
        engine.p_all(memory, everything)
        logits = expected[:, :HIDDEN] @ w.output.T.astype(float) + w.bias
        assert chance == pytest.approx(s(logits)[np.arange(7), unit], abs=1e-5)
        assert everything == pytest.approx(s(logits), abs=1e-5)
        engine.advance(memory, unit, answer)
        expected = np.array([oracle(w, *row) for row in zip(expected, unit, answer, strict=True)])
        assert memory == pytest.approx(expected, abs=1e-5)


def test_one_hidden_number_by_hand():
    # GRU: x_r = -100 (reset shut), x_z = 0 (half kept), x_n = 1 for right and -1 for wrong; h0 = 0.
    w = Network(
        inputs=[[[-100.0, 0.0, -1.0], [-100.0, 0.0, 1.0]]],
        recurrent=[[0.0, 0.0, 5.0]],
        recurrent_bias=[0.0, 0.0, 5.0],
        output=[[2.0]],
        bias=[-0.5],
    )
    memory, chance = np.zeros((3, 1), np.float32), np.empty(3)
    w.p(memory, np.zeros(3, np.int64), chance)
    assert chance == pytest.approx(0.3775406687981454)  # s(-.5)
    w.advance(memory, np.zeros(3, np.int64), np.array([1.0, 0.0, 0.5]))
    right = 0.5 * 0.7615941559557649  # half of tanh(1)
    assert memory[:, 0] == pytest.approx([right, -right, 0.0], abs=1e-7)
    w.advance(memory, np.array([0, -1, 0]), np.array([1.0, 1.0, 1.0]))
    assert memory[:, 0] == pytest.approx([1.5 * right, -right, right], abs=1e-7)
    # LSTM: every gate open but the input gate at a half, g = 1 for right: c = tanh(1) / 2, then 1.5 of that.
    shut = [[[0.0, 100.0, -1.0, 100.0], [0.0, 100.0, 1.0, 100.0]]]
    w = Network(shut, np.zeros((1, 4)), np.zeros(4), [[1.0]], [0.0])
    memory = np.zeros((1, 2), np.float32)
    w.advance(memory, np.zeros(1, np.int64), np.ones(1))
    w.advance(memory, np.zeros(1, np.int64), np.ones(1))
    assert memory[0] == pytest.approx([np.tanh(2 * right), 2 * right], abs=1e-6)


@pytest.mark.parametrize("gates", [GRU_GATES, LSTM_GATES])
@pytest.mark.parametrize("start", ["session", "skills", "items"])
def test_a_row_alone_is_the_row_in_a_batch(gates, start):
    kes = learners(gates, start=start, targets="session")
    choose = np.random.default_rng(3).integers(0, UNITS, (15, 40))
    state, answers, chances = run(kes, 40, choose=choose)
    for i in (0, 17, 39):
        alone, luck = kes.empty(1), luck_of(1, first=i)
        kes.enrol(alone, np.arange(1), luck)
        for t in range(15):
            p, response = np.zeros(1), empty_response(1)
            kes.p_correct(alone, choose[t, i : i + 1], p)
            kes.practise(alone, choose[t, i : i + 1], np.ones(1, bool), luck, response)
            luck.step[:] += 1
            assert (p[0], response.correct[0]) == (chances[t, i], answers[t, i])
        assert (alone.memory[0] == state.memory[i]).all()
        many, one = np.empty((40, 4), np.float32), np.empty((1, 4), np.float32)
        kes.mastery(state, many)
        kes.mastery(alone, one)
        assert one[0] == pytest.approx(many[i], abs=1e-5)


@pytest.mark.parametrize("gates", [GRU_GATES, LSTM_GATES])
def test_torch_gives_the_same_learners(gates):
    kes = learners(gates, start="items")
    ours, theirs = run(kes, 50), run(replace(kes, device="cpu"), 50)
    assert (ours[1] == theirs[1]).all()
    assert ours[0].memory == pytest.approx(theirs[0].memory, abs=1e-5)
    assert ours[2] == pytest.approx(theirs[2], abs=1e-5)
    masteries = [np.empty((50, 4), np.float32) for _ in range(2)]
    kes.mastery(ours[0], masteries[0])
    replace(kes, device="cpu").mastery(theirs[0], masteries[1])
    assert masteries[0] == pytest.approx(masteries[1], abs=1e-5)


def test_whoever_is_not_asked_or_not_taught_stays_the_same():
    kes = learners()
    state, luck, _ = enrolled(kes, 3)
    before, response = clone(state), empty_response(3)
    response.minutes[:] = 7.0
    kes.practise(state, np.array([-1, 4, 4]), np.array([True, False, True]), luck, response)
    assert (state.memory[:2] == before.memory[:2]).all()
    assert (state.memory[2] != before.memory[2]).any()
    assert response.correct[0] == response.grade[0] == -1
    assert response.minutes.tolist() == [7.0, 1.0, 1.0]
    assert set(response.correct[1:]) <= {0, 1}
    p = np.array([9.0, 9.0, 9.0])
    kes.p_correct(state, np.array([-1, 0, 1]), p)
    assert p[0] == 9.0
    assert (p[1:] < 1.0).all()


def test_states_can_be_copied_taken_and_put_back():
    kes = learners()
    state, _, _ = enrolled(kes, 6)
    kept = take(state, np.array([5, 1]))
    other = kes.empty(6)
    put(other, np.array([5, 1]), kept)
    assert (other.memory[5] == state.memory[5]).all()
    assert (other.target[1] == state.target[1]).all()
    assert (other.memory[0] == 0.0).all()


def test_partial_enrolment_touches_these_rows_only():
    kes = learners()
    state, _, _ = enrolled(kes, 6)
    before = clone(state)
    kes.enrol(state, np.array([4, 2]), luck_of(6, first=100))
    same = (state.memory == before.memory).all(axis=1)
    assert same.tolist() == [True, True, False, True, False, True]


# The options.


def test_a_session_start_is_the_first_part_of_a_recorded_session():
    kes = learners(start="session", targets="session")
    recorded, w = kes.tracer.sessions, kes.tracer.network
    state, _, past = enrolled(kes, 30)
    known = {}
    for k in range(len(recorded)):
        rows = slice(recorded.start[k], recorded.start[k + 1])
        item, correct = recorded.item[rows], recorded.correct[rows]
        shown = int(len(item) * 6 // 10)
        known[tuple(item[:shown]), tuple(correct[:shown])] = item[(-2 * len(item)) // 10 :]
    for i in range(30):
        n = past.length[i]
        key = tuple(past.item[i, :n]), tuple(past.correct[i, :n])
        wanted = kes.course.q_matrix[known[key]].any(axis=0)
        assert (past.goal[i] == wanted).all()
        assert sorted(state.target[i][state.target[i] >= 0]) == np.flatnonzero(wanted).tolist()
        memory = np.zeros(w.width)
        for unit, answer in zip(*key, strict=True):
            memory = oracle_gru(w, memory, unit, answer)
        assert state.memory[i] == pytest.approx(memory, abs=1e-5)
    assert len({tuple(row) for row in past.item}) > 3


@pytest.mark.parametrize(("start", "count"), [("items", 12), ("items", 5), ("skills", 4), ("skills", 2)])
def test_random_starts_repeat_nothing_and_favour_nothing(start, count):
    kes = Kes(tracer(), start=start, start_count=count, target_count=2)
    _, _, past = enrolled(kes, 4000)
    assert (past.length == count).all()
    assert past.item.shape == (4000, count)
    number = past.item if start == "items" else np.argmax(kes.course.q_matrix[past.item], axis=2)
    size = 12 if start == "items" else 4
    if start == "items":
        assert all(len(set(row)) == count for row in number)
    # Every place holds every number equally often: chi-squared on size - 1, its .9999 quantile.
    if start == "items":
        for column in number.T:
            seen = np.bincount(column, minlength=size)
            assert ((seen - 4000 / size) ** 2 / (4000 / size)).sum() < 37.4
    else:
        # i11 needs s0 and s3: it may be drawn for either, each skill has three or four items
        for column in past.item.T:
            seen = np.bincount(column, minlength=12)
            of = kes.course.q_matrix / kes.course.q_matrix.sum(axis=0)
            expected = 4000 * of.mean(axis=1)
            assert ((seen - expected) ** 2 / expected).sum() < 37.4


def test_random_targets_are_so_many_and_equally_likely():
    kes = learners(targets="skills", target_count=3)
    state, _, past = enrolled(kes, 4000)
    assert (past.goal.sum(axis=1) == 3).all()
    assert (np.sort(state.target) == np.nonzero(past.goal)[1].reshape(-1, 3)).all()
    assert past.goal.mean(axis=0) == pytest.approx(np.full(4, 0.75), abs=5 * np.sqrt(0.75 * 0.25 / 4000))


def feeding(kes, steps=6):
    """The memory of the network after `steps` of item 0, if it were fed answers or probabilities."""
    state, luck, _ = enrolled(kes, 200)
    told = []
    for _ in range(steps):
        before, p, response = clone(state), np.zeros(200), empty_response(200)
        kes.p_correct(state, np.zeros(200, np.int64), p)
        kes.practise(state, np.zeros(200, np.int64), np.ones(200, bool), luck, response)
        luck.step[:] += 1
        told.append((before.memory, state.memory.copy(), p, response.correct))
    return told


@pytest.mark.parametrize("feedback", ["sampled", "rounded", "expected"])
def test_what_is_fed_back(feedback):
    kes = learners(feedback=feedback)
    for before, after, p, correct in feeding(kes):
        fed = p if feedback == "expected" else correct
        if feedback == "rounded":
            assert (correct == (p >= 0.5)).all()
        else:  # each answer is right with its own p
            assert abs((correct - p).sum()) < 5 * np.sqrt((p * (1 - p)).sum())
            assert len(set(correct)) == 2
        expected = [oracle_gru(kes.tracer.network, *row) for row in zip(before, [0] * 200, fed, strict=True)]
        assert after == pytest.approx(np.array(expected), abs=1e-5)


def test_a_row_alone_and_rounded_feedback_in_the_start_too():
    kes = learners(feedback="rounded")
    _, _, past = enrolled(kes, 50)
    memory = np.zeros((50, kes.tracer.network.width), np.float32)
    for t in range(5):
        p = np.empty(50)
        kes.tracer.network.p(memory, past.item[:, t], p)
        assert (past.correct[:, t] == (p >= 0.5)).all()
        kes.tracer.network.advance(memory, past.item[:, t], past.correct[:, t].astype(float))


def test_mastery_is_the_mean_over_the_items_of_a_skill():
    kes = learners()
    state, _, past = enrolled(kes, 9)
    every = np.empty((9, UNITS))
    for i in range(UNITS):
        kes.p_correct(state, np.full(9, i), every[:, i])
    out = np.empty((9, 4), np.float32)
    kes.mastery(state, out)
    expected = np.array([every[:, need].mean(axis=1) for need in kes.course.q_matrix.T]).T
    assert out == pytest.approx(expected, abs=1e-5)
    replace(kes, mastery_of="goal").mastery(state, out)
    assert out == pytest.approx(np.where(past.goal, expected, 0.0), abs=1e-5)


@pytest.mark.parametrize("reward", ["count", "mean"])
@pytest.mark.parametrize("mastery_of", ["all", "goal"])
def test_scores_are_rewards(reward, mastery_of):
    """The count of p >= .5 and the mean of p: E_p of each learner's own goal, from the states themselves."""
    kes = learners(mastery_of=mastery_of)
    function = normalised_gain if reward == "count" else normalised_mean_gain
    features = ("goal", "budget_left", "warmup_right", "warmup_wrong")
    episodes = Episodes(Task(kes, steps=8, reward=function, features=features), 60)
    episodes.begin(np.arange(60), np.arange(60), np.zeros(60, np.int64), Split.EVALUATE)
    whole = replace(kes, mastery_of="all")

    def score():
        out = np.empty((60, 4), np.float32)
        whole.mastery(episodes.state, out)
        value = out >= 0.5 if reward == "count" else out.astype(float)
        return (value * episodes.goal).sum(axis=1)

    start, returned = score(), np.zeros(60)
    for item in np.random.default_rng(0).integers(0, UNITS, (8, 60)):
        returned += episodes.step(item).reward
    left = episodes.goal.sum(axis=1) - start
    expected = np.divide(score() - start, left, out=np.zeros(60), where=left > 0)
    assert returned == pytest.approx(expected, abs=1e-5)
    assert (expected != 0.0).sum() > 10


# Splits.


def test_splits_never_share_a_person():
    recorded = sessions(people=23)
    people = [set(recorded.person[part].tolist()) for part in recorded.parts]
    assert sum(map(len, people)) == 23
    assert set().union(*people) == set(range(23))
    assert len(people[Split.TRAIN]) >= 2 * 23 // len(PARTS)


def test_training_and_evaluation_learners_start_from_different_sessions():
    kes = learners(start="session", targets="session")
    drawn = {}
    for split in Split:
        luck = luck_of(3000, split)
        drawn[split] = set(kes.tracer.sessions.draw(np.arange(3000), luck, 0).tolist())
        assert drawn[split] == set(kes.tracer.sessions.parts[split].tolist())  # all of them, and no other
    seen = [k for part in drawn.values() for k in part]
    assert len(seen) == len(set(seen)) == len(kes.tracer.sessions)


def test_the_split_reaches_learners_through_episodes():
    kes = learners(start="session", targets="session")
    task = Task(kes, steps=5, features=("goal", "warmup_right"))
    pasts = {}
    for split in (Split.TRAIN, Split.EVALUATE):
        episodes = Episodes(task, 500)
        episodes.begin(np.arange(500), np.arange(500), np.zeros(500, np.int64), split)
        pasts[split] = {row.tobytes() for row in episodes.state.memory}
    assert not pasts[Split.TRAIN] & pasts[Split.EVALUATE]


def test_sessions_need_to_know_the_split():
    kes = learners(start="session", targets="session")
    known = luck_of(2)
    with pytest.raises(InputError, match=r"luck\.split"):
        kes.enrol(kes.empty(2), np.arange(2), Luck(*known[:4]))


# Files.


@pytest.mark.parametrize("gates", [GRU_GATES, LSTM_GATES])
def test_a_folder_gives_the_same_learners_back(gates, tmp_path):
    made = tracer(gates)
    for folder in ("once", "again"):
        (tmp_path / folder).mkdir()
    made.write(tmp_path / "once")
    back = read_neural(tmp_path / "once")
    assert back.course.hash == made.course.hash
    ours = run(Kes(made, start="session", targets="session"), 20)
    theirs = run(Kes(back, start="session", targets="session"), 20)
    assert (ours[2] == theirs[2]).all()
    back.write(tmp_path / "again")
    for name in ("items.csv", "weights.npz", "sessions.npz"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    replace(made, sessions=None).write(tmp_path / "again")
    assert not (tmp_path / "again" / "sessions.npz").exists()


def test_each_item_may_be_a_skill():
    made = read_neural("kes_synthetic", each_item_a_skill=True)
    assert made.course.one_to_one
    assert made.course.n_skills == made.network.units == 20
    kes = Kes(made, target_count=8)
    state, _, past = enrolled(kes, 5)
    assert (past.goal.sum(axis=1) == 8).all()
    out, p = np.empty((5, 20), np.float32), np.empty(5)
    kes.mastery(state, out)
    kes.p_correct(state, np.full(5, 13), p)
    assert out[:, 13] == pytest.approx(p, abs=1e-5)


def test_shipped_learners_teach_themselves_something():
    # Trained on BKT learners who never forget, the network's answers get better with practice.
    kes = Kes(read_neural("kes_synthetic"), start="session", targets="session")
    state, _, _ = enrolled(kes, 500)
    before, after = np.empty((500, 5), np.float32), np.empty((500, 5), np.float32)
    kes.mastery(state, before)
    kes.mastery(run(kes, 500, steps=40)[0], after)
    assert after.mean() > before.mean() + 0.05


# Bad input.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "nowhere"}, r"kes\.start = 'nowhere': must be one of session, skills, items"),
        ({"feedback": "guessed"}, r"kes\.feedback"),
        ({"targets": "items"}, r"kes\.targets"),
        ({"mastery_of": "none"}, r"kes\.mastery_of"),
        ({"start_share": 0.0}, r"kes\.start_share = 0\.0: must be a share"),
        ({"target_share": 1.1}, r"kes\.target_share"),
        ({"start_count": 13}, r"kes\.start_count = 13: must be from 0 to the 12 items"),
        ({"target_count": 5}, r"kes\.target_count = 5: must be from 1 to the 4 skills"),
        ({"device": "abacus"}, r"kes\.device = abacus"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        learners(**options)


def test_sessions_must_be_there_to_start_from():
    with pytest.raises(InputError, match=r"sessions\.npz"):
        Kes(replace(tracer(), sessions=None), start="session", start_count=5)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("bias", np.full(UNITS, np.nan), "finite"),
        ("bias", np.zeros(3), r"network\.bias"),
        ("recurrent_bias", np.zeros(17), "GRU or LSTM"),
        ("output", np.zeros(3), r"network\.output"),
    ],
)
def test_bad_weights_are_refused(field, value, message):
    with pytest.raises(InputError, match=message):
        replace(network(), **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("start", [0, 2, 2]), ("person", [0]), ("correct", [0, 2, 1]), ("item", [0, 1])],
)
def test_bad_sessions_are_refused(field, value):
    good = Sessions([0, 2, 3], [0, 1], [0, 1, 0], [0, 1, 1])
    with pytest.raises(InputError, match="sessions"):
        replace(good, **{field: value})


def test_too_few_people_to_divide():
    with pytest.raises(InputError, match="at least 5"):
        _ = Sessions([0, 2, 3], [0, 1], [0, 1, 0], [0, 1, 1]).parts


def test_broken_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="kes_synthetic"):
        read_neural("kes_synthetik")
    tracer().write(tmp_path)
    (tmp_path / "weights.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read"):
        read_neural(tmp_path)
    tracer().write(tmp_path)
    (tmp_path / "items.csv").write_text("item,unit,skills\ni0,99,s0\n")
    with pytest.raises(InputError, match=r"tracer\.unit"):
        read_neural(tmp_path)
    (tmp_path / "items.csv").write_text("item,skills\ni0,s0\n")
    with pytest.raises(InputError, match="without unit"):
        read_neural(tmp_path)


def test_compiled_and_plain_python_agree(tmp_path):
    code = f"""
import numpy as np, test_kes as t
for gates in (3, 4):
    state, answers, chances = t.run(t.learners(gates, start="skills"), 12, steps=6)
    np.savez({str(tmp_path)!r} + f"/{{gates}}.npz", memory=state.memory, answers=answers, chances=chances)
"""
    beside = os.pathsep.join([str(SUPPORT), str(Path(__file__).parent), *sys.path])
    plain = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": beside}
    subprocess.run([sys.executable, "-c", code], env=plain, check=True)
    for gates in (GRU_GATES, LSTM_GATES):
        state, answers, chances = run(learners(gates, start="skills"), 12, steps=6)
        with np.load(tmp_path / f"{gates}.npz") as theirs:
            assert (theirs["answers"] == answers).all()
            assert theirs["chances"] == pytest.approx(chances, abs=1e-12)
            assert theirs["memory"] == pytest.approx(state.memory, abs=1e-12)
