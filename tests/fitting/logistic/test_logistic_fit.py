"""Fits of logistic learners against brute force, scikit-learn, girth, and the learners that made the log."""

from dataclasses import replace

import girth
import numpy as np
import pyarrow as pa
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from scipy import integrate, sparse, stats
from sklearn.linear_model import LogisticRegression

from coursewright.data.log import learner_log
from coursewright.errors import InputError
from coursewright.fitting.course import course_of
from coursewright.fitting.histories import Histories
from coursewright.fitting.logistic.features import values
from coursewright.fitting.logistic.models import AfmModel, BestLrModel, Das3hModel, IrtModel, PfaModel
from coursewright.fitting.logistic.practice import PracticeModel
from coursewright.fitting.logistic.random_intercept import forecast, solve
from coursewright.simulators.course import Course
from coursewright.simulators.logistic import das3h, worth
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.das3h import WIDTHS, WINDOWS
from coursewright.simulators.logistic.irt import Irt as IrtLearners
from coursewright.simulators.logistic.published import afm
from coursewright.simulators.logistic.tables import read_das3h, read_irt, read_logistic
from coursewright.simulators.luck import Seeds, Split, identify
from logistic_learners import course, step, walk
from small_logs import coded

MODELS = [
    AfmModel(items=True),
    PfaModel(items=True, lag=True),
    PfaModel(raw=True),
    BestLrModel(lag=True),
    BestLrModel(individual=False),
    PracticeModel(),
    IrtModel(),
    Das3hModel(),
]


def table_of(learner, item, skills, time, correct) -> pa.Table:
    columns = {"learner": [f"p{n:05d}" for n in learner], "item": item, "skills": skills}
    return learner_log(pa.table(columns | {"time": time, "correct": correct}), "test").table


def random_log(seed=0, learners=7, rows=60) -> pa.Table:
    """Multi-skill items, study rows, equal times, pauses from seconds to weeks."""
    rng = np.random.default_rng(seed)
    needed = [["x"], ["y"], ["z"], ["x", "y"], ["z", "y", "x"]]
    item = rng.integers(0, 5, learners * rows)
    pause = rng.choice([0.0, 1e-4, 0.03, 0.9, 2.0, 9.0], learners * rows)
    return table_of(
        np.repeat(np.arange(learners), rows),
        [f"i{n}" for n in item],
        [needed[n] for n in item],
        np.cumsum(pause.reshape(learners, rows), axis=1).ravel(),
        rng.choice([1, 0, -1], learners * rows, p=[0.5, 0.4, 0.1]),
    )


def log_of(simulator, learners=300, steps=60, days=0.05, first=0) -> pa.Table:
    """The answers of these learners to items in an order that depends on their number alone."""
    luck = identify(Seeds(), np.arange(first, first + learners), Split.FIT, np.zeros(learners, np.int64))
    state = simulator.empty(learners)
    simulator.enrol(state, np.arange(learners), luck)
    rng = np.random.default_rng(first)
    items = rng.integers(0, simulator.course.n_items, (steps, learners))
    pauses = days * rng.exponential(size=(steps, learners))
    correct = np.array([step(simulator, state, luck, items[t], days=pauses[t]) for t in range(steps)])
    c = simulator.course
    names = [[c.skills[k] for k in np.flatnonzero(row)] for row in c.q_matrix]
    asked = items.T.ravel()
    return table_of(
        np.repeat(np.arange(learners), steps),
        [c.items[a] for a in asked],
        [names[a] for a in asked],
        (np.cumsum(pauses, axis=0) - pauses).T.ravel(),
        correct.T.ravel(),
    )


# Features


