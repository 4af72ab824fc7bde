"""The service's ends of the bridge: statements and envelopes come in, the log goes out as statements.

A platform sends xAPI statements as to any store of them: POST or PUT to `/xapi/statements`, the token as a
bearer or as the password of HTTP Basic.  What is no response, or of no item of the course, is passed over,
and counted in a header.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from coursewright.errors import InputError, legible, reject
from coursewright.live.bridge import public_id
from coursewright.live.events import caliper, xapi
from coursewright.live.events.event import Event, Names, Read, UnusableError, at, listed, moment, stamp
from coursewright.live.logs import Place
from coursewright.live.recommender import Recommender
from coursewright.live.words import DAY, ConflictError, days_of
from coursewright.live.words import Response as Answered
from coursewright.live.writing import OTHER

OVER = "X-Coursewright-Passed-Over"
PLACE = re.compile(r"(\d{1,18})-(\d{1,9})")
THROUGH = "X-Experience-API-Consistent-Through"
UNKNOWN = "statementId: no statement of this id is here"
VOID = "voidedStatementId: what was declared void is taken out, and its statement is not kept"
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

    @made.post("/xapi/learner")
    async def learner(request: Request) -> dict[str, str]:
        """The id of an actor (an xAPI agent) at the other paths, and in a teacher's list."""
        try:
            return {"learner": xapi.learner_of(await _json(request), names)}
        except UnusableError as error:
            told = f"the body: is no agent with an account, mbox, mbox_sha1sum or openid ({error})"
            raise InputError(told, "the body") from None

    @made.get("/xapi/statements")
    def some_statements(
        statementId: UUID | None = None,
        voidedStatementId: UUID | None = None,
        since: str | None = None,
        limit: Annotated[int | None, Query(ge=0, le=1_000_000)] = None,
        after: str | None = None,
    ) -> Response:
        """All responses as `answered` statements, with pseudonyms, propensities and the policy's hash.

        `since` leaves out what is not later than a moment; of `limit` statements (0: all), `more` is the
        address of the next ones.  `statementId` gives one statement, by the platform's id or by ours.
        """
        headers = {**HEADERS, THROUGH: stamp(datetime.now(UTC))}
        if statementId is not None or voidedStatementId is not None:
            if any(one is not None for one in (since, limit, after, statementId and voidedStatementId)):
                raise InputError("statementId: stands alone, and gives one statement", "statementId")
            if statementId is None or (row := bridge.response(statementId)) is None:
                raise HTTPException(404, UNKNOWN if statementId else VOID)
            one = replace(event_of(row), id=str(statementId))
            return JSONResponse(xapi.statement_of(one, names), headers=headers)
        most = limit + 1 if limit else None
        page = list(bridge.responses(_place(after), _later(since), most))
        told = [xapi.statement_of(event_of(row), names) for row in page[: limit or None]]
        more = _more(page[limit - 1]["place"], since, limit) if limit and len(page) == most else ""
        return JSONResponse({"statements": told, "more": more}, headers=headers)

    @made.post("/caliper")
    async def envelopes(request: Request) -> Response:
        """Take Caliper envelopes; an item and the grade of its attempt belong into one request."""
        sent = listed(await _json(request), "the body", ())
        for place, one in _places(sent):
            if not isinstance(at(one, ("data",)), list) and not isinstance(at(one, ("type",)), str):
                raise InputError(f"{place}: is no envelope, which has a list `data` of events", place)
        _refuse_twins(caliper.envelope_data(sent))
        told, over = _checked(caliper.read_events(sent, names), recommender)
        await _told(request, told)
        return JSONResponse({"taken": len(told)}, headers={OVER: str(over)})

    @made.get("/caliper")
    def envelope() -> Response:
        """All responses as one Caliper envelope, with pseudonyms."""
        return JSONResponse(caliper.envelope_of(map(event_of, bridge.responses()), names, datetime.now(UTC)))

    return made


def event_of(row: Mapping[str, Any]) -> Event:
    """The event of a response of `Bridge.responses`; it has the same id every time."""
    return Event(
        id=public_id(row["code"]),
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


def _later(since: str | None) -> float | None:
    """The first moment, in days since 1970 UTC, that as a time stamp is later than `since`."""
    if since is None:
        return None
    try:
        thousandths = int(1000.0 * moment(since).timestamp())
    except UnusableError:
        raise reject("since", repr(since)[:40], "ISO 8601, such as 2026-03-01T09:30:00Z") from None
    return (thousandths + 1 - 1e-3) / (1000.0 * DAY)  # times are kept to less than a microsecond


def _place(after: str | None) -> Place | None:
    """The place in the log that the address of a next page names."""
    if after is None:
        return None
    if not (found := PLACE.fullmatch(after)):
        raise reject("after", repr(after)[:40], "left to the address in `more`")
    return int(found[1]), int(found[2])


def _more(place: Place, since: str | None, limit: int) -> str:
    asked: dict[str, Any] = {"limit": limit, "after": f"{place[0]}-{place[1]}"}
    if since is not None:
        asked["since"] = since
    return f"/xapi/statements?{urlencode(asked)}"


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


def _refuse_twins(sent: list[Any]) -> None:
    """Refuse two statements, or events, that have one id and are not the same."""
    first: dict[str, Any] = {}
    for one in sent:
        id = at(one, ("id",))
        if isinstance(id, str) and id and first.setdefault(id.lower(), one) != one:
            raise ConflictError(f"{legible(id[:60])}: {OTHER}")


async def _taken(request: Request, sent: list[Any], recommender: Recommender, names: Names) -> Response:
    """Take statements, those that void others included, and answer with the ids of all."""
    if not all(isinstance(one, dict) for one in sent):
        raise InputError("the body: must be a statement, or a list of statements", "the body")
    for place, one in _places(sent):
        _check(place, one)
    _refuse_twins(sent)
    given = [{**one, "id": one.get("id") or str(uuid4())} for one in sent]
    arrived = stamp(datetime.now(UTC))  # stands in where a statement tells no time
    dated = [{**one, "stored": one.get("stored") or arrived} for one in given]
    found = xapi.read_statements(dated, names, xapi.TAUGHT)
    told, over = _checked(found, recommender)
    if found.voided:
        recommender.bridge().void(found.voided)
    await _told(request, told)
    return JSONResponse([one["id"] for one in given], headers={**HEADERS, OVER: str(over)})


def _checked(found: Read, recommender: Recommender) -> tuple[list[Answered], int]:
    """The responses that are to be told to the tutor, and the number of what is passed over.

    Raises `InputError` where one of them cannot be told, and `ConflictError` where it has another one's id.
    """
    for one in found.events:
        days_of(one.time, "time" if " " in one.id else f"time of {one.id}")
    bridge, known = recommender.bridge(), set(recommender.items)
    void = bridge.voided([one.id for one in found.events])
    ours = [one for one in found.events if one.id not in void and one.item in known]
    told = [Answered(one.learner, one.item, one.correct, one.time, one.minutes, one.id) for one in ours]
    if taken := bridge.conflicts(told):
        raise ConflictError(f"{'id' if ' ' in taken[0] else taken[0]}: {OTHER}")
    return told, sum(found.dropped.values()) + len(found.events) - len(ours)


async def _told(request: Request, responses: list[Answered]) -> None:
    """Tell the tutor; see `_checked`."""
    for answer in await asyncio.gather(*map(request.app.state.gatherer.observe, responses)):
        if isinstance(answer, InputError):
            raise answer
