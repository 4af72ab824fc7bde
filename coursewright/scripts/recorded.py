"""A training run's folder as data: its own description, with none of its code run.

`config.yaml` is the record.  The folder may be a stranger's, and may hold anything.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from coursewright.errors import InputError, reject
from coursewright.files import refuse_format
from coursewright.scripts.learners import anchored, others
from coursewright.scripts.life import State, works
from coursewright.scripts.life import read as read_state
from coursewright.scripts.moved import new_address
from coursewright.scripts.overrides import command_line
from coursewright.scripts.trust import check, foreign, plain_name, shown, targets

log = logging.getLogger(__name__)

FORMAT = 3
LIKE = ("simulator", "task")  # the parts of a training that a policy has learnt
SUMMARY = "summary.json"
WEIGHTS, POLICY = "policy.npz", "policy.onnx"  # a training's network, as it leaves it
STORED = "policy.json"  # the same of an agent that trains no network
BEST = "best.yaml"  # the winner of a tuning
# The entries of a training run's record, and their kinds
KINDS: dict[str, tuple[type, ...]] = {
    "simulator": (dict,),
    "task": (dict,),
    "agent": (dict,),
    "tracker": (dict,),
    "seeds": (dict,),
    "choices": (dict,),
    "seed": (int,),
    "learners": (int,),
    "tutor": (str, type(None)),
    "tags": (list,),
    "name": (str,),
    "study": (str,),
}
WORDS = {dict: "a mapping", int: "a whole number", str: "a text", list: "a list", type(None): "null"}
# The errors that reading a file that is whole but wrong can raise
WRONG = (OSError, ValueError, TypeError, RecursionError, YAMLError, OmegaConfBaseException)


def read_run(
    folder: Path, trusted: Sequence[str] = (), field: str = "run", needed: Sequence[str] = ("tutor.csv",)
) -> DictConfig:
    """The resolved configuration of a training run, which names no code but ours and that of `trusted`.

    Raises `InputError`, which begins with `field`, where the folder is not a run's, where it names something
    that has moved, where it is of another format, or where its record is no record.
    """
    where = f"{field} = {folder}"
    for name in ("config.yaml", "code.json", *needed):
        if not (folder / name).is_file():
            raise InputError(f"{where}: must be the folder of a training run (it lacks {name})")
    with in_a_line(f"{where}: its config.yaml is truncated or broken"):
        run = OmegaConf.load(folder / "config.yaml")
        plain: Any = OmegaConf.to_container(run, resolve=False)
        if not isinstance(run, DictConfig):
            raise InputError(f"{where}: its config.yaml is truncated or broken (it is no mapping)")
    refuse_tuning(folder, field)
    for at, address in targets(plain):
        if isinstance(address, str) and (moved := new_address(address)) is not None:
            raise InputError(f"{where}: {at} = {address} has moved; it is now {moved}")
    refuse_other_format(folder, field)
    check(plain, where, trusted)
    for name, kinds in KINDS.items():
        if name not in plain or not isinstance(plain[name], kinds) or isinstance(plain[name], bool):
            allowed = " or ".join(WORDS[kind] for kind in kinds)
            found = shown(plain[name]) if name in plain else "missing"
            raise InputError(f"{where}: {name} = {found}: must be {allowed} in a run's config.yaml")
    for name in ("simulator", "task", "agent"):
        plain["choices"].setdefault(name, "")
        if not isinstance(plain["choices"][name], str):
            raise InputError(f"{where}: choices.{name} = {shown(plain['choices'][name])}: must be a text")
    for name, value in plain["seeds"].items():
        if name != "_target_" and type(value) is not int:
            raise InputError(f"{where}: seeds.{name} = {shown(value)}: must be a whole number")
    for name in ("name", "study"):
        plain_name(f"{where}: {name}", plain[name])
    return run


def is_tuning(folder: Path) -> bool:
    """True for the folder of a tuning, which tries settings and keeps no policy."""
    return (folder / BEST).is_file()


def refuse_tuning(folder: Path, field: str) -> None:
    """Refuse the folder of a tuning where one of a training is meant."""
    if is_tuning(folder):
        trains = f"its {BEST} holds the line that trains the winner"
        raise InputError(f"{field} = {folder}: is a tuning, which keeps no policy; {trains}")


def finished(folder: Path) -> bool:
    """True where a run has come to its end: its summary is the last file, and is whole."""
    try:
        return isinstance(json.loads((folder / SUMMARY).read_text(encoding="utf-8")), dict)
    except (OSError, ValueError, RecursionError):
        return False


def no_policy(field: str, folder: Path, lacking: str) -> InputError:
    """The error for a folder that holds no trained policy, with what it holds instead."""
    refuse_tuning(folder, field)
    if (folder / "config.yaml").is_file() and finished(folder):
        with in_a_line(f"{field} = {shown(folder)}: its config.yaml is truncated or broken"):
            rule = shown(OmegaConf.load(folder / "config.yaml").choices.agent)
        instead = f"; policy={rule} teaches as it does" if field == "policy" else ", for it needs none"
        return InputError(f"{field} = {folder}: is a finished run of {rule} and holds no network{instead}")
    allowed = f"the folder of a finished training of a network (it lacks {lacking}{unfinished(folder)})"
    return reject(field, folder, allowed)


def policy_file(given: Path) -> Path:
    """The file of a `policy`: that of a run's folder, a network's or a bandit's, or the file that is given.

    Raises `InputError` for a folder that has none.
    """
    if not given.is_dir():
        return given
    for name in (POLICY, STORED):
        if (given / name).is_file():
            return given / name
    raise no_policy("policy", given, POLICY)


def unfinished(folder: Path) -> str:
    """The words for a run that has not come to its end; empty where nothing tells of one."""
    state = read_state(folder)
    if state is None or finished(folder):
        return ""
    if works(folder):
        return f"; it is {state.state}, by process {state.process} on {state.host}"
    return f"; it is not finished and goes on with: {continued(folder, state)}"


def finished_below(places: Sequence[Path]) -> list[Path]:
    """The folders of finished runs; one that is not finished is left out with a word.

    Raises `InputError` where there is none.
    """
    folders = sorted(
        {p.parent for place in places for p in place.glob("**/config.yaml") if p.parent.name != ".hydra"}
    )
    folders = [folder for folder in folders if (folder / "tutor.csv").is_file()]
    tunings = [folder for folder in folders if is_tuning(folder)]
    if tunings and tunings == folders:
        refuse_tuning(tunings[0], "runs")
    for folder in tunings:
        log.info("left out: %s is a tuning", folder)
    folders = [folder for folder in folders if folder not in tunings]
    for folder in folders:
        if not finished(folder):
            log.info("left out: %s is not finished (%s)", shown(folder), to_go_on(folder))
    whole = [folder for folder in folders if finished(folder)]
    if not whole:
        shown_places = ", ".join(map(str, places))
        told = unfinished(folders[0]).removeprefix("; it") if len(folders) == 1 else ""
        found = f" ({folders[0]}{told})" if told else f" (of {len(folders)} none is finished)" * bool(folders)
        raise reject("runs", shown_places, f"folders that hold at least one finished run of `train`{found}")
    return whole


def refuse_other_format(folder: Path, field: str = "run") -> None:
    """Refuse a run that another version made, where its folder says so."""
    if not (folder / "code.json").is_file():
        return
    with in_a_line(f"{field} = {folder}: its code.json is truncated or broken"):
        code = json.loads((folder / "code.json").read_text(encoding="utf-8"))
        if not isinstance(code, dict):
            raise InputError(
                f"{field} = {shown(folder)}: its code.json is truncated or broken (it is no mapping)"
            )
        found = code.get("format", 1)
    refuse_format(field, folder, shown(found) if isinstance(found, str) else found, FORMAT)


@contextmanager
def in_a_line(what: str) -> Iterator[None]:
    """Say `what` of a file that is whole but wrong, with the reason, in one line."""
    try:
        yield
    except InputError:
        raise
    except (AttributeError, LookupError, *WRONG) as error:
        raise InputError(f"{what} ({reason(error)})") from error


@contextmanager
def of_the_run(folder: Path, field: str) -> Iterator[None]:
    """Turn an error in making a thing from a folder's record into one line."""
    try:
        yield
    except Exception as error:  # a changed file may lead to any error
        if isinstance(error, InputError) and str(folder) in str(error):
            raise
        raise InputError(f"{field} = {folder}: cannot be used ({reason(error)})") from error


