"""The events that webhooks receive, and how OpenAPI describes them."""

from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from campaign.events import CAMPAIGN_EVENTS, MESSAGE_EVENTS, OPT_OUT_EVENTS, Event
from campaign.states import CampaignStatus
from dialects.http.answers import body_of
from dialects.http.api_model import ApiModel, At
from dialects.native.campaign_models import Cause, Counts
from dialects.native.inbound_models import InboundMessage

# The headers of Standard Webhooks 1.0.0.
HEADERS = {
    "webhook-id": "id of the delivery, the same with each try",
    "webhook-timestamp": "Unix seconds of this try",
    "webhook-signature": "`v1,` and the base64 of an HMAC-SHA256; several are separated by spaces",
}


class _OfCampaign(ApiModel):
    campaign_id: str
    sandbox: bool = Field(description="nothing of the campaign reached a carrier")


class CampaignEventData(_OfCampaign):
    """The campaign that ended."""

    name: str | None
    status: CampaignStatus
    counts: Counts


class PauseEventData(CampaignEventData):
    """The campaign that was paused, and why."""

    reason: Cause | None


class _OfMessage(_OfCampaign):
    message_id: str
    to: str
    position: int = Field(description="its place in the campaign, from 0")
    reference: str | None = Field(description="the account's own reference")


class MessageEventData(_OfMessage):
    """The message that reached a status."""

    status: str = Field(description="that of the event, not the current one")
    reason: str | None


class ClickEventData(_OfMessage):
    """A click on a short link of a message."""

    click_id: str
    code: str
    url: str


class InboundEventData(InboundMessage):
    """An inbound text, with the reference of the message that it answers."""

    reference: str | None


class OptOutChangeData(ApiModel):
    """The number that opted out or in."""

    number: str
    source: str = Field(description="inbound, api, file or carrier")
    carrier: str | None


class Nothing(ApiModel):
    """A test reports nothing."""


class _Event(ApiModel):
    timestamp: At


_ENDS = tuple(event for event in CAMPAIGN_EVENTS.values() if event is not Event.CAMPAIGN_PAUSED)


class CampaignEvent(_Event):
    """A campaign ended."""

    type: Literal[_ENDS]  # type: ignore[valid-type]
    data: CampaignEventData


class PauseEvent(_Event):
    """A campaign was paused by its canary or its brake."""

    type: Literal[Event.CAMPAIGN_PAUSED]
    data: PauseEventData


class MessageEvent(_Event):
    """A message reached a status."""

    type: Literal[tuple(MESSAGE_EVENTS.values())]  # type: ignore[valid-type]
    data: MessageEventData


class ClickEvent(_Event):
    """A person followed a short link."""

    type: Literal[Event.LINK_CLICKED]
    data: ClickEventData


class InboundEvent(_Event):
    """A person sent a text."""

    type: Literal[Event.MESSAGE_RECEIVED]
    data: InboundEventData


class OptOutChangeEvent(_Event):
    """A number opted out or in."""

    type: Literal[tuple(sorted(OPT_OUT_EVENTS))]  # type: ignore[valid-type]
    data: OptOutChangeData


class WebhookTest(_Event):
    """Somebody asked for a test of the webhook."""

    type: Literal[Event.WEBHOOK_TEST]
    data: Nothing


MODELS: dict[Event, type[_Event]] = {
    **dict.fromkeys(MESSAGE_EVENTS.values(), MessageEvent),
    **dict.fromkeys(_ENDS, CampaignEvent),
    Event.CAMPAIGN_PAUSED: PauseEvent,
    **dict.fromkeys(OPT_OUT_EVENTS, OptOutChangeEvent),
    Event.LINK_CLICKED: ClickEvent,
    Event.MESSAGE_RECEIVED: InboundEvent,
    Event.WEBHOOK_TEST: WebhookTest,
}


def add_webhooks(router: APIRouter) -> None:
    """Describe each event below ``webhooks`` of the OpenAPI document."""
    for event in Event:
        router.post(
            event.value,
            operation_id="on" + event.replace(".", "_").title().replace("_", ""),
            tags=["Webhooks"],
            summary=(MODELS[event].__doc__ or "").rstrip("."),
            response_class=Response,
            responses={
                200: {"description": "Any 2xx confirms the delivery"},
                410: {"description": "Disables the webhook"},
            },
            openapi_extra=_SIGNED | body_of(MODELS[event].model_json_schema(mode="serialization")),
        )(_receive)


async def _receive() -> None:
    """Verify the signature over id, timestamp and body, and answer with 2xx within 15 seconds."""


_SIGNED: dict[str, Any] = {
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": True,
            "description": text,
            "schema": {"type": "string"},
        }
        for name, text in HEADERS.items()
    ]
}
