"""Counts messages and adds up money of campaigns, inside the caller's transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from store.shared.views import NO_FACTS, campaign_view

# What triggers do not count (store/tables/counts.py) is ``queued`` if it is not ``sending``. Few
# are, and one statement reads both as they are at one moment.
_COUNTS = text("""
    SELECT campaign_id, status, reason, sum(messages) AS n FROM message_count
    WHERE campaign_id IN :campaigns
    GROUP BY campaign_id, status, reason HAVING sum(messages) <> 0
    UNION ALL
    SELECT campaign_id, status, NULL, count(*) FROM message
    WHERE campaign_id IN :campaigns AND status = 'sending'
    GROUP BY campaign_id, status
""").bindparams(bindparam("campaigns", expanding=True))
_UNCOUNTED = (MessageStatus.QUEUED, MessageStatus.SENDING)
_CAMPAIGN = text("SELECT id, total, status, sandbox FROM campaign WHERE id = :campaign")
# Messages and attempts that were removed are added up already (store/people/removal.py).
_TOTALS = text("""
    SELECT COALESCE(sum(attempts), 0) AS attempts, COALESCE(sum(segments), 0) AS segments,
        min(first_sent_at) AS first_sent_at, max(last_sent_at) AS last_sent_at
    FROM (
        SELECT sum(attempts) AS attempts,
            sum(CASE WHEN sent_at IS NOT NULL THEN segments ELSE 0 END) AS segments,
            min(sent_at) AS first_sent_at, max(sent_at) AS last_sent_at
        FROM message WHERE campaign_id = :campaign
        UNION ALL
        SELECT attempts, segments_sent, first_sent_at, last_sent_at
        FROM removed_message WHERE campaign_id = :campaign
    ) AS kept_and_removed
""")
_COUNTRIES = text(f"""
    SELECT country, sum(messages) AS messages, sum(segments) AS segments,
        sum(credits_sms) AS credits_sms, sum(credits_mms) AS credits_mms
    FROM (
        SELECT country, count(*) AS messages, sum(segments) AS segments, {PRICE_SUMS}
        FROM message WHERE campaign_id = :campaign AND status IN :handed_off GROUP BY country
        UNION ALL
        SELECT NULLIF(country, ''), messages, segments, credits_sms, credits_mms
        FROM removed_message WHERE campaign_id = :campaign AND status IN :handed_off
    ) AS kept_and_removed
    GROUP BY country ORDER BY messages DESC, country
""").bindparams(bindparam("handed_off", [state.value for state in HANDED_OFF], expanding=True))
_ATTEMPTS = text("""
    SELECT carrier, outcome, code, sum(attempts) AS attempts
    FROM (
        SELECT carrier, outcome, code, count(*) AS attempts
        FROM attempt WHERE campaign_id = :campaign GROUP BY carrier, outcome, code
        UNION ALL
        SELECT NULLIF(carrier, ''), NULLIF(outcome, ''), NULLIF(code, ''), attempts
        FROM removed_attempt WHERE campaign_id = :campaign
    ) AS kept_and_removed
    GROUP BY carrier, outcome, code ORDER BY attempts DESC, carrier, outcome, code
""")
# What left may keep a reason, such as that of an earlier try; only a report counts those.
_WITH_REASON = frozenset(MessageStatus) - {
    MessageStatus.QUEUED,
    MessageStatus.SENDING,
    MessageStatus.SENT,
    MessageStatus.DELIVERED,
}
_HOLDS = text("""
    SELECT campaign_id, kind, amount - posted - voided AS held, posted, voided FROM hold
    WHERE campaign_id IN :campaigns
""").bindparams(bindparam("campaigns", expanding=True))
_RATES = text("""
    SELECT scope, rate FROM rate WHERE scope IN :scopes
