"""Tasks whose tutor thinks by a model: features, rules, snapshots, and what a tutor can be made from."""

import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from coursewright.agents.bandits.thompson import Thompson
from coursewright.agents.beliefs.bkt import BktBelief
from coursewright.agents.beliefs.intercept import InterceptBelief
from coursewright.agents.beliefs.minds import learners_of, mind_of
from coursewright.agents.beliefs.particles import Particles
from coursewright.agents.rules.baselines import RandomLegal, RoundRobin, Topological
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.index import Index
from coursewright.agents.rules.mastery import MasteryThreshold, NInARow
from coursewright.agents.rules.target_success import TargetSuccess
from coursewright.agents.rules.tuned import TunedMastery
from coursewright.agents.schedulers.leitner import Leitner
from coursewright.agents.tutor import TaskRecipe
from coursewright.envs.episodes import Episodes
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import tutor
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.fitting.logistic.dash import DashModel
from coursewright.fitting.logistic.models import PfaModel
from coursewright.fitting.memory.fsrs import FsrsModel
from coursewright.simulators.folders import SHIPPED
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from coursewright.simulators.knowledge.tables import read_bkt
from coursewright.simulators.logistic.tables import read_logistic
from coursewright.simulators.luck import Split

EDNET = read_bkt("bkt_ednet")
TABLE = tutor("bkt_ednet", EDNET.course)
TASK = Task(EDNET, TABLE, steps=20)
PFA = read_logistic("pfa")


def begun(task: Task, learners: int = 6) -> Episodes:
    episodes = Episodes(task, learners)
    rows = np.arange(learners)
    episodes.begin(rows, rows, np.zeros(learners, np.int64), Split.EVALUATE)
    return episodes


def thinking(size: int = 60, steps: int = 12) -> Task:
    mind = Particles(PFA.course, PFA, size=size, deciding=10)
    task = Task(PFA, even(PFA.course), mind=mind, steps=steps)
    return task.showing("gain", "expected_mastery", "chance")


def even(course) -> BktParameters:
    quarter = [0.25] * course.n_skills
    return BktParameters(quarter, quarter, quarter, quarter, skills=course.skills)


def test_a_mind_that_is_the_tutors_table_chooses_as_the_formula_does():
    mind = BktBelief(EDNET.course, Bkt(EDNET.course, TABLE, rho=1.0))
    by_table = rollout(TASK, ExpectedGain()(TASK), 300)
    thinks = replace(TASK, mind=mind)
    by_mind = rollout(thinks, ExpectedGain()(thinks), 300)
    assert (by_table.item == by_mind.item).mean() > 0.999


def test_a_policy_is_shown_what_it_reads_and_others_are_not():
    thinks = replace(TASK, mind=BktBelief(EDNET.course, Bkt(EDNET.course, TABLE, rho=1.0)))
    assert "gain" in ExpectedGain()(thinks).reads
    assert "gain" not in thinks.layout.features
    plain = rollout(TASK, TunedMastery(learners=50)(TASK), 100)
    same = rollout(thinks, TunedMastery(learners=50)(thinks), 100)
    assert (plain.item == same.item).all()


PLAIN = [RoundRobin(), RandomLegal(), Topological(), NInARow(), MasteryThreshold(), Thompson(), Leitner()]


class Unused:
    """A mind that nobody may ask for anything."""

    def __getattr__(self, name):
        raise AssertionError(f"a mind was asked for {name}")


@pytest.mark.parametrize("make", PLAIN, ids=lambda make: type(make).__name__)
def test_a_policy_that_reads_no_mind_pays_nothing_for_one(make):
    thinks = replace(TASK, mind=Unused())
    given = rollout(thinks, make(thinks), 40)
    assert (given.item == rollout(TASK, make(TASK), 40).item).all()
    with pytest.raises(AssertionError, match="a mind was asked for"):
        rollout(thinks, ExpectedGain()(thinks), 2)


def test_beliefs_are_features():
    task = thinking()
    episodes = begun(task)
    columns = task.layout.columns
    before = episodes.observation[:, columns("chance")].copy()
    assert ((before > 0.0) & (before < 1.0)).all()
    episodes.step(np.zeros(6, np.int64))
    right = episodes.response.correct == 1
    moved = episodes.observation[:, columns("chance")] - before
    assert 0 < right.sum() < 6
    assert moved[right].mean() > moved[~right].mean()
    assert (episodes.observation[:, columns("gain")] != 0.0).any()


