"""A store for each test, and no settings of the person who runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coursewright.live.recommender import Recommender
from live_tutor import TUTOR


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
