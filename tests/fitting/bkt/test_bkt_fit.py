"""BKT by expectation-maximisation, against brute force, known parameters and its own promises."""

from dataclasses import replace
from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from coursewright.data.log import learner_log
from coursewright.errors import InputError
from coursewright.fitting.bkt.climb import MARGIN, maximisation
from coursewright.fitting.bkt.em import (
    STARTS,
    BktFit,
    EmSettings,
    as_parameters,
    as_theta,
    climbed,
    fit,
    reweighted,
)
from coursewright.fitting.bkt.hidden_markov import DENOMINATOR, NUMERATOR, data, expectation
from coursewright.fitting.bkt.predict import predict
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.simulators.knowledge.parameters import BktParameters
from small_logs import coded

TRUE = np.array([0.4, 0.15, 0.0, 0.2, 0.1])  # prior, learn, forget, guess, slip
NOISY = np.array([0.3, 0.05, 0.0, 0.45, 0.3])
THETA = np.array([0.35, 0.2, 0.12, 0.25, 0.15])


def answers(theta, learners, opportunities, skills=1, seed=0):
    """Responses [learners, opportunities, skills] drawn by lines that share nothing with the kernels."""
    rng = np.random.default_rng(seed)
    prior, learn, forget, guess, slip = theta
    known = rng.random((learners, skills)) < prior
    steps = []
    for _ in range(opportunities):
        steps.append(rng.random(known.shape) < np.where(known, 1 - slip, guess))
        change = rng.random(known.shape)
        known = np.where(known, change >= forget, change < learn)
    return np.stack(steps, axis=1).astype(np.int8)


def grouped(correct):
    learner, _, skill = (index.ravel() for index in np.indices(correct.shape))
    names = tuple(map(str, range(correct.shape[0]))), tuple(map(str, range(correct.shape[2])))
    return Sequences.from_codes(learner, skill, correct.ravel(), *names)


def table(responses):
    """One learner a sequence, one skill."""
    rows = [(str(n), t, y) for n, sequence in enumerate(responses) for t, y in enumerate(sequence)]
    learner, time, correct = zip(*rows, strict=True)
    columns = {"learner": learner, "item": ["i"] * len(rows), "skills": [["k"]] * len(rows)}
    return learner_log(pa.table({**columns, "time": time, "correct": correct}), "made up").table


def paths(theta, responses):
    """Every hidden path [known or not at each step] with its joint probability with the responses."""
    prior, learn, forget, guess, slip = theta
    for path in product((0, 1), repeat=len(responses)):
        p = prior if path[0] else 1 - prior
        for t, (known, y) in enumerate(zip(path, responses, strict=True)):
            right = 1 - slip if known else guess
            p *= 1.0 if y < 0 else right if y else 1 - right
            if t + 1 < len(path):
                stays = (1 - forget if path[t + 1] else forget) if known else None
                p *= stays if known else learn if path[t + 1] else 1 - learn
        yield np.array(path), p


SHORT = [(1, 0, 1, 1), (0, 0, -1, 1, 0, 1), (1,), (0, 1), (-1, 1, 0, 0, 1)]


@pytest.mark.parametrize("theta", [THETA, TRUE, np.array([0.9, 0.01, 0.3, 0.05, 0.4])])
def test_likelihood_and_expected_counts_equal_brute_force(theta):
    sequences = Sequences.of(coded(table(SHORT)))
    counts = np.empty((5, 2))
    value = expectation(theta, data(sequences), 0, np.empty(sequences.longest), counts)
    expected, events = 0.0, np.zeros((5, 2))
    for responses in SHORT:
        y = np.array(responses)
        weighted = list(paths(theta, responses))
        total = sum(p for _, p in weighted)
        expected += np.log(total)
        for path, p in weighted:
            before, after, asked, w = path[:-1], path[1:], y >= 0, p / total
            events[0] += w * path[0], w
            events[1] += w * ((before == 0) & (after == 1)).sum(), w * (before == 0).sum()
            events[2] += w * ((before == 1) & (after == 0)).sum(), w * (before == 1).sum()
            events[3] += w * ((path == 0) & (y == 1)).sum(), w * ((path == 0) & asked).sum()
            events[4] += w * ((path == 1) & (y == 0)).sum(), w * ((path == 1) & asked).sum()
    assert value == pytest.approx(expected, abs=1e-12)
    assert counts == pytest.approx(events, abs=1e-12)


