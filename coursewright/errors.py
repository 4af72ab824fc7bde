"""The error that every room raises when an input is wrong: one line that names field, value and range."""

from collections.abc import Callable, Collection, Sequence
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from operator import index
from typing import ParamSpec, TypeVar

MOST_SHOWN = 12  # names in a line
# Settings whose names a command lists
LISTED = {
    "agent": "agents",
    "policy": "agents",
    "simulator": "simulators",
    "task": "tasks",
    "model": "models",
    "models": "models",
    "tutor": "models",
    "log": "logs",
    "experiment": "experiments",
    "sweep": "sweeps",
    "tracker": "trackers",
    "tune": "spaces",
}

P = ParamSpec("P")
T = TypeVar("T")


class InputError(ValueError):
    """Wrong input from a person: the message is one line and complete; no traceback is needed.

    Attributes
    ----------
    field : the start of the message, where that names a field; empty otherwise.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field

    def at(self, place: str, known: Collection[str]) -> "InputError":
        """The same error for something that stands at `place` and has the fields `known`.

        A room calls its fields as it likes (`rich.help.raises`); the caller who made the thing knows where it
        stands, and says where the field is set: `simulator.content.help.raises`.
        """
        for start, part in enumerate(parts := self.field.split(".")):
            if part.partition("[")[0] in known:
                settable = ".".join([place, *parts[start:]])
                return InputError(settable + str(self).removeprefix(self.field), settable)
        shown = str(self) if str(self).startswith(place) else f"{place}: {self}"
        return InputError(shown, self.field)


def reject(field: str, value: object, allowed: str) -> InputError:
    """The error for `field`, which holds `value` where only `allowed` is accepted."""
    return InputError(f"{field} = {value}: must be {allowed}", field)


def whole(field: str, value: object, least: int, most: int | None = None) -> int:
    """The whole number `value` (numpy's as well) of `field`; raises `InputError` for anything else."""
    allowed = f"a whole number >= {least}" if most is None else f"a whole number in [{least}, {most}]"
    try:
        if isinstance(value, bool):
            raise reject(field, value, allowed)
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        raise reject(field, repr(value), allowed) from None
    if number < least or (most is not None and number > most):
        raise reject(field, number, allowed)
    return number


def unknown(field: str, value: object, known: Sequence[str]) -> InputError:
    """The error for a name that does not exist, with the nearest that does."""
    near = nearest(str(value), known, whole=listing(field))
    return InputError(f"{field} = {value!r}: no such name{near}", field)


def absent(field: str, path: object, wanted: str, known: Sequence[str] = ()) -> InputError:
    """The error for a path where there is nothing; a name among those `known` may stand for one."""
    beside = f", or a name{nearest(str(path), known, whole=listing(field))}" if known else ""
    return InputError(
        f"{field} = {str(path)!r}: there is no such file or folder; must be {wanted}{beside}", field
    )


def unsettable(path: str, known: Sequence[str], elsewhere: Sequence[str] = (), whole: str = "") -> InputError:
    """The error for a setting `path` that does not exist, beside the settings that are `known` there.

    `elsewhere` names the choices that would take it, and `whole` the command that lists all that are known.
    """
    if not known:
        above = path.rpartition(".")[0]
        return InputError(f"{path}: no such setting; {above or 'this'} has none below it", path)
    others = f"; {', '.join(elsewhere)} would take it" if elsewhere else ""
    near = nearest(path.rpartition(".")[2], known, whole=whole)
    return InputError(f"{path}: no such setting{near}{others}", path)


def known_settings(function: Callable[P, T]) -> Callable[P, T]:
    """The function, which answers a setting that it does not have in one line, with the nearest name."""
    known = tuple(signature(function).parameters)

    @wraps(function)
    def checked(*given: P.args, **settings: P.kwargs) -> T:
        for name in settings:
            if name not in known:
                raise unsettable(name, known)
        return function(*given, **settings)

    return checked


def legible(line: str) -> str:
    """A line that shows as it is: line ends, and characters that move a cursor or colour, are spelt out."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)


def listing(field: str) -> str:
    """The command that lists all names which a setting may have; "" where there is none."""
    group = LISTED.get(field.partition("@")[0])
    return f"coursewright list {group}" if group else ""


def nearest(name: str, known: Sequence[str], said: str = "known", whole: str = "") -> str:
    """The words that follow an unknown name: the nearest known one, and the first of all.

    Where that are not all, their number follows, and the command `whole` that lists them.
    """
    near = get_close_matches(name, list(known), n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    left = len(known) - MOST_SHOWN
    more = f", and {left} more" + (f" ({whole})" if whole else "") if left > 0 else ""
    shown = ", ".join(known[:MOST_SHOWN]) + more if known else "none"
    return f"{hint}; {said}: {shown}"
