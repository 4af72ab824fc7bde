"""The learners of a training: found again from any working folder, and known from others in their place.

`config.yaml` names a folder of one's own by its absolute path.  `learners.json` holds a hash of the learners
that the folder held then: a refit may have put others into it.  A tutor's model is part of the teaching, so
a run keeps a copy of its folder.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from coursewright.agents.kept import likeness
from coursewright.errors import InputError
from coursewright.files import write_atomically, write_text
from coursewright.scripts.making import model_of
from coursewright.scripts.overrides import command_line
from coursewright.scripts.words import typed
from coursewright.simulators.folders import FACTS, SHIPPED

KEPT = "learners.json"
MOVED = "learners_folder"  # the setting that says where the folder is now
TABLE = "tutor.csv"  # the tutor's table in a run's folder
TUTOR = "tutor"  # the folder in a run's that holds the model of its tutor
DATA = (".csv", ".json", ".md", ".npz")  # of a model: everything else stays behind
RECORDS = "sessions.npz"  # learners' own sequences, which no tutor reads, stay behind too


def anchored(config: DictConfig) -> DictConfig:
    """The configuration with absolute paths of the learners' own folders, and of a tutor's."""
    result = config.copy()
    with open_dict(result):
        for _, node in _with_folder(result.get("simulator")):
            if _is_own(node.folder) and Path(node.folder).is_dir():
                node.folder = str(Path(node.folder).absolute())
        tutor = result.get("tutor")
        if tutor is not None and Path(str(tutor)).exists():
            result.tutor = str(Path(str(tutor)).absolute())
    return result


def found_again(run: DictConfig, folder: Path, field: str = "run", moved: str | None = None) -> DictConfig:
    """The record of the run in `folder`, with its learners' own folder where it is now.

    That is where the record says, or `moved` to another place.  The tutor's model is the run's own copy.
    Raises `InputError`, which begins with the setting `field`, for a folder that is gone.
    """
    where = f"{field} = {folder}"
    result = with_own_tutor(run, folder).copy()
    nodes = [(at, node) for at, node in _with_folder(result.get("simulator")) if _is_own(node.folder)]
    if moved is not None:
        recorded = sorted({str(node.folder) for _, node in nodes})
        if len(recorded) != 1:
            told = ", ".join(recorded) or "no folder of one's own"
            raise InputError(f"{MOVED} = {moved}: must be left out; the learners of {where} are of {told}")
        for _, node in nodes:
            node.folder = str(Path(moved).absolute())
    for at, node in nodes:
        if not Path(node.folder).is_dir():
            remedy = f"put it back there, or name its place: {typed(MOVED, 'FOLDER')}"
            raise InputError(
                f"{where}: the learners' folder is not there ({at} = {legible_path(node.folder)}); {remedy}"
            )
    if _is_gone(result.get("tutor")):
        told = legible_path(result.tutor)
        raise InputError(f"{where}: the tutor's model is not there (tutor = {told}); put it back there")
    return result


def take_along(config: DictConfig, folder: Path) -> DictConfig:
    """Copy the tutor's model into a run's folder, and the configuration with the tutor that is kept there.

    A folder is copied, its data and no code; a copy that is there stays.  Raises `InputError` where the
    system refuses.
    """
    _copy_tutor(config, folder)
    return with_own_tutor(config, folder)


def _copy_tutor(config: DictConfig, folder: Path) -> None:
    tutor = config.get("tutor")
    if tutor is None or not Path(str(tutor)).is_dir() or (folder / TUTOR).is_dir():
        return

    def fill(part: Path) -> None:
        part.mkdir()
        try:
            for path in sorted(Path(str(tutor)).iterdir()):
                if path.is_file() and path.suffix in DATA and path.name != RECORDS:
                    shutil.copyfile(path, part / path.name)
        except BaseException:
            shutil.rmtree(part)
            raise

    write_atomically(folder / TUTOR, fill)


def with_own_tutor(config: DictConfig, folder: Path) -> DictConfig:
    """The configuration of the run in `folder` with the tutor that it keeps there, if it keeps one.

    That is its copy of the model's folder, or its table where the file that it was read from is gone.
    """
    model, table = folder / TUTOR, folder / TABLE
    gone = _is_gone(config.get("tutor")) and _kept(folder).get("tutor", "") is None
    own = model if model.is_dir() else table if gone and table.is_file() else None
    if own is None:
        return config
    result = config.copy()
    with open_dict(result):
        result.tutor = str(own.absolute())
    return result


def _is_gone(tutor: object) -> bool:
    return Path(str(tutor)).is_absolute() and not Path(str(tutor)).exists()


def refuse_other_tutor(config: DictConfig, folder: Path) -> None:
    """Refuse to go on in a run's folder with a tutor's model that has changed since the run began."""
    for line in _unlike(config, _kept(folder), {"tutor": _likeness_of_tutor(config)}, folder):
        raise InputError(f"hydra.run.dir = {folder}: {line}")


def legible_path(path: object) -> str:
    """A path that was read from a folder, whole and in one line."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def keep(config: DictConfig, simulator: object, folder: Path) -> None:
    """Write down which learners these are; raises `InputError` where the run began with others."""
    refuse_others(config, simulator, folder, f"hydra.run.dir = {folder}")
    hashes = _hashes(with_own_tutor(config, folder), simulator)
    write_text(folder / KEPT, json.dumps(hashes, indent=2) + "\n")