@pytest.mark.parametrize("kind", ["skill", "item", "total"])
def test_features_are_what_a_walk_through_the_log_counts(kind) -> None:
    table = random_log()
    rows = table.to_pylist()
    windows = [f"{of}_{w}" for of in ("right", "tried") for w in WINDOWS]
    bends = {"lag_10s": 10, "lag_1min": 60, "lag_10min": 600, "lag_1h": 3600, "lag_1d": 86_400}
    columns = ("easiness", "opportunity", "success", "failure", "seen", "lag", *bends, "right_last",
               "wrong_last", "growth", *windows)  # fmt: skip
    of = Histories.of(coded(table), kind)
    found = {
        (r, of.names[c]): v for r, c, v in zip(of.row, of.code, values(of, columns).tolist(), strict=True)
    }
    expected = {}
    for r, row in enumerate(rows):
        touched = {"skill": row["skills"], "item": [row["item"]], "total": ["all"]}[kind]
        for name in touched:
            past = [
                e
                for e in rows[:r]
                if e["learner"] == row["learner"] and name in ([*e["skills"], e["item"], "all"])
            ]
            s, f = (sum(e["correct"] == outcome for e in past) for outcome in (1, 0))
            lag = 86_400 * (row["time"] - past[-1]["time"]) if past else 0.0
            inside = [[e["correct"] for e in past if row["time"] - e["time"] < width] for width in WIDTHS]
            counts = [len(past), s, f]
            in_windows = [sum(c == 1 for c in w) for w in inside] + [sum(c >= 0 for c in w) for w in inside]
            growth = np.log1p(len(past)) / len(touched)
            beyond = [max(0.0, np.log((1 + lag) / (1 + seconds))) for seconds in bends.values()]
            given = [e["correct"] for e in past if e["correct"] >= 0]
            last = [float(given[-1:] == [1]), float(given[-1:] == [0])]
            line = [1.0, *np.log1p(counts), float(bool(past)), np.log1p(lag), *beyond, *last, growth]
            line += np.log1p(in_windows).tolist()
            expected[r, name] = line
    assert found.keys() == expected.keys()
    for key, line in expected.items():
        np.testing.assert_allclose(found[key], line, rtol=1e-9, err_msg=str(key))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_predictions_do_not_look_ahead(model) -> None:
    table = random_log()
    fitted = model.fit(coded(table))
    whole = fitted.predict(coded(table))
    assert ((whole > 0) & (whole < 1)).all()
    for last in (1, 30, 61, 200):
        np.testing.assert_array_equal(fitted.predict(coded(table.slice(0, last))), whole[:last])
    other = table.set_column(4, "correct", pa.array(1 - np.abs(table["correct"].to_numpy()), pa.int8()))
    first = np.arange(0, 420, 60)
    np.testing.assert_array_equal(fitted.predict(coded(other))[first], whole[first])
    assert (fitted.predict(coded(other)) != whole).any()


# The regression


def test_without_intercepts_of_learners_it_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    x = sparse.csr_matrix(rng.normal(size=(500, 6)) * [1, 1, 5, 0.2, 1, 1])
    y = (rng.random(500) < 1 / (1 + np.exp(-(x @ [1, -1, 0.2, 2, 0, 0.5] + 0.7)))).astype(float)
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(x, y)
    ones = sparse.hstack([np.ones((500, 1)), x], format="csr")
    ours = solve(ones, y, np.array([0, 500]), np.array([0.0] + [2.0] * 6), individual=False)
    assert (ours.converged, ours.spread) == (True, 0.0)
    np.testing.assert_allclose(ours.weights, [*theirs.intercept_, *theirs.coef_[0]], atol=2e-4)


def test_rasch_agrees_with_girth() -> None:
    # girth's one-parameter model has abilities ~ N(0, 1) and a common discrimination, our spread
    learners, items = 1500, 12
    true = Course.of(items, difficulty=np.linspace(-1.5, 1.5, items))
    people = IrtLearners(true, [0.0] * items, [0.0] * items, [1.0] * items, [0.0] * items, spread=1.4)
    rng = np.random.default_rng(0)
    theta = rng.normal(0.0, people.spread, learners)
    right = rng.random((learners, items)) < 1 / (1 + np.exp(true.difficulty - theta[:, None]))
    table = table_of(
        np.repeat(np.arange(learners), items),
        [true.items[i] for i in np.tile(np.arange(items), learners)],
        [["s"]] * (learners * items),
        np.tile(np.arange(items) / 100, learners),
        right.ravel().astype(int),
    )
    fitted = IrtModel(growth=False, penalty=1e-6).fit(coded(table))
    theirs = girth.onepl_mml(right.T.astype(int))
    ours = fitted.simulator()
    assert ours.spread == pytest.approx(float(theirs["Discrimination"]), abs=0.01)
    at = [ours.course.items.index(name) for name in true.items]
    np.testing.assert_allclose(
        ours.course.difficulty[at], theirs["Difficulty"] * theirs["Discrimination"], atol=0.02
    )
    assert fitted.estimates().names[-1] == "spread"


