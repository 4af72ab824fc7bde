"""A store for each test, and no settings of the person who runs it."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from coursewright.live.guard import Limits
from coursewright.live.recommender import Recommender
from coursewright.live.service import guarded
from live_tutor import TUTOR
from load import TOKEN


@pytest.fixture
def tutor(tmp_path: Path) -> Iterator[Recommender]:
    opened = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "secret" / "key", min_group=3)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def no_settings_of_ones_own(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.delenv("COURSEWRIGHT_KEY", raising=False)
    monkeypatch.delenv("COURSEWRIGHT_TOKEN", raising=False)


@pytest.fixture
def address(tutor: Recommender) -> Iterator[str]:
    """The service of `tutor` at a free port of this machine, in a thread."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(guarded(tutor, TOKEN, Limits()), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
