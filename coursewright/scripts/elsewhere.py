"""Runs that are read on other learners or another task than their own: for policies that serve any course."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig

from coursewright.errors import reject
from coursewright.scripts.recorded import POLICY, read_run

if TYPE_CHECKING:
    from coursewright.envs.task import Task

NAMED = ("simulator", "task")


def elsewhere() -> bool:
    """True where the command line names learners and a task for its runs; they have their own otherwise.

    Raises `InputError` where it names one of the two, or something of one: the other would be a default,
    and not that of the runs.
    """
    words = [word.lstrip("+~") for word in HydraConfig.get().overrides.task]
    named = [name for name in NAMED if any(word.startswith(f"{name}=") for word in words)]
    touched = [name for name in NAMED if any(re.split(r"[.=@]", word)[0] == name for word in words)]
    if touched and len(named) < len(NAMED):
        other = next(name for name in NAMED if name not in named)
        both = "runs have learners and a task of their own; to read them on others, name simulator= and task="
        raise reject(other, None, f"named where {touched[0]} is: {both}")
    return bool(named)


def refuse_bound(folders: Sequence[Path], trusted: Sequence[str], task: "Task") -> None:
    """Refuse runs whose network cannot serve this task."""
    from coursewright.agents.export.policy import OnnxPolicy

    for folder in folders:
        read_run(folder, trusted, "runs")
        if (folder / POLICY).is_file():
            OnnxPolicy(folder / POLICY, task)
