"""Fone Dynamics: the callbacks to a message's own webhooks (003_9fb2bf36535a4962.txt).

The page names their URI and method and not what they carry: it is the message, the one that was
sent or the one that came back, as ``GET /v2/Messages/{MessageSid}`` shows it, as a JSON body or as
a query.
"""

import json
from collections.abc import Mapping
from typing import Any

from campaign.news import Event, NewsMethod
from campaign.replies import ReplyOptions
from dialects.fonedynamics.responses import show_message, show_received
from store.webhooks.events import NewsEvent
from webhooks.rendering import WebhookRequest

# What a delivery receipt, or the lack of one for good, brings.
RECEIPTS = frozenset({Event.MESSAGE_DELIVERED, Event.MESSAGE_UNDELIVERED, Event.MESSAGE_FAILED})


def render_event(news: NewsEvent) -> WebhookRequest | None:
    """Write the callback of an event; None for what is no news to this API.

    Rendered again, for another try, it is the same: these events are ends.
    """
    if news.message is None or news.campaign is None:
        return None
    pair = news.key_pair()
    sids = (pair.key_id if pair else "", news.property_sid)
    if news.event is Event.MESSAGE_RECEIVED and news.reply is not None:
        shown = show_received(news.reply, news.message, *sids)
    elif news.event in RECEIPTS:
        shown = show_message(news.message, news.campaign.created_at, ReplyOptions(), *sids)
    else:
        return None
    return outgoing(shown, news.address.method)


def outgoing(shown: Mapping[str, Any], method: NewsMethod) -> WebhookRequest:
    """Write members as the webhook's method has it."""
    if method is NewsMethod.GET:
        query = [(name, _plain(value)) for name, value in shown.items()]
        return WebhookRequest(method="GET", query=query)
    body = json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
    return WebhookRequest(headers={"Content-Type": "application/json"}, body=body)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
