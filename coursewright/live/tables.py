"""The tables of a store, and the steps from each version of them to the next.

`event` holds the truth: what happened, in order.  A learner's `state` and `pending` choice are caches, which
a replay of the events makes anew.  No table holds a learner's id but sealed (see `keys`).
"""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 3
METADATA = MetaData()
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up by itself for INTEGER alone

meta = Table("meta", METADATA, Column("name", String(40), primary_key=True), Column("value", Text))
learner = Table(
    "learner",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("pseudonym", LargeBinary, nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),  # the host's id
    Column("group", LargeBinary),  # sealed too: a class, in the host's words
    Column("name", LargeBinary),  # sealed too: shown to teachers in place of the id
    Column("key", LargeBinary),  # 8 bytes that decide random choices; null: the first of the pseudonym
    Column("goal", Text),  # JSON: names of skills; null: all
    Column("last", Float),  # days since 1970, of the latest event
    Column("turn", Integer, nullable=False),  # events
    Column("tutor", String(32)),  # the file that wrote `state`
    Column("state", LargeBinary),  # float32
    Column("pending", Text),  # JSON: the choice that stands
    Column("offered", LargeBinary),  # packed bits: the items that it was made from
    Column("asked", Text),  # JSON: what was asked of the tutor, with the moment
    Column("forced", Text),  # the item of a teacher who overruled
)
event = Table(
    "event",
    METADATA,
    Column("learner", NUMBER, primary_key=True, autoincrement=False),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    Column("code", LargeBinary, nullable=False),  # of the response's id
    Column("item", Text),  # null: a new lesson begins
    Column("correct", SmallInteger, nullable=False),  # 1, 0, -1
    Column("time", Float, nullable=False),  # days since 1970
    Column("minutes", Float, nullable=False),
    Column("past", Boolean, nullable=False),
    Column("taught", Boolean, nullable=False),
    Column("answer", Text, nullable=False),  # JSON: the choice after it
    Column("tutor", String(32), nullable=False),  # whose items `offered` counts
    Column("offered", LargeBinary),  # the items that could have been chosen
    Column("propensity", Float),  # with which this item was; null: the host or a teacher chose
    Column("forced", Boolean, nullable=False),
    UniqueConstraint("code", name="event_once"),
    sqlite_with_rowid=False,
)
override = Table(
    "override",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("learner", NUMBER, nullable=False, index=True),
    Column("turn", Integer, nullable=False),
    Column("item", Text, nullable=False),
    Column("instead", Text),  # the tutor's own choice
    Column("by", LargeBinary, nullable=False),  # sealed, as the reason is
    Column("reason", LargeBinary, nullable=False),
    Column("time", Float, nullable=False),
)
tutor = Table(
    "tutor",
    METADATA,
    Column("fingerprint", String(32), primary_key=True),
    Column("course", Text, nullable=False),  # JSON: items, and the skills of each
)
question = Table(  # that was asked of a learner who has not begun; see `beginning`
    "question",
    METADATA,
    Column("pseudonym", LargeBinary, primary_key=True),
    Column("tutor", String(32), nullable=False),  # whose items `asked` counts
    Column("asked", Text, nullable=False),
    Column("time", Float, nullable=False, index=True),
)
voided = Table("voided", METADATA, Column("code", LargeBinary, primary_key=True))  # of a response's id
copy = Table(
    "copy",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("kind", String(10), nullable=False),  # backup, log
    Column("path", Text, nullable=False),
    Column("time", Float, nullable=False),
    Column("learners", Integer, nullable=False),
    Column("newest", NUMBER),  # the learner with the highest number then; null: unknown
)


def _newest(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE copy ADD COLUMN newest BIGINT")


def _question(connection: Connection) -> None:
    question.create(connection)
    kind = "BLOB" if connection.dialect.name == "sqlite" else "BYTEA"
    connection.exec_driver_sql(f"ALTER TABLE learner ADD COLUMN name {kind}")


# Version -> the step from it to the next, which a migration takes within one transaction.
STEPS: dict[int, Callable[[Connection], None]] = {1: _newest, 2: _question}


def migrate(connection: Connection, found: int) -> None:
    """Bring tables of version `found` to `VERSION`, a step at a time."""
    for version in range(found, VERSION):
        STEPS[version](connection)
