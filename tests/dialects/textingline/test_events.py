"""Textingline's webhooks: the vendor's event names, and a message as its route shows it."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from campaign.deliveries import DeliveryOutcome, DeliveryVerdict
from campaign.events import OPT_OUT_EVENTS, Event, EventEndpoint
from campaign.inbound import InboundMessage
from campaign.instants import SECOND, iso
from campaign.ports import Tally
from campaign.states import CampaignStatus
from campaign.views import CampaignView, ClickView
from dialects.renderers import RENDERERS
from dialects.textingline.events import render_event
from store.accounts.accounts import AccountView
from store.store import Store
from store.webhooks.events import WebhookEvent
from tests.campaign.making import NOW, message_view
from tests.receiving import receive
from tests.store.builders import StoreBuilder
from tests.webhooks.peers import egress_client
from webhooks.sender import WebhookSender

NAME = "textingline"
MESSAGE = message_view()
CAMPAIGN = CampaignView(
    id="brc_1",
    account_id="acc_1",
    dialect=NAME,
    status=CampaignStatus.FINISHED,
    name="Broadcast",
    sender="+18005559876",
    total=100,
    created_at=NOW,
    scheduled_at=None,
    spread_hours=0.0,
    base_at=NOW,
    key=None,
    payload_hash="",
    refusals=[],
    started_at=NOW,
    finished_at=NOW + 3 * SECOND,
    tally=Tally(total=100, sent=98, skipped=2),
)
EVENT = WebhookEvent(
    id="cbk_1",
    event=Event.MESSAGE_DELIVERED,
    at=NOW + 2 * SECOND,
    tries=0,
    dialect=NAME,
    account_id="acc_1",
    property_sid="",
    address=EventEndpoint("https://example.com/hooks"),
    campaign=CAMPAIGN,
    message=MESSAGE,
    key_pair=lambda: None,
)
INBOUND = InboundMessage("rpl_1", "acc_1", "+14155550100", "+18005559876", "Ack", NOW, "msg_1")

CLICK = ClickView("clk_1", "0123456789", "msg_1", "https://shop.example/a", NOW + SECOND)


def result(**members: object) -> Any:
    """What is told of an event, None where nothing is."""
    call = render_event(replace(EVENT, **members))  # type: ignore[arg-type]
    if call is None:
        return None
    assert (call.method, call.headers) == ("POST", {"Content-Type": "application/json"})
    return json.loads(call.body)


def test_a_delivered_message_is_told_as_its_route_shows_it() -> None:
    assert result() == {
        "id": "cbk_1",
        "type": "messaging.outgoing.message.delivered",
        "createdAt": iso(NOW + 2 * SECOND),
        "data": {
            "id": "msg_1",
            "direction": "outbound",
            "to": "+14155550100",
            "from": "+18005559876",
            "body": "We open at nine",
            "status": "delivered",
            "createdAt": iso(NOW),
            "broadcastId": "brc_1",
            "sentAt": iso(NOW + SECOND),
        },
    }


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (Event.MESSAGE_SENT, "sent"),
        (Event.MESSAGE_DELIVERED, "delivered"),
        (Event.MESSAGE_UNDELIVERED, "undelivered"),
        (Event.MESSAGE_FAILED, "failed"),
    ],
)
def test_every_end_of_a_message_has_the_vendors_name(event: Event, name: str) -> None:
    shown = result(event=event)
    assert shown["type"] == f"messaging.outgoing.message.{name}"
    assert shown["data"]["status"] == name


@pytest.mark.parametrize(
    ("reason", "error", "type_", "message"),
    [
        ("expired", None, "expired", "The message was not sent: expired"),
        (None, "invalid_number", "invalid_number", "The message was not sent: invalid number"),
        (None, None, "unknown", "The message was not sent: unknown"),
    ],
)
def test_a_failed_message_says_why_and_was_never_sent(
    reason: str | None, error: str | None, type_: str, message: str
) -> None:
    failed = replace(MESSAGE, reason=reason, error=error, sent_at=None)
    data = result(event=Event.MESSAGE_FAILED, message=failed)["data"]
    assert (data["errorType"], data["errorMessage"]) == (type_, message)
    assert "sentAt" not in data


def test_a_single_message_goes_by_the_id_that_its_request_was_answered_with() -> None:
    data = result(campaign=replace(CAMPAIGN, id="msg_9", name=None))["data"]
    assert data["id"] == "msg_9" and "broadcastId" not in data


@pytest.mark.parametrize(
    ("event", "tally", "status"),
    [
        (Event.CAMPAIGN_FINISHED, Tally(total=100, delivered=100), "completed"),
        (Event.CAMPAIGN_FINISHED, Tally(total=100, skipped=100), "failed"),
        (Event.CAMPAIGN_FINISHED_WITH_FAILURES, Tally(total=100, failed=100), "failed"),
        (Event.CAMPAIGN_FINISHED_WITH_FAILURES, Tally(total=2, failed=1, sent=1), "completed"),
        (Event.CAMPAIGN_FINISHED_WITH_FAILURES, Tally(total=1, undelivered=1), "completed"),
        (Event.CAMPAIGN_FINISHED_WITH_FAILURES, Tally(total=1, unknown=1), "completed"),
        (Event.CAMPAIGN_CANCELLED, Tally(total=2, sent=1, cancelled=1), "completed"),
        (Event.CAMPAIGN_CANCELLED, Tally(total=1, cancelled=1), "failed"),
        (Event.CAMPAIGN_EXPIRED, Tally(total=1, failed=1), "failed"),
    ],
)
def test_a_broadcast_is_completed_where_anything_was_sent_and_else_failed(
    event: Event, tally: Tally, status: str
) -> None:
    shown = result(event=event, message=None, campaign=replace(CAMPAIGN, tally=tally))
    assert shown["type"] == f"messaging.broadcast.{status}"
    assert shown["data"] == {
        "id": "brc_1",
        "from": "+18005559876",
        "totalRecipients": 100,
        "status": status,
        "createdAt": iso(NOW),
    }


def test_a_text_that_came_in_is_an_inbound_message() -> None:
    shown = result(event=Event.MESSAGE_RECEIVED, inbound=INBOUND)
    assert shown["type"] == "messaging.incoming.message.received"
    assert shown["data"] == {
        "id": "rpl_1",
        "direction": "inbound",
        "to": "+18005559876",
        "from": "+14155550100",
        "body": "Ack",
        "status": "received",
        "createdAt": iso(NOW),
    }


def test_what_has_no_name_there_is_not_told() -> None:
    assert result(event=Event.MESSAGE_UNKNOWN) is None
    assert result(event=Event.MESSAGE_RECEIVED) is None
    assert result(campaign=None, message=None) is None
    single = replace(CAMPAIGN, id="msg_9", name=None)
    assert result(event=Event.CAMPAIGN_FINISHED, message=None, campaign=single) is None


def test_no_event_is_forgotten() -> None:
    whole = {"inbound": INBOUND, "click": CLICK}
    left_out = {event for event in Event if result(event=event, **whole) is None}
    assert left_out == {
        Event.CAMPAIGN_PAUSED,
        Event.MESSAGE_UNKNOWN,
        Event.WEBHOOK_TEST,
        *OPT_OUT_EVENTS,
    }


async def test_a_webhook_of_this_dialect_is_called_with_a_signed_envelope(
    store: Store, account: AccountView
) -> None:
    assert NAME in RENDERERS
    now = time.time_ns() // 1_000_000
    builder = StoreBuilder(store, account.id)
    async with egress_client(timeout_seconds=1.0) as egress, receive() as receiver:
        view, secret = store.endpoints.add(account.id, receiver.url, ["message.*"], NAME, now)
        builder.send(builder.admit(1, now=now, dialect=NAME), now=now)
        callback = str(builder.value("SELECT id FROM callback WHERE destination = :d", d=view.id))
        called = await WebhookSender(store.events, egress, RENDERERS).deliver(callback, now)
        assert called == DeliveryOutcome(DeliveryVerdict.DELIVERED, "200")
        (taken,) = receiver.taken
    shown = taken.verified(secret)
    assert (taken.id, shown["id"]) == (callback, callback)
    assert shown["type"] == "messaging.outgoing.message.sent"
    assert shown["data"]["broadcastId"] == "cmp_0"


def test_a_click_names_its_link_and_the_message_that_the_link_was_in() -> None:
    shown = result(event=Event.LINK_CLICKED, click=CLICK)
    assert shown["type"] == "tracking.link.clicked"
    assert shown["data"] == {
        "id": "clk_1",
        "url": "https://shop.example/a",
        "code": "0123456789",
        "messageId": "msg_1",
        "to": "+14155550100",
        "clickedAt": iso(NOW + SECOND),
        "broadcastId": "brc_1",
    }
    single = replace(CAMPAIGN, id="msg_9", name=None)
    data = result(event=Event.LINK_CLICKED, click=CLICK, campaign=single)["data"]
    assert (data["messageId"], "broadcastId" in data) == ("msg_9", False)
