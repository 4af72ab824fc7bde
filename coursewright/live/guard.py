"""The door of the service: the token, limits on size and rate, and lines in a log without any name."""

import hmac
import json
import logging
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import Any

from coursewright.errors import reject

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "coursewright"
OPEN = ("/health", "/sign-in")  # paths that need no token
# The paths of the teacher's page, which are all that the teachers' own token opens
ASKED = ("/class", "/effect", "/why", "/state", "/override")
TEACHERS = ("/", "/teacher", "/teacher/teacher.js", "/teacher/teacher.css", *ASKED)
JSON = b"application/json"
FAILED = "the service failed; nothing was written"


@dataclass(frozen=True)
class Limits:
    """Limits of a service, for each of its processes.

    Attributes
    ----------
    body : bytes of a request.
    rate : requests a second.
    k : choices at once.
    """

    body: int = 65_536
    rate: int = 2_000
    k: int = 50

    def __post_init__(self) -> None:
        for name, least in (("body", 256), ("rate", 1), ("k", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise reject(f"limits.{name}", value, f"a whole number >= {least}")


class RefusedError(Exception):
    """A request that the app does not see, and the answer in its place."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status, self.line = status, line


class Guard:
    """The checks that every request passes before the app sees it."""

    def __init__(self, app: App, token: str, limits: Limits, teachers: str | None = None) -> None:
        """Put the door before an `app`; `teachers` is a second token, for the teacher's page alone."""
        self._app, self._limits = app, limits
        self._all = _Secret(token)
        self._page = None if teachers is None else _Secret(teachers)
        self._left, self._at = float(limits.rate), time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the app do it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message["headers"], (b"cache-control", b"no-store")]
            await send(message)

        try:
            body = await self._checked(scope, receive)
            await self._app(scope, body, told)
        except RefusedError as refused:
            if refused.status == 303:
                await told(
                    {"type": "http.response.start", "status": 303, "headers": [(b"location", b"/sign-in")]}
                )
                await told({"type": "http.response.body", "body": b""})
            else:
                await answer(told, refused.status, {"error": refused.line})
        except Exception as error:  # of ours; its text may hold what a learner sent
            log.error("%s failed: %s", scope["method"], type(error).__name__)
            if not status:
                await answer(told, 500, {"error": FAILED})
        route = getattr(scope.get("route"), "path", "-")
        log.info("%s %s %d %.1f ms", scope["method"], route, status, 1e3 * (time.perf_counter() - started))

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """The whole body, ready to be received once more; raises where the request is refused."""
        headers = dict(scope["headers"])
        self._paced()
        if scope["path"] not in OPEN and not self._all.is_in(headers):
            if self._page is None or not self._page.is_in(headers):
                if scope["method"] == "GET" and b"text/html" in headers.get(b"accept", b""):
                    raise RefusedError(303, "/sign-in")  # a person in front of a browser
                raise RefusedError(401, "a token is needed: Authorization: Bearer TOKEN")
            if (scope["path"].rstrip("/") or "/") not in TEACHERS:
                raise RefusedError(403, "the teachers' token opens the teacher's page (/teacher) alone")
        if scope["method"] in ("POST", "PUT") and scope["path"] not in OPEN:
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != JSON:  # a form on another site could send anything else
                raise RefusedError(415, "the body must be JSON (Content-Type: application/json)")
        most = self._limits.body
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            raise RefusedError(413, f"the body is longer than {most:,} bytes")
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > most:
                raise RefusedError(413, f"the body is longer than {most:,} bytes")
        whole: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        return again

    def _paced(self) -> None:
        moment = time.monotonic()
        self._left = min(self._limits.rate, self._left + (moment - self._at) * self._limits.rate)
        self._at = moment
        if self._left < 1.0:
            raise RefusedError(429, f"more than {self._limits.rate:,} requests a second; come back later")
        self._left -= 1.0


class _Secret:
    """A token, and the cookie of a browser that has signed in with it."""

    def __init__(self, token: str) -> None:
        self._token, self._cookie = token.encode(), cookie_of(token).encode()

    def is_in(self, headers: dict[bytes, bytes]) -> bool:
        """True where a request carries it."""
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token):
            return True
        if kind.lower() == b"basic":  # as clients of xAPI sign in: any name, and the token as password
            try:
                password = b64decode(given.strip()).partition(b":")[2]
            except ValueError:
                return False
            return hmac.compare_digest(password, self._token)
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return False
        return COOKIE in cookies and hmac.compare_digest(cookies[COOKIE].value.encode(), self._cookie)


def cookie_of(token: str) -> str:
    """The value of the cookie of a browser that has signed in."""
    return hmac.digest(token.encode(), b"signed in", sha256).hex()


async def answer(send: Send, status: int, told: Any) -> None:
    """Send a small JSON answer."""
    body = json.dumps(told).encode()
    headers = [(b"content-type", JSON), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
