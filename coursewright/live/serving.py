"""A service runs: its socket, its processes, and their end in order."""

import json
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from coursewright.errors import InputError
from coursewright.live.service import SETTINGS, Service, guarded, tell_requests

log = logging.getLogger(__name__)
APP = "coursewright.live.service:app_from_environment"
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
                with TemporaryDirectory() as folder:
                    os.environ[SETTINGS] = json.dumps(asdict(replace(service, policy=_kept(service, folder))))
                    Multiprocess(_config(APP, workers), sockets=[listening]).run()
        except KeyboardInterrupt:  # the signal that ended it, told once more
            pass
    log.info("stopped; all that was acknowledged is in %s", place)


def _kept(service: Service, folder: str) -> str:
    """A copy of the tutor file, for workers that begin later; a file that replaces it is another tutor."""
    there, kept = Path(service.policy), Path(folder) / "tutor.onnx"
    shutil.copyfile(there, kept)
    shutil.copyfile(there.with_suffix(".json"), kept.with_suffix(".json"))
    return str(kept)


def _config(app: Any, workers: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=app == APP,
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
