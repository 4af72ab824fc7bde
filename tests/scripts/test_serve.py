"""`coursewright serve`: wrong settings are one line before anything starts, and leave nothing behind."""

import os
import shutil
import socket

import pytest

from coursewright.scripts.app import run
from live_tutor import TUTOR


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    place = tmp_path / "my folder, a=b"
    place.mkdir()
    for name in ("tutor.onnx", "tutor.json"):
        shutil.copy(TUTOR.with_name(name), place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return place


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["policy=''"], "policy = ''"),
        (["policy=none.onnx"], "policy = 'none.onnx': there is no such file"),
        (["policy=tutor.json"], "policy = tutor.json: is no tutor file"),
        (["policy=tutor.onnx", "port=-1"], "port = -1: must be a whole number from 0"),
        (["policy=tutor.onnx", "port=web"], "port"),
        (["policy=tutor.onnx", "host=no.such.host.invalid"], "host = no.such.host.invalid"),
        (["policy=tutor.onnx", "workers=0"], "workers = 0: must be"),
        (["policy=tutor.onnx", "explore=2"], "explore = 2"),
        (["policy=tutor.onnx", "min_group=1"], "min_group = 1"),
        (["policy=tutor.onnx", "limits.rate=0"], "limits.rate = 0"),
        (["policy=tutor.onnx", "limits.nosuch=1"], "limits.nosuch"),
        (["policy=tutor.onnx", "limits.body=5"], "limits.body = 5: must be a whole number >= 256"),
        (["policy=tutor.onnx", "store=''"], "store = ''"),
        (["policy=tutor.onnx", "store=/dev/null/x"], "store = /dev/null/x"),
        (
            ["policy=tutor.onnx", "store=mysql://a/b"],
            "a file's path, or a URL that begins with postgresql://",
        ),
        (["policy=tutor.onnx", "prot=80"], "did you mean 'port'"),
    ],
)
def test_a_wrong_setting_is_one_line(capsys, folder, words, said):
    before = sorted(os.listdir(folder))
    assert run("serve", words) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert said in told
    assert told.count("\n") == 1
    assert sorted(os.listdir(folder)) == before


def test_a_port_that_is_taken_is_one_line(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run("serve", ["policy=tutor.onnx", f"port={port}"]) == 2
    assert f"port = {port}: cannot be used at 127.0.0.1 (Address already in use)" in capsys.readouterr().err