def test_the_posterior_of_a_new_learner_is_integrated() -> None:
    eta, correct, spread = np.array([0.3, -1.0, 0.5, 0.2]), np.array([1, -1, 0, 1], np.int8), 1.2

    def after(rows, t) -> float:
        def density(theta, ask) -> float:
            p = 1 / (1 + np.exp(-(eta + theta)))
            like = np.prod([p[r] if correct[r] else 1 - p[r] for r in rows])
            return stats.norm.pdf(theta, scale=spread) * like * (p[t] if ask else 1.0)

        return integrate.quad(density, -9, 9, (True,))[0] / integrate.quad(density, -9, 9, (False,))[0]

    found = forecast(np.tile(eta, 2), np.tile(correct, 2), np.array([0, 4, 8]), spread)
    expected = [after(rows, t) for t, rows in enumerate(([], [0], [0], [0, 2]))]
    np.testing.assert_allclose(found, expected * 2, rtol=1e-5)
    np.testing.assert_allclose(forecast(eta, correct, np.array([0, 4]), 0.0), 1 / (1 + np.exp(-eta)))


# Learners that made the log are found again


def test_afm_is_found_again() -> None:
    true = afm(Course.of(3), [-1.0, 0.0, 0.5], [0.12, 0.06, 0.02], spread=1.0)
    fitted = AfmModel().fit(coded(log_of(true, learners=500, steps=40))).simulator()
    # over eight such logs: standard deviation .05 to .08 of easiness, .007 of opportunity, .04 of spread
    np.testing.assert_allclose(fitted.weights[:, worth.EASINESS], [-1.0, 0.0, 0.5], atol=0.2)
    np.testing.assert_allclose(fitted.weights[:, worth.OPPORTUNITY], [0.12, 0.06, 0.02], atol=0.03)
    assert fitted.spread == pytest.approx(1.0, abs=0.15)
    assert fitted.raw


def test_best_lr_with_lag_is_found_again() -> None:
    weights = np.zeros((2 + 4 + 1, 6))
    weights[:2, :4] = [[-0.5, 0, 0.8, 0.2], [0.3, 0, 0.5, -0.1]]
    weights[:2, 4:] = 1.0, -0.2
    weights[2:6, 2:] = 0.4, 0.2, 1.2, -0.15
    weights[6, 2:4] = 0.1, -0.1
    two = Course.of(2, {"a": "0", "b": "0", "c": "1", "d": "1"}, difficulty=[-0.6, 0.6, -0.4, 0.4])
    found = (
        BestLrModel(lag=True, penalty=0.1)
        .fit(coded(log_of(Logistic(two, weights), learners=1500, days=0.5)))
        .simulator()
    )
    assert isinstance(found, Logistic)
    # the counts overlap, so single weights are loose where their sum is not
    np.testing.assert_allclose(found.weights[:2, [4, 5]], weights[:2, [4, 5]], atol=0.25)
    np.testing.assert_allclose(found.weights[2:6, [4, 5]], weights[2:6, [4, 5]], atol=0.2)
    np.testing.assert_allclose(found.weights[:, 2:4], weights[:, 2:4], atol=0.2)
    np.testing.assert_allclose(np.diff(found.course.difficulty)[[0, 2]], [1.2, 0.8], atol=0.15)


