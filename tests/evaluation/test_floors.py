"""The ground floor of the room knows none of its families, and no family knows another."""

import re
from pathlib import Path

import pytest

import coursewright

ROOM = Path(coursewright.__file__).parent / "evaluation"
FAMILIES = sorted(path.name for path in ROOM.iterdir() if (path / "__init__.py").is_file())
MODULES = sorted(path.relative_to(ROOM).as_posix() for path in ROOM.rglob("*.py"))


def strangers(source: str, module: str) -> set[str]:
    """The families that `source`, to live at `module`, imports and is not of."""
    imported = set(re.findall(r"^\s*(?:from|import) coursewright\.evaluation\.(\w+)", source, re.MULTILINE))
    imported |= set(re.findall(r"^\s*from coursewright\.evaluation import (.+)", source, re.MULTILINE))
    return imported & set(FAMILIES) - {module.partition("/")[0]}


@pytest.mark.parametrize("module", MODULES)
def test_families_are_strangers(module: str) -> None:
    assert not strangers((ROOM / module).read_text(encoding="utf-8"), module)


def test_the_checker_catches_and_lets_pass() -> None:
    line = "from coursewright.evaluation.comparison.words import number"
    assert strangers(line, "figures.py") == strangers(line, "validity/words.py") == {"comparison"}
    assert strangers("from coursewright.evaluation import validity", "page.py") == {"validity"}
    assert not strangers(line, "comparison/table.py")
