"""Textingline: the answers to accepted requests, with the vendor's members."""

from typing import Any

from campaign.ids import MESSAGE_PREFIX
from campaign.instants import iso
from campaign.views import CampaignView, MessageView

NAME = "textingline"
# The name of every broadcast's campaign; campaigns of the other routes have none.
BROADCAST_NAME = "Broadcast"


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
