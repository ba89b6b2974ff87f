"""Counts messages and adds up money of campaigns, inside the caller's transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from campaign.credits import Price
from campaign.instants import Instant
from campaign.ports import Tally
from campaign.rates import campaign_scope
from campaign.report import AttemptTotal, CountryTotal, Report
from campaign.states import HANDED_OFF, MessageStatus
from campaign.views import CampaignFacts, CampaignView
from store.shared.clicks import click_counts
from store.shared.prices import PRICE_SUMS, price_of
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
_COUNTRIES = text(f"""
    SELECT country, count(*) AS messages, sum(segments) AS segments, {PRICE_SUMS}
    FROM message WHERE campaign_id = :campaign AND status IN :handed_off
    GROUP BY country ORDER BY messages DESC, country
""").bindparams(bindparam("handed_off", [state.value for state in HANDED_OFF], expanding=True))
_ATTEMPTS = text("""
    SELECT carrier, outcome, code, count(*) AS attempts FROM attempt WHERE campaign_id = :campaign
    GROUP BY carrier, outcome, code ORDER BY attempts DESC, carrier, outcome, code
""")
# What left may keep a reason, such as that of an earlier try; only a report counts those.
_WITH_REASON = frozenset(MessageStatus) - {
    MessageStatus.QUEUED,
    MessageStatus.SENDING,
    MessageStatus.SENT,
    MessageStatus.DELIVERED,
}
_REASONS = text("""
    SELECT campaign_id, status, COALESCE(reason, error) AS why, count(*) AS n FROM message
    WHERE campaign_id IN :campaigns AND status IN :with_reason
        AND COALESCE(reason, error) IS NOT NULL
    GROUP BY campaign_id, status, COALESCE(reason, error)
""").bindparams(
    bindparam("campaigns", expanding=True),
    bindparam("with_reason", expanding=True),
)
_HOLDS = text("""
    SELECT campaign_id, kind, amount - posted - voided AS held, posted, voided FROM hold
    WHERE campaign_id IN :campaigns
""").bindparams(bindparam("campaigns", expanding=True))
_RATES = text("""
    SELECT scope, rate FROM rate WHERE scope IN :scopes
""").bindparams(bindparam("scopes", expanding=True))


def tallies(connection: Connection, campaigns: Iterable[Row[Any]]) -> dict[str, Tally]:
    """Count the messages of several campaign rows by state, in one statement."""
    counts: dict[str, dict[str, int]] = {row.id: {"total": row.total} for row in campaigns}
    if counts:
        for row in connection.execute(_COUNTS, {"campaigns": list(counts)}):
            counts[row.campaign_id][row.status] = row.n
    return {campaign_id: Tally(**states) for campaign_id, states in counts.items()}


def campaign_views(
    connection: Connection,
    rows: Sequence[Row[Any]],
    planned_ends: Mapping[str, Instant] | None = None,
) -> list[CampaignView]:
    """Make views of campaign rows with the counts of their messages and clicks.

    Their facts are left out unless ``planned_ends`` has the expected ends of those that send.
    """
    tallied = tallies(connection, rows)
    clicked = click_counts(connection, tallied)
    if planned_ends is None:
        return [campaign_view(row, tallied[row.id], clicked[row.id]) for row in rows]
    facts = campaign_facts(connection, list(tallied), planned_ends)
    return [campaign_view(row, tallied[row.id], clicked[row.id], facts[row.id]) for row in rows]


def tally(connection: Connection, campaign_id: str) -> Tally:
    """Count the messages of one campaign by state."""
    row = connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()
    return tallies(connection, [row])[campaign_id]


def report(connection: Connection, campaign_id: str) -> Report:
    """Add up one campaign: counts, reasons, segments and money."""
    values = {"campaign": campaign_id}
    campaign = connection.execute(_CAMPAIGN, values).one()
    totals = connection.execute(_TOTALS, values).one()
    facts = campaign_facts(connection, [campaign_id], {}, frozenset(MessageStatus))[campaign_id]
    return Report(
        campaign_id=campaign_id,
        sandbox=bool(campaign.sandbox),
        status=campaign.status,
        tally=tallies(connection, [campaign])[campaign_id],
        segments_sent=totals.segments,
        attempts=totals.attempts,
        held=facts.held,
        posted=facts.posted,
        voided=facts.voided,
        first_sent_at=totals.first_sent_at,
        last_sent_at=totals.last_sent_at,
        reasons=facts.reasons,
        countries=[
            CountryTotal(
                row.country,
                row.messages,
                int(row.segments),
                Price() if campaign.sandbox else price_of(row),
            )
            for row in connection.execute(_COUNTRIES, values)
        ],
        attempt_totals=[AttemptTotal(*row) for row in connection.execute(_ATTEMPTS, values)],
    )


def campaign_facts(
    connection: Connection,
    campaign_ids: Sequence[str],
    planned_ends: Mapping[str, Instant],
    with_reason: Collection[MessageStatus] = _WITH_REASON,
) -> dict[str, CampaignFacts]:
    """Add up the credits, reasons and rates of campaigns, one statement for each of the three.

    Reasons are those of messages in one of the states ``with_reason``.
    """
    if not campaign_ids:
        return {}
    values = {"campaigns": campaign_ids}
    money: dict[str, dict[str, dict[str, int]]] = {
        id: {"held": {}, "posted": {}, "voided": {}} for id in campaign_ids
    }
    for row in connection.execute(_HOLDS, values):
        for name, amounts in money[row.campaign_id].items():
            amounts[row.kind] = getattr(row, name)
    reasons: dict[str, dict[tuple[str, str], int]] = {id: {} for id in campaign_ids}
    states = [state.value for state in with_reason]
    for row in connection.execute(_REASONS, {**values, "with_reason": states}):
        reasons[row.campaign_id][row.status, row.why] = row.n
    scopes = {"scopes": [campaign_scope(id) for id in campaign_ids]}
    rates = {row.scope: row.rate for row in connection.execute(_RATES, scopes)}
    return {
        id: CampaignFacts(
            rate=rates.get(campaign_scope(id)),
            planned_end=planned_ends.get(id),
            reasons=reasons[id],
            **{name: Price(**amounts) for name, amounts in money[id].items()},
        )
        for id in campaign_ids
    }
