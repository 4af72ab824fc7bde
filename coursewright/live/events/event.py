"""The event between platforms and us: one response, whatever standard told it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import isodate

from coursewright.errors import InputError

HOME = "https://coursewright.invalid/learners"  # of learners' accounts
BASE = "https://coursewright.invalid/"  # before `items/NAME` and `skills/NAME`
PROPENSITY, POLICY, ALLOWED = (f"{BASE}extensions/{name}" for name in ("propensity", "policy", "allowed"))
Json = Mapping[str, Any]
Hide = Callable[[str], str]  # what tells a person -> a pseudonym


@dataclass(frozen=True)
class Event:
    """One response.

    Attributes
    ----------
    id : of the statement or event; the same id is the same response.
    learner : the account's name, or a pseudonym where the platform sent an address.
    correct : 1, 0, or None where nothing was asked or nobody judged.
    time : with its zone.
    skills : of the item; none where the platform names none.
    grade : in [0, 1]; None where there is none.
    allowed, propensity, policy : the items that the choice was made from, its probability, the policy's hash.
    """

    id: str
    learner: str
    item: str
    correct: int | None
    time: datetime
    minutes: float = 0.0
    skills: tuple[str, ...] = ()
    grade: float | None = None
    allowed: tuple[str, ...] | None = None
    propensity: float | None = None
    policy: str | None = None


@dataclass(frozen=True)
class Names:
    """The names on both sides.

    Attributes
    ----------
    hide : a keyed hash, for whatever tells a person and is no opaque account.
    home : the `homePage` of accounts (xAPI), or the start of persons' IRIs (Caliper), whose rest is the name.
    base : the start of the IRIs `items/NAME` and `skills/NAME`; other IRIs are names as they are.
    """

    hide: Hide
    home: str = HOME
    base: str = BASE

    def name(self, kind: str, iri: str) -> str:
        """The name in an IRI of this kind (items, skills)."""
        start = f"{self.base}{kind}/"
        return unquote(iri.removeprefix(start)) if iri.startswith(start) else iri

    def iri(self, kind: str, name: str) -> str:
        """The IRI of a name; a name that is one already stays."""
        return (
            name if "://" in name or name.startswith("urn:") else f"{self.base}{kind}/{quote(name, safe='')}"
        )


@dataclass(frozen=True)
class Read:
    """The responses of some statements or events, in their order.

    Attributes
    ----------
    dropped : what was left out, counted by reason.
    voided : ids that somebody declared void.
    """

    events: Sequence[Event]
    dropped: Counter[str] = field(default_factory=Counter)
    voided: frozenset[str] = frozenset()


class UnusableError(ValueError):
    """A statement that tells no response, and the reason, without a name."""


def moment(text: object) -> datetime:
    """ISO 8601 -> a moment with its zone (UTC where it names none)."""
    if not isinstance(text, str):
        raise UnusableError("no time")
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnusableError("a time that is not ISO 8601") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def minutes_of(text: object) -> float:
    """An ISO 8601 duration in minutes; 0 where there is none, or one of months, which have no length."""
    if not isinstance(text, str):
        return 0.0
    try:
        found = isodate.parse_duration(text)
    except (ValueError, TypeError, isodate.ISO8601Error, OverflowError):
        return 0.0
    return max(0.0, found.total_seconds() / 60.0) if isinstance(found, timedelta) else 0.0


def duration_of(minutes: float) -> str:
    """Minutes as ISO 8601, to a hundredth of a second."""
    return f"PT{60.0 * minutes:.2f}".rstrip("0").rstrip(".") + "S"


def stamp(time: datetime) -> str:
    """A moment as `YYYY-MM-DDTHH:mm:ss.SSSZ`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def at(thing: Any, path: Iterable[str]) -> Any:
    """The value at a path of keys; None where it ends before."""
    for key in path:
        thing = thing.get(key) if isinstance(thing, Mapping) else None
    return thing


def iris(thing: Any) -> list[str]:
    """The IRIs of an entity, or of several, each an object or bare."""
    several = thing if isinstance(thing, list) else [thing]
    found = [one.get("id") if isinstance(one, Mapping) else one for one in several]
    return [one for one in found if isinstance(one, str) and one]


def extensions(thing: Any) -> dict[str, Any]:
    """The fields of an event that our own extensions hold, where they are what they ought to be."""
    told = thing if isinstance(thing, Mapping) else {}
    propensity: Any
    propensity, policy, allowed = (told.get(name) for name in (PROPENSITY, POLICY, ALLOWED))
    good = number(propensity) and 0.0 < propensity <= 1.0
    return {
        "propensity": float(propensity) if good else None,
        "policy": policy if isinstance(policy, str) else None,
        "allowed": tuple(allowed) if isinstance(allowed, list) and all_text(allowed) else None,
    }


def number(value: Any) -> bool:
    """True for a number of JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def all_text(values: Iterable[Any]) -> bool:
    """True where all of them are texts."""
    return all(isinstance(value, str) for value in values)


def extended(event: Event) -> dict[str, Any]:
    """The extensions that tell how an item was chosen; empty where that is unknown."""
    allowed = None if event.allowed is None else list(event.allowed)
    told = {PROPENSITY: event.propensity, POLICY: event.policy, ALLOWED: allowed}
    return {name: value for name, value in told.items() if value is not None}


def once(ids: set[str], id: str, dropped: Counter[str]) -> bool:
    """True where nobody had this id before; else it is counted."""
    if id in ids:
        dropped["sent before, by its id"] += 1
        return False
    ids.add(id)
    return True


def listed(given: object, field: str, inside: Sequence[str]) -> list[Any]:
    """The entries of what was sent: a list, one object, or an object with a list under one of these keys.

    Raises `InputError` for anything else.
    """
    for name in inside:
        if isinstance(given, Mapping) and isinstance(given.get(name), list):
            given = given[name]
    if isinstance(given, Mapping):
        return [given]
    if not isinstance(given, list):
        raise InputError(f"{field}: must be an object or a list of them", field)
    return given
