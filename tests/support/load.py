"""A load on a service: an open-loop generator over plain sockets, and a server to put it on."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TOKEN = "a-token-for-tests-alone"


class Line:
    """One kept connection, one request at a time."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self._port, self._token = port, token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and answer; ConnectionError where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        read, write = self._streams
        text = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        )
        try:
            write.write(head.encode() + text)
            told = (await read.readuntil(b"\r\n\r\n")).lower()
            length = int(told.partition(b"content-length:")[2].partition(b"\r\n")[0])
            return int(told.split(b" ", 2)[1]), json.loads(await read.readexactly(length))
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            self._streams = None
            write.close()
            raise ConnectionError from error


async def at_rate(
    port: int, rate: float, seconds: float, ask: Callable[[int], dict[str, Any]], lines: int = 48
) -> list[float]:
    """Post `ask(number)` to /observe so many times a second, whatever comes back: the seconds of each.

    A request that has to wait for one of the `lines` waits from the moment when it was due.
    """
    free: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(lines):
        free.put_nowait(Line(port))
    taken: list[float] = []
    began = time.perf_counter() + 0.1

    async def one(number: int, due: float) -> None:
        line = await free.get()
        status, _ = await line.post("/observe", ask(number))
        assert status == 200, status
        taken.append(time.perf_counter() - due)
        free.put_nowait(line)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            group.create_task(one(number, due))
    return taken


LEAN = """
import logging, sys
from coursewright.live.service import Service
from coursewright.live.serving import serve
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
policy, token, key = sys.argv[1:]
serve(Service(policy, token=token, key=key), "127.0.0.1", 0, 1)
"""


@contextlib.contextmanager
def service(
    folder: Path, policy: Path, *words: str, lean: bool = False
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """`coursewright serve` in a process of its own: its port, and the process.

    A `lean` one begins sooner, without the command line.
    """
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    key = folder / "key"
    command = [sys.executable, "-m", "coursewright", "serve", f"policy={policy}", "port=0", f"token={token}"]
    command += [f"key={key}", *words]
    if lean:
        command = [sys.executable, "-c", LEAN, str(policy), str(token), str(key)]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        if " at http://" not in first:
            raise RuntimeError(first + process.stdout.read())
        port = int(first.rstrip().rpartition(":")[2])
        waited(port)
        yield port, process
    finally:
        if process.poll() is None:
            process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        if process.poll() is None:
            process.kill()
            process.wait()


def waited(port: int, seconds: float = 60.0) -> None:
    """Return when the service answers."""
    import httpx

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("the service does not answer")
