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

from coursewright.errors import InputError
from coursewright.live.bridge import Bridge
from coursewright.live.events import caliper, xapi
from coursewright.live.events.event import Event, Names, Read, listed
from coursewright.live.recommender import Recommender
from coursewright.live.words import DAY
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
        found = caliper.read_events(sent, names)
        over = await _told(request, found, recommender)
        return JSONResponse({"taken": len(found.events) - over}, headers={OVER: str(over)})

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


async def _taken(request: Request, sent: list[Any], recommender: Recommender, names: Names) -> Response:
    """Take statements, those that void others included, and answer with the ids of all."""
    if not all(isinstance(one, dict) for one in sent):
        raise InputError("the body: must be a statement, or a list of statements", "the body")
    given = [{**one, "id": one.get("id") or str(uuid4())} for one in sent]
    found = xapi.read_statements(given, names, xapi.TAUGHT)
    if found.voided:
        recommender.bridge().void(found.voided)
    over = await _told(request, found, recommender)
    return JSONResponse([one["id"] for one in given], headers={**HEADERS, OVER: str(over)})


async def _told(request: Request, found: Read, recommender: Recommender) -> int:
    """Tell the tutor; the number of statements that were passed over.

    Raises `InputError` for the first that cannot be: sent again without it, the others count once.
    """
    void, known = recommender.bridge().voided([one.id for one in found.events]), set(recommender.items)
    ours = [one for one in found.events if one.id not in void and one.item in known]
    told = [Answered(one.learner, one.item, one.correct, one.time, one.minutes, one.id) for one in ours]
    for answer in await asyncio.gather(*map(request.app.state.gatherer.observe, told)):
        if isinstance(answer, InputError):
            raise answer
    return sum(found.dropped.values()) + len(found.events) - len(ours)
