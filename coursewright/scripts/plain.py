"""A composed configuration as plain containers: its own part, the nodes that make something, what lacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from coursewright.errors import InputError
from coursewright.scripts.manual import comment_on
from coursewright.scripts.ranges import writable
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


@contextmanager
def as_if_running(config: DictConfig) -> Iterator[None]:
    """Let interpolations such as `${hydra:runtime.choices.task}` find the values that they name."""
    singleton = HydraConfig.instance()
    before = singleton.cfg
    singleton.cfg = config  # type: ignore[assignment]  # `set_config` would copy it, which is slow for a sweep
    try:
        several = config.hydra.mode == RunMode.MULTIRUN
        field = "hydra.sweep.dir" if several else "hydra.run.dir"
        folder = str(config.hydra.sweep.dir if several else config.hydra.run.dir)
        with open_dict(config.hydra):
            config.hydra.runtime.output_dir = folder
        if config.hydra.output_subdir is not None:  # else nothing is written there
            writable(field, folder, folder=True)
        yield
    finally:
        singleton.cfg = before
