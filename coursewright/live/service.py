"""The service: a Recommender over HTTP, one JSON body a question, and pages that need no other server."""

import logging
import os
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DBAPIError
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from coursewright import __version__
from coursewright.errors import InputError, legible
from coursewright.live import asked, teacher
from coursewright.live.events import routes as events
from coursewright.live.gather import Gatherer
from coursewright.live.guard import COOKIE, FAILED, Guard, Limits, cookie_of
from coursewright.live.keys import Tokens, tokens_of
from coursewright.live.pages import sign_in, written
from coursewright.live.recommender import MOST, Recommender
from coursewright.live.refusals import known_parameters, line_of
from coursewright.live.words import Choice, ConflictError, Forgotten, Overview, State, Why
from coursewright.live.words import Response as Answered
from coursewright.workers import obey_parent

WHOLE_DAY = 86_400
AWAY = "the store does not answer; send it again later (by its id it counts once)"
UNREAD = "the body cannot be read: it must be JSON in UTF-8, and not compressed"
OURS = {  # for the lines of the framework
    "There was an error parsing the body": UNREAD,
    "Not Found": "there is no such path; /docs names them all",
    "Method Not Allowed": "this path takes another method; see /docs",
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Service:
    """The settings of a service; see `Recommender` for most."""

    policy: str
    store: str = "live.sqlite"
    key: str | None = None
    token: str | None = None
    teachers: str | None = None
    min_group: int = 10
    explore: float = 0.0
    renew: bool = True
    limits: Limits = field(default_factory=Limits)
    access: bool = False

    def recommender(self) -> Recommender:
        """The tutor at work; raises `InputError` where a setting is wrong."""
        return Recommender(self.policy, self.store, self.key, self.min_group, self.explore, self.renew)

    def tokens(self) -> Tokens:
        """The token of all, and that of the teachers; raises `InputError` where one cannot be used."""
        return tokens_of(self.token, self.teachers)


def app_of_worker(settings: Mapping[str, Any], onnx: bytes, words: bytes) -> Any:
    """The app of a worker process; see `worker.Worker`."""
    obey_parent()
    service = Service(**{**settings, "limits": Limits(**settings["limits"])})
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tell_requests(service.access)
    tokens = service.tokens()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tutor.onnx"
        path.write_bytes(onnx)
        path.with_suffix(".json").write_bytes(words)
        recommender = replace(service, policy=str(path)).recommender()
    return guarded(recommender, tokens.platform, service.limits, tokens.teachers)


def tell_requests(access: bool) -> None:
    """Let each request have a line in the log, or those alone that failed."""
    logging.getLogger("coursewright.live.guard").setLevel(logging.INFO if access else logging.WARNING)


def guarded(recommender: Recommender, token: str, limits: Limits, teachers: str | None = None) -> Any:
    """The app behind its door; `teachers` is a second token, for the teacher's page alone."""
    cookies = [cookie_of(one) for one in (token, teachers) if one is not None]
    return Guard(app_of(recommender, cookies, limits), token, limits, teachers)


def app_of(recommender: Recommender, cookies: Collection[str], limits: Limits) -> FastAPI:
    """The endpoints; a browser may sign in with the tokens of these `cookies`.

    `app.state.recommender` is there for further endpoints.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        app.state.gatherer = Gatherer(recommender)
        yield
        app.state.gatherer.stop()
        recommender.close()

    app = FastAPI(
        title="Coursewright",
        version=__version__,
        summary="A tutor file that teaches live learners.",
        docs_url=None,  # its page loads from elsewhere; ours does not
        redoc_url=None,
        lifespan=life,
        dependencies=[Depends(known_parameters)],
    )
    app.state.recommender = recommender
    app.exception_handler(InputError)(_wrong)
    app.exception_handler(DBAPIError)(_away)
    app.exception_handler(Exception)(_failed)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_missed)
    _teach(app, recommender, limits)
    _tell(app, recommender)
    _open(app, recommender, cookies)
    app.include_router(events.router(recommender))
    app.include_router(teacher.router(recommender))
    return app


def _teach(app: FastAPI, recommender: Recommender, limits: Limits) -> None:
    """The endpoints that a platform calls."""

    @app.post("/observe", response_model=Choice, tags=["teach"])
    async def observe(body: asked.Observe) -> Response:
        """Note a response; the answer is the choice after it. It is on the disk when the answer comes."""
        found = await app.state.gatherer.observe(Answered(**body.model_dump()))
        if isinstance(found, InputError):
            raise found
        return JSONResponse(found.plain())

    @app.post("/next", response_model=list[Choice], tags=["teach"])
    def next_(body: asked.Next) -> Response:
        """The best choices for a learner, the best first."""
        most = min(limits.k, MOST)
        if not 1 <= body.k <= most:
            raise InputError(f"k = {repr(body.k)[:40]}: must be a whole number from 1 to {most}", "k")
        found = recommender.next(body.learner, body.k, body.only, body.exclude, body.time)
        return JSONResponse([choice.plain() for choice in found])

    @app.post("/enrol", tags=["teach"])
    def enrol(body: asked.Enrol) -> dict[str, str]:
        """Name a learner's goal and group, and the name that teachers see."""
        recommender.enrol(body.learner, body.goal, body.group, body.luck, body.name)
        return {"status": "enrolled"}

    @app.post("/lesson", tags=["teach"])
    def lesson(body: asked.Lesson) -> Choice:
        """Begin a new lesson: the tutor's budget is whole again."""
        return recommender.lesson(body.learner, body.time)

    @app.get("/course", tags=["teach"])
    def course() -> dict[str, list[str]]:
        """The names of items and skills."""
        return {"items": list(recommender.items), "skills": list(recommender.skills)}


def _tell(app: FastAPI, recommender: Recommender) -> None:
    """The endpoints that a teacher's page calls."""

    @app.post("/why", tags=["teacher"])
    def why(body: asked.Learner) -> Why:
        """The reasons for the choice that stands."""
        return recommender.why(body.learner)

    @app.post("/state", tags=["teacher"])
    def state(body: asked.Learner) -> State:
        """Mastery by skill with its doubt, now and after each response."""
        return recommender.state(body.learner)

    @app.post("/override", tags=["teacher"])
    def override(body: asked.Override) -> Choice:
        """Let a teacher's item be the next one instead."""
        return recommender.override(body.learner, body.item, body.by, body.reason)

    @app.post("/forget", tags=["teacher"])
    def forget(body: asked.Learner) -> Forgotten:
        """Erase a learner for good."""
        return recommender.forget(body.learner)

    @app.get("/learners", tags=["teacher"])
    def learners(group: str | None = None) -> list[str]:
        """The ids of all learners, or of those of a group."""
        return recommender.learners(group)

    @app.post("/overview", tags=["teacher"])
    def overview(body: asked.Overviews) -> list[Overview]:
        """All learners, or those of a group, side by side."""
        return recommender.overview(body.group, body.recent)

    @app.get("/log", tags=["researcher"], response_class=FileResponse)
    def log(form: Literal["parquet", "csv"] = "parquet") -> Response:
        """All responses as a learner log, with pseudonyms, allowed items and propensities."""
        handle, name = tempfile.mkstemp(suffix=f".{form}")
        os.close(handle)
        path = Path(name)
        try:
            recommender.log(path, noted="a download over HTTP")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return FileResponse(path, filename=f"log.{form}", background=BackgroundTask(path.unlink, True))


def _open(app: FastAPI, recommender: Recommender, cookies: Collection[str]) -> None:
    """Health, the page of the interface, and the door of a browser."""

    @app.head("/health", include_in_schema=False)  # as balancers of load ask
    @app.get("/health", tags=["service"])
    def health() -> dict[str, str]:
        """The state of the service; it needs no token."""
        recommender.ping()
        return {"status": "ok"}

    @app.get("/", include_in_schema=False)
    def first() -> Response:
        return RedirectResponse("/teacher")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(written(app.openapi()))

    @app.get("/sign-in", include_in_schema=False)
    def door() -> HTMLResponse:
        return HTMLResponse(sign_in(""))

    @app.post("/sign-in", include_in_schema=False)
    async def enter(request: Request) -> Response:
        given = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])[0].strip()
        if (cookie := cookie_of(given)) not in cookies:
            return HTMLResponse(sign_in("That is not the token."), status_code=401)
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(COOKIE, cookie, max_age=WHOLE_DAY, httponly=True, samesite="strict")
        return response


async def _wrong(request: Request, error: Exception) -> Response:
    status = 409 if isinstance(error, ConflictError) else 400
    return JSONResponse({"error": legible(str(error))}, status_code=status)


async def _away(request: Request, error: Exception) -> Response:
    """The line where the store does not answer: its server is gone, a lock is kept, the disk is full."""
    log.error("the store failed: %s", type(getattr(error, "orig", error)).__name__)
    return JSONResponse({"error": AWAY}, status_code=503, headers={"Retry-After": "5"})


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": FAILED}, status_code=500)


async def _missed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = OURS.get(str(error.detail), legible(str(error.detail)))
    return JSONResponse({"error": told}, status_code=error.status_code, headers=error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"error": line_of(error.errors()[0])}, status_code=400)
