"""Examples in the OpenAPI document: ``examples/campaign.json``, and the answer to it."""

from typing import Any

_PEOPLE = (("Alice", "+14155553000"), ("Bob", "+14155553001"), ("Carol", "+14155553002"))
CAMPAIGN_BODY: dict[str, Any] = {
    "name": "Table bookings",
    "text": "Hi {{NAME}}, your table in {{CITY}} is booked.",
    "spreadHours": 0,
    "idempotencyKey": "tables-2026-11-21",
    "recipients": [
        {
            "to": number,
            "fields": {"NAME": name, "CITY": "London"},
            "idempotencyKey": f"table-{index}",
        }
        for index, (name, number) in enumerate((*_PEOPLE, ("Dave", "+14155553003")))
    ],
}
CAMPAIGN: dict[str, Any] = {
    "id": "cmp_3mJr7AoUXx2Wqd4uT1zHkb",
    "name": "Table bookings",
    "dialect": "native",
    "sandbox": False,
    "test": False,
    "status": "running",
    "sender": "+18005559876",
    "createdAt": "2026-11-21T09:00:00.000Z",
    "scheduleDateTime": None,
    "spreadHours": 0.0,
    "rate": None,
    "purpose": "transactional",
    "window": None,
    "expiresAt": None,
    "validitySeconds": None,
    "startedAt": "2026-11-21T09:00:00.400Z",
    "finishedAt": None,
    "plannedEnd": "2026-11-21T09:00:01.000Z",
    "pausedBy": None,
    "problem": None,
    "ordered": None,
    "idempotencyKey": "tables-2026-11-21",
    "refusals": [],
    "counts": {
        "total": 4,
        "queued": 1,
        "sending": 0,
        "retryable": 0,
        "sent": 1,
        "delivered": 2,
        "undelivered": 0,
        "failed": 0,
        "skipped": 0,
        "cancelled": 0,
        "unknown": 0,
    },
    "reasons": [],
    "credits": {
        "held": {"sms": 1, "mms": 0},
        "posted": {"sms": 3, "mms": 0},
        "voided": {"sms": 0, "mms": 0},
    },
    "replies": 0,
    "clicks": {"total": 0, "unique": 0, "previews": 0},
}
