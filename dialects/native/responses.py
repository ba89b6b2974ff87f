"""Canonical JSON (and CSV) of campaigns, messages and reports."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from campaign.csv_cells import csv_lines
from campaign.inbound import InboundMessage
from campaign.instants import iso, iso_or_none
from campaign.report import Report
from campaign.views import CampaignView, MessageView
from dialects.native.inbound import inbound_json
from store.accounts.accounts import AccountView
from store.accounts.api_keys import KeyView
from store.accounts.senders import SenderView

CSV_COLUMNS = (
    "position",
    "id",
    "to",
    "sender",
    "kind",
    "segments",
    "status",
    "reason",
    "attempts",
    "dueAt",
    "sentAt",
    "reference",
)

INBOUND_COLUMNS = (
    "id",
    "from",
    "to",
    "text",
    "mediaUrls",
    "receivedAt",
    "carrier",
    "campaignId",
    "messageId",
    "needsReview",
)


def campaign_json(view: CampaignView) -> dict[str, Any]:
    """A campaign with its counts; the ten after ``total`` sum to it.

    ``replies`` is how many inbound texts answered its messages. ``clicks`` has the clicks on its
    short links: ``total``, ``unique`` (messages with at least one) and ``previews`` by programs,
    which are no clicks.

    ``pausedBy`` is "person" or "system" while it is paused. ``problem`` names what keeps an open
    campaign from going on, such as "workflow_lost". ``ordered`` is an order that holds and is not
    carried out yet: "pause", "resume", "cancel" or "retry". A campaign of the ``sandbox`` reaches
    no carrier and takes no credits; a ``test`` sends the text of one recipient to the caller's own
    numbers.
    """
    return {
        "id": view.id,
        "name": view.name,
        "dialect": view.dialect,
        "sandbox": view.sandbox,
        "test": view.is_test,
        "status": view.status.value,
        "sender": view.sender,
        "createdAt": iso(view.created_at),
        "scheduleDateTime": iso_or_none(view.scheduled_at),
        "spreadHours": view.spread_hours,
        "startedAt": iso_or_none(view.started_at),
        "finishedAt": iso_or_none(view.finished_at),
        "pausedBy": view.paused_by,
        "problem": view.problem,
        "ordered": view.ordered,
        "idempotencyKey": view.key,
        "refusals": [asdict(refusal) for refusal in view.refusals],
        "counts": asdict(view.tally),
        "replies": view.replies,
        "clicks": asdict(view.clicks),
    }


def message_json(view: MessageView) -> dict[str, Any]:
    """The current state of a message."""
    return {
        "id": view.id,
        "position": view.position,
        "to": view.to,
        "text": view.text,
        "mediaUrl": view.media_url,
        "sender": view.sender,
        "kind": view.kind.value,
        "segments": view.segments,
        "status": view.status.value,
        "reason": view.reason,
        "error": view.error,
        "attempts": view.attempts,
        "dueAt": iso(view.due_at),
        "sentAt": iso_or_none(view.sent_at),
        "finalAt": iso_or_none(view.final_at),
        "idempotencyKey": view.key,
        "duplicateOf": view.duplicate_of,
        "reference": view.reference,
        "lookup": {
            "country": view.country,
            "lineType": view.line_type,
            "network": view.network,
        },
    }


def report_json(report: Report) -> dict[str, Any]:
    """The counts, reasons and credits of a campaign."""
    return {
        "campaignId": report.campaign_id,
        "status": report.status,
        "sandbox": report.sandbox,
        "counts": asdict(report.tally),
        "reasons": [
            {"status": status, "reason": reason, "count": count}
            for (status, reason), count in sorted(report.reasons.items())
        ],
        "segmentsSent": report.segments_sent,
        "attempts": report.attempts,
        "credits": {
            "held": asdict(report.held),
            "posted": asdict(report.posted),
            "voided": asdict(report.voided),
        },
        "firstSentAt": iso_or_none(report.first_sent_at),
        "lastSentAt": iso_or_none(report.last_sent_at),
    }


def credits_json(account: AccountView) -> dict[str, Any]:
    """The balances of an account by kind."""
    return {kind.value: asdict(balance) for kind, balance in account.balances.items()}


def sender_json(sender: SenderView) -> dict[str, Any]:
    """A sender of an account; ``rate`` is in segments per second, None without a limit.

    ``status`` is ``requested`` until the operator approves it, then ``approved``.
    """
    return {
        "address": sender.address,
        "kind": sender.kind,
        "active": sender.active,
        "status": sender.status,
        "rate": sender.rate,
    }


def key_json(key: KeyView) -> dict[str, Any]:
    """An API key without its secret."""
    return {
        "keyId": key.key_id,
        "permissions": list(key.permissions),
        "sandbox": key.sandbox,
        "createdAt": iso(key.created_at),
        "revoked": key.revoked_at is not None,
    }


def messages_csv(messages: Iterable[MessageView], header: bool = True) -> str:
    """Messages as CSV; a cell that a spreadsheet would run as a formula starts with ``'``."""
    return csv_lines(CSV_COLUMNS, map(message_json, messages), header)


def inbound_csv(messages: Iterable[InboundMessage], header: bool = True) -> str:
    """Inbound texts as CSV, with the addresses of a text's media in one cell; see messages_csv."""
    rows = (
        inbound_json(message) | {"mediaUrls": " ".join(message.media_urls)} for message in messages
    )
    return csv_lines(INBOUND_COLUMNS, rows, header)
