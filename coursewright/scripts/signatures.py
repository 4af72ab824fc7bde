"""The settings that a signature takes: its annotations read as the schema of a configuration."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hydra.utils import get_object

from coursewright.errors import InputError, reject, unsettable

TARGET = "_target_"
EXACT = 2**53  # below it a float that is a whole number is that number
# The annotations that anything fits: none at all, and the two that say so.
ACCEPTED = Parameter.empty
ANYTHING = (ACCEPTED, Any, object)


def fields(target: Callable[..., Any]) -> dict[str, Any] | None:
    """The parameters of a class or function, each with its annotation.

    None for one that takes `**options` or cannot be looked into: it has fields that we cannot know.
    """
    try:
        parameters = signature(target).parameters
    except (TypeError, ValueError):
        return None
    if any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values()):
        return None
    called = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
    if isinstance(target, type) and issubclass(target, tuple):  # a NamedTuple: its fields stand in the class
        called = target
    try:
        hints = get_type_hints(called)
    except Exception:  # an annotation that is there for a type checker alone
        hints = {}
    return {name: hints.get(name, _plain(p.annotation)) for name, p in parameters.items()}


def fields_of(address: object) -> dict[str, Any] | None:
    """The fields of a `_target_`; None where it cannot be imported, which its maker explains."""
    try:
        return fields(get_object(str(address)))
    except Exception:
        return None


def refuse_misfits(given: Mapping[Any, Any], wanted: Mapping[str, Any] | None, at: str = "") -> None:
    """Refuse a field that is not `wanted`, and a value that is not of its field's kind."""
    if wanted is None:
        return
    for name, value in given.items():
        path = f"{at}.{name}".lstrip(".")
        if name in wanted:
            for misfit in misfits(value, wanted[name], path):
                raise misfit
        elif not str(name).startswith("_"):
            raise unsettable(path, list(wanted))


def misfits(value: Any, kind: Any, at: str) -> Iterator[InputError]:
    """The faults of a value that stands `at` some place and should be of a `kind`."""
    if kind in ANYTHING or (isinstance(value, Mapping) and TARGET in value):
        return
    if get_origin(kind) in (Union, UnionType):
        yield from _of_none(value, get_args(kind), at)
    elif not _is_one(value, kind):
        yield reject(at, _shown(value), _words(kind) + _remedy(value, kind))
    elif isinstance(value, Mapping):
        inner = (get_args(kind) or (Any, Any))[-1]
        for name, entry in value.items():
            yield from misfits(entry, inner, f"{at}.{name}")
    elif isinstance(value, list):
        inner = (get_args(kind) or (Any,))[0] if _origin(kind) in (Sequence, list, tuple) else Any
        for place, entry in enumerate(value):
            yield from misfits(entry, inner, f"{at}[{place}]")


def free_below(kind: Any, path: Sequence[str]) -> bool:
    """True where any name may be set below a field: `values.correct.yes` is one of a mapping of mappings."""
    for branch in _branches(kind):
        if not path:
            return True
        if _origin(branch) is Mapping and free_below((get_args(branch) or (Any, Any))[-1], path[1:]):
            return True
        if branch in ANYTHING:
            return True
    return False


def _of_none(value: Any, branches: Sequence[Any], at: str) -> Iterator[InputError]:
    """The misfits of a value that none of several kinds takes; those of the container that it is, first."""
    found = [list(misfits(value, branch, at)) for branch in branches]
    if all(found):
        inside = [errors for errors in found if errors[0].field != at]
        words = " or ".join(_words(branch) for branch in sorted(branches, key=lambda b: b is NoneType))
        yield inside[0][0] if inside else reject(at, _shown(value), words + _remedy(value, branches))


def _is_one(value: Any, kind: Any) -> bool:
    origin = _origin(kind)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in get_args(kind))
    if origin is NoneType:
        return value is None
    if origin is bool or origin is str:
        return isinstance(value, origin)
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if origin is Path:
        return isinstance(value, str)
    if origin is Mapping:
        return isinstance(value, Mapping)
    if origin in (Sequence, list, tuple):
        return isinstance(value, list)
    if _is_array(origin):
        return isinstance(value, list | int | float) and not isinstance(value, bool)
    return not (value is None or (isinstance(origin, type) and isinstance(value, str | int | float | list)))


def _words(kind: Any) -> str:
    names: dict[Any, str] = {
        NoneType: "null",
        bool: "true or false",
        int: "a whole number",
        float: "a finite number",
        str: "text",
        Path: "a path",
        Mapping: "a mapping, such as {name: value}",
    }
    origin = _origin(kind)
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if origin in (Sequence, list, tuple):
        inner = {int: " of whole numbers", float: " of numbers", str: " of names"}
        return "a list" + inner.get((get_args(kind) or (Any,))[0], "")
    if _is_array(origin):
        return "a number or a list of numbers"
    return names.get(origin, "given by a _target_")


def _remedy(value: Any, kinds: Any) -> str:
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    if isinstance(value, float) and value.is_integer() and int in wanted and abs(value) < EXACT:
        return f" (write {int(value):_})"
    if isinstance(value, int | float | bool) and str in wanted:
        return " (in quotes: \"'...'\")"
    return ""


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value)


def _branches(kind: Any) -> Sequence[Any]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _origin(kind: Any) -> Any:
    """The kind without its parameters; dict and Mapping are one."""
    origin = get_origin(kind) or kind
    return Mapping if origin is dict else origin


def _is_array(origin: Any) -> bool:
    return isinstance(origin, type) and origin.__module__ == "numpy"


def _plain(annotation: Any) -> Any:
    return ACCEPTED if isinstance(annotation, str) else annotation
