"""A policy with weights that skills share: no label matters, and it serves any course."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from coursewright.agents.export.onnx import compare, export
from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.learning.graph import mean_at
from coursewright.agents.learning.graph_ppo import GraphPpo
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.on_course import on_course
from coursewright.envs.episodes import Episodes
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import bkt, kss
from coursewright.envs.task import Task
from coursewright.errors import InputError
from coursewright.simulators.course import Course
from coursewright.simulators.knowledge.bkt import Bkt
from coursewright.simulators.knowledge.parameters import BktParameters
from small_tasks import begun
from wide_courses import wide_course, wide_task

AGENT = GraphPpo(steps=600, learners=16, n_steps=5, batch_size=40, units=8, imitate=None)
CLOSE = 1e-5


def task_of(course, seed=0, steps=9):
    """Learners and a tutor with other parameters for each skill name, in whatever order the skills stand."""
    place = [int(name) for name in course.skills]
    draw = np.random.default_rng(seed).uniform(0.1, 0.3, (4, max(place) + 1))[:, place]
    tutor = BktParameters(*draw, skills=course.skills)
    features = ("belief", "goal", "streak", "attempts", "item_attempts", "last_item", "budget_left")
    return Task(Bkt(course, tutor), steps=steps, tutor=tutor, features=features, goal=["1", "4", "5"])


def relabelled(course, skills, items):
    """The same course with skills and items in another order."""
    edges = [
        (course.skills[p], course.skills[k]) for k in range(course.n_skills) for p in course.parents.row(k)
    ]
    needs = {course.items[a]: [course.skills[k] for k in course.needs.row(a)] for a in range(course.n_items)}
    return Course.of(
        [course.skills[k] for k in skills], {course.items[a]: needs[course.items[a]] for a in items}, edges
    )


@pytest.fixture(scope="module")
def trained():
    return AGENT(task_of(wide_course(12)), 3)


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    trained.save(folder / "policy.npz")
    export(trained, task_of(wide_course(12)), folder / "policy.onnx")
    return folder


@pytest.mark.parametrize("course", [wide_course(12), Course.of(12, prerequisites=[(0, 5), (1, 5), (5, 9)])])
def test_relabelled_skills_and_items_give_relabelled_choices(saved, course):
    draw = np.random.default_rng(1)
    items = draw.permutation(course.n_items)
    one, other = task_of(course), task_of(relabelled(course, draw.permutation(12), items))
    ours, theirs = (TrainedPolicy.load(saved / "policy.npz", AGENT, task) for task in (one, other))
    episodes, rows = begun(one, 20), np.arange(20)
    for _ in range(one.horizon):
        seen = episodes.observation
        scores = ours.scores(seen)
        turned = theirs.scores(seen[:, one.layout.places(other.layout)])
        np.testing.assert_allclose(turned, scores[:, items], atol=CLOSE, rtol=CLOSE)
        chosen = items[turned.argmax(axis=1)]  # items that are alike, with the same skill, are tied
        assert (scores[rows, chosen] >= scores.max(axis=1) - CLOSE).all()
        episodes.step(chosen)
    assert len(np.unique(scores[0].round(5))) > 6  # they are not all alike


@pytest.mark.parametrize("skills", [2, 30])
def test_a_policy_serves_a_course_of_another_size_as_a_file_of_either_kind(saved, skills):
    course = Course.of(30, prerequisites=[(k, k + 7) for k in range(23)]) if skills == 30 else wide_course(8)
    there = task_of(course)
    policy = TrainedPolicy.load(saved / "policy.npz", AGENT, there)
    exported = OnnxPolicy(saved / "policy.onnx", there)
    compare(exported, policy, there, 200)
    taught = rollout(there, policy, 50)
    np.testing.assert_array_equal(rollout(there, exported, 50).item, taught.item)
    again = pickle.loads(pickle.dumps(exported))
    np.testing.assert_array_equal(rollout(there, again, 50).item, taught.item)
    assert policy.label == exported.label
    assert exported.label.course == course.hash


def test_a_file_without_a_task_is_for_the_course_of_its_training(saved, trained):
    here = task_of(wide_course(12))
    plain = OnnxPolicy(saved / "policy.onnx")
    np.testing.assert_array_equal(rollout(here, plain, 50).item, rollout(here, trained, 50).item)


@pytest.mark.slow
def test_a_policy_for_any_course_can_be_exported_on_another(saved, tmp_path):
    there = task_of(Course.of(9, prerequisites=[(0, 4)]))
    policy = TrainedPolicy.load(saved / "policy.npz", AGENT, there)
    export(policy, there, tmp_path / "there.onnx")
    exported = OnnxPolicy(tmp_path / "there.onnx")
    np.testing.assert_array_equal(rollout(there, exported, 20).item, rollout(there, policy, 20).item)


def test_a_task_that_it_cannot_read_is_refused_in_a_line(saved):
    there = task_of(Course.of(9))
    for missing in ("streak", "item_attempts"):
        fewer = replace(there, features=[name for name in there.features if name != missing])
        for read in (
            lambda t: TrainedPolicy.load(saved / "policy.npz", AGENT, t),
            lambda t: OnnxPolicy(saved / "policy.onnx", t),
        ):
            with pytest.raises(InputError, match=rf"^task\.features = [^\n]*holds '{missing}'[^\n]*$"):
                read(fewer)
    for more in ({"stop": True}, {"delays": (0.0, 1.0)}):
        with pytest.raises(InputError, match=rf"^task\.{next(iter(more))} = [^\n]*items alone$"):
            OnnxPolicy(saved / "policy.onnx", replace(there, **more))
        with pytest.raises(InputError, match=rf"^task\.{next(iter(more))} = [^\n]*items alone$"):
            AGENT(replace(there, **more))
    assert OnnxPolicy(saved / "policy.onnx", replace(there, features=[*there.features, "days_since"]))


def test_another_agents_network_still_serves_one_course(tmp_path):
    policy = Ppo(steps=200, learners=16, n_steps=5, batch_size=40, layers=(8,), imitate=None)(kss(7), 0)
    policy.save(tmp_path / "policy.npz")
    with pytest.raises(InputError, match="was made for another course"):
        TrainedPolicy.load(tmp_path / "policy.npz", policy.agent, bkt())


@pytest.mark.parametrize(
    "more", [{"masked": True}, {"privileged_critic": True}, {"imitate": "expected_gain"}]
)
def test_masks_the_true_mastery_and_a_rule_are_taken(more, tmp_path):
    task = replace(
        task_of(wide_course(6)), features=[*task_of(wide_course(6)).features, "successes"], unlock_after=1
    )
    agent = replace(AGENT, **more)
    policy = agent(task, 1)
    assert policy.model.num_timesteps >= agent.steps
    if policy.respects_mask:
        assert rollout(task, policy, 50).refused.sum() == 0
    policy.save(tmp_path / "policy.npz")
    there = task_of(wide_course(9))
    again = TrainedPolicy.load(tmp_path / "policy.npz", agent, there)
    assert np.isfinite(again.scores(begun(there, 3).observation)).all()


def test_the_critic_alone_sees_the_true_mastery():
    policy = replace(AGENT, privileged_critic=True)(task_of(wide_course(6)), 1)
    heads, skills = policy.model.policy.mlp_extractor, 6
    seen = torch.rand(4, policy.model.observation_space.shape[0])
    other = seen.clone()
    other[:, -skills:] = 1 - other[:, -skills:]
    (scores, value), (others, worth) = heads(seen), heads(other)
    assert torch.equal(scores, others)
    assert not torch.equal(value, worth)


def test_the_mean_at_a_target_is_that_of_its_sources():
    values = torch.arange(8.0).view(4, 1, 2)
    found = mean_at(values, torch.tensor([0, 3, 1]), torch.tensor([2, 2, 0]), 4)
    assert found[:, 0].tolist() == [[2.0, 3.0], [0.0, 0.0], [3.0, 4.0], [0.0, 0.0]]


def test_nothing_grows_faster_than_skills_edges_and_items():
    sizes = []
    for skills in (20, 40, 80):
        task = wide_task(wide_course(skills))
        env_free = AGENT.algorithm.reads(task)
        sizes.append(sum(values.size for values in on_course(task, env_free)) / skills)
    assert max(sizes) < 1.2 * min(sizes)
    weights = [AGENT.untrained(_env(skills), 0).policy.state_dict() for skills in (5, 50)]
    assert [v.shape for v in weights[0].values()] == [v.shape for v in weights[1].values()]


def _env(skills):
    from coursewright.agents.learning.vec_env import LearnersVecEnv

    return LearnersVecEnv(wide_task(wide_course(skills)), 16, 0)


def test_two_thousand_skills_are_taught_in_little_memory(saved):
    there = task_of(Course.of(2000, prerequisites=[(k, k + 1) for k in range(0, 1999, 2)]), steps=2)
    policy = TrainedPolicy.load(saved / "policy.npz", AGENT, there)
    assert Episodes(there, 1).observation.shape[1] == there.layout.width
    assert rollout(there, policy, 3).item.shape == (3, 2)
    assert sum(part.numel() for part in policy.network.state_dict().values()) < 10_000
