"""Sizes, parameters, circles, directions between folders, and first words: the limits of the house."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median

import pytest

import coursewright

PACKAGE = Path(coursewright.__file__).parent
LONGEST_FILE, MEDIAN_FILE, MEDIAN_FUNCTION, MOST_PARAMETERS = 350, 130, 15, 8
# The compiled loop at the bottom of every step: a further argument costs less there than a tuple made for it.
HOT = {"record": 12}
# A docstring, or a comment on a line of its own, begins with its subject: "The number of", not "How many".
# Questions are let through; so are comments with a clause of time or place in front.
CLAUSE = "What|Whatever|Whether|Which|Whichever|Who|Whoever|Whom|Whose|How|Why|That"
NOUN_CLAUSE = re.compile(
    rf'^[ \t]*(?:r?"""\s*(?:{CLAUSE}|Where|Wherever|When|Whenever)|# (?:{CLAUSE}))\b(?![^.?]*\?).*',
    re.MULTILINE,
)

# Room -> folder -> the other folders of the room that it may import.  Every folder may import the room's
# ground floor, and the ground floor imports no folder but what `GROUND` names.
FLOORS: dict[str, dict[str, set[str]]] = {
    "simulators": {f: set() for f in ("knowledge", "kss", "logistic", "memory", "neural", "platform")},
    "data": {"readers": set()},
    "fitting": {f: set() for f in ("bkt", "logistic", "memory", "neural", "judging")},
    "agents": {
        **{f: set() for f in ("beliefs", "rules", "schedulers", "bandits", "planners", "learning")},
        "export": {"learning", "rules", "schedulers", "bandits"},
    },
    "live": {"events": set()},
    "evaluation": {"comparison": set(), "validity": set(), "card": set(), "tuning": set(), "replay": set()},
}
GROUND = {
    "live.service": {"events"},  # it serves them
    "fitting.folder": {"judging"},  # a fit's folder holds its held-out figures
    "fitting.judging.null_world": {"logistic"},  # its learners are logistic ones who never change
    "agents.tuned_rule": {"rules", "schedulers"},  # the best of all families
    "agents.tutor": {"beliefs"},  # a tutor may think by a fitted model
    "agents.planners.imagined": {"beliefs"},  # a tutor's table is the state of a belief
    "agents.planners.oracle_rollout": {"rules"},  # an oracle plays on under a rule
    "agents.learning.teacher": {"rules"},  # a network begins as a rule
}


def sources() -> dict[str, str]:
    """Module -> its text, by dotted name without the package's own."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {
        ".".join(p.relative_to(PACKAGE).with_suffix("").parts): p.read_text(encoding="utf-8") for p in paths
    }


SOURCES = sources()


def imported(source: str, known: Iterable[str]) -> set[str]:
    """The modules among `known` that a source imports, in functions and under TYPE_CHECKING too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {name.removeprefix("coursewright.") for name in names if name.startswith("coursewright.")}
    return found & set(known)


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Every way from a module back to itself that a search meets."""
    state: dict[str, int] = {}
    found = []

    def visit(module: str, way: list[str]) -> None:
        state[module] = 1
        for other in sorted(graph[module]):
            if state.get(other) == 1:
                found.append([*way[way.index(other) :], other])
            elif other not in state:
                visit(other, [*way, other])
        state[module] = 2

    for module in graph:
        if module not in state:
            visit(module, [module])
    return found


def functions(source: str) -> Iterator[ast.FunctionDef]:
    """The functions and methods of a source."""
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))


def parameters(function: ast.FunctionDef) -> int:
    """The number of arguments that a caller hands over: `self` and `cls` apart."""
    given = function.args
    bound = given.args[:1] and given.args[0].arg in ("self", "cls")
    return len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs) - bool(bound)


def too_many(source: str) -> list[str]:
    """The functions of a source that take more than the house allows."""
    return [
        f"{f.name} takes {parameters(f)}"
        for f in functions(source)
        if parameters(f) > HOT.get(f.name if f.decorator_list else "", MOST_PARAMETERS)
    ]


def clauses_first(source: str) -> list[str]:
    """The docstrings and comments of a source that begin with a clause, by their first lines."""
    return [found.group().strip() for found in NOUN_CLAUSE.finditer(source)]


def folder(module: str) -> tuple[str, str]:
    """Room and folder of a module; the folder of the ground floor is ""."""
    parts = module.split(".")
    return parts[0], parts[1] if len(parts) > 2 else ""


def upward(module: str, others: Iterable[str]) -> list[str]:
    """The imports of a module against the directions between its room's folders."""
    room, mine = folder(module)
    allowed = FLOORS.get(room, {}).get(mine, set()) | GROUND.get(module, set())
    return [
        f"{module} imports {other}"
        for other in others
        if folder(other)[0] == room and folder(other)[1] not in ("", mine) and folder(other)[1] not in allowed
    ]


