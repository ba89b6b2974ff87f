"""Inserting many rows at once, by what is quickest in each database."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from store.database.engine import Database, json_rows

# SQLite takes 32,766 values in a statement. Of rows of 30 columns, these have 6,000.
_SQLITE_ROWS = 200
# Of texts at their limit, all escaped, a tenth of what PostgreSQL takes as one JSON.
_POSTGRES_ROWS = 2_000


def insert_rows(
    database: Database, connection: Connection, table: str, rows: Sequence[Mapping[str, object]]
) -> None:
    """Insert rows that all have the same columns, in the caller's transaction.

    A statement for each row costs two and a half times as much in both databases: SQLite prepares
    for a failure of each, and PostgreSQL is sent each.
    """
    at_once = _SQLITE_ROWS if database.is_sqlite else _POSTGRES_ROWS
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        names = list(part[0])
        head = f"INSERT INTO {table} ({', '.join(names)})"
        if database.is_sqlite:
            row = f"({', '.join('?' * len(names))})"
            values = tuple([value for each in part for value in each.values()])
            connection.exec_driver_sql(f"{head} VALUES {', '.join([row] * len(part))}", values)
        else:
            columns = SQLModel.metadata.tables[table].columns
            rowset = database.rowset(", ".join(f"{name} {columns[name].type}" for name in names))
            members = ", ".join(f"r.{name}" for name in names)
            statement = text(f"{head} SELECT {members} FROM {rowset}")
            connection.execute(statement, {"rows": json_rows(part)})
