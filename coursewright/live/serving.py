"""A service runs: its socket, its processes, and their end in order."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from coursewright.errors import InputError
from coursewright.live.service import Service, guarded, tell_requests
from coursewright.live.worker import Worker

log = logging.getLogger(__name__)
BACKLOG = 2048
PATIENCE = 15  # seconds for requests that are being answered when the service is to end


def serve(service: Service, host: str, port: int, workers: int) -> None:
    """Serve until a signal comes; requests that are being answered are answered first.

    Raises `InputError` before anything listens, where a setting is wrong or the port is taken.
    """
    tokens = service.tokens()
    with bound(host, port) as listening:
        recommender = service.recommender()
        place, key_place, n = recommender.place, recommender.key_place, len(recommender.items)
        at = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        log.info("%s teaches %d items at %s", service.policy, n, at)
        log.info("  store  %s", place)
        log.info("  key    %s (without it nobody can tell whose the rows are: keep a copy)", key_place)
        log.info("  token  %s", tokens.place)
        if service.teachers is not None:
            log.info("  token  %s (the teachers', for their page alone)", service.teachers)
        log.info("  pages  %s/docs; a browser signs in with the token", at)
        try:
            if workers == 1:
                tell_requests(service.access)
                app = guarded(recommender, tokens.platform, service.limits, tokens.teachers)
                uvicorn.Server(_config(app, 1)).run(sockets=[listening])
            else:
                recommender.close()
                Multiprocess(_config(worker_of(service), workers), sockets=[listening]).run()
        except KeyboardInterrupt:  # the signal that ended it, told once more
            pass
    log.info("stopped; all that was acknowledged is in %s", place)


def worker_of(service: Service) -> Worker:
    """The worker that teaches with the present tutor file."""
    path = Path(service.policy)
    return Worker(asdict(service), path.read_bytes(), path.with_suffix(".json").read_bytes())


def _config(app: Any, workers: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, Worker),
        workers=workers,
        log_config=None,
        access_log=False,  # its lines would hold whatever stands in an address
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=PATIENCE,
        backlog=BACKLOG,
    )


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """A socket at this address; port 0 takes any that is free."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, kind)
    except (OSError, UnicodeError) as error:
        raise InputError(f"host = {host}: there is no such address ({_why(error)})", "host") from error
    with opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind(address)
            opened.listen(BACKLOG)
        except OSError as error:
            hint = "port=0 takes any that is free"
            raise InputError(
                f"port = {port}: cannot be used at {host} ({_why(error)}); {hint}", "port"
            ) from error
        opened.set_inheritable(True)
        yield opened


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
