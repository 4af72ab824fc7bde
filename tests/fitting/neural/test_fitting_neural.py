"""Training neural tracers on a log: held-out figures, the same seed, causality, files written."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from coursewright.data.log import in_order
from coursewright.data.synthetic import simulate_log
from coursewright.errors import InputError
from coursewright.fitting.item_difficulty import ItemDifficultyModel
from coursewright.fitting.judging.held_out import held_out, plan
from coursewright.fitting.judging.scores import Score
from coursewright.fitting.neural.network import Vocabulary
from coursewright.fitting.neural.shipped import MODEL
from coursewright.fitting.neural.training import NeuralModel, _batches
from coursewright.fitting.neural.windows import cut, recorded_sessions
from coursewright.simulators.folders import SHIPPED
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.neural.kes import Kes
from coursewright.simulators.neural.tracer import read_neural
from small_logs import coded

LOG = simulate_log(120, 8, seed=3)
GRU = NeuralModel(hidden=8, width=8, epochs=12, patience=12, learning_rate=2e-2, decay=0.01, dropout=0.1)
DKT = replace(GRU, cell="lstm", over="skills")


@pytest.fixture(scope="module")
def fits():
    return {model: model.fit(coded(LOG)) for model in (GRU, DKT)}


def named(rows):
    """A log from (learner, item, skills, correct), a row a day."""
    learner, item, skills, correct = zip(*rows, strict=True)
    table = {"learner": learner, "item": item, "skills": skills, "time": np.arange(float(len(rows)))}
    return in_order(pa.table(table | {"correct": pa.array(correct, pa.int8())}))[0]


@pytest.mark.parametrize("model", [GRU, DKT], ids=["gru", "dkt"])
def test_it_beats_item_difficulty_on_learners_that_learn(model):
    log = coded(LOG)
    net, item = (
        Score.of(held_out(log, each, plan(log, folds=2).folds)) for each in (model, ItemDifficultyModel())
    )
    assert (net.auc > item.auc + 0.03).all()
    assert (net.log_loss < item.log_loss).all()


@pytest.mark.parametrize("model", [GRU, DKT], ids=["gru", "dkt"])
def test_what_simulates_is_what_was_trained(model, fits):
    """The folded network, row by row in compiled loops, against torch's own cells on whole sequences."""
    fit = fits[model]
    windows = cut(coded(LOG), 1000)
    (batch,) = _batches(coded(LOG), fit.words, windows, np.ones(len(windows.learner), bool), 1000)
    with torch.no_grad():
        fit.net.eval()
        expected = torch.sigmoid(fit.net(batch.item, batch.need, batch.answer)).numpy()
    assert fit.predict(coded(LOG)) == pytest.approx(expected.ravel(), abs=1e-5)


def test_the_same_seed_gives_the_same_weights(fits):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again, other = GRU.fit(coded(LOG)), replace(GRU, seed=1).fit(coded(LOG))
    assert (torch.get_rng_state() == before).all()  # the caller's generator is left alone
    for ours, theirs, another in zip(*(f.net.parameters() for f in (fits[GRU], again, other)), strict=True):
        assert (ours == theirs).all()
        assert (ours != another).any()


def test_predictions_look_back_only(fits):
    first = fits[GRU].predict(coded(LOG))
    correct = LOG["correct"].to_numpy().copy()
    changed = np.arange(len(correct)) % 40 >= 25  # each learner's rows 25 to 39
    correct[changed] = 1 - correct[changed]
    at = LOG.column_names.index("correct")
    second = fits[GRU].predict(coded(LOG.set_column(at, "correct", pa.array(correct, pa.int8()))))
    place = np.arange(len(correct)) % 40
    assert (first[place <= 25] == second[place <= 25]).all()
    assert (first[place > 25] != second[place > 25]).mean() > 0.9


def test_new_items_count_as_their_skills_and_lectures_change_nothing(fits):
    known = named([("a", "fractions-1", ["fractions"], 1), ("a", "ratios-2", ["ratios"], 0)])
    new = named([("a", "fractions-1", ["fractions"], 1), ("a", "ratios-99", ["ratios"], 0)])
    newer = named([("a", "fractions-1", ["fractions"], 1), ("a", "x", ["algebra"], 0)])
    p = [fits[DKT].predict(coded(table)) for table in (known, new, newer)]
    assert p[0] == pytest.approx(p[1])  # DKT tells skills apart, not items
    assert p[2][1] != pytest.approx(p[1][1])
    assert all(0.0 < value < 1.0 for value in fits[GRU].predict(coded(newer)))
    lecture = named([("a", "ratios-1", ["ratios"], -1), ("a", "fractions-1", ["fractions"], 1)])
    alone = named([("a", "fractions-1", ["fractions"], 1)])
    for fit in fits.values():
        assert fit.predict(coded(lecture))[1] == fit.predict(coded(alone))[0]


