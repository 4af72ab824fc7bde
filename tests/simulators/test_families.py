"""Families with drawn parameters: the mixture is its members, and nothing of the family is in sight."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from contract import made
from coursewright.agents.learning.vec_env import LearnersVecEnv
from coursewright.agents.rules.baselines import UniformRandom
from coursewright.envs.rollout import rollout
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.families import families
from coursewright.simulators.knowledge.family import BktFamily
from coursewright.simulators.knowledge.kt6kc import KT6kc
from coursewright.simulators.logistic.family import IrtFamily, PfaFamily
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.strata import Strata

COURSE = Course.of(4, prerequisites=[[0, 1], [1, 2]])
KINDS = {"bkt": BktFamily(), "pfa": PfaFamily(share=0.5), "irt": IrtFamily(share=0.5)}
N = 20_000


def labels(simulator: Strata, number: int) -> np.ndarray:
    learners = np.arange(number)
    state = simulator.empty(number)
    luck = identify(Seeds(), learners, Split.EVALUATE, np.zeros(number, np.int64))
    simulator.enrol(state, learners, luck)
    return state.label


def walked(simulator: Any, learners: int = 300):
    task = Task(simulator, steps=12, days=1.0, features=["attempts", "days_since"])
    return rollout(task, UniformRandom()(task), learners, with_mastery=True)


def test_a_mixture_is_its_members_row_by_row():
    simulator = families(COURSE, KINDS, draws=3)
    mixture, label = walked(simulator), labels(simulator, 300)
    assert len(np.unique(label)) == 9
    for place, member in enumerate(simulator.members.values()):
        own, mine = walked(member), label == place
        for name in ("item", "correct", "mastery", "returned"):
            assert np.array_equal(getattr(mixture, name)[mine], getattr(own, name)[mine]), name
    assert simulator.strata == ("bkt", "pfa", "irt")
    assert np.array_equal(mixture.stratum, label // 3)


def test_shares_are_kept_by_families_and_by_their_draws():
    label = labels(families(COURSE, KINDS, draws=4), N)
    share = np.bincount(label // 4) / N
    np.testing.assert_allclose(share, [0.5, 0.25, 0.25], atol=4 * np.sqrt(0.25 / N))
    np.testing.assert_allclose(np.bincount(label)[:4] / N, 0.125, atol=4 * np.sqrt(0.11 / N))


def test_a_family_has_the_same_draws_alone():
    whole = families(COURSE, KINDS, draws=2)
    alone = families(COURSE, {"irt": IrtFamily()}, draws=2)
    left_out = families(COURSE, KINDS | {"bkt": BktFamily(share=0.0), "pfa": PfaFamily(share=0.0)}, draws=2)
    assert alone.strata == left_out.strata == ("irt",)
    for name, member in alone.members.items():
        assert np.array_equal(member.growth, whole.members[name].growth)
    other = families(COURSE, KINDS, draws=2, seed=1)
    assert not np.array_equal(other.members["irt 0"].growth, whole.members["irt 0"].growth)
    assert not np.array_equal(whole.members["irt 1"].growth, whole.members["irt 0"].growth)


def test_pfa_learners_lose_nothing_within_a_day():
    for member in families(COURSE, {"pfa": PfaFamily(lag=(-0.5, -0.1))}, draws=3).members.values():
        state, luck = member.empty(1), identify(Seeds(), np.zeros(1, np.int64), 0, np.zeros(1, np.int64))
        p = np.empty((3, 1))
        member.study(state, np.zeros(1, np.int64), luck)
        for place, days in enumerate((1.0, 0.0, 30.0)):
            member.elapse(state, np.full(1, days), luck)
            member.p_correct(state, np.zeros(1, np.int64), p[place])
        fresh = 1.0 / (1.0 + np.exp(-member.weights[0, 0]))
        assert p[0, 0] == pytest.approx(fresh, abs=1e-4)
        assert p[2, 0] < p[1, 0]


def test_the_shipped_families_share_the_course_of_kt6kc():
    assert made("families").course.hash == KT6kc().course.hash


@dataclass(frozen=True, eq=False)
class Misjudged:
    """Learners who answer as others do, and whose latent mastery is that of another world."""

    learner: Any

    def __getattr__(self, name):
        return getattr(self.learner, name)

    def mastery(self, state, out):
        self.learner.mastery(state, out)
        out[:] = (1.0 - out) ** 2


def test_neither_reward_nor_family_is_in_the_observation():
    one, other = (families(COURSE, KINDS, draws=2) for _ in range(2))
    renamed = Strata(
        {name: Misjudged(member) for name, member in other.members.items()},
        other.shares,
        dict.fromkeys(other.members, "nobody"),
    )

    def seen(simulator, *beside):
        env = LearnersVecEnv(Task(simulator, steps=6, days=1.0, features=FEATURES), 40, 0, beside)
        shown, paid = [env.reset()], []
        for step in range(6):
            env.step_async((np.arange(40) + step) % 4)
            observation, reward, _, _ = env.step_wait()
            shown.append(observation)
            paid.append(reward)
        return np.array(shown), np.array(paid)

    (shown, paid), (theirs, otherwise) = seen(one), seen(renamed)
    assert np.array_equal(shown, theirs)
    assert not np.allclose(paid, otherwise)
    # the planted fault: with mastery in the observation the two differ
    assert not np.array_equal(seen(one, "mastery")[0], seen(renamed, "mastery")[0])


FEATURES = ["attempts", "log_attempts", "successes", "log_successes", "log_failures", "streak", "goal"]
FEATURES += ["days_since", "last_item", "last_correct", "budget_left"]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({}, r"families = \[\]: must be at least one family with a share above 0"),
        ({"bkt": BktFamily(share=0.0)}, "at least one family with a share above 0"),
        ({"bkt": BktFamily(share=-1.0)}, "families.bkt.share = -1.0: must be a finite number >= 0"),
        (
            {"bkt": BktFamily(learn=(0.5, 0.1))},
            r"families.bkt.learn = \[0.5, 0.1\]: .*lower one first",
        ),
        ({"pfa": PfaFamily(lag=(0.0,))}, "families.pfa.lag"),
        ({"bkt": BktFamily(guess=(0.5, 1.5))}, "families.bkt: bkt.guess"),
    ],
)
def test_what_is_refused(kinds, message):
    with pytest.raises(InputError, match=message):
        families(COURSE, kinds)
    with pytest.raises(InputError, match=r"^draws = 0"):
        families(COURSE, KINDS, draws=0)


def test_a_stratum_of_nobody_is_refused():
    member = made("kt6kc")
    with pytest.raises(InputError, match=r"strata\.told_as = 'b': no such name"):
        Strata({"a": member}, {"a": 1.0}, {"b": "c"})
