"""An experiment's settings for each agent, of which only the chosen agent takes its own.

    agents:
      maskable_ppo: {steps: 1_000_000}
      dqn: {steps: 500_000}

An agent's YAML comes first, then the experiment, then the command line.  Hydra has already put the
command line into `agent` when an app is called, so settings fill in those that the command line leaves alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from coursewright.errors import unsettable
from coursewright.scripts.signatures import TARGET, fields_of


def settled(config: DictConfig, overrides: Sequence[str], agents: Sequence[str]) -> DictConfig:
    """The configuration with the experiment's settings for the chosen agent, and no others.

    Parameters
    ----------
    config : of `train`, as Hydra composed it; it is left alone.
    overrides : the words of the command line (or of a sweep's job), such as `agent.steps=1000`.
    agents : the agents that there are.

    Raises `InputError` for an agent that does not exist or an option that it does not have.
    """
    for name in map(str, config.agents):
        if name not in agents:
            raise unsettable(f"agents.{name}", sorted(agents))
    chosen = str(config.choices.agent)
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    given = [override.key_or_group for override in parsed if override.key_or_group != "agent"]
    result = config.copy()
    with open_dict(result):
        for path, value in _leaves(config.agents.get(chosen) or {}):
            if not any(f"agent.{path}.".startswith(f"{key}.") for key in given):
                _refuse_unknown(config.agent, path.partition(".")[0], f"agents.{chosen}")
                OmegaConf.update(result, f"agent.{path}", value)
        del result["agents"]
    return result


def _leaves(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Values by path, such as `layers` or `schedule.steps`; a list is one value."""
    for name, value in node.items():
        if isinstance(value, DictConfig):
            yield from _leaves(value, f"{at}{name}.")
        else:
            yield f"{at}{name}", value


def _refuse_unknown(agent: DictConfig, option: str, at: str) -> None:
    known = fields_of(agent[TARGET])
    if known is not None and option not in known:
        raise unsettable(f"{at}.{option}", list(known))
