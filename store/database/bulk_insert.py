"""Inserting many rows at once, by what is quickest in each database."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from store.database.engine import Database, json_rows

T = TypeVar("T")

# SQLite takes 32,766 values in a statement. Of rows of 30 columns, these have 7,680.
_SQLITE_ROWS = 256
# PostgreSQL takes 256 MB as one JSON, where a character is up to 14 bytes.
_POSTGRES_ROWS, _POSTGRES_CHARACTERS = 2_000, 8_000_000


def insert_rows(
    database: Database, connection: Connection, table: str, rows: Sequence[Mapping[str, object]]
) -> None:
    """Insert rows that all have the same columns, in the caller's transaction.

    A statement for each row costs two and a half times as much in both databases: SQLite prepares
    for a failure of each, and PostgreSQL is sent each.
    """
    if not rows:
        return
    names = list(rows[0])
    head = f"INSERT INTO {table} ({', '.join(names)})"
    if database.is_sqlite:
        row = f"({', '.join('?' * len(names))})"
        for part in _powers_of_two(rows):
            values = tuple([value for each in part for value in each.values()])
            connection.exec_driver_sql(f"{head} VALUES {', '.join([row] * len(part))}", values)
        return
    columns = SQLModel.metadata.tables[table].columns
    rowset = database.rowset(", ".join(f"{name} {columns[name].type}" for name in names))
    members = ", ".join(f"r.{name}" for name in names)
    statement = text(f"{head} SELECT {members} FROM {rowset}")
    for part in _within_size(rows):
        connection.execute(statement, {"rows": json_rows(part)})


def _powers_of_two(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts of few different lengths: SQLite keeps a prepared statement for each."""
    start = 0
    while left := len(rows) - start:
        count = min(_SQLITE_ROWS, 1 << (left.bit_length() - 1))
        yield rows[start : start + count]
        start += count


def _within_size(rows: Sequence[Mapping[str, object]]) -> Iterator[Sequence[Mapping[str, object]]]:
    part: list[Mapping[str, object]] = []
    characters = 0
    for row in rows:
        length = sum(len(value) for value in row.values() if isinstance(value, str))
        if part and (len(part) == _POSTGRES_ROWS or characters + length > _POSTGRES_CHARACTERS):
            yield part
            part, characters = [], 0
        part.append(row)
        characters += length
    yield part
