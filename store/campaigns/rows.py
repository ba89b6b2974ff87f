"""What a new campaign and its messages are as rows."""

import json
from collections.abc import Sequence
from operator import attrgetter

from sqlalchemy import Connection

from campaign.activity import Action
from campaign.canary import stored_brake, stored_canary
from campaign.due_instants import base_instant
from campaign.model import ComposedCampaign
from campaign.sending_windows import stored_window
from campaign.states import GIVEN_UP, CampaignStatus
from campaign.text_edits import stored_template, template_of
from store.database.bulk_insert import insert_rows
from store.database.engine import Database
from store.shared.activity import record
from store.shared.own_keys import stored_key
from store.shared.prices import price_values
from telemetry.tracing import current_traceparent

# Columns that messages have under the same name, where they have a value.
_OPTIONAL = (
    "media_url",
    "reason",
    "scheduled_at",
    "reference",
    "list_id",
    "compliance_text",
    "country",
    "line_type",
    "network",
    "callback_url",
    "callback_method",
    "time_zone",
)


def campaign_values(
    composed: ComposedCampaign, campaign_id: str, expected: int | None = None
) -> dict[str, object]:
    """The row of a new campaign; with an ``expected`` total it has no messages yet."""
    draft = composed.draft
    canary_end = composed.canary_end
    if expected is not None and draft.canary is not None:
        canary_end = draft.canary.size_of(expected)
    status = CampaignStatus.DRAFT if expected is None else CampaignStatus.PREPARING
    return {
        "id": campaign_id,
        "account_id": draft.account_id,
        "dialect": draft.dialect,
        "status": status.value,
        "total": len(composed.messages) if expected is None else 0,
        "expected_total": expected,
        "created_at": composed.received_at,
        "name": draft.name,
        "sender": draft.sender,
        "scheduled_at": draft.scheduled_at,
        "spread_hours": draft.spread_hours,
        "base_at": base_instant(draft, composed.received_at),
        "key": stored_key(draft.key, draft.sandbox),
        "payload_hash": draft.payload_hash,
        "exclude_opt_outs": draft.exclude_opt_outs,
        "unknown_policy": draft.unknown_policy.value,
        "sandbox": draft.sandbox,
        "purpose": None if draft.purpose is None else draft.purpose.value,
        "sending_window": stored_window(draft.window),
        "expires_at": draft.expires_at,
        "validity_seconds": draft.validity_seconds,
        "credits_max_sms": draft.credits_max.sms,
        "credits_max_mms": draft.credits_max.mms,
        "is_test": draft.is_test,
        "is_answer": draft.is_answer,
        "canary": stored_canary(draft.canary),
        "canary_end": canary_end,
        "brake": stored_brake(draft.brake),
        "template": stored_template(template_of(draft)),
        "traceparent": current_traceparent(),
    }


def insert_messages(
    database: Database, connection: Connection, composed: ComposedCampaign, campaign_id: str
) -> None:
    """Insert the messages of a campaign, or those of a page."""
    insert_rows(database, connection, "message", _message_rows(composed, campaign_id))


def _message_rows(composed: ComposedCampaign, campaign_id: str) -> Sequence[dict[str, object]]:
    """The rows of its messages, all with the same columns; what none of them has is left out."""
    draft, messages, recipients = composed.draft, composed.messages, composed.draft.recipients
    rows: list[dict[str, object]] = [
        {
            "campaign_id": campaign_id,
            "position": message.position,
            "id": message.id,
            "recipient": message.to,
            "text": message.text,
            "sender": message.sender,
            "kind": message.kind.value,
            "segments": message.segments,
            "status": message.status.value,
            "due_at": message.due_at,
            "attempts": 0,
            "was_unknown": False,
        }
        for message in messages
    ]
    columns = {name: list(map(attrgetter(name), messages)) for name in _OPTIONAL}
    columns |= {
        "key": [stored_key(message.key, draft.sandbox) for message in messages],
        "fields": [
            json.dumps(dict(one.fields)) if one.fields else None for one in draft.recipients
        ],
        "own_text": [True if one.text is not None else None for one in recipients],
        # Some are at their end before anything was sent.
        "final_at": [
            composed.received_at if message.status in GIVEN_UP else None for message in messages
        ],
    }
    for name, values in columns.items():
        if values.count(None) < len(values):
            for row, value in zip(rows, values, strict=True):
                row[name] = value
    if any(message.own_price is not None for message in messages):
        for row, message in zip(rows, messages, strict=True):
            row.update(price_values(message.own_price))
    return rows


def record_created(
    connection: Connection,
    composed: ComposedCampaign,
    campaign_id: str,
    expected: int | None = None,
) -> None:
    """Record who created a campaign."""
    draft = composed.draft
    created = {
        "dialect": draft.dialect,
        "recipients": len(composed.messages) if expected is None else expected,
        "sandbox": draft.sandbox,
    }
    record(
        connection, Action.CAMPAIGN_CREATED, campaign_id, account=draft.account_id, after=created
    )
