"""Caliper 1.1: events of a sensor become responses, and responses become events.

An AssessmentItemEvent does not tell whether an answer was right.  The GradeEvent of its attempt does; of
several grades the latest counts, by `dateCreated`.  Anything may be a bare IRI in place of an object.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from coursewright.live.events.event import (
    Event,
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

CONTEXT = "http://purl.imsglobal.org/ctx/caliper/v1p1"
SKILLS = ("object", "learningObjectives")
FULL = 1.0  # the share of the points from which on an answer is right


class Grade(NamedTuple):
    """The share of the points of an attempt, and the moment of the grading."""

    share: float
    created: datetime


def envelope_data(envelopes: Iterable[Any]) -> list[Any]:
    """The entries of envelopes; an entry without an envelope stands for itself."""
    data: list[Any] = []
    for one in envelopes:
        inside = at(one, ("data",))
        data += inside if isinstance(inside, list) and at(one, ("type",)) is None else [one]
    return data


def read_events(
    envelopes: Iterable[Any], names: Names, skills: Sequence[str] = SKILLS, full: float = FULL
) -> Read:
    """The responses among the events of `envelopes`.

    `skills` is the path of keys to an item's skills; an answer is right from the share `full` of its points.
    """
    every = envelope_data(envelopes)
    grades = grades_of(every)
    dropped: Counter[str] = Counter()
    events: list[Event] = []
    seen: set[str] = set()
    for one in every:
        if at(one, ("type",)) == "GradeEvent":
            continue
        try:
            event = response_of(one, names, skills, grades, full)
        except UnusableError as error:
            dropped[str(error)] += 1
            continue
        if once(seen, event.id, dropped):
            events.append(event)
    return Read(events, dropped)


def grades_of(data: Iterable[Any]) -> dict[str, Grade]:
    """The latest grade of each attempt, by its IRI."""
    grades: dict[str, Grade] = {}
    for one in data:
        if at(one, ("type",)) != "GradeEvent":
            continue
        score = at(one, ("generated",))
        given, most = at(score, ("scoreGiven",)), at(score, ("maxScore",))
        if not number(given) or not number(most) or most <= 0:
            continue
        try:
            created = moment(at(score, ("dateCreated",)) or at(one, ("eventTime",)))
        except UnusableError:
            continue
        grade = Grade(min(1.0, max(0.0, given / most)), created)
        for attempt in iris(at(one, ("object",))) or iris(at(score, ("attempt",))):
            before = grades.get(attempt)
            if before is None or grade.created >= before.created:
                grades[attempt] = grade
    return grades


def response_of(
    event: Any, names: Names, skills: Sequence[str], grades: dict[str, Grade], full: float
) -> Event:
    """The response that an event tells.

    Raises `UnusableError` where it tells none: a bare IRI, another kind of event, an item started or skipped.
    """
    if isinstance(event, str):
        raise UnusableError("a bare IRI in the place of an event")
    if at(event, ("type",)) != "AssessmentItemEvent":
        raise UnusableError("another kind of event")
    action = str(at(event, ("action",))).rpartition("#")[2]
    if action != "Completed":
        raise UnusableError(
            f"an item {action.lower()}" if action in ("Started", "Skipped") else "another action"
        )
    item, person = iris(at(event, ("object",))), iris(at(event, ("actor",)))
    if not item or not person:
        raise UnusableError("no item" if not item else "no learner")
    answer = at(event, ("generated",))
    attempt = iris(at(answer, ("attempt",)))
    found = grades.get(attempt[0]) if attempt else None
    id = at(event, ("id",))
    time = moment(at(event, ("eventTime",)))
    return Event(
        id=id.lower() if isinstance(id, str) and id else f"{person[0]} {item[0]} {time.isoformat()}",
        learner=_learner(person[0], names),
        item=names.name("items", item[0]),
        correct=None if found is None else int(found.share >= full),
        time=time,
        minutes=_minutes(answer),
        skills=tuple(names.name("skills", iri) for iri in iris(at(event, skills))),
        grade=None if found is None else found.share,
        **extensions(at(event, ("extensions",))),
    )


def events_of(event: Event, names: Names) -> list[dict[str, Any]]:
    """An AssessmentItemEvent, and the GradeEvent of its attempt where the answer was judged."""
    person = {"id": f"{names.home}/{quote(event.learner, safe='')}", "type": "Person"}
    item: dict[str, Any] = {"id": names.iri("items", event.item), "type": "AssessmentItem"}
    if event.skills:
        item |= {"learningObjectives": [names.iri("skills", skill) for skill in event.skills]}
    attempt = {
        "id": f"{event.id}#attempt",
        "type": "Attempt",
        "assignee": person["id"],
        "assignable": item["id"],
    }
    answer: dict[str, Any] = {"id": f"{event.id}#response", "type": "Response", "attempt": attempt}
    if event.minutes > 0.0:
        answer["duration"] = duration_of(event.minutes)
    when, told = stamp(event.time), extended(event)
    asked = {
        "@context": CONTEXT,
        "id": event.id,
        "type": "AssessmentItemEvent",
        "actor": person,
        "action": "Completed",
        "object": item,
        "generated": answer,
        "eventTime": when,
        **({"extensions": told} if told else {}),
    }
    share = event.grade if event.grade is not None else event.correct
    if share is None:
        return [asked]
    score = {"id": f"{event.id}#score", "type": "Score", "attempt": attempt["id"]}
    grade = {
        "@context": CONTEXT,
        "id": f"{event.id}#grade",
        "type": "GradeEvent",
        "actor": {"id": names.base.rstrip("/"), "type": "SoftwareApplication"},
        "action": "Graded",
        "object": attempt,
        "generated": score | {"scoreGiven": float(share), "maxScore": 1.0, "dateCreated": when},
        "eventTime": when,
    }
    return [asked, grade]


def envelope_of(events: Iterable[Event], names: Names, sent: datetime) -> dict[str, Any]:
    """An envelope with all of these responses."""
    return {
        "sensor": names.base.rstrip("/"),
        "sendTime": stamp(sent),
        "dataVersion": CONTEXT,
        "data": [one for event in events for one in events_of(event, names)],
    }


def _learner(iri: str, names: Names) -> str:
    """The rest of an IRI below our home; a pseudonym for one that tells an address; any other as it is."""
    if iri.startswith(f"{names.home}/"):
        return unquote(iri.removeprefix(f"{names.home}/"))
    return names.hide(iri) if iri.startswith("mailto:") or "@" in iri else iri


def _minutes(answer: Any) -> float:
    """Minutes from start to end; else a duration of the response, or of its attempt."""
    try:
        started, ended = (moment(at(answer, (name,))) for name in ("startedAtTime", "endedAtTime"))
        return max(0.0, (ended - started).total_seconds() / 60.0)
    except UnusableError:
        return minutes_of(at(answer, ("duration",))) or minutes_of(at(answer, ("attempt", "duration")))