def trained_with(folder: Path) -> str:
    """The hashes that a run's folder holds, as they are written; empty where it holds none."""
    try:
        return (folder / KEPT).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def refuse_others(config: DictConfig, simulator: object, folder: Path, where: str) -> None:
    """Refuse learners, and a tutor's model, other than those of the training in `folder`."""
    for line in others(with_own_tutor(config, folder), simulator, folder):
        raise InputError(f"{where}: {line}")


def others(config: DictConfig, simulator: object, folder: Path) -> Iterator[str]:
    """A line for learners, and one for a tutor's model, that are not those of the training in `folder`.

    Nothing of what cannot be known: a folder of an earlier version holds no hash.
    """
    yield from _unlike(config, _kept(folder), _hashes(config, simulator), folder)


def _kept(folder: Path) -> dict[str, str | None]:
    """The hashes that a run's folder holds; none where it holds no such thing."""
    try:
        kept = json.loads(trained_with(folder))
    except (ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _unlike(
    config: DictConfig, kept: dict[str, str | None], hashes: dict[str, str | None], folder: Path
) -> Iterator[str]:
    nodes = [f"{at} = {node.folder}" for at, node in _with_folder(config.get("simulator"))]
    named = {
        "learners": ", ".join(nodes) or f"simulator = {config.choices.get('simulator', '')}",
        "tutor": f"tutor = {config.get('tutor')}",
    }
    for part, mine in hashes.items():
        if None not in (mine, kept.get(part)) and mine != kept[part]:
            on_purpose = command_line("simulate", [typed("policy", folder), "simulator=NAME"])
            yield (
                f"{named[part]} has other parameters now than at the training; put those back, "
                f"or train anew (to teach others on purpose: {on_purpose})"
            )


def _hashes(config: DictConfig, simulator: object) -> dict[str, str | None]:
    return {"learners": likeness(simulator), "tutor": _likeness_of_tutor(config)}


def _likeness_of_tutor(config: DictConfig) -> str | None:
    """The hash of the tutor's model; None where the tutor has no folder of one."""
    tutor = config.get("tutor")
    model = model_of(tutor) if tutor is not None and Path(str(tutor)).is_dir() else None
    return None if model is None else likeness(model)


def _with_folder(node: Any, at: str = "simulator") -> Iterator[tuple[str, Any]]:
    """Every node that is read from a folder, by the path of that setting."""
    if not OmegaConf.is_config(node):
        return
    if OmegaConf.is_dict(node) and isinstance(node.get("folder"), str):
        yield f"{at}.folder", node
    for name in node if (named := OmegaConf.is_dict(node)) else range(len(node)):
        if not OmegaConf.is_missing(node, name):
            yield from _with_folder(node[name], f"{at}.{name}" if named else f"{at}[{name}]")


def _is_own(folder: str) -> bool:
    """True for a path of one's own; False for the name of a shipped population."""
    return not (SHIPPED / folder).is_dir() or Path(folder).is_absolute() or (Path(folder) / FACTS).is_file()
