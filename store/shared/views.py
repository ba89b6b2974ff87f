"""What the entry points see of campaigns and messages: plain records, free of the database."""

import json
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Row

from campaign.credits import MessageKind
from campaign.instants import Instant
from campaign.ports import Tally
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CampaignStatus, MessageStatus


@dataclass(frozen=True, slots=True)
class CampaignView:
    """One campaign with its counts at the moment of asking.

    While it is paused, ``paused_by`` says who decided that: "person" or "system". ``problem`` is
    why an open campaign does not go on by itself ("workflow_lost"), and mostly None.
    """

    id: str
    account_id: str
    dialect: str
    status: CampaignStatus
    name: str | None
    sender: str | None
    total: int
    created_at: Instant
    scheduled_at: Instant | None
    spread_hours: float
    base_at: Instant
    key: str | None
    payload_hash: str
    refusals: list[Refusal]
    started_at: Instant | None
    finished_at: Instant | None
    tally: Tally
    paused_at: Instant | None = None
    paused_by: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message, as read at one moment."""

    id: str
    position: int
    to: str
    text: str
    media_url: str | None
    sender: str
    kind: MessageKind
    segments: int
    status: MessageStatus
    reason: str | None
    attempts: int
    due_at: Instant
    scheduled_at: Instant | None
    sent_at: Instant | None
    final_at: Instant | None
    key: str | None
    reference: str | None
    error: str | None
    carrier_id: str | None
    country: str | None
    line_type: str | None
    network: str | None
    duplicate_of: str | None


_MESSAGE_SAME = [
    field.name for field in fields(MessageView) if field.name not in {"to", "kind", "status"}
]
_CAMPAIGN_SAME = [
    field.name
    for field in fields(CampaignView)
    if field.name not in {"status", "refusals", "tally"}
]


def campaign_view(row: Row[Any], tally: Tally) -> CampaignView:
    """Make a view of a campaign row."""
    return CampaignView(
        status=CampaignStatus(row.status),
        refusals=read_refusals(row.refusals),
        tally=tally,
        **{name: getattr(row, name) for name in _CAMPAIGN_SAME},
    )


def message_view(row: Row[Any]) -> MessageView:
    """Make a view of a message row."""
    return MessageView(
        to=row.recipient,
        kind=MessageKind(row.kind),
        status=MessageStatus(row.status),
        **{name: getattr(row, name) for name in _MESSAGE_SAME},
    )


def read_refusals(stored: str | None) -> list[Refusal]:
    """Read the refusals of a campaign from its column; an empty list where there are none."""
    return [
        Refusal(
            RefusalCode(item["code"]), item["message"], item["place"], item.get("details") or {}
        )
        for item in json.loads(stored or "[]")
    ]
