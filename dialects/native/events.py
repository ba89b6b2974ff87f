"""The native API's callbacks: thin JSON that names what happened to what.

A message is told of by its ids and the account's own reference; whoever wants its number and
text asks for it. So nothing personal passes through receivers' logs (Standard Webhooks 1.0.0).
"""

import json
from dataclasses import asdict
from typing import Any

from campaign.instants import iso
from campaign.news import NewsMethod
from store.webhooks.events import NewsEvent
from webhooks.rendering import WebhookRequest


def render_event(news: NewsEvent) -> WebhookRequest:
    """Write an event as ``{"type", "timestamp", "data"}``, or as a query for those who want GET."""
    shown = {"type": news.event.value, "timestamp": iso(news.at), "data": data_of(news)}
    if news.address.method is NewsMethod.GET:
        flat = {"id": news.id, "type": shown["type"], "timestamp": shown["timestamp"]}
        members = {**flat, **data_of(news)}
        query = [
            (name, _plain(value)) for name, value in members.items() if not isinstance(value, dict)
        ]
        return WebhookRequest(method="GET", query=query)
    body = json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
    return WebhookRequest(headers={"Content-Type": "application/json"}, body=body)


def data_of(news: NewsEvent) -> dict[str, Any]:
    """What an event is about. The status is the event's: the message may have gone on since."""
    happened = news.event.value.partition(".")[2]
    data: dict[str, Any] = {}
    if news.campaign is not None:
        data["campaignId"] = news.campaign.id
    if news.message is not None:
        message = news.message
        return data | {
            "messageId": message.id,
            "position": message.position,
            "reference": message.reference,
            "status": happened,
            "reason": message.reason or message.error,
        }
    if news.campaign is not None:
        campaign = news.campaign
        return data | {
            "name": campaign.name,
            "status": campaign.status.value,
            "counts": asdict(campaign.tally),
        }
    return data


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
