"""A PostgreSQL server of one's own for a test, from Debian's packages; tests skip where there is none."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`; None where they are not installed, or nobody may run them."""
    for folder in FOLDERS:
        if (folder / "initdb").exists() and (os.getuid() != 0 or unprivileged() is not None):
            return folder
    return None


def unprivileged() -> str | None:
    """The name of a user under which a server may run, where we are root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A fresh server on a free port: the URL of its database."""
    found = programs()
    assert found is not None
    folder = Path(mkdtemp(prefix="pg"))
    name = unprivileged() if os.getuid() == 0 else None
    if name is not None:
        shutil.chown(folder, name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = {"check": True, "capture_output": True, "user": name, "cwd": folder, "env": {"LC_ALL": "C.UTF-8"}}
    data = folder / "data"
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    try:
        subprocess.run([found / "initdb", "-D", data, "-U", "tutor", "-A", "trust", "-E", "UTF8"], **run)
        control = [found / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-l", folder / "log", "-o", options, "start"], **run)
        try:
            yield f"postgresql://tutor@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
