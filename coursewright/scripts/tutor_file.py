"""A tutor file by the path that somebody typed: the file, or the words beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coursewright.errors import InputError, absent
from coursewright.scripts.overrides import command_line, override

if TYPE_CHECKING:
    from coursewright.evaluation.replay.walk import Tutor

WANTED = "a tutor file (coursewright export run=RUN whole=true to=tutor.onnx)"


def refuse_no_tutor(given: str) -> None:
    """Refuse a path that is no tutor file, before anything heavy is imported but for the file's reader."""
    path = Path(given)
    if not given.strip() or not path.exists():
        raise absent("policy", given, WANTED)
    if path.is_dir():
        made = command_line("export", [override("run", path), "whole=true", "to=tutor.onnx"])
        raise InputError(f"policy = {given}: is a folder; must be {WANTED}; of a run: {made}", "policy")
    if path.suffix not in (".onnx", ".json"):
        raise InputError(f"policy = {given}: must be {WANTED}", "policy")
    for part in (path.with_suffix(".onnx"), path.with_suffix(".json")):
        if not part.is_file():
            raise InputError(
                f"policy = {given}: {part} is missing, which belongs to it; must be {WANTED}", "policy"
            )


def tutor_file(given: str) -> "Tutor":
    """The tutor in a file.  Raises `InputError` for a path that is none."""
    from coursewright.agents.export.policy import session
    from coursewright.agents.export.whole import is_tutor

    refuse_no_tutor(given)
    path = Path(given).with_suffix(".onnx")
    words = path.with_suffix(".json")
    if not is_tutor(path) or not is_tutor(words):
        raise InputError(f"policy = {given}: must be {WANTED}; this file holds something else", "policy")
    return _Opened(session(path), json.loads(words.read_text(encoding="utf-8")))


class _Opened:
    def __init__(self, run: Any, words: Mapping[str, Any]) -> None:
        self._run, self.words = run, words
        self.items = [item["name"] for item in words["items"]]
        self.skills, self.width = words["skills"], words["state"]["width"]
        self._takes = [put.name for put in run.get_inputs()]
        self._gives = [put.name for put in run.get_outputs()]

    def run(self, state: Any, item: Any, correct: Any, **more: Any) -> dict[str, Any]:
        given = {"state": state, "item": item, "correct": correct, **more}
        found = self._run.run(None, {name: given[name] for name in self._takes})
        return dict(zip(self._gives, found, strict=True))
