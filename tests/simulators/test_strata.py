"""Populations in strata: shares, mechanisms, any mix of models, and labels that reach the results."""

import numpy as np
import pandas as pd
import pytest

from coursewright.agents.rules.baselines import RandomLegal
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.evaluation.comparison.compare import compare
from coursewright.evaluation.comparison.settings import Comparing
from coursewright.simulators.capabilities import Stratified, enrol_staying
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.strata import Mechanism, bkt_strata, differing
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.kss.learners import Kss
from coursewright.simulators.logistic.counting import Logistic
from coursewright.simulators.logistic.selection import Selection
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.platform.delivery import Pace
from coursewright.simulators.platform.learners import RichLearner
from coursewright.simulators.platform.offer import Form
from coursewright.simulators.protocol import Prologue, clone, put, take
from coursewright.simulators.strata import Strata
from plain_simulator import Levels
from small_tasks import begun, small_bkt

N = 20_000


def mixed(fading=0.1) -> Strata:
    """KSS learners, who restrict and have a past, beside a plain-numpy model over the same course."""
    kss = Kss()
    return Strata(
        {"graph": kss, "plain": Levels(kss.course, fading), "steady": Levels(kss.course)},
        {"graph": 2.0, "plain": 1.0, "steady": 1.0},
    )


def enrolled(simulator, number):
    luck = identify(Seeds(), np.asarray(number), Split.EVALUATE, np.zeros(len(number), np.int64))
    state = simulator.empty(len(number))
    return state, luck, simulator.enrol(state, np.arange(len(number)), luck)


def random_policy(task):
    return RandomLegal()(task, 0, SilentTracker())


def test_shares() -> None:
    simulator = bkt_strata("bkt_v0", {"typical": Mechanism(3.0), "slow": Mechanism(1.0, learn=-1.0)})
    state, _, _ = enrolled(simulator, np.arange(N))
    share = simulator.stratum(state).mean()
    assert abs(share - 0.25) < 3 * np.sqrt(0.25 * 0.75 / N)


def test_each_mechanism_changes_its_own_parameter() -> None:
    table = read_bkt("bkt_v0").parameters

    def logit(p):
        return np.log(p / (1 - p))

    other = differing(table, Mechanism(prior=-1.5, learn=0.5, forget=0.2))
    np.testing.assert_allclose(logit(other.prior), logit(table.prior) - 1.5, rtol=1e-9)
    np.testing.assert_allclose(logit(other.learn), logit(table.learn) + 0.5, rtol=1e-9)
    np.testing.assert_allclose(other.forget, 0.2)
    np.testing.assert_allclose(differing(other, Mechanism(forget=0.5)).forget, 1 - 0.8 * 0.5)
    for same in ("guess", "slip"):
        assert np.array_equal(getattr(other, same), getattr(table, same))


def test_a_learner_is_what_they_would_be_in_their_own_population() -> None:
    mechanisms = {"typical": Mechanism(), "low": Mechanism(prior=-1.0), "forgetful": Mechanism(forget=0.3)}
    simulator = bkt_strata("bkt_v0", mechanisms)
    state, _, past = enrolled(simulator, np.arange(300))
    assert past is None
    label = simulator.stratum(state)
    assert len(np.unique(label)) == 3
    runs = []
    for population in (simulator, *simulator.members.values()):
        task = Task(population, steps=15, days=0.5, features=["attempts"])
        runs.append(rollout(task, random_policy(task), 300, with_mastery=True))
    mixture, *alone = runs
    for s, own in enumerate(alone):
        mine = label == s
        assert np.array_equal(mixture.correct[mine], own.correct[mine])
        assert np.array_equal(mixture.mastery[mine], own.mastery[mine])
    assert np.array_equal(mixture.stratum, label)
    assert isinstance(simulator, Stratified)
    assert (alone[0].stratum == -1).all()


def test_strata_of_fitted_learners_are_resampled_one_by_one() -> None:
    fitted = read_bkt("bkt_ednet")
    steady = Levels(fitted.course)
    mixture = Strata({"fitted": fitted, "steady": steady}, {"fitted": 1.0, "steady": 3.0})
    drawn = mixture.resampled()
    assert drawn.members["fitted"].parameters is fitted.draws
    assert drawn.members["steady"] is steady
    assert drawn.shares == mixture.shares
    assert mixed().resampled() is None
    assert bkt_strata("bkt_ednet", {"low": Mechanism(prior=-1.0)}).resampled() is not None


