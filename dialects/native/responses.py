"""Records of the store as models of the native API, as JSON and as CSV."""

from collections.abc import Iterable
from typing import Any

from campaign.csv_cells import csv_lines
from campaign.inbound import InboundMessage as InboundRecord
from campaign.instants import iso, iso_or_none
from campaign.report import Report as ReportRecord
from campaign.states import CampaignStatus
from campaign.views import CampaignView, MessageView
from dialects.native.account_models import Credits
from dialects.native.campaign_models import (
    AttemptTotal,
    Campaign,
    CampaignCredits,
    CountryTotal,
    Counts,
    Message,
    NumberLookup,
    Report,
    reasons_of,
)
from dialects.native.inbound_models import InboundMessage
from store.accounts.accounts import AccountView

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
    "error",
    "country",
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


def message_of(view: MessageView) -> Message:
    """The current state of a message."""
    return Message(**message_members(view))


def message_members(view: MessageView) -> dict[str, Any]:
    """The members of a message, for a model that has more of them."""
    return {
        "id": view.id,
        "position": view.position,
        "to": view.to,
        "text": view.text,
        "media_url": view.media_url,
        "sender": view.sender,
        "kind": view.kind,
        "segments": view.segments,
        "status": view.status,
        "reason": view.reason,
        "error": view.error,
        "attempts": view.attempts,
        "due_at": iso(view.due_at),
        "sent_at": iso_or_none(view.sent_at),
        "final_at": iso_or_none(view.final_at),
        "idempotency_key": view.key,
        "duplicate_of": view.duplicate_of,
        "reference": view.reference,
        "lookup": NumberLookup.of(view),
    }


def report_of(report: ReportRecord) -> Report:
    """The counts, reasons and credits of a campaign."""
    return Report(
        campaign_id=report.campaign_id,
        status=CampaignStatus(report.status),
        sandbox=report.sandbox,
        counts=Counts.of(report.tally),
        reasons=reasons_of(report.reasons),
        segments_sent=report.segments_sent,
        attempts=report.attempts,
        credits=CampaignCredits.of(report),
        countries=[CountryTotal.of(each) for each in report.countries],
        attempt_totals=[AttemptTotal.of(each) for each in report.attempt_totals],
        first_sent_at=iso_or_none(report.first_sent_at),
        last_sent_at=iso_or_none(report.last_sent_at),
    )


def campaign_json(view: CampaignView) -> dict[str, Any]:
    """A campaign with its counts, as a JSON object."""
    return Campaign.of(view).json_object()


def message_json(view: MessageView) -> dict[str, Any]:
    """The current state of a message, as a JSON object."""
    return message_of(view).json_object()


def report_json(report: ReportRecord) -> dict[str, Any]:
    """The report of a campaign, as a JSON object."""
    return report_of(report).json_object()


def credits_json(account: AccountView) -> dict[str, Any]:
    """The balances of an account by kind, as a JSON object."""
    return Credits.of(account.balances).json_object()


def messages_csv(messages: Iterable[MessageView], header: bool = True) -> str:
    """Messages as CSV; a cell that a spreadsheet would run as a formula starts with ``'``."""
    rows = (message_json(view) | {"country": view.country} for view in messages)
    return csv_lines(CSV_COLUMNS, rows, header)


def inbound_csv(messages: Iterable[InboundRecord], header: bool = True) -> str:
    """Inbound texts as CSV, with the addresses of a text's media in one cell; see messages_csv."""
    rows = (
        InboundMessage.of(message).json_object() | {"mediaUrls": " ".join(message.media_urls)}
        for message in messages
    )
    return csv_lines(INBOUND_COLUMNS, rows, header)
