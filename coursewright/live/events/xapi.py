"""xAPI 1.0.3: statements of a platform become responses, and responses become `answered` statements.

A response is right or wrong by `result.success` alone.  The specification forbids judging by the response and
its pattern, and a score is a grade.  Whatever a `voided` statement refers to is left out, in any order; of
statements with the same id the first counts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha1
from typing import Any
from uuid import uuid4

from coursewright.live.events.event import (
    Event,
    Json,
    Names,
    Read,
    UnusableError,
    at,
    duration_of,
    extended,
    extensions,
    iris,
    minutes_of,
    moment,
    number,
    once,
    stamp,
)

VERB = "http://adlnet.gov/expapi/verbs/"
VERBS = ("answered", "attempted", "completed", "passed", "failed", "experienced", "interacted")
TAUGHT = ("answered", "experienced")  # of which one statement is one response, as it comes
SKILLS = ("context", "contextActivities", "grouping")
VERSION = "1.0.3"
PART = "part of an attempt that has a verdict"


def read_statements(
    statements: Iterable[Any],
    names: Names,
    verbs: Collection[str] = VERBS,
    skills: Sequence[str] = SKILLS,
) -> Read:
    """The responses among `statements`; `skills` is the path of keys to an item's skills.

    Of statements that share learner, item and registration, those without a verdict are left out where
    another has one.
    """
    every = list(statements)
    voided = frozenset(filter(None, map(voids, every)))
    dropped: Counter[str] = Counter()
    events: list[tuple[Event, str | None]] = []
    seen: set[str] = set()
    for one in every:
        try:
            if voids(one) is not None:
                continue
            event = response_of(one, names, verbs, skills)
        except UnusableError as error:
            dropped[str(error)] += 1
            continue
        if event.id in voided:
            dropped["voided"] += 1
        elif once(seen, event.id, dropped):
            registration = at(one, ("context", "registration"))
            events.append((event, registration if isinstance(registration, str) else None))
    judged = {(e.learner, e.item, r) for e, r in events if r is not None and e.correct is not None}
    whole = [
        e for e, r in events if e.correct is not None or r is None or (e.learner, e.item, r) not in judged
    ]
    if len(whole) < len(events):
        dropped[PART] += len(events) - len(whole)
    return Read(whole, dropped, voided)


def voids(statement: Any) -> str | None:
    """The id that a statement declares void; None for any other statement."""
    if at(statement, ("verb", "id")) != VERB + "voided":
        return None
    target = at(statement, ("object", "id"))
    return target.lower() if isinstance(target, str) else None


def response_of(statement: Any, names: Names, verbs: Collection[str], skills: Sequence[str]) -> Event:
    """The response that a statement tells.

    Raises `UnusableError` where it tells none: no agent, no activity, another verb, no time.
    """
    verb = at(statement, ("verb", "id"))
    if not isinstance(verb, str):
        raise UnusableError("no statement")
    if verb.removeprefix(VERB) not in verbs:
        raise UnusableError("another verb")
    if at(statement, ("object", "objectType")) not in (None, "Activity"):
        raise UnusableError("about something other than an activity")
    item = at(statement, ("object", "id"))
    if not isinstance(item, str) or not item:
        raise UnusableError("no activity")
    success = at(statement, ("result", "success"))
    id, time = at(statement, ("id",)), at(statement, ("timestamp",)) or at(statement, ("stored",))
    return Event(
        id=id.lower() if isinstance(id, str) and id else str(uuid4()),
        learner=learner_of(at(statement, ("actor",)), names),
        item=names.name("items", item),
        correct=int(success) if isinstance(success, bool) else None,
        time=moment(time),
        minutes=minutes_of(at(statement, ("result", "duration"))),
        skills=tuple(names.name("skills", iri) for iri in iris(at(statement, skills))),
        grade=_grade(at(statement, ("result", "score", "scaled"))),
        **extensions(at(statement, ("context", "extensions"))),
    )


def learner_of(actor: Any, names: Names) -> str:
    """The learner of an agent: the name of an account; a pseudonym for an address, in clear or hashed."""
    if at(actor, ("objectType",)) == "Group":
        raise UnusableError("a group in the place of a learner")
    home, name = at(actor, ("account", "homePage")), at(actor, ("account", "name"))
    if isinstance(name, str) and name:
        return name if home == names.home else f"{name}@{home}"
    for field in ("mbox", "mbox_sha1sum", "openid"):
        told = at(actor, (field,))
        if isinstance(told, str) and told:
            # A hashed address is undone by guessing, so it is hidden too; both forms are the same learner.
            digest = (
                sha1(told.encode(), usedforsecurity=False).hexdigest() if field != "mbox_sha1sum" else told
            )
            return names.hide(digest.lower())
    raise UnusableError("no learner")


def statement_of(event: Event, names: Names) -> dict[str, Any]:
    """One `answered` statement, with the probability of the choice and the policy in extensions."""
    result: dict[str, Any] = {}
    if event.correct is not None:
        result["success"] = event.correct == 1
    if event.minutes > 0.0:
        result["duration"] = duration_of(event.minutes)
    if event.grade is not None:
        result["score"] = {"scaled": event.grade}
    told = extended(event)
    grouping = [{"objectType": "Activity", "id": names.iri("skills", skill)} for skill in event.skills]
    context: dict[str, Any] = {"platform": "coursewright"}
    if grouping:
        context["contextActivities"] = {"grouping": grouping}
    if told:
        context["extensions"] = told
    return {
        "id": event.id,
        "actor": {"objectType": "Agent", "account": {"homePage": names.home, "name": event.learner}},
        "verb": {"id": VERB + "answered", "display": {"en": "answered"}},
        "object": {"objectType": "Activity", "id": names.iri("items", event.item)},
        **({"result": result} if result else {}),
        "context": context,
        "timestamp": stamp(event.time),
        "version": VERSION,
    }


def voiding_of(id: str, by: Json) -> dict[str, Any]:
    """The statement by which the agent `by` declares another void."""
    return {
        "actor": dict(by),
        "verb": {"id": VERB + "voided", "display": {"en": "voided"}},
        "object": {"objectType": "StatementRef", "id": id},
    }


def _grade(scaled: Any) -> float | None:
    return max(0.0, float(scaled)) if number(scaled) and -1.0 <= scaled <= 1.0 else None
