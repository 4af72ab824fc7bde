"""Who may import whom inside the fitting room: the table of its README."""

import ast
from pathlib import Path

import pytest

import coursewright.fitting

ROOM = Path(coursewright.fitting.__file__).parent
FAMILIES = ("bkt", "logistic", "memory", "neural")
MODULES = sorted(
    p.relative_to(ROOM).with_suffix("").as_posix() for p in ROOM.rglob("*.py") if p.stem != "__init__"
)


def part(module: str) -> str:
    """The part of the room that a module belongs to."""
    top = module.partition("/")[0]
    return top if "/" in module or top == "folder" else "ground"


def forbidden(source: str, module: str) -> list[str]:
    """The parts that `source`, to live at `module`, imports against the table."""
    own = part(module)
    allowed = {own, "ground"} | ({"judging"} if own == "folder" else set())
    names = [n.module or "" for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom)]
    inside = [
        name.removeprefix("coursewright.fitting.")
        for name in names
        if name.startswith("coursewright.fitting.")
    ]
    return sorted({part(name.replace(".", "/")) for name in inside} - allowed)


@pytest.mark.parametrize("module", MODULES)
def test_families_stand_apart(module: str) -> None:
    assert not forbidden((ROOM / f"{module}.py").read_text(encoding="utf-8"), module)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("memory/x", "logistic.linear"),
        ("refit", "bkt.model"),
        ("judging/x", "bkt.em"),
        ("judging/x", "folder"),
        ("bkt/x", "judging.held_out"),
        ("item_difficulty", "judging.scores"),
    ],
)
def test_the_checker_catches(module: str, name: str) -> None:
    assert forbidden(f"from coursewright.fitting.{name} import something", module)