def reason(error: BaseException) -> str:
    """The last cause of an error in one short line."""
    while error.__cause__ is not None:
        error = error.__cause__
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, AttributeError | LookupError | TypeError) and "argument" not in words:
        return "it holds something else than a run's"  # Python's own words would name our insides
    return shown(words)


def to_go_on(folder: Path) -> str:
    """The command that goes on with an interrupted run; it names the packages that the run needs."""
    try:
        run = OmegaConf.load(folder / "config.yaml")
        packages = foreign(run)
    except WRONG:
        packages = ()
    trust = (
        [f"trust={packages[0] if len(packages) == 1 else '[' + ','.join(packages) + ']'}"] if packages else []
    )
    return command_line("train", [f"resume={folder}", *trust])


def continued(folder: Path, state: State) -> str:
    """The command that goes on with what a folder's state tells of: a training by its folder, or as typed."""
    if state.command.startswith("coursewright train ") and (folder / "config.yaml").is_file():
        return to_go_on(folder)
    return state.command


def unlike_training(folder: Path, config: DictConfig, simulator: object) -> Iterator[str]:
    """A line where the learners or the task differ from those of the training in a run's folder.

    `evaluate` takes both from the folder; here they are the command's own.
    """
    if not (folder / "config.yaml").is_file():  # an exported file tells of neither
        return
    with in_a_line(f"policy = {shown(folder)}: its config.yaml is truncated or broken"):
        run = OmegaConf.load(folder / "config.yaml")
        theirs, ours = (dict(leaves(OmegaConf.masked_copy(c, LIKE))) for c in (run, anchored(config)))  # type: ignore[arg-type]
    names = [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]
    for name in names[:1]:
        more = f", and {len(names) - 1} more settings differ" if len(names) > 1 else ""
        told = f"{name} = {shown(ours.get(name))} here and {shown(theirs.get(name))} in its training{more}"
        yield f"{shown(folder)} was trained for something else: {told}"
    if not any(name.startswith("simulator") for name in names):
        yield from (f"{shown(folder)}: {line}" for line in others(config, simulator, folder))


def leaves(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of a configuration that holds no others, by its path."""
    for name in node:
        inner = None if OmegaConf.is_missing(node, name) else node[name]
        if isinstance(inner, DictConfig):
            yield from leaves(inner, f"{at}{name}.")
        else:
            yield f"{at}{name}", inner
