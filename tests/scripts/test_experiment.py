"""An agent's YAML comes first, then the experiment's settings for it, then the command line."""

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

import coursewright
from coursewright.errors import InputError
from coursewright.scripts.experiment import settled
from coursewright.scripts.making import agent_of

CONFIGS = Path(coursewright.__file__).parent / "configs"
AGENTS = sorted(path.stem for path in (CONFIGS / "agent").glob("*.yaml"))
EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


def composed(*overrides):
    with initialize_config_module("coursewright.configs", version_base="1.3"):
        config = compose("train", list(overrides), return_hydra_config=True)
    config.choices.agent = config.hydra.runtime.choices.agent
    return config


def settle(*overrides, agents=AGENTS):
    return settled(composed(*overrides), [o for o in overrides if not o.startswith("agents=")], agents)


def test_the_chosen_agent_takes_its_own_settings_alone():
    config = settle("experiment=bkt_ednet")
    assert (config.agent.learning_rate, config.agent.gamma, config.agent.anneal) == (0.001, 0.8, True)
    assert config.agent.layers == [128, 128]
    assert "agents" not in config
    assert settle("experiment=bkt_ednet", "agent=dqn").agent.gamma == 1.0
    assert settle("experiment=bkt_ednet", "agent=dqn").agent.steps == 1_000_000
    rule = settle("experiment=bkt_ednet", "agent=tuned_mastery")
    assert rule.agent == composed("agent=tuned_mastery").agent


@pytest.mark.parametrize("given", ["agent.steps=1000", "++agent.steps=1000"])
def test_the_command_line_wins(given):
    config = settle("experiment=bkt_ednet", given)
    assert (config.agent.steps, config.agent.gamma) == (1000, 0.8)


def test_what_the_command_line_removes_stays_away():
    config = settle("experiment=bkt_ednet", "~agent.gamma")
    assert "gamma" not in config.agent
    assert agent_of(config.agent).gamma == 1.0


def test_what_the_command_line_adds_stays():
    config = settle("experiment=bkt_ednet", "+agent.extra=3")
    assert (config.agent.extra, config.agent.gamma) == (3, 0.8)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_setting_of_an_experiment_is_an_option_of_an_agent(name):
    for agent in composed(f"experiment={name}").agents:
        config = settle(f"experiment={name}", f"agent={agent}")
        made = agent_of(config.agent)
        for option, value in composed(f"experiment={name}").agents[agent].items():
            assert config.agent[option] == value
            assert made is not None


@pytest.mark.parametrize(
    ("agents", "message"),
    [
        ("{maskable_pp: {steps: 5}}", "agents.maskable_pp: no such setting (did you mean 'mask"),
        (
            "{maskable_ppo: {stepz: 5}}",
            "agents.maskable_ppo.stepz: no such setting (did you mean 'steps'",
        ),
        ("{maskable_ppo: {stepz: {deep: 5}}}", "agents.maskable_ppo.stepz: no such setting"),
    ],
)
def test_a_name_that_does_not_exist_is_refused(agents, message):
    config = composed()
    OmegaConf.update(config, "agents", OmegaConf.create(agents), force_add=True)
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        settled(config, [], AGENTS)
