"""What a campaign costs on PostgreSQL beside time: processor, log, writes, bytes that stay."""

from collections.abc import Mapping

import psycopg
from psycopg import sql

from bench.stack import GodwitStack
from bench.usage import cpu_by_part, gained

# What grows with the messages.
TABLES = ("message", "attempt", "ledger_entry")
# Numbers are given to transactions that write. The statistics count all, but seconds late.
_COUNTERS = (
    "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::float8, count(*)::float8 FROM ledger_entry"
)
_SIZE = "SELECT pg_total_relation_size(%s::regclass)::float8"


def counters(stack: GodwitStack) -> dict[str, float]:
    """Counters that only grow; what lies between two readings was spent."""
    if not stack.url:
        return cpu_by_part(stack.parts())
    with psycopg.connect(stack.url, autocommit=True) as connection:
        row = connection.execute(_COUNTERS).fetchone()
    assert row is not None
    spent = dict(zip(("wal", "writes", "entries"), row, strict=True))
    return {**spent, **cpu_by_part(stack.parts())}


def per_message(
    before: Mapping[str, float], after: Mapping[str, float], count: int
) -> dict[str, float]:
    """Milliseconds of each part and bytes of log per message, and the rest per 1,000 of them."""
    spent = gained(before, after)
    return {name: spent[name] / count * (1 if name == "wal" else 1_000) for name in spent}


def table_bytes(stack: GodwitStack) -> dict[str, float]:
    """The bytes of each table as it is, with its indexes."""
    with psycopg.connect(stack.url, autocommit=True) as connection:
        rows = {table: connection.execute(_SIZE, (table,)).fetchone() for table in TABLES}
    return {table: row[0] for table, row in rows.items() if row is not None}


def pack(stack: GodwitStack) -> dict[str, float]:
    """Take everything out of the tables that is dead; their bytes then."""
    with psycopg.connect(stack.url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(sql.SQL("VACUUM FULL {}").format(sql.Identifier(table)))
    return table_bytes(stack)
