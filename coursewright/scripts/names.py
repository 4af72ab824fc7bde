"""Folders' names that can be typed back: letters, digits and `. _ -`, and a new one for every command.

A name with a clock in it (`${now:...}`) is a new folder each time, with `-2` at its end where two commands
meet in one second.  A name without one is the same folder each time: the same command goes on there.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from coursewright.errors import InputError, reject
from coursewright.scripts.overrides import override

LONGEST = 100  # letters of one name
ROOM = LONGEST - 11  # before a hash
ODD = re.compile(r"[^A-Za-z0-9._-]+")
ITEM = re.compile(r",(?=[^,=]+=)")  # between two of `a=1,b=[2,3],c=4`
PLAIN_ITEM = re.compile(r"[A-Za-z0-9.]+(_[A-Za-z0-9.]+)*=[A-Za-z0-9.]+(_[A-Za-z0-9.]+)*")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Claim(NamedTuple):
    """The folders of a command: of each job, and of the sweep where there are several.

    `words` are the settings that tell Hydra so.
    """

    words: list[str]
    folders: list[Path]
    sweep: Path | None = None


def claimed(jobs: Sequence[DictConfig]) -> Claim:
    """Choose the folders of composed jobs, and make what has to be new.

    Raises `InputError` where two jobs would share a folder, or where the system refuses.
    """
    first = jobs[0].hydra
    if first.mode != RunMode.MULTIRUN:
        HydraConfig.instance().set_config(jobs[0])
        folder = _chosen(first.run, first.run.dir)
        return Claim([override("hydra.run.dir", folder)] if _is_new(first.run) else [], [folder])
    dirs, names = [], []
    for number, job in enumerate(jobs):
        with open_dict(job.hydra.job):
            job.hydra.job.num = number
        HydraConfig.instance().set_config(job)
        dirs.append(str(job.hydra.sweep.dir))
        names.append(str(job.hydra.sweep.subdir))
    for name in names:
        if names.count(name) > 1:
            raise reject("hydra.sweep.subdir", name, "another for each job (are two jobs the same?)")
    different = len(set(dirs))  # jobs of several studies have one folder, which can name none of them
    where = dirs[0] if different == 1 else dirs[0].replace(str(jobs[0].study), f"{different}-studies")
    sweep = _chosen(first.sweep, where)
    words = [override("hydra.sweep.dir", sweep)] if _is_new(first.sweep) else []
    return Claim(words, [sweep / name for name in names], sweep)


def _is_new(node: DictConfig) -> bool:
    return "${now:" in str(OmegaConf.to_container(node, resolve=False)["dir"])  # type: ignore[index,call-overload]


def _chosen(node: DictConfig, resolved: str) -> Path:
    if not _is_new(node):
        return Path(resolved)
    path = Path(resolved)
    return claim(Path(path.anchor, *(plain(part) for part in path.parts[bool(path.anchor) :])))


def claim(path: Path) -> Path:
    """Make a folder that was not there: `path`, or else `path-2`, `path-3` and so on."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            mine = path if number == 1 else path.with_name(f"{path.name}-{number}")
            try:
                mine.mkdir()
            except FileExistsError:
                continue
            return mine
    except OSError as error:
        raise InputError(f"hydra.run.dir = {path}: cannot be made ({error.strerror or error})") from error
    raise AssertionError("there is always a further number")


def plain(text: str) -> str:
    """Text as one short name of safe letters; not unique."""
    if text in (".", ".."):
        return text
    return ODD.sub("_", text).strip("._")[:LONGEST] or "_"


def job_folder(overrides: str) -> str:
    """`agent=ppo,seed=3` as `agent-ppo__seed-3`: the same settings have the same name, others another.

    Choices and numbers of the whole run come before settings of its parts.  Where the name is too long or
    holds other letters, a hash of the whole follows the items that there is room for.
    """
    if not overrides:
        return "defaults"
    items = sorted(ITEM.split(overrides), key=lambda item: "." in item.partition("=")[0])
    name = "__".join(items).replace("=", "-")
    if len(name) <= LONGEST and not name.endswith(".") and all(map(PLAIN_ITEM.fullmatch, items)):
        return name
    shown = plain(name) if len(name) <= ROOM else plain(name[:ROOM].rpartition("__")[0] or name[:ROOM])
    return f"{shown[:ROOM]}-{sha256(overrides.encode()).hexdigest()[:10]}"


def group_of(sweep: Path) -> str:
    """The name that the runs of a sweep share: its folder's, and the day's where that holds it."""
    sweep = Path.cwd() / sweep
    return f"{sweep.parent.name}-{sweep.name}" if DAY.fullmatch(sweep.parent.name) else sweep.name


OmegaConf.register_new_resolver("coursewright.job_folder", job_folder, replace=True)
