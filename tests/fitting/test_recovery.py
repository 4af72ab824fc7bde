"""Fits return the learners that made a log, or their card says what they cannot."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

import coursewright
from coursewright.data.read import LogFile
from coursewright.fitting.bkt.individual import Differences, fit_marginal
from coursewright.fitting.bkt.marginal import Point, evaluate, paths
from coursewright.fitting.bkt.model import BktModel
from coursewright.fitting.bkt.sequences import Sequences
from coursewright.fitting.coded import Coded
from coursewright.fitting.folder import Trials, fit_model
from coursewright.fitting.logistic.birnbaum import Problem as GuessProblem
from coursewright.fitting.logistic.birnbaum import Shape
from coursewright.fitting.logistic.linear import Part, fit_linear
from coursewright.fitting.logistic.models import IrtModel
from coursewright.fitting.memory.fsrs import FADES, Problem
from coursewright.fitting.memory.reviews import reviews_of
from coursewright.fitting.model import Candid
from coursewright.simulators.knowledge.parameters import FIELDS
from recovery import WORLDS, World, recover, simulated, written
from review_logs import reviewed
from small_logs import coded

NEURAL = {"dkt", "gru"}  # a network's weights are no parameters that answers could tell


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_five_logs_give_back_their_learners_or_the_card_says_what_not(name: str) -> None:
    found, cannot = recover(name), WORLDS[name].cannot
    missed = {row.kind for row in found.rows if not row.found}
    assert missed <= set(cannot), found.rows
    assert all(reason in found.said for reason in cannot.values())


def test_every_model_has_a_world() -> None:
    configured = {p.stem for p in (Path(coursewright.__file__).parent / "configs" / "model").glob("*.yaml")}
    assert {name.partition("/")[0] for name in WORLDS} == configured - NEURAL
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        for name in configured - NEURAL - {"bkt"}:  # BKT's own default keeps some skills only
            assert instantiate(compose("fit", [f"model={name}"]).model) == WORLDS[name].model


@pytest.fixture(scope="module")
def differing(tmp_path_factory) -> tuple[World, Path]:
    """One log of 600 learners who differ."""
    world = WORLDS["bkt/individual"]
    small = World(world.learners, world.model, n=600)
    return small, written(small, 3, tmp_path_factory.mktemp("log"))


def test_learners_who_differ_are_found_and_a_fit_as_alike_says_so(differing, tmp_path) -> None:
    world, path = differing
    log = LogFile(path)()
    made = fit_model(log, tmp_path / "differing", world.model, draws=40, trials=Trials(folds=2, worlds=0))
    names, values = made.doubt.names, made.doubt.values
    for name, true in (("prior_sd", 1.0), ("learn_sd", 0.8)):
        at = names.index(name)
        error = np.std(made.doubt.draws[:, at], ddof=1)
        assert abs(values[at] - true) < 3.5 * error < 0.7
    taught = made.fitted.simulator()
    assert (taught.prior_sd, taught.learn_sd) == pytest.approx(tuple(values[-2:]), rel=1e-6)
    for name in ("prior", "learn", "guess", "slip"):
        off = np.asarray(getattr(taught.parameters, name))[0] - getattr(world.learners.parameters, name)[0]
        assert (np.abs(off) < 3.5 * made.fitted.kept.standard_errors[:, FIELDS.index(name)]).all()
    alike = BktModel().fit(Coded.of(log))
    assert "learners differ in prior (z = " in "\n".join(alike.warnings())
    assert "learners differ" not in "\n".join(made.fitted.warnings())
    card = (tmp_path / "differing" / "card.md").read_text(encoding="utf-8")
    section = card.partition("## Not determined")[2].partition("##")[0]
    assert all(f"- {line}" in section for line in made.fitted.undetermined())


def test_learners_who_are_alike_are_not_called_different(tmp_path) -> None:
    world = WORLDS["bkt"]
    log = simulated(World(world.learners, world.model, n=600), 3, tmp_path)
    assert max(world.model.fit(log).apart) < 3.0


@pytest.mark.parametrize("per_day", [False, True])
def test_the_gradient_of_the_marginal_likelihood(differing, per_day) -> None:
    log = Coded.of(LogFile(differing[1])())
    log = log.take(np.arange(2_000))
    of = paths(Sequences.of(log), log.day, log.day[log.start[:-1]])
    of = of._replace(days=np.random.default_rng(0).exponential(1.0, len(of.days)))
    theta = np.tile([0.4, 0.1, 0.07, 0.2, 0.1], (4, 1))
    point = Point(theta, 0.7, 0.6, per_day)
    _, scores = evaluate(point, of, individual=True)
    assert scores.shape == (len(log.learners), 22)
    flat, numeric = point.flat, []
    for step in 1e-5 * np.eye(len(flat)):
        ends = [evaluate(point.moved(flat + sign * step), of, individual=True)[0] for sign in (1, -1)]
        numeric.append((ends[0] - ends[1]) / 2e-5)
    np.testing.assert_allclose(np.asarray(scores.sum(axis=0)).ravel(), numeric, atol=1e-4)


def test_without_differences_the_marginal_likelihood_is_em_s(differing) -> None:
    log = Coded.of(LogFile(differing[1])())
    sequences = Sequences.of(log)
    plain = BktModel().fit(log).everything
    of = paths(sequences, log.day, log.day[log.start[:-1]])
    same = evaluate(Point(plain.theta), of, individual=False)[0]
    assert same == pytest.approx(plain.log_likelihood.sum(), abs=1e-6)
    with_days = fit_marginal(log, sequences, False, Differences(individual=False))
    np.testing.assert_allclose(with_days.fit.theta, plain.theta, atol=2e-3)


def test_guessing_is_found_and_its_gradient_is_exact(tmp_path) -> None:
    world = WORLDS["irt/guess"]
    log = simulated(World(world.learners, world.model, n=500), 1, tmp_path)
    fitted = world.model.fit(log)
    taught = fitted.simulator()
    assert np.mean(taught.guess) == pytest.approx(0.2, abs=0.1)
    assert np.corrcoef(taught.course.difficulty, world.learners.course.difficulty)[0, 1] > 0.98
    assert not IrtModel().fit(log).simulator().guess.any()
    item, skill = Part("item", ("easiness",), ("easiness",)), Part("skill", ("growth",), ("growth",))
    rasch = fit_linear(log, [item, skill], 1.0, individual=True)
    problem = GuessProblem(log.take(np.arange(800)), rasch, Shape(True, True), 1.0)
    start = problem.start_at(rasch)
    at = start + np.random.default_rng(0).normal(scale=0.2, size=len(start))
    steps = 1e-5 * np.eye(len(at))
    numeric = [(problem.at(at + step)[0] - problem.at(at - step)[0]) / 2e-5 for step in steps]
    np.testing.assert_allclose(problem.at(at)[1], numeric, atol=1e-3)


def test_the_pull_of_fsrs_fades_with_reviews() -> None:
    def pull(learners: int) -> tuple[float, int]:
        log = coded(reviewed(WORLDS["fsrs"].learners, learners, 25))
        problem = Problem.of(reviews_of(log), pull=1.0, recency=True)
        return problem.pull, int((problem.outcome >= 0).sum())

    few, many = pull(20), pull(400)
    assert few[1] < FADES < many[1]
    assert few[0] == 1.0
    assert many[0] == pytest.approx(FADES / many[1])


def test_hlr_reports_the_sum_that_answers_show() -> None:
    fitted = WORLDS["hlr"].model.fit(coded(reviewed(WORLDS["hlr"].learners, 100, 20)))
    names, values = fitted.estimates()
    assert names == ("right", "wrong", *(f"bias + lexeme[{item}]" for item in "pqrs"), "first")
    np.testing.assert_array_equal(values[2:6], fitted.simulator().constant)


@pytest.mark.parametrize(
    "name", ["item_difficulty", "irt", "irt/guess", "das3h", "dash", "bkt", "fsrs", "hlr", "act_r"]
)
def test_fits_say_what_they_cannot_tell(name, tmp_path) -> None:
    world = WORLDS[name]
    fitted = world.model.fit(simulated(World(world.learners, world.model, world.pauses, 30, 20), 0, tmp_path))
    assert isinstance(fitted, Candid)
    assert fitted.undetermined()
