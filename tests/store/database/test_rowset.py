"""Rows that travel as one JSON parameter."""

from sqlalchemy import text

from store.database.engine import json_rows
from store.store import Store


def test_members_come_out_under_their_names_with_their_types(any_store: Store) -> None:
    database = any_store.database
    rowset = database.rowset("position BIGINT, status TEXT, share FLOAT")
    rows: list[dict[str, object]] = [
        {"position": 2**40, "status": "sent", "share": 0.5, "unused": "x"},
        {"position": "7", "status": None},
    ]
    found = database.read(
        lambda connection: connection.execute(
            text(f"SELECT r.position + 1, r.status, r.share FROM {rowset} ORDER BY r.position"),
            {"rows": json_rows(rows)},
        ).all()
    )
    assert [tuple(row) for row in found] == [(8, None, None), (2**40 + 1, "sent", 0.5)]


def test_no_rows_are_no_rows(any_store: Store) -> None:
    database = any_store.database
    query = text(f"SELECT r.position FROM {database.rowset('position BIGINT')}")
    found = database.read(lambda connection: connection.execute(query, {"rows": "[]"}).all())
    assert found == []
