"""A warm start: a network learns to choose as a rule does, and training goes on from there."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coursewright.agents.learning import checkpoint
from coursewright.agents.learning.a2c import A2c
from coursewright.agents.learning.beginning import begun
from coursewright.agents.learning.imitation import Round, learn, lessons
from coursewright.agents.learning.on_policy import steps_as_a_rule
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.learning.teacher import teacher
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.learning.trpo import Trpo
from coursewright.agents.learning.weights import read_tree
from coursewright.agents.planners.belief_rollout import BeliefRollout
from coursewright.agents.rules.expected_gain import ExpectedGain
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.errors import InputError
from coursewright.simulators.luck import Split
from trained_bits import bits
from wide_courses import wide_course, wide_task

FEW = {
    "steps": 2000,
    "imitate": "expected_gain",
    "imitate_for": 0.4,
    "learners": 16,
    "n_steps": 5,
    "layers": (16,),
    "checkpoint_every": 200,
}
SMALL = Ppo(**FEW, masked=True, batch_size=40)
REMEMBERING = RecurrentPpo(**FEW, masked=True, batch_size=40, units=8, privileged_critic=True)
AGENTS = [SMALL, REMEMBERING, A2c(**FEW, privileged_critic=True), Trpo(**FEW, batch_size=40)]


class Interrupted(SilentTracker):
    """Raises at the first report after `step`, and knows what was reported."""

    def __init__(self, directory=None, step=10**9):
        super().__init__(directory)
        self.step = step
        self.rows = []

    def log(self, data, step):
        if step > self.step:
            raise KeyboardInterrupt
        self.rows.append((step, {name: value for name, value in data.items() if name[:5] != "time/"}))


@pytest.fixture(scope="module")
def trained():
    """Weights and rows of numbers of each agent's training, which nothing interrupts."""
    kept = {}

    def of(agent):
        if agent not in kept:
            tracker = Interrupted()
            kept[agent] = bits(agent(kss(7), 3, tracker)), tracker.rows
        return kept[agent]

    return of


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.algorithm.name)
@pytest.mark.parametrize("steps", [pytest.param([700], marks=pytest.mark.slow), [250, 500, 1200]])
def test_an_imitation_that_was_interrupted_ends_with_the_same_bits(agent, steps, tmp_path, trained):
    rows = []
    for step in [*steps, 10**9]:
        tracker = Interrupted(tmp_path, step)
        try:
            done = agent(kss(7), 3, tracker)
        except KeyboardInterrupt:
            saved = read_tree("checkpoint", tmp_path / checkpoint.NAME, checkpoint.FORMAT)
            assert 0 < saved["counters"]["num_timesteps"] <= step
            torch.rand(5)
            np.random.rand(5)  # noqa: NPY002
        first = tracker.rows[0][0] if tracker.rows else 10**9
        rows = [row for row in rows if row[0] < first] + tracker.rows
    assert bits(done) == trained(agent)[0]
    assert str(rows) == str(trained(agent)[1])


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.algorithm.name)
def test_the_imitation_counts_among_the_steps(agent, trained):
    rows = trained(agent)[1]
    steps = [step for step, data in rows if "train/imitation_loss" in data]
    assert len(steps) == 8  # rounds of 16 learners and 7 steps, until 800 of 2,000 steps are taken
    assert steps[-1] == 896
    assert rows[-1][0] >= 2000
    losses = [data["train/imitation_loss"] for _, data in rows if "train/imitation_loss" in data]
    assert losses[-1] < losses[0]


def test_lessons_are_what_the_rule_did():
    task = kss(6)
    rule = NInARow()(task)
    given = lessons(task, rule, Round(5, 0, 0), 1.0)
    assert given.seen.shape == (30, task.layout.width)
    assert (given.allowed[np.arange(30), given.action]).all()
    first = given.worth.reshape(6, 5)[0]  # a step of all learners after the other: undiscounted, the return
    again = lessons(task, rule, Round(5, 0, 0), 1.0)
    assert np.array_equal(given.action, again.action)
    assert not np.array_equal(given.worth, lessons(task, rule, Round(5, 0, 1), 1.0).worth)  # another episode
    discounted = lessons(task, rule, Round(5, 0, 0), 0.5).worth.reshape(6, 5)
    assert np.allclose(discounted[-1], given.worth.reshape(6, 5)[-1])
    assert (discounted[0] < first).any()


BIG = {"learners": 128, "layers": (64,), "imitate": "expected_gain"}


