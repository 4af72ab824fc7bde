"""A store of responses: one SQLite file, or a PostgreSQL database by its URL; it writes for good."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from coursewright.errors import InputError, reject
from coursewright.live import tables
from coursewright.live.tables import METADATA, VERSION, meta

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
WAIT = 15.0  # seconds for the lock of another process


class Store:
    """The tables of one store; threads may share it.

    Attributes
    ----------
    place : the file, or the URL without its password, for people.
    sqlite : the file; None for PostgreSQL.
    """

    def __init__(self, at: str | Path, fresh: bool = True) -> None:
        """Open the store `at`: a path, or a URL such as `postgresql://user@host/name`.

        A store that is not there is made where `fresh`; its tables come with its key (`matches`), so that a
        database whose key cannot be used stays as it was.  Raises `InputError` for a place that cannot be
        used, a file that is something else, and a store of a later version.
        """
        url, self.sqlite = _url(at)
        shown = url.set(drivername="postgresql").render_as_string(hide_password=True)
        self.place = shown if self.sqlite is None else str(self.sqlite)
        if self.sqlite is not None:
            _own(self.sqlite, fresh)
        self._writing = threading.Lock()
        self.engine = _engine(url)
        try:
            with self.write() as connection:
                self._prepare(connection, fresh)
        except DBAPIError as error:
            self.engine.dispose()
            why = str(error.orig).strip().splitlines()[0]
            raise InputError(f"store = {self.place}: cannot be opened ({why})", "store") from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes; others that do wait.  It is on the disk when the block ends."""
        if self.sqlite is None:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._writing, self.engine.connect() as plain:
            connection = plain.execution_options(writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A look at one moment's rows."""
        with self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def begun(self) -> bool:
        """True where the store has a key already."""
        with self.read() as connection:
            return _there(connection) and _value(connection, "key") is not None

    def matches(self, code: str, key: str) -> None:
        """Remember the check `code` of the key at `key` at first, and refuse another one ever after."""
        with self.write() as connection:
            self._alone(connection)
            if not _there(connection):
                METADATA.create_all(connection)
                connection.execute(insert(meta).values(name="version", value=str(VERSION)))
            found = _value(connection, "key")
            if found is None:
                connection.execute(insert(meta).values(name="key", value=code))
        if found not in (None, code):
            hint = f"is not the key with which {self.place} was begun; key=FILE names that of a moved store"
            raise InputError(f"key = {key}: {hint}", "key")

    def _alone(self, connection: Connection) -> None:
        """Let others that begin at the same moment wait; in SQLite, whoever writes is alone."""
        if self.sqlite is None:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7367215)")

    def _prepare(self, connection: Connection, fresh: bool) -> None:
        self._alone(connection)
        if not _there(connection):
            others = connection.engine.dialect.get_table_names(connection)
            if self.sqlite is not None and others:
                raise reject(
                    "store", self.place, "a store, or a new file (this is another program's database)"
                )
            if taken := sorted(set(others) & set(METADATA.tables)):
                hint = f"a database without another program's table {taken[0]!r}"
                raise reject("store", self.place, hint)
            if not fresh:
                raise reject("store", self.place, "a store that a Recommender or `coursewright serve` began")
            return
        found = int(_value(connection, "version") or 0)
        if found > VERSION:
            hint = f"a store of version {VERSION} or earlier (a later coursewright wrote version {found})"
            raise reject("store", self.place, hint)
        if found < VERSION:
            tables.migrate(connection, found)
            connection.execute(update(meta).where(meta.c.name == "version").values(value=str(VERSION)))


def _there(connection: Connection) -> bool:
    return connection.engine.dialect.has_table(connection, "meta")


def _value(connection: Connection, name: str) -> str | None:
    found: str | None = connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()
    return found


def _url(at: str | Path) -> tuple[URL, Path | None]:
    if isinstance(at, str) and "://" in at:
        kind, _, rest = at.partition("://")
        try:
            url = make_url(f"{DRIVERS.get(kind, kind)}://{rest}")
        except (ArgumentError, ValueError):
            raise InputError(
                "store: this URL cannot be read; postgresql://user@host/name is one", "store"
            ) from None
        if not url.drivername.startswith("postgresql"):
            raise reject("store", f"{kind}://…", "a file's path, or a URL that begins with postgresql://")
        return url, None
    path = Path(at)
    return URL.create("sqlite", database=str(path)), path


def _own(path: Path, fresh: bool) -> None:
    """Make the file, its owner's alone, before SQLite makes it everybody's.

    A file that is there is not opened: see `searching` for the reason.
    """
    if not fresh and not path.exists():
        raise reject("store", path, "a store that is there")
    if path.exists():
        why = "Is a directory" if path.is_dir() else "Permission denied"
        if path.is_dir() or not os.access(path, os.R_OK | os.W_OK):
            raise InputError(f"store = {path}: cannot be written ({why})", "store")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:  # another process was first
        pass
    except OSError as error:
        raise InputError(f"store = {path}: cannot be written ({error.strerror or error})", "store") from error


def _engine(url: URL) -> Engine:
    if url.drivername.startswith("postgresql"):
        try:
            return create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=8, hide_parameters=True)
        except NoSuchModuleError:
            raise reject("store", url.drivername, "postgresql://…") from None
    engine = create_engine(
        url, connect_args={"timeout": WAIT}, pool_size=8, max_overflow=40, hide_parameters=True
    )
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def _connected(connection: Any, record: object) -> None:
    """Make commits sure, and deletions thorough, on a new connection to SQLite."""
    connection.isolation_level = None  # transactions begin where we say, in `_begun`
    for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _begun(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute("BEGIN IMMEDIATE" if writes else "BEGIN").close()
