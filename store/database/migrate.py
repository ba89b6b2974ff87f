"""Upgrade a database to the current schema."""

from contextlib import nullcontext, suppress
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from store.database.engine import Database
from store.database.postgres import without_limit

# Our own advisory lock: two processes must not migrate at once.
_LOCK = 7_463_941


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply every missing migration, up to ``revision``.

    A second run, or a second process at the same time, changes nothing.
    """
    config = _config()
    with database.engine.connect() as connection:
        connection = connection.execution_options(godwit_write=True)
        waiting = nullcontext() if database.is_sqlite else without_limit(connection)
        with waiting, connection.begin():
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, revision)


def is_current(database: Database) -> bool:
    """Tell whether every migration was applied."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == _head()


def check_writable(database: Database) -> None:
    """Make a write and roll it back.

    Raises StoreUnavailable when the database does not answer or is read-only, as a standby is; then
    the session is dropped, so that a later one may write. A full disk shows at a commit only.
    """

    def write(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
        raise _Undo

    with suppress(_Undo):
        database.write(write)


class _Undo(Exception):
    """Rolls a transaction back."""


@cache
def _head() -> str | None:
    """The newest migration; alembic loads the file of each one to find it."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "store:migrations")
    config.set_main_option("path_separator", "os")
    return config
