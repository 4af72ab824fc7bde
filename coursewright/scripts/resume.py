"""`coursewright train resume=FOLDER`: a run goes on from the record in its folder, without Hydra.

The record is data (see `recorded`).  Hydra's own files beside it, on the run's start, are not read.
"""

import logging.config
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra.utils import instantiate
from omegaconf import DictConfig

from coursewright.errors import InputError, absent, reject
from coursewright.scripts.learners import TUTOR, found_again, refuse_others
from coursewright.scripts.life import read
from coursewright.scripts.making import agent_of, recipe_of
from coursewright.scripts.manual import CONFIGS
from coursewright.scripts.recorded import of_the_run, read_run
from coursewright.scripts.run_directory import Place
from coursewright.scripts.trust import shown, trusted_of

WORD, TRUST = "resume=", "trust="


class Wish(NamedTuple):
    """The run that is to go on, and the packages that it may use."""

    folder: Path
    trusted: tuple[str, ...]


def wish(verb: str, arguments: Sequence[str]) -> Wish | None:
    """The wish of a line to go on with a run; None where it has none.

    The folder is a path as it is typed, whatever letters are in it.  Raises `InputError` for anything beside
    it but `trust=`.
    """
    folders = [argument.removeprefix(WORD) for argument in arguments if argument.startswith(WORD)]
    if not folders:
        return None
    if verb != "train":
        raise InputError(f"resume = {folders[0]}: only a training goes on (coursewright train resume=FOLDER)")
    others = [argument for argument in arguments if not argument.startswith((WORD, TRUST))]
    if others or len(folders) > 1:
        given = " ".join([*others, *(WORD + folder for folder in folders[1:])])
        raise InputError(
            f"resume = {folders[0]}: goes alone; a resumed run keeps its settings (given: {given})"
        )
    if folders[0].strip() and not os.path.lexists(folders[0]):
        raise absent("resume", folders[0], "the folder of a run that was begun")
    if not Path(folders[0]).is_dir() or not folders[0]:
        raise reject("resume", folders[0], "the folder of a run that was begun")
    packages = [name for argument in arguments if argument.startswith(TRUST) for name in _listed(argument)]
    return Wish(Path(folders[0]), trusted_of(packages))


def resume(wish: Wish, train: Callable[[DictConfig, Place], Any]) -> None:
    """Let `train` go on in the run's own folder, with the settings that its record holds."""
    folder = wish.folder
    _refuse_traps(folder)
    config = read_run(folder, wish.trusted, "resume", needed=())
    found_again(config, folder, "resume")
    with of_the_run(folder, "resume"):  # nothing has been written by then
        agent_of(config.agent)
        recipe = recipe_of(config)
        recipe.without_tutor()
        instantiate(config.tracker)
    refuse_others(config, recipe.simulator, folder, f"resume = {folder}")
    state = read(folder)
    _log_to(folder)
    train(config, Place(folder, state.group if state is not None else config.study))


def _listed(argument: str) -> list[str]:
    """The names of `trust=mylab` or `trust=[mylab,theirs]`."""
    return [name.strip(" '\"") for name in argument.removeprefix(TRUST).strip("[] ").split(",")]


def _refuse_traps(folder: Path) -> None:
    """Refuse links that lead to another place, and W&B settings that may name another server."""
    entries = [*folder.iterdir(), *(folder / TUTOR).glob("*")]
    links = [path.relative_to(folder).as_posix() for path in sorted(entries) if path.is_symlink()]
    if links:
        raise InputError(
            f"resume = {folder}: {shown(links[0])} is a link to another place; put the file itself there"
        )
    if (folder / "wandb" / "settings").exists():
        raise InputError(f"resume = {folder}: wandb/settings is not of a run; take it away")


def _log_to(folder: Path) -> None:
    """Log as a training that Hydra starts does: to the terminal, and to a file in the folder."""
    settings = yaml.safe_load((CONFIGS / "hydra" / "job_logging" / "plain.yaml").read_text(encoding="utf-8"))
    settings["handlers"]["file"]["filename"] = str(folder / "train.log")
    logging.config.dictConfig(settings)
