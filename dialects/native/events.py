"""The native API's events: JSON that says what happened to what (docs/webhooks.md).

A message is identified by its ids, its recipient, its position and the account's reference. Its
text stays in the API; only an inbound text is reported whole, because it is what happened.
"""

from dataclasses import asdict
from typing import Any

from campaign.events import EndpointMethod, Event
from campaign.instants import iso
from dialects.native.inbound_models import InboundMessage
from store.webhooks.events import WebhookEvent
from webhooks.rendering import WebhookRequest, json_request


def render_event(webhook_event: WebhookEvent) -> WebhookRequest:
    """Render an event as ``{"type", "timestamp", "data"}``, or as a query for the GET method."""
    shown = {
        "type": webhook_event.event.value,
        "timestamp": iso(webhook_event.at),
        "data": data_of(webhook_event),
    }
    if webhook_event.address.method is EndpointMethod.GET:
        flat = {"id": webhook_event.id, "type": shown["type"], "timestamp": shown["timestamp"]}
        members = {**flat, **data_of(webhook_event)}
        query = [
            (name, _plain(value)) for name, value in members.items() if not isinstance(value, dict)
        ]
        return WebhookRequest(method="GET", query=query)
    return json_request(shown)


def data_of(webhook_event: WebhookEvent) -> dict[str, Any]:
    """The data of an event. ``status`` is that of the event, not the current one.

    ``sandbox`` is the mark of the campaign.

    An inbound text has the reference of the message that it answers.
    """
    if webhook_event.event is Event.MESSAGE_RECEIVED and webhook_event.inbound is not None:
        answered = webhook_event.message
        shown = InboundMessage.of(webhook_event.inbound).json_object()
        return shown | {"reference": answered and answered.reference}
    happened = webhook_event.event.value.partition(".")[2]
    data: dict[str, Any] = {}
    if webhook_event.opt_out is not None:
        # An opt-out has no id but its number.
        return asdict(webhook_event.opt_out)
    if webhook_event.campaign is not None:
        data["campaignId"] = webhook_event.campaign.id
        data["sandbox"] = webhook_event.campaign.sandbox
    if webhook_event.message is not None:
        message = webhook_event.message
        data |= {
            "messageId": message.id,
            "to": message.to,
            "position": message.position,
            "reference": message.reference,
        }
        if webhook_event.click is not None:
            click = webhook_event.click
            return data | {"clickId": click.id, "code": click.code, "url": click.url}
        return data | {"status": happened, "reason": message.reason or message.error}
    if webhook_event.campaign is not None:
        campaign = webhook_event.campaign
        data |= {
            "name": campaign.name,
            "status": campaign.status.value,
            "counts": asdict(campaign.tally),
        }
        if webhook_event.event is Event.CAMPAIGN_PAUSED:
            stop = campaign.last_stop
            data["reason"] = stop and {"code": stop.code, "detail": stop.detail}
    return data


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
