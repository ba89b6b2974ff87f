"""Statistics of a table that has just grown, which PostgreSQL gathers itself a minute later."""

from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from campaign.failures import StoreUnavailable
from store.database.engine import Database

# Fewer rows are read quickly whatever the plan.
ROWS_MIN = 1_000
# Of all messages the new ones are at least a twentieth; autovacuum waits for a tenth.
KNOWN_SHARE = 20
_KNOWN = text("SELECT reltuples FROM pg_class WHERE oid = 'message'::regclass")
# Another process may hold the table for its own ANALYZE; there is no need to wait for it.
_BRIEFLY = text("SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '5s'")
_ANALYZE = text("ANALYZE message")


def analyze_messages(database: Database, added: int) -> None:
    """Gather statistics of the messages when many were added to those that PostgreSQL knows of.

    Without them it expects almost no messages of a campaign that it has not seen, and reads all of
    them to find those of a receipt or a chunk. SQLite needs no statistics. If it fails,
    nothing is raised, and autovacuum does it later. A second run may gather them again.
    """
    if database.is_sqlite or added < ROWS_MIN:
        return

    def analyze(connection: Connection) -> None:
        connection.execute(_BRIEFLY)
        connection.execute(_ANALYZE)

    with suppress(StoreUnavailable, SQLAlchemyError):
        known = database.read(lambda connection: connection.execute(_KNOWN).scalar_one())
        if added * KNOWN_SHARE > known:
            database.write(analyze)
