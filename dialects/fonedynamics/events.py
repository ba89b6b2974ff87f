"""Fone Dynamics: the callbacks to a message's own webhooks (003_9fb2bf36535a4962.txt).

The page names their URI and method, not their content. Here it is the message or the reply as
``GET /v2/Messages/{MessageSid}`` shows it, as a JSON body or as a query.
"""

from collections.abc import Mapping
from typing import Any

from campaign.events import EndpointMethod, Event
from campaign.replies import ReplyOptions
from dialects.fonedynamics.responses import show_message, show_received
from store.webhooks.events import WebhookEvent
from webhooks.rendering import WebhookRequest, json_request

# The final states that a receipt callback reports.
RECEIPTS = frozenset({Event.MESSAGE_DELIVERED, Event.MESSAGE_UNDELIVERED, Event.MESSAGE_FAILED})


def render_event(webhook_event: WebhookEvent) -> WebhookRequest | None:
    """Render the callback of an event; None for an event that this API does not report.

    A retry renders the same callback, because these states are final.
    """
    pair = webhook_event.key_pair()
    sids = (pair.key_id if pair else "", webhook_event.property_sid)
    if webhook_event.event is Event.MESSAGE_RECEIVED and webhook_event.inbound is not None:
        shown = show_received(webhook_event.inbound, webhook_event.message, *sids)
    elif webhook_event.message is None or webhook_event.campaign is None:
        return None
    elif webhook_event.event in RECEIPTS:
        shown = show_message(
            webhook_event.message, webhook_event.campaign.created_at, ReplyOptions(), *sids
        )
    else:
        return None
    return outgoing(shown, webhook_event.address.method)


def outgoing(shown: Mapping[str, Any], method: EndpointMethod) -> WebhookRequest:
    """Render members as a query for GET, else as a JSON body."""
    if method is EndpointMethod.GET:
        query = [(name, _plain(value)) for name, value in shown.items()]
        return WebhookRequest(method="GET", query=query)
    return json_request(shown)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