@pytest.mark.parametrize("theta", [THETA, TRUE])
def test_predictions_equal_brute_force_and_see_only_earlier_rows(theta):
    p = predict(as_parameters(theta[None, None], ["k"]), coded(table(SHORT)))
    row = 0
    for responses in SHORT:
        for t in range(len(responses)):
            right = sum(w for _, w in paths(theta, (*responses[:t], 1)))
            seen = sum(w for _, w in paths(theta, (*responses[:t], -1)))
            assert p[row] == pytest.approx(right / seen, abs=1e-12)
            row += 1
    assert row == len(p)


def test_predictions_do_not_change_with_later_answers():
    one, other = [[1, 0, 1, 1]], [[1, 0, 0, 0]]
    parameters = as_parameters(THETA[None, None], ["k"])
    assert (
        predict(parameters, coded(table(one)))[:3].tolist()
        == predict(parameters, coded(table(other)))[:3].tolist()
    )


def test_unseen_skills_get_the_median_parameters():
    known = np.stack([THETA, THETA + 0.1, THETA + 0.05])
    parameters = as_parameters(known[None], ["a", "b", "c"])
    middle = as_parameters(np.median(known, axis=0)[None, None], ["k"])
    assert np.array_equal(predict(parameters, coded(table(SHORT))), predict(middle, coded(table(SHORT))))


def test_certain_parameters_stay_finite():
    sure = BktParameters(prior=[1.0], learn=[0.0], guess=[0.0], slip=[0.0], skills=("k",))
    assert predict(sure, coded(table([[0, 0, 1]]))).tolist() == [1.0, 1.0, 1.0]


def test_long_sequences_do_not_underflow():
    sequences = grouped(answers(TRUE, 1, 20_000))
    counts, filtered = np.empty((5, 2)), np.empty(sequences.longest)
    value = expectation(TRUE, data(sequences), 0, filtered, counts)
    assert -20_000 < value < -2_000
    twice = expectation(TRUE, data(sequences, np.array([2.0])), 0, filtered, counts)
    assert twice == pytest.approx(2 * value)
    assert np.isfinite(counts).all()


@pytest.mark.parametrize("forgetting", [False, True])
@pytest.mark.parametrize("declining", [False, True])
def test_no_cycle_lowers_the_likelihood(forgetting, declining):
    correct = answers(THETA, 200, 8, skills=5, seed=3)
    sequences = grouped(np.ascontiguousarray(correct[:, ::-1]) if declining else correct)
    settings = EmSettings(forgetting=forgetting)
    theta = np.tile([0.5, 0.3, 0.1 * forgetting, 0.4, 0.3], (5, 1))
    last = np.full(5, -np.inf)
    for _ in range(40):
        theta, likelihood, _ = climbed(sequences, theta, settings, 1)
        assert (likelihood >= last - 1e-9).all()
        last = likelihood
    assert (theta[:, 3] + theta[:, 4] < 1.0).all()


def test_known_parameters_come_back_with_standard_errors():
    found = fit(grouped(answers(TRUE, 5_000, 10)))
    assert found.theta[0] == pytest.approx(TRUE, abs=0.03)
    errors = found.standard_errors[0, [0, 1, 3, 4]]
    assert (errors > 0.001).all()
    assert (errors < 0.02).all()
    assert found.converged.all()
    assert found.sound.all()
    assert not found.switched.any()
    assert (found.learners[0], found.opportunities[0]) == (5_000, 50_000)


def test_forgetting_comes_back_when_asked_for():
    found = fit(grouped(answers(THETA, 5_000, 12)), EmSettings(forgetting=True))
    assert found.theta[0] == pytest.approx(THETA, abs=0.05)
    assert np.isfinite(found.standard_errors).all()


