"""A policy's file by the path that somebody typed; of a tutor it is the file, or the words beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

from coursewright.agents.tutor_words import SUFFIXES, missing, words_in, words_of
from coursewright.errors import InputError, absent, unknown
from coursewright.scripts.overrides import command_line
from coursewright.scripts.words import typed

if TYPE_CHECKING:
    from coursewright.envs.task import Task
    from coursewright_runtime import Tutor

WANTED = "a tutor file (coursewright export run=RUN to=tutor.onnx)"


def refuse_no_tutor(given: str) -> None:
    """Refuse a path that is no tutor file, before anything heavy is imported but for the file's reader."""
    path = Path(given)
    if not given.strip() or not path.exists():
        raise absent("policy", given, WANTED)
    if path.is_dir():
        made = command_line("export", [typed("run", given), "to=tutor.onnx"])
        raise InputError(f"policy = {given}: is a folder; must be {WANTED}; of a run: {made}", "policy")
    if path.suffix not in SUFFIXES:
        raise InputError(f"policy = {given}: must be {WANTED}", "policy")
    if (part := missing(path)) is not None:
        told = f"policy = {given}: {part} is missing, which belongs to it; must be {WANTED}"
        raise InputError(told, "policy")


def refuse_other_goal(given: str, goal: object) -> None:
    """Refuse a goal that names a skill which the tutor's course lacks."""
    words = words_in(words_of(given)) or {}
    skills = words.get("skills")
    if not isinstance(skills, list):  # which `tutor_file` explains
        return
    for name in goal if isinstance(goal, list) else []:
        if name not in skills:
            raise unknown("settings.goal", name, skills)


def tutor_file(given: str) -> "Tutor":
    """The tutor in a file.  Raises `InputError` for a path that is none, or without the runtime."""
    refuse_no_tutor(given)
    from coursewright.agents.tutor_file import opened

    return opened(Path(given))


def refuse_broken(given: Path) -> None:
    """Refuse a policy's file, or a run's folder, that cannot be read."""
    from coursewright.agents.export.policy import OnnxPolicy
    from coursewright.scripts.recorded import STORED, policy_file, read_run

    if (file := policy_file(given)).suffix == Path(STORED).suffix:
        read_run(file.parent, (), "policy")
    else:
        OnnxPolicy(file)


def refuse_misfit(given: str, task: "Task") -> None:
    """Refuse a policy that is none, or none of this task."""
    from coursewright.scripts.studies import kept_policy

    if not Path(given).exists():
        raise absent("policy", given, "a tutor file, another exported policy, or the folder of a run")
    kept_policy(Path(given), task)
