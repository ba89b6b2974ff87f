"""Textingline: its webhooks, under the vendor's event names.

The vendor's pages name the events, not their content: the envelope and its members are assumed
(docs/decisions/0007-textingline.md). A message is shown as its route answers it.
"""

from typing import Any

from campaign.events import Event
from campaign.inbound import InboundMessage
from campaign.instants import iso
from campaign.ports import Tally
from campaign.views import CampaignView, ClickView, MessageView
from dialects.textingline.responses import is_single, show, show_message
from store.webhooks.events import WebhookEvent
from webhooks.rendering import WebhookRequest, json_request

OUTGOING = "messaging.outgoing.message."
INCOMING = "messaging.incoming.message.received"
BROADCAST = "messaging.broadcast."
CLICKED = "tracking.link.clicked"
# The vendor's words for the state of a message; it has none for an unknown one.
STATUSES = {
    Event.MESSAGE_SENT: "sent",
    Event.MESSAGE_DELIVERED: "delivered",
    Event.MESSAGE_UNDELIVERED: "undelivered",
    Event.MESSAGE_FAILED: "failed",
}
ENDS = frozenset(
    {
        Event.CAMPAIGN_FINISHED,
        Event.CAMPAIGN_FINISHED_WITH_FAILURES,
        Event.CAMPAIGN_CANCELLED,
        Event.CAMPAIGN_EXPIRED,
    }
)
ERROR_UNKNOWN = "unknown"


def render_event(webhook_event: WebhookEvent) -> WebhookRequest | None:
    """Render an event as ``{"id", "type", "createdAt", "data"}``; None if the vendor has no name.

    A retry renders the same callback; every callback is signed in its headers.
    """
    content = _content(webhook_event)
    if content is None:
        return None
    type_, data = content
    at = iso(webhook_event.at)
    return json_request({"id": webhook_event.id, "type": type_, "createdAt": at, "data": data})


def _content(webhook_event: WebhookEvent) -> tuple[str, dict[str, Any]] | None:
    campaign, message = webhook_event.campaign, webhook_event.message
    if webhook_event.event is Event.MESSAGE_RECEIVED and webhook_event.inbound is not None:
        return INCOMING, received(webhook_event.inbound)
    if campaign is None:
        return None
    click = webhook_event.click
    if webhook_event.event is Event.LINK_CLICKED and click is not None and message is not None:
        return CLICKED, clicked(click, campaign, message)
    if message is not None and webhook_event.event in STATUSES:
        return OUTGOING + STATUSES[webhook_event.event], outgoing(
            webhook_event.event, campaign, message
        )
    if webhook_event.event in ENDS and not is_single(campaign):
        status = "completed" if was_sent(campaign.tally) else "failed"
        return BROADCAST + status, {**show(campaign, None), "status": status}
    return None


def was_sent(tally: Tally) -> bool:
    """True if any message of a campaign was sent, or is unknown."""
    return tally.sent + tally.delivered + tally.undelivered + tally.unknown > 0


def outgoing(event: Event, campaign: CampaignView, message: MessageView) -> dict[str, Any]:
    """An outgoing message; ``broadcastId`` is the id of its batch or broadcast."""
    shown = show_message(campaign, message, STATUSES[event])
    if not is_single(campaign):
        shown["broadcastId"] = campaign.id
    if event is Event.MESSAGE_FAILED:
        error = message.reason or message.error or ERROR_UNKNOWN
        words = error.replace("_", " ")
        return {**shown, "errorType": error, "errorMessage": f"The message was not sent: {words}"}
    if message.sent_at is not None:
        shown["sentAt"] = iso(message.sent_at)
    return shown


def clicked(click: ClickView, campaign: CampaignView, message: MessageView) -> dict[str, Any]:
    """A click on a tracked link, and the message that the link was in."""
    shown = {
        "id": click.id,
        "url": click.url,
        "code": click.code,
        "messageId": campaign.id if is_single(campaign) else message.id,
        "to": message.to,
        "clickedAt": iso(click.at),
    }
    return shown if is_single(campaign) else {**shown, "broadcastId": campaign.id}


def received(inbound: InboundMessage) -> dict[str, Any]:
    """An incoming text, with the members of a message; the addresses of its media follow it."""
    return {
        "id": inbound.id,
        "direction": "inbound",
        "to": inbound.number,
        "from": inbound.writer,
        "body": inbound.text,
        "status": "received",
        "createdAt": iso(inbound.received_at),
    }