def test_standard_errors_match_the_spread_over_repeated_logs():
    """40 skills are 40 independent logs of one truth: the errors estimate their spread."""
    found = fit(grouped(answers(TRUE, 1_000, 10, skills=40, seed=1)))
    columns = [0, 1, 3, 4]
    ratio = found.standard_errors[:, columns].mean(axis=0) / found.theta[:, columns].std(axis=0, ddof=1)
    assert (ratio > 0.7).all()
    assert (ratio < 1.4).all()
    # Nominal 95 % intervals: 160 of them; chance alone stays above 85 %.
    inside = np.abs(found.theta - TRUE)[:, columns] < 1.96 * found.standard_errors[:, columns]
    assert inside.mean() > 0.85


def test_the_optimum_is_no_worse_than_the_truth_nor_than_its_neighbours():
    sequences = grouped(answers(TRUE, 300, 6, seed=5))
    found = fit(sequences)
    filtered, counts = np.empty(sequences.longest), np.empty((5, 2))
    at = [found.theta[0], TRUE] + [found.theta[0] * (1 + step) for step in np.eye(5) * 0.02]
    values = [expectation(theta, data(sequences), 0, filtered, counts) for theta in at]
    assert max(values) <= values[0] + 1e-9


def test_the_best_hill_wins():
    """A noisy skill has several hills: no start may lead higher than the result of `fit`."""
    sequences = grouped(answers(NOISY, 100, 6, skills=12, seed=9))
    found = fit(sequences)
    ends = []
    for start in STARTS:
        theta = np.tile(start, (12, 1)) * [1, 1, 0, 1, 1]
        ends.append(climbed(sequences, theta, EmSettings(), 30)[1])
        assert (found.log_likelihood >= ends[-1] - 1e-9).all()
    assert np.ptp(ends, axis=0).max() > 0.5  # or the above would be no test


def test_leaps_save_passes():
    """Plain EM needs several times as many passes over such data."""
    sequences = grouped(answers(NOISY, 3_000, 6, skills=4, seed=9))
    start = np.tile([0.5, 0.1, 0.0, 0.2, 0.1], (4, 1))
    assert climbed(sequences, start, EmSettings(), 40)[2].all()


def test_declining_answers_are_reported_as_switched():
    falling = np.zeros((400, 6, 1), np.int8)
    rng = np.random.default_rng(0)
    for t in range(6):
        falling[:, t, 0] = rng.random(400) < 0.9 - 0.15 * t
    found = fit(grouped(falling))
    assert found.switched.all()
    assert not found.sound.any()
    total = found.theta[:, 3] + found.theta[:, 4]
    assert (total <= 1.0 - MARGIN + 1e-9).all()


def test_bounds_on_guess_and_slip_hold():
    found = fit(grouped(answers([0.3, 0.1, 0, 0.7, 0.05], 800, 6)), EmSettings(most_guess=0.5, most_slip=0.5))
    assert found.theta[0, 3] <= 0.5
    assert np.isnan(found.standard_errors[0, 3])
    assert not found.sound[0]


def test_a_weight_counts_learners_like_copies():
    correct = answers(TRUE, 60, 5, seed=2)
    weight = np.random.default_rng(0).integers(0, 3, 60)
    copies = grouped(np.repeat(correct, weight, axis=0))
    settings, start = EmSettings(), np.tile([0.5, 0.1, 0, 0.2, 0.1], (1, 1))
    by_weight = climbed(grouped(correct), start, settings, 20, weight)
    by_copy = climbed(copies, start, settings, 20)
    assert by_weight[0] == pytest.approx(by_copy[0], abs=1e-8)
    assert by_weight[1] == pytest.approx(by_copy[1], abs=1e-8)


def test_bootstrap_draws_are_valid_deterministic_and_as_wide_as_the_errors():
    sequences = grouped(answers(TRUE, 1_000, 10, skills=2, seed=4))
    found = fit(sequences)
    draws = reweighted(sequences, found, draws=100, seed=7)
    again = reweighted(sequences, found, draws=100, seed=7)
    other = reweighted(sequences, found, draws=100, seed=8)
    assert (draws.n_draws, draws.n_skills) == (100, 2)
    assert np.array_equal(draws.prior, again.prior)
    assert not np.array_equal(draws.prior, other.prior)
    assert (draws.guess + draws.slip < 1).all()
    ratio = draws.prior.std(axis=0) / found.standard_errors[:, 0]
    assert (ratio > 0.6).all()
    assert (ratio < 1.6).all()


