"""Files that a command leaves; of those that are there already, it replaces only what it made.

An exported policy has a label, and a simulated log the mark of its settings.  A file without them is
somebody's own, whatever its name.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock
from omegaconf import DictConfig, OmegaConf

from coursewright.errors import InputError, reject
from coursewright.scripts.recorded import POLICY, STORED, WEIGHTS, read_run
from coursewright.scripts.trust import trusted_of

MADE = b"coursewright.simulate"  # the key of the mark in a Parquet file
POLICY_AND_TASK = ("agent", "seed", "simulator", "task", "seeds", "learners", "tutor")


def leave(policy: Any, agent: Any, task: Any, folder: Path) -> dict[str, Path]:
    """Write the file of a trained policy into its run's folder; a rule leaves none."""
    from coursewright.agents.export.onnx import export
    from coursewright.agents.learning.trained import TrainedPolicy
    from coursewright.agents.stored import Stored, StoredPolicy

    if isinstance(policy, TrainedPolicy):
        policy.save(folder / WEIGHTS)
        export(policy, task, folder / POLICY)
        return {"policy": folder / POLICY}
    if isinstance(agent, Stored) and isinstance(policy, StoredPolicy):
        policy.save(folder / STORED)
        return {"policy": folder / STORED}
    return {}


def refuse_anything(to: str) -> None:
    """Refuse a path where something is."""
    if Path(to).exists() or Path(to).is_symlink():
        raise InputError(f"to = {to}: exists; name a new folder, or remove that one", "to")


def refuse_other_policy(to: str, label: Any = None) -> None:
    """Refuse a file that is no exported policy, or has another `label` than this, where one is given."""
    from coursewright.agents.export.policy import OnnxPolicy

    if not Path(to).exists():
        return
    try:
        found = OnnxPolicy(to).label
    except InputError as error:
        raise _kept(to, "a file that is no exported policy") from error
    if label is not None and replace(found, versions={}) != replace(label, versions={}):
        raise _kept(to, f"the policy of another training ({found.agent}, seed {found.seed})")


def refuse_other_tutor(to: str, mark: str) -> None:
    """Refuse a file, or one of words beside it, that no export with the settings of this `mark` wrote."""
    from coursewright.agents.export.whole import mark_in
    from coursewright.agents.tutor_words import words_in, words_of

    if Path(to).suffix != ".onnx":
        raise reject("to", to, "a name that ends in .onnx; its words are called .json")
    words = words_of(to)
    found = mark_in(Path(to)) if Path(to).exists() else mark
    if found is None or (words.exists() and words_in(words) is None):
        raise _kept(to if found is None else str(words), "a file that is no tutor's")
    if found != mark:
        raise _kept(to, "the tutor of another export")


@contextmanager
def alone_at(to: str, mark: str) -> Iterator[None]:
    """Keep other exports from the file `to` and that of its words until the end; a later one waits.

    Raises `InputError` as `refuse_other_tutor` does, since another may have written them meanwhile.
    """
    path = Path(to)
    place = path.with_name(f".{path.stem}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place)
        lock.acquire()
    except OSError as error:
        raise InputError(f"to = {to}: cannot be written ({error.strerror or error})", "to") from error
    try:
        refuse_other_tutor(to, mark)
        yield
    finally:
        place.unlink(missing_ok=True)  # while it is held: whoever waits for it sees that, and makes another
        lock.release()


def refuse_other_log(to: str, mark: str) -> None:
    """Refuse a file that no simulation with the settings of this `mark` wrote."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    if not Path(to).exists():
        return
    try:
        found = (pq.read_schema(to).metadata or {}).get(MADE, b"").decode("ascii", "replace")
    except (OSError, ArrowException) as error:
        raise _kept(to, "a file that is no simulated log") from error
    if found != mark:
        raise _kept(to, "the log of another simulation" if found else "a log that no simulation wrote")


def settings_of(config: DictConfig) -> dict[str, Any]:
    """The settings of a command as plain values."""
    parts = {str(name): config[name] for name in config}
    return {
        name: OmegaConf.to_container(part, resolve=True) if OmegaConf.is_config(part) else part
        for name, part in parts.items()
    }


def mark_of(settings: Mapping[str, Any]) -> str:
    """The mark of a command by its settings, all but the place of its file and those that are not given."""
    given = {name: value for name, value in settings.items() if value is not None}
    kept = {name: value for name, value in given.items() if name not in ("to", "hydra")}
    return sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:32]


def tutor_mark(settings: Mapping[str, Any]) -> str:
    """The mark of an export's policy and task, by the record of its run, wherever that lies, or as named."""
    run = settings["run"]
    made = settings if run is None else settings_of(read_run(Path(run), trusted_of(settings["trust"])))
    return mark_of({name: made.get(name) for name in POLICY_AND_TASK})


def _kept(to: str, found: str) -> InputError:
    return InputError(f"to = {to}: holds {found}; name a new file, or remove that one", "to")
