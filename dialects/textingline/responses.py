"""Textingline: the answers to accepted requests, with the vendor's members."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from campaign.ids import MESSAGE_PREFIX
from campaign.instants import iso
from campaign.views import CampaignView, MessageView
from dialects.http.api_model import AnswerModel, example

NAME = "textingline"
# The name of every broadcast's campaign; campaigns of the other routes have none.
BROADCAST_NAME = "Broadcast"


class TextinglineCampaign(AnswerModel):
    """An accepted batch or broadcast; only a broadcast has a body."""

    model_config = example(
        {
            "id": "brc_Mg7eR2vYxQ3kZp9sT4uWbL",
            "from": "+18005559876",
            "totalRecipients": 10,
            "status": "queued",
            "createdAt": "2026-11-28T14:47:43.000Z",
        }
    )

    id: str
    sender: str | None = Field(alias="from")
    totalRecipients: int
    status: Literal["queued"]
    createdAt: str
    body: str = ""


class TextinglineAcceptedMessage(AnswerModel):
    """An accepted message."""

    id: str
    direction: Literal["outbound"]
    to: str
    sender: str = Field(alias="from")
    body: str
    status: Literal["queued"]
    createdAt: str


class TextinglineFault(AnswerModel):
    """What is wrong, and where in the request; some faults have further details."""

    model_config = ConfigDict(extra="allow")

    path: str
    message: str


class TextinglineFaults(AnswerModel):
    """The faults of a request."""

    fields: list[TextinglineFault]


class TextinglineFailure(AnswerModel):
    """The answer to a failed request; ``code`` is one of the vendor's."""

    code: int
    message: str
    status: int
    moreInfo: str
    details: TextinglineFaults = TextinglineFaults(fields=[])


def is_single(view: CampaignView) -> bool:
    """Tell whether a campaign is one message of the single route."""
    return view.id.startswith(MESSAGE_PREFIX)


def is_broadcast(view: CampaignView) -> bool:
    """Tell whether a campaign came by the broadcast route."""
    return view.dialect == NAME and view.name == BROADCAST_NAME


def show(view: CampaignView, first: MessageView | None) -> dict[str, Any]:
    """Answer as the route of the campaign does; the answer to a replayed key is the same.

    ``first`` is the campaign's first message; None for a batch.
    """
    if is_single(view) and first is not None:
        return show_message(view, first, "queued")
    shown = {
        "id": view.id,
        "from": view.sender,
        "totalRecipients": view.total,
        "status": "queued",
        "createdAt": iso(view.created_at),
    }
    if is_broadcast(view) and first is not None:
        shown["body"] = first.text
    return shown


def show_message(view: CampaignView, message: MessageView, status: str) -> dict[str, Any]:
    """One outgoing message; on the single route it has the campaign's id."""
    return {
        "id": view.id if is_single(view) else message.id,
        "direction": "outbound",
        "to": message.to,
        "from": message.sender,
        "body": message.text,
        "status": status,
        "createdAt": iso(view.created_at),
    }