@pytest.mark.parametrize(
    ("agent", "reached"),
    [
        (replace(SMALL, **BIG), 0.8),
        (replace(SMALL, **BIG, privileged_critic=True), 0.8),
        (RecurrentPpo(masked=True, **BIG), 0.7),
        (A2c(**BIG), 0.7),
        (Trpo(**BIG), 0.7),
    ],
)
def test_a_network_learns_to_choose_as_the_rule_does(agent, reached):
    task = bkt(steps=20)
    rule = ExpectedGain()(task)
    model, _ = begun(agent, task, 0)
    lost = []
    for turn in range(4):
        given = lessons(task, rule, Round(128, 0, turn), 1.0, agent.algorithm.beside)
        lost.append(learn(model, given, agent.algorithm))
    assert lost[-1] < 0.7 * lost[0]
    mine = rollout(task, TrainedPolicy.of(model, agent, task), 300, Split.EVALUATE)
    theirs = rollout(task, rule, 300, Split.EVALUATE)
    assert (mine.item == theirs.item)[:, 0].all()
    assert mine.returned.mean() > reached * theirs.returned.mean()


def test_the_best_teacher_is_the_better_on_tuning_learners():
    task = kss(12)
    assert teacher("best", task).name == "tuned_mastery"  # expected gain knows nothing of prerequisites
    assert teacher("expected_gain", task).name == "expected_gain"


def test_a_task_that_no_rule_can_do_is_begun_with_nothing():
    task = replace(kss(7), features=("attempts", "budget_left"))
    assert teacher("best", task) is None
    trained = replace(SMALL, imitate="best", features=None, steps=200)(task)
    assert trained.label.steps >= 200
    with pytest.raises(InputError, match="expected_gain"):
        teacher("expected_gain", task)


@pytest.mark.parametrize("wrong", ["worst", 3, ["best"]])
def test_an_unknown_teacher_is_refused(wrong):
    with pytest.raises(InputError, match="imitate"):
        replace(SMALL, imitate=wrong)


def test_any_rule_can_be_imitated(tmp_path):
    task = bkt(steps=5)
    own, named = (replace(SMALL, steps=400, imitate=who)(task) for who in (ExpectedGain(), "expected_gain"))
    assert bits(own) == bits(named)
    own.save(tmp_path / "policy.npz")
    agent = replace(SMALL, steps=400, imitate=ExpectedGain())
    again = TrainedPolicy.load(tmp_path / "policy.npz", agent, task)
    assert np.array_equal(rollout(task, again, 20).item, rollout(task, own, 20).item)
    other = replace(agent, imitate=NInARow(n=2))
    with pytest.raises(InputError, match=r"agent\.imitate = NInARow\(n=2"):
        TrainedPolicy.load(tmp_path / "policy.npz", other, task)


@pytest.mark.parametrize("wrong", [SMALL, BeliefRollout()])
def test_networks_and_planners_are_not_imitated(wrong):
    with pytest.raises(InputError, match=r"agent\.imitate = .*an agent that makes a rule"):
        replace(SMALL, imitate=wrong)


def test_a_rule_that_cannot_do_the_task_is_refused_before_training(tmp_path):
    task = replace(kss(7), features=("attempts", "budget_left"))
    with pytest.raises(InputError, match="n_in_a_row"):
        replace(SMALL, imitate=NInARow())(task, 0, SilentTracker(tmp_path))
    assert not list(tmp_path.iterdir())


def test_rate_and_entropy_fall_to_nothing():
    done = replace(SMALL, imitate=None, anneal=True, entropy=0.1)(kss(7))
    assert done.model.ent_coef < 0.1 * 0.1
    assert done.model.policy.optimizer.param_groups[0]["lr"] < 0.1 * SMALL.learning_rate
    still = replace(SMALL, imitate=None, anneal=False, entropy=0.1)(kss(7))
    assert still.model.ent_coef == 0.1


def test_a_network_that_begins_as_a_rule_reads_what_the_rule_reads():
    task = bkt(steps=5)
    columns = {}
    for imitate in ("expected_gain", None):
        model, _ = begun(replace(SMALL, imitate=imitate), task, 0)
        names = np.array(task.layout.names)[model.policy.features_extractor.columns.numpy()]
        columns[imitate] = {name.partition("[")[0] for name in names}
    assert columns["expected_gain"] == columns[None] | {"belief"}
    chosen, _ = begun(replace(SMALL, features=("streak",)), task, 0)
    assert chosen.policy.features_extractor.features_dim == task.course.n_skills


def test_a_rule_of_many_actions_is_imitated_for_longer():
    few, many = kss(7), wide_task(wide_course(60))
    assert [steps_as_a_rule(Ppo(), task) for task in (few, many)] == [50_000, 150_000]
    assert steps_as_a_rule(Ppo(imitate_for=0.2, steps=1000), many) == 200