def test_no_file_is_too_long() -> None:
    lines = {name: text.count("\n") for name, text in SOURCES.items()}
    assert not {name: n for name, n in lines.items() if n > LONGEST_FILE}
    assert median(lines.values()) < MEDIAN_FILE


def test_functions_are_short() -> None:
    lengths = [
        f.end_lineno - f.lineno + 1 for text in SOURCES.values() for f in functions(text) if f.end_lineno
    ]
    assert median(lengths) < MEDIAN_FUNCTION


@pytest.mark.parametrize("module", SOURCES)
def test_functions_take_few_parameters(module: str) -> None:
    assert not too_many(SOURCES[module])


def test_nine_parameters_are_caught() -> None:
    nine = "a, b, c, d, e, f, g, h, i"
    assert too_many(f"def f({nine}): ...") == ["f takes 9"]
    assert too_many(f"class A:\n    def f(self, {nine}): ...") == ["f takes 9"]
    assert too_many("def f(a, b, c, d, *, e, f, g, h, i): ...") == ["f takes 9"]
    assert too_many(f"def record({nine}): ...") == ["record takes 9"]
    assert not too_many(f"@kernel\ndef record({nine}): ...")
    assert not too_many("def f(self, a, b, c, d, e, f, g, h): ...")


@pytest.mark.parametrize("room", ["coursewright", "tests", "runtime/python"])
def test_docstrings_begin_with_their_subject(room: str) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in (PACKAGE.parent / room).rglob("*.py")}
    assert not {str(path): found for path, text in texts.items() if (found := clauses_first(text))}


@pytest.mark.parametrize(
    "clause", ["What is chosen.", "Whether it may.", "How many.", "Where it is.", "Who."]
)
def test_a_docstring_that_begins_with_a_clause_is_caught(clause: str) -> None:
    quotes = '"' * 3
    assert len(clauses_first(f"def f():\n    {quotes}{clause}{quotes}\n    return 1\n")) == 1
    assert len(clauses_first(f"    {quotes}\n    {clause}\n\n    It is long.\n    {quotes}\n")) == 1
    assert not clauses_first(f"{quotes}{clause[:-1]}?  Curves say so.{quotes}")
    assert not clauses_first(f"{quotes}The place.  {clause}{quotes}\n# The number\nx = 1  # {clause}\n")
    assert clauses_first("# What is chosen\nx = 1\n") == ["# What is chosen"]


def test_imports_make_no_circle() -> None:
    assert not circles({name: imported(text, SOURCES) for name, text in SOURCES.items()})


def test_a_circle_is_caught() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == [["a", "b", "c", "a"]]
    late = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from coursewright.envs.task import Task"
    assert imported(late, SOURCES) == {"envs.task"}
    assert imported("def f():\n    from coursewright.envs import task", SOURCES) == {"envs.task"}


@pytest.mark.parametrize("module", SOURCES)
def test_folders_of_a_room_import_in_one_direction(module: str) -> None:
    assert not upward(module, imported(SOURCES[module], SOURCES))


@pytest.mark.parametrize(
    ("module", "other"),
    [
        ("agents.bandits.x", "agents.rules.in_order"),
        ("agents.rule", "agents.rules.baselines"),
        ("agents.learning.x", "agents.export.onnx"),
        ("fitting.memory.x", "fitting.logistic.linear"),
        ("fitting.judging.x", "fitting.bkt.em"),
        ("fitting.refit", "fitting.bkt.model"),
        ("evaluation.figures", "evaluation.comparison.words"),
        ("simulators.strata", "simulators.knowledge.bkt"),
        ("data.read", "data.readers.ednet"),
    ],
)
def test_a_crossing_is_caught(module: str, other: str) -> None:
    assert len(upward(module, [other, f"{module.partition('.')[0]}.anything"])) == 1


def test_folders_are_those_that_are_named() -> None:
    there = {folder(name) for name in SOURCES if name.count(".") > 1}
    assert there == {(room, name) for room, floors in FLOORS.items() for name in floors if name}


def test_the_directions_have_no_circle() -> None:
    for floors in FLOORS.values():
        assert not circles({name: allowed for name, allowed in floors.items() if name})
