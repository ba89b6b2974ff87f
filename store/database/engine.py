"""The database: SQLite (WAL) or PostgreSQL behind one pair of verbs, ``read`` and ``write``."""

import json
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from campaign.failures import StoreUnavailable
from store.database.postgres import postgres_engine
from store.database.write_lock import SqliteWriteLock

T = TypeVar("T")

SQLITE_VERSION_MIN = (3, 38, 0)
BUSY_TIMEOUT_MS = 20_000
CHECKPOINT_TIMEOUT_MS = 2_000
DEADLOCK_RETRIES_MAX = 8
DEADLOCK_PAUSE_SECONDS = 0.05
# serialization_failure and deadlock_detected (PostgreSQL, appendix "Error Codes").
_SAFE_TO_REPEAT = {"40001", "40P01"}
# read_only_sql_transaction: a standby, or a server that was made read-only.
_READ_ONLY = "25006"
# program_limit_exceeded and its kind: no repeat would help.
_LIMIT_EXCEEDED = "54"
_UNAVAILABLE = (OperationalError, InterfaceError)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# As it is written in JSON; an escaped backslash before u0000 looks the same.
_NUL = b"\\u0000"


class StoreError(Exception):
    """The request to the store is invalid; the text says what to change."""


class Database:
    """One database, opened once per process and shared by its threads.

    ``url`` is an SQLAlchemy URL: ``sqlite:///path`` or ``postgresql+psycopg://...``. Raises
    StoreError for anything else. ``pool_size`` is half of the connections to PostgreSQL, a quarter
    of which is for reads only. Creates the directory of a SQLite file where it is missing.

    ``for_update`` ends a SELECT that locks its rows until the transaction ends; in SQLite the
    write lock does that.
    """

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self.url = url
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = _sqlite_engine(parsed.database, url)
            # Writers wait for their lock without a connection.
            self.read_engine = self.engine
            self._write_lock = SqliteWriteLock(Path(parsed.database or ""))
            self._writing: AbstractContextManager[None] = self._write_lock
        elif parsed.get_backend_name() == "postgresql":
            share = max(1, pool_size // 2)
            self.engine = postgres_engine(url, pool_size, share)
            # Of its own, so that no read waits for writers that wait for a lock.
            self.read_engine = postgres_engine(url, share, 0)
            self._writing = nullcontext()
        else:
            raise StoreError(
                f"unsupported database {parsed.drivername!r}: use sqlite:/// or "
                "postgresql+psycopg://"
            )
        for engine in {self.engine, self.read_engine}:
            event.listen(engine, "before_cursor_execute", _make_storable, retval=True)
            event.listen(engine, "handle_error", _drop_read_only)
        self.for_update = "" if self.is_sqlite else " FOR NO KEY UPDATE"

    def rowset(self, columns: str) -> str:
        """Return SQL that reads the JSON parameter ``:rows`` as rows ``r`` with these columns.

        ``columns`` are members of the JSON objects with their types, as in a CREATE TABLE:
        ``position BIGINT, status TEXT``. A member that an object lacks is NULL.
        """
        if not self.is_sqlite:
            return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({columns})"
        members = ", ".join(
            f"CAST(value->>'{name}' AS {type}) AS {name}"
            for name, type in (column.split() for column in columns.split(","))
        )
        return f"(SELECT {members} FROM json_each(:rows)) AS r"

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one read transaction and return its result.

        Raises StoreUnavailable when the database does not answer.
        """
        with _translate_errors(), self.read_engine.connect() as connection, connection.begin():
            return work(connection)

    def read_snapshot(self, work: Callable[[Connection], T]) -> T:
        """As ``read``, but every statement sees the same snapshot; takes no locks.

        A SQLite read transaction is a snapshot already.
        """
        engine = self.read_engine
        if not self.is_sqlite:
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with _translate_errors(), engine.connect() as connection, connection.begin():
            return work(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one write transaction and return its result once committed.

        Runs ``work`` again after PostgreSQL rolled it back for a deadlock or a conflict. Raises
        StoreUnavailable, without a retry, when the outcome of the commit is unknown.
        """
        for tries_left in range(DEADLOCK_RETRIES_MAX, -1, -1):
            try:
                with _translate_errors(), self._writing, self.engine.connect() as connection:
                    connection = connection.execution_options(godwit_write=True)
                    with connection.begin():
                        return work(connection)
            except StoreUnavailable as error:
                if tries_left == 0 or not _was_rolled_back(error.__cause__):
                    raise
                # Without a pause the same two transactions would conflict again.
                time.sleep(random.uniform(0.5, 1.0) * DEADLOCK_PAUSE_SECONDS)
        raise AssertionError("unreachable")

    def checkpoint(self) -> bool:
        """Empty the write-ahead log of SQLite, which keeps what was overwritten; True if it is.

        Waits ``CHECKPOINT_TIMEOUT_MS`` for readers; PostgreSQL needs no such step.
        """
        if not self.is_sqlite:
            return True
        with _translate_errors(), self._writing:
            connection = self.engine.raw_connection()
            cursor = connection.cursor()
            try:
                cursor.execute(f"PRAGMA busy_timeout={CHECKPOINT_TIMEOUT_MS}")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                return not any(row[0] for row in cursor.fetchall())
            except sqlite3.OperationalError:
                return False
            finally:
                cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
                connection.close()

    def close(self) -> None:
        """Close every connection: those in use when their threads give them back."""
        for engine in (self.engine, self.read_engine):
            event.listen(engine, "checkin", _close_returned)
            engine.dispose()
        if self.is_sqlite:
            self._write_lock.close()


def _close_returned(connection: object, record: ConnectionPoolEntry) -> None:
    record.invalidate()


def storable(value: str) -> str:
    """Replace NUL and unpaired surrogates, which neither database can store, by U+FFFD."""
    if value.isascii() and "\x00" not in value:
        return value
    return _UNSTORABLE.sub("\ufffd", value)


def json_rows(rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows as the JSON parameter ``:rows`` of a statement on ``Database.rowset``."""
    with suppress(PydanticSerializationError):  # An unpaired surrogate.
        written = to_json(rows)
        if _NUL not in written:
            return written.decode()
    return json.dumps([_stored(row) for row in rows])


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise StoreUnavailable for every error that means that the database does not answer."""
    try:
        yield
    except _UNAVAILABLE as error:
        if (_sqlstate(error) or "").startswith(_LIMIT_EXCEEDED):
            raise
        raise StoreUnavailable(type(error.orig).__name__) from error
    except InternalError as error:
        if _sqlstate(error) != _READ_ONLY:
            raise
        raise StoreUnavailable("read_only") from error
    except PoolTimeoutError as error:
        raise StoreUnavailable("every connection is in use") from error


def _was_rolled_back(error: BaseException | None) -> bool:
    return _sqlstate(error) in _SAFE_TO_REPEAT


def _sqlstate(error: BaseException | None) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _drop_read_only(context: ExceptionContext) -> None:
    """Drop the pool's connections to a server that takes no writes.

    Its successor may have its address, and a session may keep the setting that made it read-only.
    """
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True


def _make_storable(
    connection: object,
    cursor: object,
    statement: str,
    parameters: Any,
    context: object,
    executemany: bool,
) -> tuple[str, Any]:
    """Make every text parameter storable."""
    if executemany:
        return statement, [_stored(each) for each in parameters]
    return statement, _stored(parameters)


def _stored(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {
            name: storable(value) if isinstance(value, str) else value
            for name, value in values.items()
        }
    return tuple([storable(value) if isinstance(value, str) else value for value in values])


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to a write-ahead log, which it keeps.

    When several connections do this to a new file at once, SQLite ignores ``busy_timeout`` and
    fails all but one of them at once.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1_000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _sqlite_engine(path: str | None, url: str) -> Engine:
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} is too old: Godwit needs "
            f"{'.'.join(map(str, SQLITE_VERSION_MIN))} or newer, or PostgreSQL"
        )
    if not path or path == ":memory:":
        raise StoreError("a SQLite database must be a file: two processes share it")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"check_same_thread": False}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, record: object) -> None:
        # _on_begin starts transactions, so that a writer takes its lock at the start.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            # An attempt must be on disk before its message leaves: FULL survives a power cut.
            "synchronous=FULL",
            "foreign_keys=ON",
            # What an erasure overwrites is not left behind in free parts of pages.
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        _use_wal(connection)

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("godwit_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
