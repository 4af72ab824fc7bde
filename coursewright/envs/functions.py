"""Functions of a configuration: whose they are, what they are called, and how they are called sooner."""

from collections.abc import Callable
from functools import partial
from inspect import isfunction
from typing import Any, TypeVar

Returned = TypeVar("Returned")


def is_own(function: Any) -> bool:
    """True for a function, or a partial of one, that is none of this package's."""
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None) or type(function).__module__
    return str(module).partition(".")[0] != __name__.partition(".")[0]


def bare(function: Callable[..., Returned]) -> Callable[..., Returned]:
    """The same function without the checks of Hydra's partials, which take .2 ms a call: more than a step."""
    if not isinstance(function, partial) or not isfunction(function.func):
        return function
    given, named = function.args, function.keywords
    return partial(function.func, *given, **named) if given or named else function.func


def called(function: Any) -> str:
    """The name of a function, or of a partial of one, as a configuration has it."""
    while isinstance(function, partial):
        function = function.func
    kind = function if hasattr(function, "__qualname__") else type(function)
    return f"{kind.__module__}.{kind.__qualname__}"
