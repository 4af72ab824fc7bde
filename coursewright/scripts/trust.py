"""Code that may run when a run's folder is opened: ours and the person's own, never the folder's.

A configuration names code by `_target_`.  A person's own line and YAML files may name anything.
One *read* from a folder may name targets that shipped files name in the same place, values that people
write by hand, and everything at or below a package that the person names: `trust=mylab`.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import yaml
from hydra.utils import get_object
from omegaconf import ListConfig, OmegaConf

from coursewright.errors import InputError, reject
from coursewright.scripts.manual import CONFIGS

TARGET = "_target_"
TRACKER = "tracker"  # the one part of a run that may name trackers, and that names nothing else
MADE = ("simulator", "task", "agent", "experiment")  # groups of files that name the things made in a training
# Values that no shipped file names: they take other values, and neither read nor write a file.
BY_HAND = frozenset(
    f"coursewright.{address}"
    for address in (
        "envs.features.Feature",
        "envs.features.Scale",
        "envs.rewards.mastered_gain",
        "envs.rewards.mean_log_recall",
        "envs.schedule.Fixed",
        "envs.schedule.RandomGaps",
        "envs.task.RandomGoal",
        "simulators.knowledge.bkt.Bkt",
        "simulators.knowledge.parameters.BktParameters",
        "simulators.strata.Strata",
    )
)
LONGEST = 120  # bytes of a name, which has to fit into a file's


def trusted_of(value: Any) -> tuple[str, ...]:
    """The packages that a person trusts: of `trust=mylab` or `trust=[mylab,theirs.rewards]`.

    Raises `InputError` for a name that is no package of one's own.
    """
    names = [] if value is None else list(value) if isinstance(value, list | tuple | ListConfig) else [value]
    for name in names:
        own = isinstance(name, str) and all(part.isidentifier() for part in name.split("."))
        if not own or name.split(".")[0] in ("coursewright", *sys.stdlib_module_names):
            raise reject("trust", shown(name), "the name of a package of yours, or a list of them")
    return tuple(names)


def check(config: Any, where: str, trusted: Sequence[str] = ()) -> None:
    """Refuse a configuration from a folder that names code that is neither ours to run nor `trusted`.

    `where` names the folder, such as `run = outputs/mine`.  Raises `InputError`; nothing has run by then, but
    for the import of trusted packages.
    """
    plain = OmegaConf.to_container(config, resolve=False) if OmegaConf.is_config(config) else config
    for at, text in _texts(plain):
        if "${" in text:
            raise InputError(
                f"{where}: {at} = {shown(text)} is an interpolation, which a run's own folder never holds"
            )
    for at, address in targets(plain):
        _refuse_foreign(at, address, where, trusted)


def targets(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every address in plain containers by its full path, wherever it hides."""
    if isinstance(node, dict):
        for name, value in node.items():
            path = f"{at}.{name}".lstrip(".")
            if name == TARGET:
                yield path, value
            yield from targets(value, path)
    elif isinstance(node, list | tuple):
        for place, value in enumerate(node):
            yield from targets(value, f"{at}[{place}]")


def foreign(config: Any) -> tuple[str, ...]:
    """The packages, not ours, that a configuration names, and that have to be trusted to go on with it."""
    plain = OmegaConf.to_container(config, resolve=False) if OmegaConf.is_config(config) else config
    named = (address.partition(".")[0] for _, address in targets(plain) if isinstance(address, str))
    return tuple(dict.fromkeys(package for package in named if package not in ("coursewright", "???")))


def find_own(config: Any) -> None:
    """Let a job that names code of one's own find it in the working directory, after everything else."""
    here = os.getcwd()
    if foreign(config) and here not in sys.path:
        sys.path.append(here)


def plain_name(field: str, value: Any) -> str:
    """A name that becomes the name of a file or a folder, and of nothing anywhere else.

    Raises `InputError` for a name that leads elsewhere, cannot be seen, or is too long.
    """
    good = isinstance(value, str) and value.isprintable() and 0 < len(value.encode()) <= LONGEST
    if not good or set(value) & set('/\\:*?"<>|[]') or value != value.strip(" ") or value.strip(".") == "":
        allowed = f"a plain name: up to {LONGEST} letters, digits, spaces and . _ - + = , ( ), and no path"
        raise reject(field, shown(value), allowed)
    return str(value)


def shown(value: Any) -> str:
    """Something that was read, for a message: in a line, without control characters, and not too long."""
    text = str(value)
    if not text.isprintable() or not text:
        text = repr(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _refuse_foreign(at: str, address: Any, where: str, trusted: Sequence[str]) -> None:
    allowed = shipped(TRACKER) if at == f"{TRACKER}.{TARGET}" else shipped(*MADE) | BY_HAND
    if not isinstance(address, str):
        raise InputError(f"{where}: {at} = {shown(address)} is no address")
    if address in allowed or any(_is_below(address, name) for name in trusted):
        return
    package = address.partition(".")[0]
    said = f"{where}: {at} = {shown(address)}"
    if package == "coursewright":
        raise InputError(f"{said} is not among the things that a run's folder may name there")
    if package in sys.stdlib_module_names or not package.isidentifier() or package in trusted:
        raise InputError(f"{said} is no code of coursewright or of a package that you trust")
    raise InputError(
        f"{said} is not of coursewright; trust={package} would let all of that package run as you"
    )


def _is_below(address: str, name: str) -> bool:
    """True where a thing lies at or below a trusted package and was made there.

    A package that imports `os` has an address for all of `os`; the thing at it was made elsewhere.
    """
    if not f"{address}.".startswith(f"{name}."):
        return False
    try:
        home = getattr(get_object(address), "__module__", None)
    except Exception:  # it is explained where it is called
        return True
    return isinstance(home, str) and f"{home}.".startswith(f"{name.partition('.')[0]}.")


def _texts(node: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Every text in plain containers by its full path, names too."""
    if isinstance(node, dict):
        for name, value in node.items():
            path = f"{at}.{shown(name)}".lstrip(".")
            yield path, str(name)
            yield from _texts(value, path)
    elif isinstance(node, list | tuple):
        for place, value in enumerate(node):
            yield from _texts(value, f"{at}[{place}]")
    elif isinstance(node, str):
        yield at, node


@cache
def shipped(*groups: str) -> frozenset[str]:
    """The addresses that the files of these groups name."""
    files = [file for group in groups for file in sorted((CONFIGS / group).glob("**/*.yaml"))]
    files += [CONFIGS / "train.yaml"] if groups == MADE else []
    plain = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    return frozenset(address for _, address in targets(plain) if address != "???")