""").bindparams(bindparam("scopes", expanding=True))


@dataclass(slots=True)
class Counted:
    """The messages of a campaign by state, and those with a reason by state and reason."""

    states: dict[str, int]
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def tally(self) -> Tally:
        """The same as a tally; what nothing else counts is queued."""
        total = self.states["total"]
        queued = total - sum(n for state, n in self.states.items() if state != "total")
        return Tally(queued=queued, **self.states)


def counted(connection: Connection, campaigns: Iterable[Row[Any]]) -> dict[str, Counted]:
    """Count the messages of several campaign rows, in one statement and without reading them."""
    found = {row.id: Counted({"total": row.total}) for row in campaigns}
    if not found:
        return {}
    for row in connection.execute(_COUNTS, {"campaigns": list(found)}):
        of, n = found[row.campaign_id], int(row.n)
        if row.reason:
            of.reasons[row.status, row.reason] = n
        if row.reason is None or row.status not in _UNCOUNTED:
            of.states[row.status] = of.states.get(row.status, 0) + n
    return found


def campaign_views(
    connection: Connection,
    rows: Sequence[Row[Any]],
    planned_ends: Mapping[str, Instant] | None = None,
) -> list[CampaignView]:
    """Make views of campaign rows with the counts of their messages and clicks.

    Their facts are left out unless ``planned_ends`` has the expected ends of those that send.
    """
    found = counted(connection, rows)
    clicked = click_counts(connection, found)
    facts: Mapping[str, CampaignFacts] = {}
    if planned_ends is not None:
        facts = campaign_facts(connection, found, planned_ends)
    return [
        campaign_view(row, found[row.id].tally, clicked[row.id], facts.get(row.id, NO_FACTS))
        for row in rows
    ]


def tally(connection: Connection, campaign_id: str) -> Tally:
    """Count the messages of one campaign by state."""
    row = connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()
    return counted(connection, [row])[campaign_id].tally


def report(connection: Connection, campaign_id: str) -> Report:
    """Add up one campaign: counts, reasons, segments and money."""
    values = {"campaign": campaign_id}
    campaign = connection.execute(_CAMPAIGN, values).one()
    totals = connection.execute(_TOTALS, values).one()
    found = counted(connection, [campaign])
    facts = campaign_facts(connection, found, {}, frozenset(MessageStatus))[campaign_id]
    return Report(
        campaign_id=campaign_id,
        sandbox=bool(campaign.sandbox),
        status=campaign.status,
        tally=found[campaign_id].tally,
        segments_sent=int(totals.segments),
        attempts=int(totals.attempts),
        held=facts.held,
        posted=facts.posted,
        voided=facts.voided,
        first_sent_at=totals.first_sent_at,
        last_sent_at=totals.last_sent_at,
        reasons=facts.reasons,
        countries=[
            CountryTotal(
                row.country,
                int(row.messages),
                int(row.segments),
                Price() if campaign.sandbox else price_of(row),
            )
            for row in connection.execute(_COUNTRIES, values)
        ],
        attempt_totals=[
            AttemptTotal(row.carrier, row.outcome, row.code, int(row.attempts))
            for row in connection.execute(_ATTEMPTS, values)
        ],
    )


def campaign_facts(
    connection: Connection,
    found: Mapping[str, Counted],
    planned_ends: Mapping[str, Instant],
    with_reason: Collection[MessageStatus] = _WITH_REASON,
) -> dict[str, CampaignFacts]:
    """Add up the credits and rates of counted campaigns, one statement for each of the two.

    Reasons are those of messages in one of the states ``with_reason``.
    """
    if not found:
        return {}
    values = {"campaigns": list(found)}
    money: dict[str, dict[str, dict[str, int]]] = {
        id: {"held": {}, "posted": {}, "voided": {}} for id in found
    }
    for row in connection.execute(_HOLDS, values):
        for name, amounts in money[row.campaign_id].items():
            amounts[row.kind] = getattr(row, name)
    scopes = {"scopes": [campaign_scope(id) for id in found]}
    rates = {row.scope: row.rate for row in connection.execute(_RATES, scopes)}
    return {
        id: CampaignFacts(
            rate=rates.get(campaign_scope(id)),
            planned_end=planned_ends.get(id),
            reasons={
                (state, why): n for (state, why), n in of.reasons.items() if state in with_reason
            },
            **{name: Price(**amounts) for name, amounts in money[id].items()},
        )
        for id, of in found.items()
    }