def test_growth_of_irt_is_found_again() -> None:
    true = IrtLearners(course(), [0.0] * 3, [0.6, 0.3, 0.1], [1.0] * 5, [0.0] * 5, spread=0.8)
    fitted = IrtModel().fit(coded(log_of(true, learners=400))).simulator()
    # over eight such logs: standard deviation .03 to .06 of growth, .04 to .15 of difficulty, .04 of spread
    np.testing.assert_allclose(fitted.growth, [0.6, 0.3, 0.1], atol=0.15)
    at = [fitted.course.items.index(name) for name in true.course.items]
    np.testing.assert_allclose(fitted.course.difficulty[at], true.course.difficulty, atol=0.4)
    assert fitted.spread == pytest.approx(0.8, abs=0.12)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_simulator_and_prediction_are_one_model(model) -> None:
    """The fit's prediction for its simulator's own learners is the chance they answered with."""
    table = random_log(3, learners=40)
    fitted = model.fit(coded(table))
    fitted = replace(fitted, linear=replace(fitted.linear, spread=0.0))
    simulator = fitted.simulator()
    found = walk(simulator, np.arange(9), steps=50)
    names = [[simulator.course.skills[k] for k in np.flatnonzero(row)] for row in simulator.course.q_matrix]
    rows = [(i, e) for i in range(9) for e in found.events[-1][i]]
    own = table_of(
        [i for i, _ in rows],
        [simulator.course.items[e.item] for _, e in rows],
        [names[e.item] for _, e in rows],
        [e.day for _, e in rows],
        [e.correct for _, e in rows],
    )
    step_of = [
        next(t for t in range(50) if len(found.events[t + 1][i]) == n + 1)
        for i in range(9)
        for n in range(len(found.events[-1][i]))
    ]
    chances = [found.chances[t, i, e.item] for t, (i, e) in zip(step_of, rows, strict=True)]
    assert len(chances) > 250
    np.testing.assert_allclose(fitted.predict(coded(own)), chances, rtol=1e-6)  # eight digits are simulated


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_is_written_can_be_read(model, tmp_path) -> None:
    fitted = model.fit(coded(random_log()))
    fitted.write(tmp_path)
    reader = {IrtModel: read_irt, Das3hModel: read_das3h}.get(type(model), read_logistic)
    one, back = (
        walk(simulator, np.arange(8), steps=20) for simulator in (fitted.simulator(), reader(tmp_path))
    )
    np.testing.assert_array_equal(one.chances, back.chances)
    names, numbers = fitted.estimates()
    assert len(set(names)) == len(names) == len(numbers)
    assert np.isfinite(numbers).all()


def test_das3h_weights_keep_their_published_signs() -> None:
    fitted = Das3hModel().fit(coded(random_log()))
    skill = fitted.linear.parts[0]
    table = fitted.simulator().weights
    np.testing.assert_allclose(table[:, das3h.RIGHT], skill.of("right_1h"), rtol=1e-7)
    np.testing.assert_allclose(table[:, das3h.TRIED + 4], -skill.of("tried_all"), rtol=1e-7)


# Gaps that a log leaves in a fit


def test_names_that_training_never_met_get_the_shared_weights() -> None:
    table = random_log()
    fitted = BestLrModel().fit(coded(table))
    new = table_of([0, 0], ["new", "i0"], [["other"], ["other"]], [0.0, 1.0], [1, 0])
    of = {w.part.kind: w for w in fitted.linear.parts}
    level, gain = of["skill"].shared[0], of["skill"].shared[1]
    p = fitted.predict(coded(new))
    assert p[0] == pytest.approx(1 / (1 + np.exp(-level)))
    own = of["item"].own[of["item"].names.index("i0"), of["item"].part.columns.index("easiness")]
    total = of["total"].shared[0]
    assert p[1] == pytest.approx(1 / (1 + np.exp(-(level + own + np.log(2) * (gain + total)))))


