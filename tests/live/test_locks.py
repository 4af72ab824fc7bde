"""The locks of a SQLite store: nothing that its process does drops them, so what it acknowledged stays."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from coursewright.live.searching import PIECE, found
from live_tutor import TUTOR

SERVER = """
import os, sys
from coursewright.live.recommender import Recommender
from coursewright.live.store import Store
tutor = Recommender(sys.argv[1], "live.sqlite", "key")
for name in ("anna", "gone"):
    tutor.observe(name, "0", 1)
if sys.argv[2] == "forget":
    tutor.forget("gone")
elif sys.argv[2] == "backup":
    tutor.backup("copy.sqlite")
elif sys.argv[2] == "again":
    Store("live.sqlite").close()
print("ready", flush=True)
sys.stdin.readline()
for n in range(3):
    tutor.observe("anna", "0", 1)
print("told", flush=True)
sys.stdin.readline()
"""
LOOK = "import sqlite3; c = sqlite3.connect('live.sqlite'); c.execute('select 1 from event'); c.close()"


@pytest.mark.parametrize("deed", ["forget", "backup", "again"])
def test_what_was_acknowledged_survives_another_process_and_a_kill(tmp_path: Path, deed: str) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(TUTOR), deed], cwd=tmp_path, **pipes)
    try:
        assert server.stdout.readline() == "ready\n"
        subprocess.run([sys.executable, "-c", LOOK], cwd=tmp_path, check=True)
        assert (tmp_path / "live.sqlite-wal").exists()
        server.stdin.write("\n")
        server.stdin.flush()
        assert server.stdout.readline() == "told\n"
    finally:
        server.kill()
        server.communicate()
    with sqlite3.connect(tmp_path / "live.sqlite") as raw:
        assert raw.execute("SELECT count(*) FROM event").fetchone() == (4 if deed == "forget" else 5,)


def test_a_code_is_found_across_pieces(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (PIECE - 2) + b"code" + b"y" * 9)
    assert found([tmp_path / "gone", tmp_path / "file"], [b"code", b"longer code"])
    assert not found([tmp_path / "file"], [b"codex"])
