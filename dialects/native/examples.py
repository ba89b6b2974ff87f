"""Examples in the OpenAPI document: the campaign of ``examples/campaign.json``."""

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