def test_a_snapshot_holds_the_tutors_thoughts():
    task = thinking()
    episodes = begun(task)
    episodes.step(np.arange(6) % 10)
    kept = episodes.snapshot()
    first = []
    for _ in range(2):
        episodes.step((np.arange(6) + 1) % 10)
        first.append(episodes.observation.copy())
    episodes.restore(kept)
    for seen in first:
        episodes.step((np.arange(6) + 1) % 10)
        assert (episodes.observation == seen).all()


def test_a_rollout_does_not_depend_on_the_chunk():
    task = thinking(steps=6)
    policy = ExpectedGain()(task)
    assert (rollout(task, policy, 25).item == rollout(task, policy, 25, chunk=7).item).all()


def test_beliefs_need_a_model():
    with pytest.raises(InputError, match="tutor = a table: must be a learner model"):
        TASK.showing("gain")


def test_the_right_mind_for_a_model():
    assert isinstance(mind_of(replace(EDNET, rho=1.0), EDNET.course), BktBelief)
    assert isinstance(mind_of(PFA, PFA.course), InterceptBelief)
    assert mind_of(PFA, PFA.course, 5.0).ahead == 15.0
    prerequisites = read_bkt("bkt_v0")
    later = mind_of(prerequisites, prerequisites.course, 5.0)
    assert isinstance(later, Particles)
    assert (later.pause, later.ahead) == (5.0, 10.0)
    with pytest.raises(InputError, match="tutor = this model: must be one of the course's items"):
        mind_of(PFA, EDNET.course)


def test_every_shipped_population_of_a_known_kind_can_be_thought_by(tmp_path):
    found = {path.name: learners_of(path) for path in SHIPPED.iterdir()}
    assert {"pfa", "irt", "bkt_v0", "das3h", "practice", "kes_synthetic"} <= set(found)
    (tmp_path / "population.json").write_text('{"format": 2, "kind": "tms"}')
    with pytest.raises(InputError, match="must be learners of a kind among"):
        learners_of(tmp_path)


class Fits:
    """A model that counts its fits."""

    name, needs_times = "counted", False

    def __init__(self):
        self.fits = 0

    def fit(self, log):
        self.fits += 1
        return PfaModel().fit(log)


def test_a_model_is_fitted_once_and_only_where_something_reads_it():
    model = Fits()
    recipe = TaskRecipe(PFA, partial(Task, steps=4))
    task = recipe.with_tutor(even(PFA.course), recipe.mind(model))
    for agent in (RoundRobin(), MasteryThreshold(), Index()):
        rollout(task, agent(task), 3)
    assert model.fits == 0
    gains = ExpectedGain()(task)
    rollout(replace(task, steps=3), gains, 3)
    rollout(task, TargetSuccess(0.7)(task), 3)
    assert model.fits == 1
    mind = pickle.loads(pickle.dumps(task)).mind  # as it goes to a worker
    assert "chance" in mind.tells
    assert mind.make.args[1].fits == 1


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        (FsrsModel(), {}, "tutor = fsrs: must be .* here 0 days pass at most"),
        (FsrsModel(), {"days": 0.5}, "tutor = fsrs: must be .*task.days=1.* here 0.5 days"),
        (DashModel(), {}, "tutor = dash: must be das3h, .* skills of its own"),
    ],
)
def test_a_model_that_cannot_be_fitted_there_is_refused_in_words_of_the_tutor(model, more, said):
    with pytest.raises(InputError, match=said):
        TaskRecipe(PFA, partial(Task, steps=4, **more)).mind(model)


@pytest.mark.slow
def test_a_fitted_mind_teaches_better_than_the_tuned_rule():
    """Paired over 200 learners; the mind is fitted to what a random policy left of 2,000 others."""
    recipe = TaskRecipe(PFA, partial(Task, steps=40))
    task = recipe.with_tutor(recipe.tutor(None, "pfa"), recipe.mind(PfaModel()))
    gains = ExpectedGain()(task)
    rule = TunedMastery(learners=300)(task)
    lead = rollout(task, gains, 200).returned - rollout(task, rule, 200).returned
    assert lead.mean() > 3.0 * lead.std() / np.sqrt(len(lead))
