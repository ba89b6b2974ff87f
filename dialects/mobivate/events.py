"""Mobivate: callbacks of receipts, clicks and incoming texts, and the lines of the message log.

The payloads are those of the vendor's older pages; the newer ones do not describe them.
"""

import re
from dataclasses import replace
from datetime import UTC
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from campaign.events import MESSAGE_EVENTS, Event
from campaign.inbound import InboundMessage
from campaign.instants import Instant, iso, moment_of
from campaign.states import HANDED_OFF, MessageStatus
from campaign.views import ClickView, MessageView
from store.campaigns.message_log import LoggedMessage
from store.webhooks.events import WebhookEvent
from webhooks.rendering import WebhookRequest, json_request

_STATUSES: dict[MessageStatus, tuple[int, str]] = {
    MessageStatus.QUEUED: (8, "INTERIM_QUEUED"),
    MessageStatus.SENDING: (8, "INTERIM_QUEUED"),
    MessageStatus.RETRYABLE: (10, "RETRY"),
    MessageStatus.SENT: (2, "ACCEPTED"),
    MessageStatus.DELIVERED: (1, "DELIVERED"),
    MessageStatus.UNDELIVERED: (5, "UNDELIVERABLE"),
    MessageStatus.FAILED: (11, "FAILED_NACK"),
    MessageStatus.SKIPPED: (4, "DELETED"),
    MessageStatus.CANCELLED: (4, "DELETED"),
    MessageStatus.UNKNOWN: (6, "UNKNOWN"),
}
# Reasons for not sending that have their own code and word.
_REASONS: dict[str, tuple[int, str]] = {
    "opted_out": (19, "FAILED_RECIPIENT_BLACKLISTED"),
    "blocked": (19, "FAILED_RECIPIENT_BLACKLISTED"),
    "sender_rejected": (20, "FAILED_ORIGINATOR_REJECTED"),
    "expired": (3, "EXPIRED"),
}
_FORM = "application/x-www-form-urlencoded"
# Characters that XML 1.0 cannot hold.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ENDS = (MessageStatus.FAILED, MessageStatus.SKIPPED)
# The status that each event reports; the current one may be later.
_REPORTED = {event: status for status, event in MESSAGE_EVENTS.items()}


def status_of(message: MessageView) -> tuple[int, str]:
    """The vendor's code and word for the status of a message."""
    if message.status in _ENDS and message.reason in _REASONS:
        return _REASONS[message.reason]
    return _STATUSES[message.status]


def render_event(webhook_event: WebhookEvent) -> WebhookRequest | None:
    """Render the callback of an event; None for an event that this API does not report.

    A retry renders the same callback.
    """
    if webhook_event.event is Event.MESSAGE_RECEIVED and webhook_event.inbound is not None:
        return json_request(show_incoming(webhook_event.inbound))
    message, campaign = webhook_event.message, webhook_event.campaign
    status = _REPORTED.get(webhook_event.event)
    if message is None or campaign is None:
        return None
    if webhook_event.click is not None:
        shown = show_click(webhook_event.click, message, campaign.id)
    elif status is not None:
        message = replace(message, status=status)
        if webhook_event.receipt_form == "xml":
            form = urlencode({"xml": receipt_xml(message)}, errors="replace").encode()
            return WebhookRequest(headers={"Content-Type": _FORM}, body=form)
        shown = show_receipt(message, campaign.id, webhook_event.at)
    else:
        return None
    return json_request(shown)


def show_incoming(inbound: InboundMessage) -> dict[str, Any]:
    """The body of the callback for an incoming text; the addresses of its media follow the text.

    ``inReplyTo`` and ``logicalMessageId`` are the message that it answers and the batch of that.
    """
    return {
        "id": inbound.id,
        "originator": digits(inbound.writer),
        "recipient": digits(inbound.number),
        "body": inbound.text,
        "created": _with_offset(inbound.received_at),
        "inReplyTo": inbound.message_id,
        "logicalMessageId": inbound.campaign_id,
        "ownerUserId": inbound.account_id,
    }


def show_receipt(message: MessageView, campaign_id: str, at: Instant) -> dict[str, Any]:
    """The body of a receipt callback: the message got its status at ``at``."""
    code, word = status_of(message)
    return {
        "deliveryMessageId": message.id,
        "batchId": campaign_id,
        "clientReference": message.reference,
        "created": _with_offset(at),
        "status": word,
        "statusCode": code,
        "parts": message.segments,
        "hlr": message.network,
    }


def show_click(click: ClickView, message: MessageView, campaign_id: str) -> dict[str, Any]:
    """The body of a click callback; nothing about the visitor is known."""
    return {
        "mobile": digits(message.to),
        "messageId": message.id,
        "batchId": campaign_id,
        "clientRef": message.reference,
        "url": click.url,
        "browser": None,
        "os": None,
        "country": None,
        "iso2l": None,
        "ipAddress": None,
    }


def receipt_xml(message: MessageView) -> str:
    """The document of a receipt in the vendor's present form, which it sends as a form's field.

    There is one receipt for all parts of a message, so ``part`` is the last one.
    """
    code, word = status_of(message)
    members = {
        "deliveryMessageId": message.id,
        "clientReference": message.reference or "",
        "status": word,
        "statusCode": code,
        "part": message.segments,
        "parts": message.segments,
    }
    inside = "".join(
        f"<{name}>{escape(_NO_XML.sub(chr(0xFFFD), str(value)))}</{name}>"
        for name, value in members.items()
    )
    return f"<deliveryreceipt>{inside}</deliveryreceipt>"


def show_history(logged: LoggedMessage) -> dict[str, Any]:
    """One record of the history; the price is in credits."""
    message = logged.message
    modified = max(logged.asked_at, message.sent_at or 0, message.final_at or 0)
    return {
        "id": message.id,
        "reference": message.reference,
        "status": status_of(message)[1],
        "price": _cost(message),
        "currency": "CREDITS",
        "parts": message.segments,
        "created_at": iso(logged.asked_at),
        "updated_at": iso(modified),
    }


def _cost(message: MessageView) -> int:
    price = message.price
    return price.sms + price.mms if message.status in HANDED_OFF else 0


def show_logged(logged: LoggedMessage) -> dict[str, Any]:
    """One line of the message log; the cost is in credits."""
    message = logged.message
    modified = max(logged.asked_at, message.sent_at or 0, message.final_at or 0)
    return {
        "id": message.id,
        "created": _without_colon(logged.asked_at),
        "modified": _without_colon(modified),
        "originator": digits(message.sender),
        "recipient": digits(message.to),
        "body": message.text,
        "status": status_of(message)[1],
        "direction": "MT",
        "inReplyTo": None,
        "routeId": None,
        "parts": message.segments,
        "cost": _cost(message),
        "currency": "CREDITS",
        "senderReference": message.reference,
        "campaignId": logged.campaign_id,
    }


def digits(address: str) -> str:
    """A number without its plus, as this vendor writes it; other senders are unchanged."""
    return address.removeprefix("+")


def _with_offset(instant: Instant) -> str:
    return moment_of(instant).isoformat(timespec="milliseconds")


def _without_colon(instant: Instant) -> str:
    return moment_of(instant).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