def test_warnings_name_what_is_not_identified() -> None:
    rng = np.random.default_rng(0)
    learner = np.repeat(np.arange(60), 4)
    item = np.tile(["easy", "pair", "rare", "pair"], 60)
    skills = [{"easy": ["e"], "pair": ["t1", "t2"], "rare": ["r"]}[name] for name in item]
    correct = np.where(item == "easy", 1, rng.integers(0, 2, 240))
    table = table_of(learner, item.tolist(), skills, np.tile(np.arange(4.0), 60), correct)
    said = "\n".join(PfaModel(items=True).fit(coded(table)).warnings())
    assert "only the sum is identified, the penalty divides it" in said
    assert (
        "all right or all wrong (separated: the penalty alone holds the estimate): 1 of 4 skills (e)" in said
    )
    assert "1 of 3 items (easy)" in said
    assert "never asked twice of a learner: slopes are the shared ones: 2 of 4 skills (e, r)" in said
    assert "always together with another (collinear: only the sum): 1 of 4 skills (t2)" in said
    assert (
        not PfaModel()
        .fit(coded(log_of(afm(Course.of(2), [0.0, 0.5], [0.1, 0.1], 0.5), learners=40)))
        .warnings()
    )
    alike = afm(Course.of(2), [0.0, 0.5], [0.1, 0.1], 0.0)
    fitted = AfmModel().fit(coded(log_of(alike, learners=60, first=1)))
    assert fitted.linear.spread < 0.15
    assert any("spread: at its bound 0" in line for line in fitted.warnings()) == (
        fitted.linear.spread == 0.0
    )


def test_warnings_name_windows_that_hold_nothing_or_the_same() -> None:
    # twelve days with one item a day: nothing within an hour or a day, and all of it within 30 days
    rng = np.random.default_rng(2)
    item = rng.integers(0, 2, 600).astype(str).tolist()
    days = np.tile(np.arange(12.0), 50)
    table = table_of(np.repeat(np.arange(50), 12), item, [["s"]] * 600, days, rng.integers(0, 2, 600))
    said = Das3hModel().fit(coded(table)).warnings()
    for name in ("right_1h", "tried_1h", "right_1d", "tried_1d"):
        assert f"{name} of skill: 0 in every row, so its weight is 0" in said
    for of in ("right", "tried"):
        assert f"{of}_30d and {of}_all of skill: the same in every row (only the sum)" in said
    assert not any("7d" in line for line in said)


@pytest.mark.parametrize("outcome", [1, 0, -1])
def test_one_outcome_alone_is_refused(outcome) -> None:
    table = random_log()
    same = table.set_column(4, "correct", pa.array(np.full(table.num_rows, outcome), pa.int8()))
    with pytest.raises(InputError, match=r"log.correct = only .*: must be both 0 and 1 somewhere"):
        PfaModel().fit(coded(same))


@pytest.mark.parametrize("make", [AfmModel, PfaModel, BestLrModel, IrtModel, Das3hModel, PracticeModel])
def test_a_penalty_must_be_positive(make) -> None:
    with pytest.raises(InputError, match=r"model.penalty = 0.0: must be above 0"):
        make(penalty=0.0)


def test_the_course_of_a_log() -> None:
    table = random_log().append_column("minutes", pa.array(np.tile([2.0, None, 0.0, 4.0], 105).astype(float)))
    made = course_of(coded(table))
    assert made.items == ("i0", "i1", "i2", "i3", "i4")
    assert made.skills == ("x", "y", "z")
    assert made.q_matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]]
    assert set(made.minutes) <= {2.0, 3.0, 4.0}
    assert (course_of(coded(random_log())).minutes == 1.0).all()


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("afm", AfmModel()),
        ("pfa", PfaModel()),
        ("pfa_lag", PfaModel(items=True, lag=True)),
        ("best_lr", BestLrModel()),
        ("best_lr_lag", BestLrModel(lag=True)),
        ("practice", PracticeModel()),
        ("irt", IrtModel()),
        ("das3h", Das3hModel()),
    ],
)
def test_settings_are_the_models_own(name, model) -> None:
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        assert instantiate(compose("fit", [f"model={name}"]).model) == model