@pytest.mark.parametrize("model", [GRU, DKT], ids=["gru", "dkt"])
def test_a_fit_becomes_learners_and_a_folder(model, fits, tmp_path):
    fit = fits[model]
    kes = fit.simulator()
    assert kes.course.items == Vocabulary.of(coded(LOG)).items
    state = kes.empty(50)
    kes.enrol(state, np.arange(50), identify(Seeds(), np.arange(50), Split.TRAIN, np.zeros(50, np.int64)))
    mastery = np.empty((50, kes.course.n_skills), np.float32)
    kes.mastery(state, mastery)
    assert mastery.std() > 0.01
    fit.write(tmp_path)
    back, same = Kes(read_neural(tmp_path), start_count=20), np.empty_like(mastery)
    back.mastery(state, same)
    assert (same == mastery).all()
    assert not (tmp_path / "sessions.npz").exists()  # learners' own data stays out unless asked for


def test_estimates_and_warnings(fits):
    names, values = fits[GRU].estimates()
    assert names == ("weights", "passes", "held_out_log_loss")
    assert values[1] <= 12
    assert 0.3 < values[2] < np.log(2)
    assert values[2] == min(fits[GRU].losses)
    assert any("still falling" in line for line in replace(GRU, epochs=1).fit(coded(LOG)).warnings())
    tiny = LOG.slice(0, 80)  # two learners
    assert any(
        "items have fewer than 5 answers" in line
        for line in replace(GRU, epochs=1).fit(coded(tiny)).warnings()
    )
    assert (GRU.name, DKT.name) == ("GRU over items", "DKT")


def test_training_stops_and_keeps_the_best_pass():
    fit = replace(GRU, epochs=200, patience=2, learning_rate=0.1).fit(coded(LOG.slice(0, 800)))
    best = int(np.argmin(fit.losses))
    assert len(fit.losses) == best + 3
    assert fit.losses[best] < fit.losses[-1]


def test_windows_are_consecutive_answers():
    rows = [("b", f"i{t}", ["k"], t % 2) for t in range(7)] + [("a", "x", ["k"], -1), ("a", "y", ["k"], 1)]
    windows = cut(coded(named(rows)), 3)
    assert windows.learner.tolist() == [0, 1, 1, 1]
    assert [w.tolist() for w in np.split(windows.row, windows.start[1:-1])] == [
        [1],
        [2, 3, 4],
        [5, 6, 7],
        [8],
    ]
    assert cut(coded(named(rows)), 3, shortest=2).start.tolist() == [0, 3, 6]
    with pytest.raises(InputError, match="shortest"):
        cut(coded(named(rows)), 3, shortest=4)
    sessions = recorded_sessions(coded(named(rows)), longest=4, shortest=3)
    assert sessions.start.tolist() == [0, 4, 7]
    assert sessions.item.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert sessions.correct.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert sessions.person.tolist() == [1, 1]


def test_several_skills_count_as_one():
    practice = [("i", ["p"]), ("j", ["q", "p"]), ("k", ["q"]), ("i", ["p"])]
    rows = [(who, *what, n % 2) for who in ("a", "b", "c") for n, what in enumerate(practice)]
    fit = replace(DKT, epochs=1).fit(coded(named(rows)))
    assert fit.words.needs == (("p",), ("q",), ("q", "p"))
    course = fit.simulator().course
    assert course.q_matrix[course.item("j")].sum() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cell", "rnn"),
        ("over", "learners"),
        ("hidden", 0),
        ("longest", 1),
        ("held_out", 1.0),
        ("dropout", -0.1),
    ],
)
def test_bad_settings_are_refused(field, value):
    with pytest.raises(InputError, match=rf"model\.{field}"):
        replace(GRU, **{field: value})


def test_one_learner_is_too_few():
    with pytest.raises(InputError, match="two are needed"):
        GRU.fit(coded(LOG.slice(0, 40)))


@pytest.mark.slow
def test_the_shipped_network_can_be_made_again(tmp_path):
    from coursewright.data.synthetic import synthetic_log

    table = synthetic_log().table
    MODEL.fit(coded(table)).write(tmp_path)
    for name in ("items.csv", "sessions.npz"):
        assert (tmp_path / name).read_bytes() == (SHIPPED / "kes_synthetic" / name).read_bytes()
    ours, theirs = (read_neural(folder).network for folder in (tmp_path, "kes_synthetic"))
    assert ours.inputs == pytest.approx(theirs.inputs, abs=0.02)
    assert ours.output == pytest.approx(theirs.output, abs=0.02)
