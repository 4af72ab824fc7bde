"""Every configured simulator keeps the protocol: a new YAML file is tested here without an edit."""

import inspect
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import contract
from coursewright.agents.schedulers.informed_threshold import Replayed, replays
from coursewright.simulators import capabilities
from coursewright.simulators.protocol import Simulator, clone, put, take

NAMES = contract.names()
NEURAL = {"kes"}  # equal across batches to 1e-5, by the promise
SCRIPT = Path(contract.__file__)


def near(name: str) -> dict[str, float]:
    return {"rtol": 0.0, "atol": 1e-5 if name in NEURAL else 0.0}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The same short walks in plain Python, with the compiler switched off."""
    file = tmp_path_factory.mktemp("plain") / "walks.npz"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(file), *NAMES],
        env=environment, capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(file)


@pytest.mark.xdist_group("contract_plain")
@pytest.mark.parametrize("name", NAMES)
def test_compiled_and_plain_python_agree(name, plain):
    compiled = contract.short_walk(name)
    for key, mine in compiled.items():
        theirs = plain[f"{name}/{key}"]
        if mine.dtype.kind in "iub":
            assert (mine == theirs).all(), key
        else:
            tolerance = 1e-12 if mine.dtype == np.float64 else 1e-6
            np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_chances_and_mastery_stay_chances(name):
    slow = name in NEURAL
    learners, steps = (200, 100) if slow else (1000, 1000)
    simulator = contract.made(name)
    walk = contract.Walk(simulator, np.arange(learners))
    every = max(steps // 20, 1)
    for t in range(steps):
        walk.step(t, learners)
        walk.answers.clear()
        (p,) = walk.p
        walk.p.clear()
        assert ((p >= 0.0) & (p <= 1.0)).all(), t
        if t % every == 0:
            level = walk.mastery()
            assert ((level >= 0.0) & (level <= 1.0)).all(), t
    for array in contract.flat(walk.state):
        if array.dtype.kind == "f":
            assert not np.isnan(array).any()
    assert set(np.unique(walk.response.correct)) <= {-1, 0, 1}
    assert (walk.response.minutes >= 0.0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_the_same_alone_in_a_batch_and_in_another_order(name):
    simulator = contract.made(name)
    size, steps = 40, 30
    whole = contract.Walk(simulator, np.arange(size))
    for t in range(steps):
        whole.step(t, size)
    for number in (np.array([7]), np.array([31, 7, 2]), np.arange(size)[::-1].copy()):
        part = contract.Walk(simulator, number)
        for t in range(steps):
            part.step(t, size)
        for mine, theirs in zip(contract.flat(part.state), contract.flat(whole.state), strict=True):
            np.testing.assert_allclose(mine, theirs[number], **near(name))
        np.testing.assert_allclose(np.array(part.p), np.array(whole.p)[:, number], **near(name))
        if name not in NEURAL:
            assert (np.array(part.answers) == np.array(whole.answers)[:, number]).all()
        np.testing.assert_allclose(part.mastery(), whole.mastery()[number], **near(name))


@pytest.mark.parametrize("name", NAMES)
def test_an_untouched_row_stays_as_it_is(name):
    simulator = contract.made(name)
    walk = contract.Walk(simulator, np.arange(10))
    for t in range(10):
        walk.step(t, 10)
    before, response = clone(walk.state), clone(walk.response)
    nothing = np.full(10, -1, np.int64)
    simulator.practise(walk.state, nothing, np.ones(10, bool), walk.luck, walk.response)
    simulator.elapse(walk.state, np.zeros(10), walk.luck)
    for mine, theirs in zip(contract.flat(walk.state), contract.flat(before), strict=True):
        assert np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f")
    for mine, theirs in zip(walk.response, response, strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_enrolling_some_rows_leaves_the_others_alone(name):
    simulator = contract.made(name)
    walk = contract.Walk(simulator, np.arange(12))
    for t in range(8):
        walk.step(t, 12)
    before = clone(walk.state)
    rows, others = np.array([1, 4, 9]), np.setdiff1d(np.arange(12), [1, 4, 9])
    walk.luck.step[rows] = 0
    simulator.enrol(walk.state, rows, walk.luck)
    fresh = contract.Walk(simulator, np.arange(12))
    for now, was, new in zip(*map(contract.flat, (walk.state, before, fresh.state)), strict=True):
        assert np.array_equal(now[others], was[others])
        np.testing.assert_allclose(now[rows], new[rows], **near(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_state_can_be_cloned_taken_and_put_back(name):
    simulator = contract.made(name)
    walk = contract.Walk(simulator, np.arange(9))
    saved = clone(walk.state)
    rows = np.array([5, 2])
    part = take(walk.state, rows)
    for t in range(4):
        walk.step(t, 9)
    put(walk.state, np.arange(9), saved)
    for mine, theirs in zip(contract.flat(walk.state), contract.flat(saved), strict=True):
        assert np.array_equal(mine, theirs)
        assert mine is not theirs
    for mine, theirs in zip(contract.flat(part), contract.flat(saved), strict=True):
        assert np.array_equal(mine, theirs[rows])


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_taught_is_not_learned(name):
    simulator = contract.made(name)
    taught, untaught = (contract.Walk(simulator, np.arange(300)) for _ in range(2))
    start = taught.mastery().mean()
    item = np.arange(300) % simulator.course.n_items
    for _ in range(6):
        for walk, lesson in ((taught, True), (untaught, False)):
            simulator.practise(walk.state, item, np.full(300, lesson), walk.luck, walk.response)
            walk.luck.step[:] += 1
    assert untaught.mastery().mean() <= start + 1e-6
    assert taught.mastery().mean() > untaught.mastery().mean()


@pytest.mark.parametrize("name", NAMES)
def test_an_offer_is_no_attribute_that_happens_to_have_its_name(name):
    simulator = contract.made(name)
    protocols = [*vars(capabilities).values(), Replayed]
    offers = [each for each in protocols if getattr(each, "_is_runtime_protocol", False)]
    assert len(offers) > 8
    for offer in offers:
        methods = [member for member, value in vars(offer).items() if inspect.isfunction(value)]
        for method in (method for method in methods if not method.startswith("_")):
            if isinstance(simulator, offer) and (offer is not Replayed or replays(simulator)):
                assert callable(getattr(simulator, method)), (offer, method)


def test_whoever_holds_learners_hands_on_all_that_they_can():
    wrappers = {name: simulator for name in NAMES if contract.held(simulator := contract.made(name))}
    assert {"rich", "strata", "rltutor"} <= set(wrappers)
    assert {"Restricting", "Resampled", "Paced", "Sequential", "Staying", "Studying"} <= set(
        contract.optional()
    )
    assert {name: contract.dropped(simulator) for name, simulator in wrappers.items()} == {
        name: set() for name in wrappers
    }


@dataclass(frozen=True)
class Forgetful:
    """A wrapper that hands on some capabilities, and those by halves."""

    learner: Simulator[Any]
    restricts = False
    assists = False
    learns_first = False
    skills_apart = False
    quickest = 1.0
    strata = ()

    def stratum(self, state):
        return self.learner.stratum(state)

    def allowed(self, state, out):
        self.learner.allowed(state, out)

    def resampled(self):
        return None


@dataclass(frozen=True)
class Narrow:
    """A wrapper of one kind of learners alone."""

    learners: dict[str, "Forgetful"]


def test_a_wrapper_that_drops_a_capability_is_caught():
    learner = contract.made("bkt")
    assert contract.held(learner) == {}
    assert contract.dropped(Forgetful(learner)) == {"Foredrawn", "Sequential", "Staying", "Studying"}
    with_practice = contract.made("kss_v3")
    assert contract.dropped(Forgetful(with_practice)) == {"Foredrawn", "Sequential", "Staying", "Studying"}
    assert contract.dropped(Narrow({"a": with_practice})) == {"LearningFirst", "Restricting", "Sequential"}
