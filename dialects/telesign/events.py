"""Telesign: its callbacks, one for each recipient and status, signed as the vendor signs them.

Codes and texts are those of the vendor's page on bulk callbacks; docs/dialects.md says which of
them a message gets. As at the vendor, only the session id names the recipient.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from campaign.events import Event
from campaign.instants import Instant, moment_of
from campaign.views import MessageView
from dialects.telesign.responses import SUB_RESOURCE, stamp
from dialects.telesign.signature import SCHEME, sign
from store.webhooks.events import WebhookEvent
from webhooks.rendering import WebhookRequest, json_request

_TEXTS = {
    200: "Delivered to handset",
    203: "Delivered to gateway",
    207: "Error delivering SMS to handset (reason unknown)",
    221: "Message expired before delivery",
    231: "Invalid/unsupported",
    250: "Final status unknown",
    503: "Carrier rejected - temporary problem",
    504: "Carrier rejected - permanent error",
    505: "Error on gateway - temporary error",
    507: "Invalid destination address",
    508: "Invalid source address",
    510: "Message blocked by subscriber action or request",
}
_EVENTS = {
    Event.MESSAGE_SENT: 203,
    Event.MESSAGE_DELIVERED: 200,
    Event.MESSAGE_UNDELIVERED: 207,
    Event.MESSAGE_UNKNOWN: 250,
}
# Reasons of failed messages that have their own code; all other rejections are 504.
_REASONS = {
    "number_invalid": 507,
    "invalid_number": 507,
    "invalid_sender": 508,
    "sender_rejected": 508,
    "invalid_content": 231,
    "expired": 221,
    "opted_out": 510,
    "rate_limited": 503,
    "unavailable": 503,
    "no_connection": 505,
    "carrier_configuration": 505,
}
_REJECTED = 504


def status_of(event: Event, message: MessageView) -> tuple[int, str] | None:
    """The vendor's code and text for an event of a message; None if it has none."""
    code = _EVENTS.get(event)
    if event is Event.MESSAGE_FAILED:
        code = _REASONS.get(message.reason or message.error or "", _REJECTED)
    return None if code is None else (code, _TEXTS[code])


def render_event(webhook_event: WebhookEvent) -> WebhookRequest | None:
    """Render the callback of an event, signed with the account's oldest valid key.

    None for an event that this API does not report. Raises LookupError while the account has no
    valid key: clients reject unsigned callbacks, so the delivery is retried later.
    """
    if webhook_event.campaign is None or webhook_event.message is None:
        return None
    received_at = webhook_event.campaign.created_at
    shown = render_message_event(
        webhook_event.event,
        webhook_event.message,
        webhook_event.campaign.id,
        received_at,
        webhook_event.at,
    )
    if shown is None:
        return None
    pair = webhook_event.key_pair()
    if pair is None:
        raise LookupError("the account has no valid key to sign with")
    return json_request(shown, partial(callback_headers, pair.key_id, pair.secret))


def render_message_event(
    event: Event, message: MessageView, campaign_id: str, received_at: Instant, at: Instant
) -> dict[str, Any] | None:
    """The body of the callback for an event at ``at``; None if this API does not report it.

    A retry renders the same body.
    """
    status = status_of(event, message)
    if status is None:
        return None
    code, description = status
    shown: dict[str, Any] = {
        "reference_id": campaign_id,
        "sub_resource": SUB_RESOURCE,
        "submit_timestamp": stamp(moment_of(received_at)),
        "status": {
            "code": code,
            "description": description,
            "updated_on": stamp(moment_of(at)),
        },
        "errors": [],
    }
    if message.reference is not None:
        shown["session_id"] = message.reference
    return shown


def callback_headers(customer_id: str, api_key: str, body: bytes) -> Mapping[str, str]:
    """The headers of a callback; the signature is in both headers that receivers check."""
    signature = f"{SCHEME} {customer_id}:{sign(api_key, body)}"
    return {
        "Content-Type": "application/json",
        "Authorization": signature,
        "X-TS-Authorization": signature,
    }
