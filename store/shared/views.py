"""Views of campaigns and messages, made from their rows."""

import json
from dataclasses import fields
from typing import Any

from sqlalchemy import Row

from campaign.credits import MessageKind
from campaign.ports import Tally
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignFacts, CampaignView, ClickCounts, MessageView
from store.shared.own_keys import shown_key
from store.shared.prices import own_price

NO_CLICKS, NO_FACTS = ClickCounts(), CampaignFacts()
_MESSAGE_SAME = [
    field.name
    for field in fields(MessageView)
    if field.name not in {"to", "kind", "status", "key", "own_price"}
]
_CAMPAIGN_SAME = [
    field.name
    for field in fields(CampaignView)
    if field.name
    not in {"status", "refusals", "tally", "clicks", "facts", "key", "sandbox", "is_test"}
]


def campaign_view(
    row: Row[Any],
    tally: Tally,
    clicks: ClickCounts = NO_CLICKS,
    facts: CampaignFacts = NO_FACTS,
) -> CampaignView:
    """Make a view of a campaign row."""
    return CampaignView(
        status=CampaignStatus(row.status),
        refusals=read_refusals(row.refusals),
        tally=tally,
        clicks=clicks,
        facts=facts,
        key=shown_key(row.key),
        sandbox=bool(row.sandbox),
        is_test=bool(row.is_test),
        **{name: getattr(row, name) for name in _CAMPAIGN_SAME},
    )


def message_view(row: Row[Any]) -> MessageView:
    """Make a view of a message row."""
    return MessageView(
        to=row.recipient,
        kind=MessageKind(row.kind),
        status=MessageStatus(row.status),
        key=shown_key(row.key),
        own_price=own_price(row),
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
