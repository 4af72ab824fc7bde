"""Every policy goes on where a platform allows nothing: its choice is a no-op that costs the step."""

from dataclasses import replace

import numpy as np
import pytest

import agent_contract
from closing import closing
from coursewright.agents.export.onnx import export
from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.export.whole import write
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright.agents.rules.mastery import NInARow
from coursewright.agents.tracker import SilentTracker
from coursewright.agents.tutor_file import TutorFile
from coursewright.envs.episodes import Episodes
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.errors import InputError
from small_tasks import begun

DEAR = {
    "oracle_beam",
    "oracle_best",
    "adaptive_testing",
    "belief_rollout",
    "belief_search",
    "tuned_rule",
}
TASK = closing(kss(6))
SMALL = {"steps": 320, "learners": 16, "n_steps": 5, "batch_size": 40, "layers": (8,)}


def tasks(name):
    """The tasks of the contract on a platform that closes, and the agent's policy on each that it accepts."""
    for task in map(closing, [*agent_contract.tasks(), agent_contract.sets()]):
        try:
            yield task, agent_contract.agent(name)(task)
        except InputError:
            continue


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in DEAR else ()) for name in agent_contract.names()],
)
def test_every_agent_teaches_on(name):
    taught = [rollout(task, policy, 9) for task, policy in tasks(name)]
    if name == "oracle_exact":  # it takes the learners that it knows by heart, and no platform of theirs
        assert not taught
        return
    assert sum(int(run.refused.sum()) for run in taught) > 0
    for run in taught:
        assert np.isfinite(run.returned).all()
        assert (run.steps == run.item.shape[1]).all()


def strictly(task, learners=9):
    """Learners before their first step; some may be given anything, and others nothing at all."""
    episodes: Episodes = begun(replace(task, strict=True), learners)
    assert episodes.mask.any(axis=1).any()
    assert not episodes.mask.any(axis=1).all()
    return episodes


def test_only_where_nothing_is_allowed_is_a_strict_task_lenient():
    episodes = strictly(TASK)
    before, nothing = episodes.after.copy(), ~episodes.mask.any(axis=1)
    episodes.step(episodes.mask.argmax(axis=1))
    np.testing.assert_array_equal(episodes.refused, nothing)
    np.testing.assert_array_equal(episodes.after[nothing], before[nothing])  # nobody learns from it
    wrong = strictly(TASK)
    wrong.mask[~nothing, 0] = False
    with pytest.raises(InputError, match=r"^action of row \d+ = 0"):
        wrong.step(np.zeros(9, np.int64))


@pytest.fixture(scope="module", params=[Ppo, RecurrentPpo])
def network(request):
    return request.param(masked=True, **SMALL)(TASK, 0, SilentTracker())


def test_a_network_is_trained_and_exported_and_teaches_there(network, tmp_path):
    own = rollout(TASK, network, 50)
    assert own.refused.sum() > 0
    export(network, TASK, tmp_path / "policy.onnx")
    exported = OnnxPolicy(tmp_path / "policy.onnx", TASK)
    np.testing.assert_array_equal(rollout(TASK, exported, 50).item, own.item)
    assert np.isfinite(rollout(TASK, exported, 50, deterministic=False).returned).all()


def test_a_host_is_told(network, tmp_path):
    export(network, TASK, tmp_path / "policy.onnx")
    hosted, episodes = OnnxPolicy(tmp_path / "policy.onnx"), strictly(TASK)
    row = int(np.argmin(episodes.mask.any(axis=1)))
    with pytest.raises(InputError, match=rf"^action_masks\[{row}\] = False throughout"):
        hosted.predict(episodes.observation, hosted.begin(episodes.luck), action_masks=episodes.mask)


@pytest.mark.parametrize("stop", [False, True])
def test_a_tutor_file_says_that_there_is_nothing(stop, tmp_path):
    task = replace(TASK, stop=stop)
    rule = NInARow(2)(task)
    write(rule, task, tmp_path / "tutor.onnx")
    tutor = TutorFile(tmp_path / "tutor.onnx", task)
    np.testing.assert_array_equal(rollout(task, tutor, 50).item, rollout(task, rule, 50).item)
