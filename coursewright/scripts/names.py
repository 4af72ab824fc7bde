"""Folders' names that can be typed back: letters, digits and `. _ -`."""

import re
from hashlib import sha256
from itertools import count
from pathlib import Path

from omegaconf import OmegaConf

from coursewright.errors import InputError

EXCLUDED = "hydra.job.config.override_dirname.exclude_keys"  # of settings that the names leave out
ALWAYS = ("agent", "seed")  # named in any case, so that a further command may add to a sweep's folder
LONGEST = 100  # letters of one name
ROOM = LONGEST - 11  # before a hash
ODD = re.compile(r"[^A-Za-z0-9._-]+")
ITEM = re.compile(r",(?=[^,=]+=)")  # between two of `a=1,b=[2,3],c=4`
PLAIN_ITEM = re.compile(r"[A-Za-z0-9.]+(_[A-Za-z0-9.]+)*=[A-Za-z0-9.]+(_[A-Za-z0-9.]+)*")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


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


def near(path: Path) -> Path:
    """A path as a person types it: from the working directory on, where it lies below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) and path != here else path


def group_of(sweep: Path) -> str:
    """The name that the runs of a sweep share: its folder's, and the day's where that holds it."""
    sweep = Path.cwd() / sweep
    return f"{sweep.parent.name}-{sweep.name}" if DAY.fullmatch(sweep.parent.name) else sweep.name


OmegaConf.register_new_resolver("coursewright.job_folder", job_folder, replace=True)
