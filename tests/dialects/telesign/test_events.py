"""Telesign's callbacks: a status for every event, in the vendor's shape, signed as it signs."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from telesign.util import verify_telesign_callback_signature

from campaign.events import Event
from campaign.instants import instant_of
from dialects.telesign.events import callback_headers, render_message_event, status_of
from tests.campaign.making import message_view
from tests.dialects.telesign.client import mac

SAMPLES = Path(__file__).parents[2] / "samples" / "telesign"
CAMPAIGN = "0A1B2C3D4E5F60718293A4B5C6D7E8F9"
RECEIVED = instant_of(datetime(2026, 11, 21, 9, tzinfo=UTC))
SECRET = "c2VjcmV0IGtleSBvZiB0aGlydHktdHdvIGJ5dGVzIQ=="
MESSAGE = message_view(
    text="Your parcel is here",
    due_at=RECEIVED,
    sent_at=RECEIVED + 1_000,
    final_at=RECEIVED + 3_250,
    reference="order-1",
)


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


def test_a_delivered_message_is_told_as_the_sample_shows() -> None:
    shown = render_message_event(
        Event.MESSAGE_DELIVERED, MESSAGE, CAMPAIGN, RECEIVED, RECEIVED + 3_250
    )
    assert shown == sample("callback_delivered")


def test_what_is_no_number_is_told_as_507_and_without_a_session_id_there_is_none() -> None:
    message = replace(MESSAGE, reason="number_invalid", reference=None)
    shown = render_message_event(Event.MESSAGE_FAILED, message, CAMPAIGN, RECEIVED, RECEIVED)
    assert shown == sample("callback_no_number")


@pytest.mark.parametrize(
    ("event", "reason", "error", "code"),
    [
        (Event.MESSAGE_SENT, None, None, 203),
        (Event.MESSAGE_DELIVERED, None, None, 200),
        (Event.MESSAGE_UNDELIVERED, None, "absent", 207),
        (Event.MESSAGE_UNKNOWN, None, "timeout", 250),
        (Event.MESSAGE_FAILED, None, "invalid_number", 507),
        (Event.MESSAGE_FAILED, None, "opted_out", 510),
        (Event.MESSAGE_FAILED, None, "unavailable", 503),
        (Event.MESSAGE_FAILED, None, "no_connection", 505),
        (Event.MESSAGE_FAILED, None, "blocked", 504),
        (Event.MESSAGE_FAILED, None, None, 504),
    ],
)
def test_every_event_has_its_code(
    event: Event, reason: str | None, error: str | None, code: int
) -> None:
    status = status_of(event, replace(MESSAGE, reason=reason, error=error))
    assert status is not None and status[0] == code and status[1]


def test_what_the_vendor_does_not_tell_is_not_told() -> None:
    result = {event for event in Event if status_of(event, MESSAGE) is not None}
    assert result == {
        Event.MESSAGE_SENT,
        Event.MESSAGE_DELIVERED,
        Event.MESSAGE_UNDELIVERED,
        Event.MESSAGE_FAILED,
        Event.MESSAGE_UNKNOWN,
    }
    assert render_message_event(Event.CAMPAIGN_FINISHED, MESSAGE, CAMPAIGN, RECEIVED, 0) is None


def test_neither_number_nor_text_is_in_a_callback() -> None:
    for event in Event:
        shown = str(render_message_event(event, MESSAGE, CAMPAIGN, RECEIVED, RECEIVED))
        assert "4155550100" not in shown and "parcel" not in shown


def test_the_vendors_own_check_accepts_a_signature_and_no_other() -> None:
    body = json.dumps(sample("callback_delivered"), ensure_ascii=False).encode()
    headers = callback_headers("AK1", SECRET, body)
    assert headers["Authorization"] == headers["X-TS-Authorization"]
    scheme, _, rest = headers["Authorization"].partition(" ")
    customer_id, _, signature = rest.partition(":")
    assert (scheme, customer_id, signature) == ("TSA", "AK1", mac(SECRET, body))
    assert verify_telesign_callback_signature(SECRET, signature, body.decode())
    assert not verify_telesign_callback_signature(SECRET, signature, body.decode() + " ")
