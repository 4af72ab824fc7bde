"""Arguments of kernels cannot be swapped unseen: neighbours differ in type, tuples have their places."""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

import contract
from coursewright import simulators
from coursewright.simulators.knowledge import bkt
from coursewright.simulators.memory import act_r, hlr

FOLDER = Path(simulators.__file__).parent
MOST = 8
SAFE = {"int", "float"}  # of scalars a few stand side by side; arrays and tuples never do
# The mastery of KSS, at every step: a tuple would cost it twice its time.  And the two keys of `identify`.
HOT = {("ability", "difficulty"), ("learner", "fate")}


def kernels(text: str) -> list[ast.FunctionDef]:
    """The functions of a module that `kernel` compiles (a helper inside a loop, `inlined`, takes scalars)."""
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return [f for f in found if any(isinstance(d, ast.Name) and d.id == "kernel" for d in f.decorator_list)]


def states(text: str) -> list[list[str]]:
    """The fields of a module's states; a hot kernel takes them one by one, in this order, from `*state`."""
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    return [
        [line.target.id for line in node.body if isinstance(line, ast.AnnAssign)]
        for node in found
        if node.name.endswith("State")
    ]


IN_ORDER = {
    pair for file in FOLDER.rglob("*.py") for fields in states(file.read_text()) for pair in pairwise(fields)
}


def loose(text: str) -> list[str]:
    """The arguments of kernels that a reader could swap and no type would tell: neighbours of one type."""
    wrong = []
    for function in kernels(text):
        kinds = {argument.arg: ast.unparse(argument.annotation) for argument in function.args.args}
        pairs = [pair for pair in pairwise(kinds) if pair not in IN_ORDER | HOT and pair[1] != "out"]
        alike = [pair for pair in pairs if kinds[pair[0]] == kinds[pair[1]] and kinds[pair[0]] not in SAFE]
        wrong += [f"{function.name}: {', '.join(pair)}" for pair in alike]
        if len(kinds) > MOST:
            wrong.append(f"{function.name}: {len(kinds)} arguments")
    return wrong


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda file: file.stem)
def test_neighbours_differ_in_type(file) -> None:
    assert loose(file.read_text()) == []


def test_neighbours_of_one_type_are_found() -> None:
    head = "@kernel\ndef _f({}) -> None:\n    pass\n"
    assert loose(head.format("item: Ints, hot: Floats, cold: Floats")) == ["_f: hot, cold"]
    assert loose(head.format("item: Ints, right: Floats, taught: Bools")) == []
    assert loose(head.format(", ".join(f"a{k}: {'IF'[k % 2]}" for k in range(9)))) == ["_f: 9 arguments"]


@pytest.mark.parametrize(("name", "module"), [("bkt", bkt), ("act_r", act_r), ("hlr_duolingo", hlr)])
def test_a_tuple_in_the_wrong_place_is_refused(name, module) -> None:
    simulator = contract.made(name)
    state = simulator.empty(2)
    constants = simulator._constants if name == "bkt" else simulator.constants
    item, out = np.zeros(2, np.int64), np.zeros(2)
    module._p_correct(state, constants, item, out)
    for swapped in (
        (constants, state, item, out),
        (state, item, constants, out),
        (item, constants, state, out),
    ):
        with pytest.raises(TypingError):
            module._p_correct(*swapped)