def test_the_quickest_stratum_bounds_the_steps() -> None:
    usual, quick = Levels(Course.of(3, minutes=4.0)), Levels(Course.of(3, minutes=4.0))
    hasty = RichLearner(quick, pace=Pace(sd=0.5))
    mixture = Strata({"usual": usual, "hasty": hasty}, {"usual": 1.0, "hasty": 1.0})
    assert Strata({"usual": usual}, {"usual": 1.0}).quickest == 4.0
    assert mixture.quickest == hasty.quickest < 4.0
    assert Task(mixture, minutes=40.0, features=["attempts"]).horizon > 10


def test_any_models_mix() -> None:
    simulator = mixed()
    assert simulator.restricts
    state, _, past = enrolled(simulator, np.arange(200))
    graph = simulator.stratum(state) == 0
    _, _, theirs = enrolled(Kss(), np.arange(200))
    for mine, own in zip(past, theirs, strict=True):
        assert np.array_equal(mine[graph], own[graph])
    assert past.goal[~graph].all()
    assert not past.length[~graph].any()
    allowed = np.zeros((200, 10), bool)
    simulator.allowed(state, allowed)
    assert allowed[~graph].all()
    assert not allowed[graph].all(axis=1).any()
    p = np.full(200, np.nan)
    simulator.p_correct(state, np.where(np.arange(200) % 2, 3, -1), p)
    assert np.isnan(p[::2]).all()
    assert not np.isnan(p[1::2]).any()


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    simulator = mixed()
    task = Task(simulator, steps=12, days=0.5, features=["attempts", "last_item", "warmup_right"])
    whole = rollout(task, random_policy(task), 60, with_mastery=True)
    for first, size in ((7, 1), (20, 30), (59, 1)):
        part = rollout(task, random_policy(task), size, first=first, chunk=13, with_mastery=True)
        for name in ("item", "correct", "mastery", "stratum", "returned"):
            assert np.array_equal(getattr(part, name), getattr(whole, name)[first : first + size]), name


def test_a_state_can_be_cloned_taken_and_put_back() -> None:
    task = Task(mixed(), steps=12, features=["attempts", "last_item", "warmup_right"])
    episodes = begun(task, 40)
    saved, some = clone(episodes.state), take(episodes.state, np.array([3, 1]))
    snapshot = episodes.snapshot()
    mastery = np.zeros((3, 40, 10), np.float32)
    task.simulator.mastery(episodes.state, mastery[0])
    for item in range(10):
        episodes.advance(np.full(40, item))
    task.simulator.mastery(episodes.state, mastery[1])
    assert not np.array_equal(mastery[0], mastery[1])
    assert np.array_equal(some.label, saved.label[[3, 1]])
    assert np.array_equal(some.members[1].level, saved.members[1].level[[3, 1]])
    episodes.restore(snapshot)
    task.simulator.mastery(episodes.state, mastery[2])
    assert np.array_equal(mastery[0], mastery[2])
    put(episodes.state, np.arange(40), saved)


def test_whoever_comes_next_may_belong_to_another_stratum() -> None:
    # Hints in one stratum; the other never says whether an answer was helped.
    helped = RichLearner(small_bkt(), [Form("hint")])
    alone = Bkt(helped.course, small_bkt().parameters)
    simulator = Strata({"helped": helped, "alone": alone}, {"helped": 1.0, "alone": 1.0})
    episodes = begun(Task(simulator, steps=12, features=["attempts"]), 40)
    for episode in range(3):
        label = simulator.stratum(episodes.state)
        episodes.step(np.zeros(40, np.int64))
        assert np.array_equal(episodes.response.assisted, label == 0)
        everyone = np.arange(40)
        episodes.begin(everyone, everyone + 40 * episode + 40, np.zeros(40, np.int64), Split.EVALUATE)
        assert (simulator.stratum(episodes.state) != label).any()


def test_what_the_first_learner_brings_does_not_decide_for_all() -> None:
    simulator = mixed()
    for number in range(12):
        _, _, past = enrolled(simulator, [number])
        assert isinstance(past, Prologue)
        assert past.item.shape == (1, 40)


