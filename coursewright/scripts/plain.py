"""A composed configuration as plain containers: its own part, the nodes that make something, what lacks."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from coursewright.errors import InputError
from coursewright.scripts.manual import comment_on
from coursewright.scripts.signatures import TARGET

Plain = dict[str, Any]


def own_part(config: DictConfig) -> DictConfig:
    """The configuration without Hydra's own."""
    return OmegaConf.masked_copy(config, [name for name in map(str, config) if name != "hydra"])


def plain_of(config: DictConfig) -> Plain:
    """The configuration as plain containers, apart from Hydra's own."""
    values = {str(name): config[name] for name in config if name != "hydra"}
    return {
        name: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for name, value in values.items()
    }


def targets_of(part: Any, at: str = "") -> Iterator[tuple[str, Plain]]:
    """Every node that makes something, by its place, the innermost first."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from targets_of(value, f"{at}.{name}".lstrip("."))
        if TARGET in part:
            yield at, part
    elif isinstance(part, list):
        for place, value in enumerate(part):
            yield from targets_of(value, f"{at}[{place}]")


def refuse_missing(config: DictConfig, verb: str) -> None:
    """Refuse a setting of a `verb` that must be given and was not; its own comment says what it is."""
    for name in map(str, config):
        if name == "hydra":
            continue
        lacking = {name} if OmegaConf.is_missing(config, name) else set()
        node = config._get_node(name)
        if not lacking and OmegaConf.is_config(node):
            lacking = OmegaConf.missing_keys(node)
        for path in sorted(lacking):
            told = comment_on(path, verb, config.hydra.runtime.choices)
            raise InputError(f"{path}: must be given, as {path}=...{told and f' ({told})'}", path)
