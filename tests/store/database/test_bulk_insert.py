"""Many rows at once are inserted as one by one: in order, whole, and with what triggers count."""

import json

from sqlalchemy import text

from store.database import bulk_insert
from store.database.bulk_insert import insert_rows
from store.database.engine import storable
from tests.store.builders import NOW, StoreBuilder, number

COLUMNS = ("position", "recipient", "text", "reason", "scheduled_at", "own_text", "fields")


def test_rows_of_several_statements_are_stored_as_they_are(
    builder: StoreBuilder,
) -> None:
    store, campaign = builder.store, builder.save()
    count = 2 * bulk_insert._SQLITE_ROWS + 7
    rows: list[dict[str, object]] = [
        {
            "campaign_id": campaign,
            "position": 10 + index,
            "id": f"msg_{index}",
            "recipient": number(index),
            "text": "one 'quoted'; \\u0041 \U0001f642\x00\ud800" if index % 2 else "",
            "sender": "+14155550100",
            "kind": "sms",
            "segments": 1,
            "status": "failed" if index < 7 else "queued",
            "reason": "own_sender" if index < 7 else None,
            "attempts": 0,
            "was_unknown": False,
            "due_at": NOW,
            "scheduled_at": None if index % 3 else index,
            "own_text": True if index % 2 else None,
            "fields": '{"NAME": "Zoë"}' if index == count - 1 else None,
        }
        for index in range(count)
    ]
    store.database.write(
        lambda connection: insert_rows(store.database, connection, "message", rows)
    )
    found = store.database.read(
        lambda connection: connection.execute(
            text(f"SELECT {', '.join(COLUMNS)} FROM message WHERE position >= 10 ORDER BY position")
        ).all()
    )
    assert [row._asdict() for row in found] == [
        {name: storable(one) if isinstance(one := row[name], str) else one for name in COLUMNS}
        for row in rows
    ]
    failed = store.database.read(
        lambda connection: connection.execute(
            text("SELECT SUM(messages) FROM message_count WHERE status = 'failed'")
        ).scalar_one()
    )
    assert failed == 7


def test_rows_of_the_longest_values_are_stored(builder: StoreBuilder) -> None:
    store, campaign = builder.store, builder.save()
    longest = json.dumps({f"FIELD{index}": "\U0001f642" * 1_600 for index in range(50)})
    row: dict[str, object] = {
        "campaign_id": campaign,
        "recipient": number(1),
        "text": "\U0001f642" * 1_600,
        "sender": "+14155550100",
        "kind": "sms",
        "segments": 1,
        "status": "queued",
        "attempts": 0,
        "was_unknown": False,
        "due_at": NOW,
        "fields": longest,
    }
    rows = [{**row, "position": 10 + index, "id": f"msg_{index}"} for index in range(300)]
    store.database.write(
        lambda connection: insert_rows(store.database, connection, "message", rows)
    )
    stored = store.database.read(
        lambda connection: connection.execute(
            text("SELECT COUNT(*) FROM message WHERE fields = :longest"), {"longest": longest}
        ).scalar_one()
    )
    assert stored == 300
