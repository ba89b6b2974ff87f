"""Connections to PostgreSQL: a pool of them, and a limit to each wait."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")

POOL_TIMEOUT_SECONDS = 20.0
# The server itself ends a statement within half a minute. Cached plans are off: a plan made for a
# small table would be kept while the table grows.
SERVER_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c statement_timeout=30s -c lock_timeout=20s "
    "-c idle_in_transaction_session_timeout=30s -c plan_cache_mode=force_custom_plan",
}
# A process of the server that hangs obeys none of its limits, while its machine keeps the
# connection alive.
ANSWER_SECONDS = 45.0
_INTERVAL_SECONDS = 0.1


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that closes when the server does not answer within ``answer_seconds``.

    Without that limit the threads that wait, and their places in the pool, are lost for good.
    """

    answer_seconds: float | None = ANSWER_SECONDS

    def wait(
        self, gen: PQGen[T], interval: float = _INTERVAL_SECONDS, timeout: float | None = None
    ) -> T:
        """See :meth:`psycopg.Connection.wait`; raises OperationalError at the limit."""
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                # The statement goes on, so nothing else can be asked here.
                self.pgconn.finish()
            raise


def postgres_engine(url: str, pool_size: int, max_overflow: int) -> Engine:
    """The engine of a database on PostgreSQL, with a pool of its own."""
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_pre_ping=True,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        connect_args=SERVER_LIMITS,
        hide_parameters=True,
    )
    event.listen(engine, "do_connect", _connect)
    return engine


@contextmanager
def without_limit(connection: Connection) -> Iterator[None]:
    """Let a connection wait for its answers as long as they take, until the block ends."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, BoundedConnection)
    limit, driver.answer_seconds = driver.answer_seconds, None
    try:
        yield
    finally:
        driver.answer_seconds = limit


def _connect(
    dialect: Dialect,
    record: ConnectionPoolEntry,
    positional: Sequence[Any],
    named: Mapping[str, Any],
) -> BoundedConnection:
    return BoundedConnection.connect(*positional, **named)