def test_rich_learners_keep_the_strata_of_those_inside() -> None:
    inside = mixed()
    simulator = RichLearner(inside, [Form(), Form("video")])
    state, _, _ = enrolled(simulator, np.arange(50))
    own, _, _ = enrolled(inside, np.arange(50))
    assert simulator.strata == ("graph", "plain", "steady")
    assert np.array_equal(simulator.stratum(state), inside.stratum(own))


def test_labels_reach_the_results(tmp_path) -> None:
    simulator = bkt_strata("bkt_v0", {"typical": Mechanism(), "low_prior": Mechanism(prior=-3.0)})
    task = Task(simulator, steps=8, features=["attempts"])
    policies = {"one": random_policy(task), "two": random_policy(task)}
    comparison = compare(task, policies, Comparing(200, "one", "two"))
    files = comparison.write(tmp_path)
    table = pd.read_parquet(files["learners"])
    state, _, _ = enrolled(simulator, np.arange(200))
    names = np.array(simulator.strata)[simulator.stratum(state)]
    for policy in policies:
        mine = table[table["policy"] == policy].sort_values("learner")
        assert (mine["stratum"].to_numpy() == names).all()
    means = pd.read_csv(files["strata"]).set_index(["policy", "stratum"])
    assert means.loc[("one", "low_prior"), "rows"] == (names == "low_prior").sum()
    own = table[(table["policy"] == "one") & (table["stratum"] == "low_prior")]
    assert means.loc[("one", "low_prior"), "end"] == pytest.approx(own["end"].mean())
    assert means.loc[("one", "low_prior"), "start"] < means.loc[("one", "typical"), "start"]


def test_without_strata_nothing_is_written_about_them(tmp_path) -> None:
    for population in (small_bkt(), RichLearner(small_bkt())):
        task = Task(population, steps=4, features=["attempts"])
        policies = {"one": random_policy(task), "two": random_policy(task)}
        comparison = compare(task, policies, Comparing(20, "one", "two"))
        assert set(comparison.learners["stratum"]) == {""}
        assert set(comparison.write(tmp_path)) == {"bounds", "learners", "summary", "policies", "curves"}


@pytest.mark.parametrize(
    ("members", "shares", "message"),
    [
        ({}, {}, "strata.members = {}: must be at least one stratum"),
        ({"a": Kss()}, {"a": 0.0}, r"strata.shares\[a\] = 0.0: must be a finite number > 0"),
        (
            {"slow": Kss()},
            {"slow": 1.0, "slwo": 1.0},
            "strata.shares = 'slwo': no such name .did you mean 'slow'",
        ),
        ({"a": Kss(), "b": Kss()}, {"a": 1.0}, r"strata.shares\[b\] = None"),
        (
            {"a": Kss(), "b": Levels(Course.of(2))},
            {"a": 1.0, "b": 1.0},
            r"strata.members\[b\] = another course",
        ),
        ({"a": mixed()}, {"a": 1.0}, r"strata.members\[a\] = itself stratified"),
    ],
)
def test_what_is_refused(members, shares, message) -> None:
    with pytest.raises(InputError, match=message):
        Strata(members, shares)


def test_mechanisms_out_of_range_are_refused() -> None:
    for by, message in (
        (Mechanism(forget=1.5), "strata.forget = 1.5"),
        (Mechanism(prior=np.inf), "strata.prior"),
    ):
        with pytest.raises(InputError, match=message):
            bkt_strata("bkt_v0", {"odd": by})


def test_members_and_platforms_hand_on_who_stays() -> None:
    rows = np.where(np.arange(N) % 2, 90, 10)
    luck = identify(Seeds(), np.arange(N), Split.FIT, np.zeros(N, np.int64))
    course = Course.of(["x"])
    able = Logistic(course, 0.0, 1.0, selection=Selection(0.7, float(np.log(30.0)), float(np.log(3.0))))
    mixture = Strata({"able": able, "plain": Levels(course)}, {"able": 1.0, "plain": 1.0})
    rich = RichLearner(mixture)
    for learners in (mixture, rich):
        state = learners.empty(N)
        enrol_staying(learners, state, np.arange(N), luck, rows)
        inside = state.inside if learners is rich else state
        theta = inside.members[0].theta
        mine = inside.label == 0
        for many in (10, 90):
            expected = 0.7 * (np.log(many) - np.log(30.0))
            assert theta[mine & (rows == many)].mean() == pytest.approx(expected, abs=0.04)
        learners.enrol(state, np.arange(N), luck)
        assert abs(theta[mine & (rows == 90)].mean()) < 0.06