def test_a_draw_without_a_learner_of_the_skill_leaves_its_parameters_alone():
    """Also at the edge guess + slip = 1 - MARGIN, which rounding may have crossed."""
    theta = np.array([0.5, 0.1, 0.0, 0.6, 0.4 - MARGIN + 1e-9])
    out = np.empty(5)
    maximisation(theta, np.zeros((5, 2)), EmSettings().limits, out)
    assert np.array_equal(out, theta)


@pytest.mark.parametrize(("response", "shown"), [(1, "only 1"), (0, "only 0"), (-1, "only nothing asked")])
def test_a_log_of_one_outcome_is_refused(response, shown):
    with pytest.raises(InputError, match=rf"log\.correct = {shown}: must be both 0 and 1"):
        fit(grouped(np.full((5, 4, 1), response, np.int8)))


def test_one_skill_of_one_outcome_is_fitted_but_not_trusted():
    correct = answers(TRUE, 200, 6, skills=2)
    correct[:, :, 1] = 1
    found = fit(grouped(correct))
    assert not found.sound[1]
    assert not found.identified[1]
    assert found.identified[0]


@pytest.mark.parametrize(
    "changes", [{"most_guess": 0.0}, {"most_slip": 1.5}, {"cycles": 0}, {"tolerance": 0.0}]
)
def test_settings_are_checked(changes):
    (name,) = changes
    with pytest.raises(InputError, match=rf"fit\.{name} = "):
        EmSettings(**changes)


def test_subset_keeps_every_column_together():
    found = fit(grouped(answers(TRUE, 300, 6, skills=3)))
    part = found.subset(np.array([2, 0]))
    assert part.skills == ("2", "0")
    assert np.array_equal(as_theta(part.parameters), found.theta[[2, 0]])
    assert np.array_equal(part.log_likelihood, found.log_likelihood[[2, 0]])
    assert isinstance(replace(part, switched=part.converged), BktFit)


def test_sequences_of_items_with_several_skills_in_several_chunks():
    rows = {
        "learner": ["b", "a", "b", "a", "b"],
        "item": ["i"] * 5,
        "skills": [["y", "x"], ["x"], ["x"], ["y"], ["y"]],
        "time": [0.0, 0.0, 1.0, 1.0, 2.0],
        "correct": [1, 0, -1, 1, 0],
    }
    whole = learner_log(pa.table(rows), "").table
    chunked = pa.concat_tables([whole.slice(0, 2), whole.slice(2, 2), whole.slice(4)])
    for log in (whole, chunked):
        q = Sequences.of(coded(log))
        assert q.skills == ("x", "y")
        assert q.first.tolist() == [0, 2, 4]
        assert [q.learners[n] for n in q.learner] == ["a", "b", "a", "b"]
        assert q.start.tolist() == [0, 1, 3, 4, 6]
        assert q.correct.tolist() == [0, 1, -1, 1, 1, 0]
        assert q.row.tolist() == [0, 2, 3, 1, 2, 4]
        only = Sequences.of(coded(log), only={"y"})
        assert only.skills == ("y",)
        assert only.learners == ("a", "b")
        assert only.row.tolist() == [1, 2, 4]
        assert only.learners_per_skill.tolist() == [2]
        assert only.opportunities_per_skill.tolist() == [3]


def test_expected_counts_never_exceed_what_could_have_happened():
    sequences = grouped(answers(THETA, 50, 7))
    counts = np.empty((5, 2))
    expectation(THETA, data(sequences), 0, np.empty(7), counts)
    assert (counts[:, NUMERATOR] <= counts[:, DENOMINATOR]).all()
    assert counts[0, DENOMINATOR] == 50
    assert counts[3:, DENOMINATOR].sum() == pytest.approx(350)
