"""Counts messages and adds up money of campaigns, inside the caller's transaction."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from campaign.credits import Price
from campaign.ports import Tally
from campaign.report import Report
from campaign.views import CampaignView
from store.shared.clicks import click_counts
from store.shared.views import campaign_view

_COUNTS = text("""
    SELECT campaign_id, status, count(*) AS n FROM message
    WHERE campaign_id IN :campaigns
    GROUP BY campaign_id, status
""").bindparams(bindparam("campaigns", expanding=True))
_CAMPAIGN = text("SELECT id, total, status, sandbox FROM campaign WHERE id = :campaign")
_TOTALS = text("""
    SELECT COALESCE(sum(attempts), 0) AS attempts,
        COALESCE(sum(CASE WHEN sent_at IS NOT NULL THEN segments ELSE 0 END), 0) AS segments,
        min(sent_at) AS first_sent_at,
        max(sent_at) AS last_sent_at
    FROM message
    WHERE campaign_id = :campaign
""")
_REASONS = text("""
    SELECT status, COALESCE(reason, error) AS why, count(*) AS n FROM message
    WHERE campaign_id = :campaign AND COALESCE(reason, error) IS NOT NULL
    GROUP BY status, COALESCE(reason, error)
""")
_HOLDS = text("""
    SELECT kind, amount - posted - voided AS held, posted, voided FROM hold
    WHERE campaign_id = :campaign
""")


def tallies(connection: Connection, campaigns: Iterable[Row[Any]]) -> dict[str, Tally]:
    """Count the messages of several campaign rows by state, in one statement."""
    counts: dict[str, dict[str, int]] = {row.id: {"total": row.total} for row in campaigns}
    if counts:
        for row in connection.execute(_COUNTS, {"campaigns": list(counts)}):
            counts[row.campaign_id][row.status] = row.n
    return {campaign_id: Tally(**states) for campaign_id, states in counts.items()}


def campaign_views(connection: Connection, rows: Sequence[Row[Any]]) -> list[CampaignView]:
    """Make views of campaign rows with the counts of their messages and clicks."""
    tallied = tallies(connection, rows)
    clicked = click_counts(connection, tallied)
    return [campaign_view(row, tallied[row.id], clicked[row.id]) for row in rows]


def tally(connection: Connection, campaign_id: str) -> Tally:
    """Count the messages of one campaign by state."""
    row = connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()
    return tallies(connection, [row])[campaign_id]


def report(connection: Connection, campaign_id: str) -> Report:
    """Add up one campaign: counts, reasons, segments and money."""
    values = {"campaign": campaign_id}
    campaign = connection.execute(_CAMPAIGN, values).one()
    totals = connection.execute(_TOTALS, values).one()
    holds = connection.execute(_HOLDS, values).all()

    def money(column: str) -> Price:
        return Price(**{row.kind: getattr(row, column) for row in holds})

    return Report(
        campaign_id=campaign_id,
        sandbox=bool(campaign.sandbox),
        status=campaign.status,
        tally=tallies(connection, [campaign])[campaign_id],
        segments_sent=totals.segments,
        attempts=totals.attempts,
        held=money("held"),
        posted=money("posted"),
        voided=money("voided"),
        first_sent_at=totals.first_sent_at,
        last_sent_at=totals.last_sent_at,
        reasons={(row.status, row.why): row.n for row in connection.execute(_REASONS, values)},
    )
