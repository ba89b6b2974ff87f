"""Statistics of a table that has just grown, which PostgreSQL gathers itself a minute later."""

from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from campaign.failures import StoreUnavailable
from store.database.engine import Database

# Fewer rows are read quickly whatever the plan.
ROWS_MIN = 1_000
_KNOWN = text("SELECT reltuples FROM pg_class WHERE oid = 'message'::regclass")
# It waits for nobody: somebody else may be at it.
_BRIEFLY = text("SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '5s'")
_ANALYZE = text("ANALYZE message")


def analyze_messages(database: Database, added: int) -> None:
    """Gather statistics of the messages when more were added than PostgreSQL knows of.

    Without them it expects a few messages of each campaign, and reads the whole table to find
    those of a receipt or a chunk. Nothing happens on SQLite, which has no such guess to make. What
    goes wrong is left to PostgreSQL's own looks. Done again, it is done once.
    """
    if database.is_sqlite or added < ROWS_MIN:
        return

    def analyze(connection: Connection) -> None:
        connection.execute(_BRIEFLY)
        connection.execute(_ANALYZE)

    with suppress(StoreUnavailable, SQLAlchemyError):
        if added > database.read(lambda connection: connection.execute(_KNOWN).scalar_one()):
            database.write(analyze)
