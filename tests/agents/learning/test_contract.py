"""The rules for every agent that trains: each is found by its YAML, one from outside the package too."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import coursewright
from agent_contract import configured, written
from coursewright.agents.export.onnx import export
from coursewright.agents.export.policy import OnnxPolicy
from coursewright.agents.learning import checkpoint
from coursewright.agents.learning.trained import TrainedPolicy
from coursewright.agents.tracker import SilentTracker
from coursewright.envs.rollout import rollout
from coursewright.envs.shipped import kss
from coursewright.errors import InputError
from coursewright.scripts.making import agent_of
from places import SUPPORT
from trained_bits import bits

CONFIGS = Path(coursewright.__file__).parent / "configs" / "agent"
OUTSIDE = "outside_agent"
# Episodes of 7 steps and rollouts of 5: a checkpoint falls into the middle of episodes.
SMALL = {
    "steps": 1200,
    "learners": 16,
    "n_steps": 5,
    "batch_size": 40,
    "layers": [16],
    "checkpoint_every": 300,
    "learning_starts": 200,
    "buffer_size": 700,
    "target_update": 200,
    "quantiles": 5,
    "units": 8,
    "directions": 2,
}
TASK = kss(7)
WRONG = [-1, 0.5, None, float("nan"), float("inf"), "many"]


def config(name):
    if name == OUTSIDE:
        return OmegaConf.load(SUPPORT / f"{OUTSIDE}.yaml")
    return configured(name)


def small(name):
    """The configuration for a moment's training."""
    stated = config(name)
    return OmegaConf.merge(stated, {key: value for key, value in SMALL.items() if key in stated})


NAMES = [name for name in sorted(path.stem for path in CONFIGS.glob("*.yaml")) if "steps" in written(name)]
every_agent = pytest.mark.parametrize("name", [*NAMES, OUTSIDE])


class Interrupted(SilentTracker):
    """Raises at the first report after `step`."""

    def __init__(self, directory, step):
        super().__init__(directory)
        self.step = step

    def log(self, data, step):
        if step > self.step:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def trained():
    """One short training of each agent."""
    kept = {}

    def of(name):
        if name not in kept:
            kept[name] = agent_of(small(name))(TASK, 3, SilentTracker())
        return kept[name]

    return of


def test_the_agents_that_train_are_found():
    assert {
        "ppo",
        "maskable_ppo",
        "a2c",
        "trpo",
        "dqn",
        "qr_dqn",
        "ars",
        "recurrent_ppo",
        "maskable_recurrent_ppo",
    } <= set(NAMES)


@every_agent
def test_one_seed_makes_one_set_of_weights(name, trained):
    torch.rand(7)  # earlier draws must not matter
    np.random.rand(3)  # noqa: NPY002
    assert bits(agent_of(small(name))(TASK, 3, SilentTracker())) == bits(trained(name))
    assert bits(agent_of(small(name))(TASK, 4, SilentTracker())) != bits(trained(name))


@every_agent
def test_interrupted_and_resumed_gives_the_same_bits(name, trained, tmp_path):
    agent = agent_of(small(name))
    for step in (400, 800):
        with pytest.raises(KeyboardInterrupt):
            agent(TASK, 3, Interrupted(tmp_path, step))
        torch.rand(5)  # another process would have other random states
        np.random.rand(5)  # noqa: NPY002
    assert (tmp_path / checkpoint.NAME).is_file()
    assert bits(agent(TASK, 3, SilentTracker(tmp_path))) == bits(trained(name))


@every_agent
def test_a_checkpoint_of_other_options_is_refused(name, tmp_path):
    agent = agent_of(small(name))
    with pytest.raises(KeyboardInterrupt):
        agent(TASK, 3, Interrupted(tmp_path, 600))
    for field in fields(agent):
        value = getattr(agent, field.name)
        if field.name != "checkpoint_every" and isinstance(value, int | float):
            with pytest.raises(InputError, match=rf"^agent(\.{field.name})? = .*checkpoint"):
                replace(agent, **{field.name: another(value)})(TASK, 3, SilentTracker(tmp_path))


def another(value):
    """An option's value that is allowed as well."""
    if isinstance(value, bool):
        return not value
    return value + 3 if isinstance(value, int) else value / 2 + 0.01


@every_agent
def test_a_saved_and_an_exported_policy_choose_alike(name, trained, tmp_path):
    policy = trained(name)
    taught = rollout(TASK, policy, 200)
    policy.save(tmp_path / "policy.npz")
    again = TrainedPolicy.load(tmp_path / "policy.npz", policy.agent, TASK)
    assert again.label == policy.label
    np.testing.assert_array_equal(rollout(TASK, again, 200).item, taught.item)
    export(again, TASK, tmp_path / "policy.onnx")
    exported = OnnxPolicy(tmp_path / "policy.onnx", TASK)
    np.testing.assert_array_equal(rollout(TASK, exported, 200).item, taught.item)


@every_agent
def test_a_mask_is_respected_where_that_is_declared(name, trained):
    assert (rollout(TASK, trained(name), 200).refused.sum() == 0) == trained(name).respects_mask


@every_agent
def test_yaml_states_every_option_at_its_default(name):
    stated = agent_of(config(name))
    plain = type(stated)(**({"masked": True} if name.startswith("maskable") else {}))
    assert stated == plain
    assert {field.name for field in fields(stated)} == {key for key in config(name) if key != "_target_"}


@every_agent
def test_an_unknown_option_is_refused_with_the_nearest(name):
    with pytest.raises(InputError, match=r"^agent\.stepz: no such setting \(did you mean 'steps'"):
        agent_of(OmegaConf.merge(config(name), {"stepz": 3}))


@every_agent
def test_numbers_out_of_range_are_refused_by_their_path(name):
    stated, given = config(name), small(name)
    numbers = [key for key, value in stated.items() if type(value) in (int, float)]
    assert "steps" in numbers
    for key in numbers:
        whole = isinstance(stated[key], int)
        for value in WRONG:
            if value == 0.5 and not whole:
                continue
            with pytest.raises(InputError, match=rf"^agent\.{key} = [^\n]*$"):
                agent_of(OmegaConf.merge(given, {key: value}))


@every_agent
def test_a_device_that_is_not_there_is_refused(name):
    for device in ("cuda:99", "tpu"):
        with pytest.raises(InputError, match=rf"^agent\.device = {device}: [^\n]*cpu"):
            agent_of(OmegaConf.merge(small(name), {"device": device}))(TASK, 0, SilentTracker())


def test_a_class_that_is_a_partial_is_refused():
    with pytest.raises(InputError, match=r"^agent\._partial_ = True: must be left out"):
        agent_of(OmegaConf.merge(config("ppo"), {"_partial_": True}))
