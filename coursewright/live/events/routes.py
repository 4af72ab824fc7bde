"""The service's ends of the bridge: statements and envelopes come in, the log goes out as statements.

A platform sends xAPI statements as to any store of them: POST or PUT to `/xapi/statements`, the token as a
bearer or as the password of HTTP Basic.  What is no response, or of no item of the course, is passed over,
and counted in a header.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from coursewright.errors import InputError, reject
from coursewright.live.bridge import Bridge
from coursewright.live.events import caliper, xapi
from coursewright.live.events.event import Event, Names, Read, UnusableError, at, listed, moment, stamp
from coursewright.live.recommender import Recommender
from coursewright.live.words import DAY, days_of
from coursewright.live.words import Response as Answered

OVER = "X-Coursewright-Passed-Over"
HEADERS = {"X-Experience-API-Version": xapi.VERSION}


def router(recommender: Recommender) -> APIRouter:
    """The endpoints of the bridge; addresses become pseudonyms under the store's key."""
    made, bridge = APIRouter(tags=["events"]), recommender.bridge()
    names = Names(bridge.hide)

    @made.post("/xapi/statements")
    async def statements(request: Request) -> Response:
        """Take xAPI statements; the answer are their ids."""
        sent = listed(await _json(request), "the body", ())
        return await _taken(request, sent, recommender, names)

    @made.put("/xapi/statements")
    async def statement(request: Request, statementId: str) -> Response:
        """Take one xAPI statement under an id."""
        [one, *more] = listed(await _json(request), "the body", ()) or [None]
        if more or not isinstance(one, dict) or one.get("id", statementId) != statementId:
            raise InputError("the body: must be one statement, of the id in the address", "the body")
        await _taken(request, [{**one, "id": statementId}], recommender, names)
        return Response(status_code=204, headers=HEADERS)

    @made.get("/xapi/statements")
    def all_statements(since: str | None = None) -> Response:
        """All responses as `answered` statements, with pseudonyms, propensities and the policy's hash."""
        told = [xapi.statement_of(event, names) for event in events_of(bridge)]
        wanted = [one for one in told if since is None or one["timestamp"] > since]
        return JSONResponse({"statements": wanted, "more": ""}, headers=HEADERS)

    @made.post("/caliper")
    async def envelopes(request: Request) -> Response:
        """Take Caliper envelopes; an item and the grade of its attempt belong into one request."""
        sent = listed(await _json(request), "the body", ())
        for place, one in _places(sent):
            if not isinstance(at(one, ("data",)), list) and not isinstance(at(one, ("type",)), str):
                raise InputError(f"{place}: is no envelope, which has a list `data` of events", place)
        found = caliper.read_events(sent, names)
        taken, over = await _told(request, found, recommender)
        return JSONResponse({"taken": taken}, headers={OVER: str(over)})

    @made.get("/caliper")
    def envelope() -> Response:
        """All responses as one Caliper envelope, with pseudonyms."""
        return JSONResponse(caliper.envelope_of(events_of(bridge), names, datetime.now(UTC)))

    return made


def events_of(bridge: Bridge) -> Iterator[Event]:
    """All responses of the store, in the order of the log; each has the same id every time."""
    for row in bridge.responses():
        yield Event(
            id=str(UUID(bytes=bytes(row["code"]), version=4)),
            learner=row["learner"],
            item=row["item"],
            correct=None if row["correct"] < 0 else int(row["correct"]),
            time=datetime.fromtimestamp(DAY * row["time"], UTC),
            minutes=row["minutes"] or 0.0,
            skills=tuple(row["skills"]),
            allowed=None if row["allowed"] is None else tuple(row["allowed"]),
            propensity=row["propensity"],
            policy=row["tutor"],
        )


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise InputError(f"the body is no JSON: {error}", "the body") from error


def _places(sent: list[Any]) -> list[tuple[str, Any]]:
    """Each entry, and its place in words."""
    return [(f"the body[{n}]" if len(sent) > 1 else "the body", one) for n, one in enumerate(sent)]


def _check(place: str, one: dict[str, Any]) -> None:
    """Refuse what is no statement: the specification wants actor, verb and object, and times in ISO 8601."""
    for part in ("actor", "verb", "object"):
        if not isinstance(one.get(part), dict):
            raise InputError(f"{place}: has no {part}; a statement has actor, verb and object", place)
    if not isinstance(one["verb"].get("id"), str):
        raise InputError(f"{place}.verb: has no id", place)
    if not isinstance(one.get("id", ""), str):
        raise InputError(f"{place}.id: must be a text", place)
    for name in ("timestamp", "stored"):
        try:
            if one.get(name) is not None:
                moment(one[name])
        except UnusableError:
            allowed = "ISO 8601, such as 2026-03-01T09:30:00Z"
            raise reject(f"{place}.{name}", repr(one[name])[:40], allowed) from None


async def _taken(request: Request, sent: list[Any], recommender: Recommender, names: Names) -> Response:
    """Take statements, those that void others included, and answer with the ids of all."""
    if not all(isinstance(one, dict) for one in sent):
        raise InputError("the body: must be a statement, or a list of statements", "the body")
    first: dict[str, Any] = {}
    for place, one in _places(sent):
        _check(place, one)
        if one.get("id") and first.setdefault(one["id"].lower(), one) != one:
            raise HTTPException(409, f"{place}: its id was sent before with another content")
    given = [{**one, "id": one.get("id") or str(uuid4())} for one in sent]
    arrived = stamp(datetime.now(UTC))  # stands in where a statement tells no time
    dated = [{**one, "stored": one.get("stored") or arrived} for one in given]
    found = xapi.read_statements(dated, names, xapi.TAUGHT)
    await _told(request, found, recommender, dry=True)
    if found.voided:
        recommender.bridge().void(found.voided)
    _, over = await _told(request, found, recommender)
    return JSONResponse([one["id"] for one in given], headers={**HEADERS, OVER: str(over)})


async def _told(
    request: Request, found: Read, recommender: Recommender, dry: bool = False
) -> tuple[int, int]:
    """Tell the tutor; the numbers of responses that were taken, and of what was passed over.

    Nothing is told where one of them cannot be, which raises `InputError`.  A `dry` run tells nothing, and
    refuses what has the id of another response of this learner (409).
    """
    for one in found.events:
        days_of(one.time, "time" if " " in one.id else f"time of {one.id}")
    bridge, known = recommender.bridge(), set(recommender.items)
    void = bridge.voided([one.id for one in found.events])
    ours = [one for one in found.events if one.id not in void and one.item in known]
    told = [Answered(one.learner, one.item, one.correct, one.time, one.minutes, one.id) for one in ours]
    over = sum(found.dropped.values()) + len(found.events) - len(ours)
    if dry:
        if differing := bridge.differing(told):
            raise HTTPException(409, f"{differing[0]}: this id was sent before with another content")
        return 0, over
    for answer in await asyncio.gather(*map(request.app.state.gatherer.observe, told)):
        if isinstance(answer, InputError):
            raise answer
    return len(ours), over
