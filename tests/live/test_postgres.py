"""The same store in PostgreSQL, on a real server."""

import pytest
from sqlalchemy import inspect

import postgres
from coursewright.errors import InputError
from coursewright.live.logs import read_store
from coursewright.live.recommender import Recommender
from coursewright.live.store import Store
from live_tutor import TUTOR

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(postgres.programs() is None, reason="PostgreSQL's server is not installed"),
]


@pytest.fixture(scope="module")
def url():
    with postgres.server() as found:
        yield found


@pytest.fixture
def pair(url, tmp_path):
    both = [Recommender(TUTOR, url, tmp_path / "key", min_group=3) for _ in range(2)]
    yield both
    with both[0]._store.write() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    for one in both:
        one.close()


def test_two_workers_teach_one_class(pair, tmp_path):
    one, two = pair
    alone = Recommender(TUTOR, tmp_path / "live.sqlite", tmp_path / "key")
    for n in range(20):
        first, second = (one, two) if n % 2 else (two, one)
        told = first.observe("anna", str(n % 10), n % 3 == 0, 20_000.0 + n, 0.5, f"r{n}")
        assert told == alone.observe("anna", str(n % 10), n % 3 == 0, 20_000.0 + n, 0.5, f"r{n}")
        assert second.observe("anna", str(n % 10), n % 3 == 0, minutes=0.5, id=f"r{n}") == told
        assert second.next("anna") == first.next("anna") == [told]
    assert one.state("anna") == alone.state("anna")
    assert one.why("anna").text == alone.why("anna").text
    one.enrol("anna", group="7b")
    one.override("anna", "8", "Mrs Doe", "asked")
    assert two.next("anna")[0].item == "8"
    assert [seen.responses for seen in two.overview("7b")] == [20]
    assert two.log(tmp_path / "log.parquet") == 20
    with pytest.raises(InputError, match="pg_dump"):
        one.backup(tmp_path / "copy")


def test_the_forgotten_are_in_no_table(pair, url):
    one, _ = pair
    for name in ("anna", "bert"):
        for n in range(5):
            one.observe(name, str(n), 1, 20_000.0 + n)
    one.override("anna", "8", "Mrs Doe", "asked")
    code = one._keys.learner("anna")
    told = one.forget("anna")
    assert (told.responses, told.overrides) == (5, 1)
    assert any("wal_keep_size" in note and "archive_mode" in note for note in told.notes)
    with one._store.read() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"'):
                for cell in row:
                    assert cell not in (code, one._keys.seal("anna"), code.hex(), "anna")
    assert len(read_store(url).table) == 5


def test_a_refused_store_leaves_no_table(url, tmp_path):
    (tmp_path / "open").write_text("00" * 32)
    (tmp_path / "open").chmod(0o644)
    store = Store(url)
    try:
        with pytest.raises(InputError, match="chmod 600"):
            Recommender(TUTOR, url, tmp_path / "open")
        with store.read() as connection:
            assert inspect(connection).get_table_names() == []
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE event (name TEXT)")
        with pytest.raises(InputError, match="without another program's table 'event'"):
            Recommender(TUTOR, url, tmp_path / "key")
        assert not (tmp_path / "key").exists()
    finally:
        with store.write() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS event")
        store.close()


def test_a_wrong_url_is_one_line(tmp_path):
    for url, said in (
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be opened"),
        ("mysql://x@y/z", "begins with postgresql"),
        ("postgresql://:::", "store"),
    ):
        with pytest.raises(InputError, match=said) as raised:
            Recommender(TUTOR, url, tmp_path / "key")
        assert "\n" not in str(raised.value)


def test_a_password_is_never_shown(tmp_path):
    with pytest.raises(InputError) as raised:
        Recommender(TUTOR, "postgresql://me:secret@127.0.0.1:1/none", tmp_path / "key")
    assert "secret" not in str(raised.value)
