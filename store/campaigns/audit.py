"""Prove the books: entries, balances, holds, messages and keys must tell the same story.

Everything is read in one snapshot, so that the audit is exact on a live system and blocks
nobody. Each check is one set-based statement that returns only what is wrong.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.credits import CreditKind
from campaign.routing import SANDBOX
from campaign.states import CAMPAIGN_ENDS, GIVEN_UP, HANDED_OFF, MessageStatus
from store.database.engine import Database
from store.shared.prices import price_sql


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is off: what was checked, about whom, what should be and what is."""

    check: str
    subject: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was looked at, and what was found to be off."""

    accounts: int
    campaigns: int
    messages: int
    findings: tuple[Finding, ...]


def _listed(values: object) -> str:
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"  # type: ignore[attr-defined]


_PAID = _listed(HANDED_OFF)
_FREE = _listed(GIVEN_UP)
_ENDED = _listed(CAMPAIGN_ENDS)
_KNOWN = _listed(MessageStatus)


def _prices(statuses: str) -> str:
    """The price of each campaign's messages in some states, one row per campaign and kind.

    Those that were removed are added up already (store/people/removal.py).
    """
    parts = " UNION ALL ".join(
        f"SELECT m.campaign_id, '{kind}' AS kind, "
        f"SUM(CASE WHEN m.status IN {statuses} AND NOT c.sandbox THEN {price} "
        f"ELSE 0 END) AS price FROM {table} m JOIN campaign c ON c.id = m.campaign_id "
        "WHERE (:campaign IS NULL OR m.campaign_id = :campaign) "
        "GROUP BY m.campaign_id"
        for kind in CreditKind
        for table, price in (
            ("message", price_sql(kind, "m")),
            ("removed_message", f"m.credits_{kind}"),
        )
    )
    return (
        f"SELECT campaign_id, kind, SUM(price) AS price FROM ({parts}) AS parts "
        "GROUP BY campaign_id, kind"
    )


_MOVED = (
    "SELECT {group}, kind, "
    "SUM(CASE movement WHEN 'grant' THEN amount ELSE 0 END) AS granted, "
    "SUM(CASE movement WHEN 'hold' THEN amount ELSE 0 END) AS held, "
    "SUM(CASE movement WHEN 'post' THEN amount ELSE 0 END) AS posted, "
    "SUM(CASE movement WHEN 'void' THEN amount ELSE 0 END) AS voided "
    "FROM ledger_entry GROUP BY {group}, kind"
)
_BY_ACCOUNT = _MOVED.format(group="account_id")
_BY_CAMPAIGN = _MOVED.format(group="campaign_id")
_OF_CAMPAIGN = "(:campaign IS NULL OR {column} = :campaign)"

# How many messages the campaign c has or had.
_MESSAGES = (
    "((SELECT count(*) FROM message WHERE campaign_id = c.id) + "
    "(SELECT COALESCE(SUM(messages), 0) FROM removed_message WHERE campaign_id = c.id))"
)

# Each statement selects subject, expected and found of what is off.
CHECKS: dict[str, str] = {
    "a balance adds up": (
        "SELECT account_id || ' ' || kind AS subject, granted AS expected, "
        "available + held + posted AS found FROM credit "
        "WHERE granted <> available + held + posted OR available < 0 OR held < 0 OR posted < 0"
    ),
    "grants are entries": (
        f"SELECT c.account_id || ' ' || c.kind AS subject, COALESCE(e.granted, 0) AS expected, "
        f"c.granted AS found FROM credit c LEFT JOIN ({_BY_ACCOUNT}) e "
        "ON e.account_id = c.account_id AND e.kind = c.kind "
        "WHERE c.granted <> COALESCE(e.granted, 0)"
    ),
    "what is posted is entries": (
        f"SELECT c.account_id || ' ' || c.kind AS subject, COALESCE(e.posted, 0) AS expected, "
        f"c.posted AS found FROM credit c LEFT JOIN ({_BY_ACCOUNT}) e "
        "ON e.account_id = c.account_id AND e.kind = c.kind "
        "WHERE c.posted <> COALESCE(e.posted, 0)"
    ),
    "what is held is entries": (
        f"SELECT c.account_id || ' ' || c.kind AS subject, "
        f"COALESCE(e.held - e.posted - e.voided, 0) AS expected, c.held AS found "
        f"FROM credit c LEFT JOIN ({_BY_ACCOUNT}) e "
        "ON e.account_id = c.account_id AND e.kind = c.kind "
        "WHERE c.held <> COALESCE(e.held - e.posted - e.voided, 0)"
    ),
    "a hold is its entries": (
        "SELECT h.campaign_id || ' ' || h.kind AS subject, "
        "COALESCE(e.held, 0) || '/' || COALESCE(e.posted, 0) || '/' || COALESCE(e.voided, 0) "
        "AS expected, h.amount || '/' || h.posted || '/' || h.voided AS found "
        f"FROM hold h LEFT JOIN ({_BY_CAMPAIGN}) e "
        "ON e.campaign_id = h.campaign_id AND e.kind = h.kind "
        f"WHERE {_OF_CAMPAIGN.format(column='h.campaign_id')} "
        "AND (h.amount <> COALESCE(e.held, 0) OR h.posted <> COALESCE(e.posted, 0) "
        "OR h.voided <> COALESCE(e.voided, 0))"
    ),
    "what was sent was paid": (
        "SELECT p.campaign_id || ' ' || p.kind AS subject, p.price AS expected, "
        f"COALESCE(h.posted, 0) AS found FROM ({_prices(_PAID)}) p "
        "LEFT JOIN hold h ON h.campaign_id = p.campaign_id AND h.kind = p.kind "
        "WHERE p.price <> COALESCE(h.posted, 0)"
    ),
    "an ended campaign holds only for what is open": (
        "SELECT p.campaign_id || ' ' || p.kind AS subject, p.price AS expected, "
        "h.amount - h.posted - h.voided AS found "
        f"FROM ({_prices(_listed(['queued', 'retryable', 'sending', 'unknown']))}) p "
        "JOIN hold h ON h.campaign_id = p.campaign_id AND h.kind = p.kind "
        f"JOIN campaign c ON c.id = p.campaign_id AND c.status IN {_ENDED} "
        "WHERE p.price <> h.amount - h.posted - h.voided"
    ),
    "a sandbox has its own carrier": (
        "SELECT a.campaign_id || ' #' || a.position AS subject, "
        f"CASE WHEN c.sandbox THEN '{SANDBOX}' ELSE 'a real carrier' END AS expected, "
        "COALESCE(a.carrier, '') AS found FROM attempt a JOIN campaign c ON c.id = a.campaign_id "
        f"WHERE c.sandbox <> (COALESCE(a.carrier, '') = '{SANDBOX}') "
        f"AND {_OF_CAMPAIGN.format(column='c.id')}"
    ),
    "every recipient has a message": (
        f"SELECT c.id AS subject, c.total AS expected, {_MESSAGES} AS found FROM campaign c "
        f"WHERE {_OF_CAMPAIGN.format(column='c.id')} AND c.total <> {_MESSAGES}"
    ),
    "every message is in a known state": (
        "SELECT m.campaign_id || ' #' || m.position AS subject, 'a known state' AS expected, "
        f"m.status AS found FROM message m WHERE m.status NOT IN {_KNOWN} "
        f"AND {_OF_CAMPAIGN.format(column='m.campaign_id')}"
    ),
    "a count is its messages": (
        "SELECT campaign_id || ' ' || status || ' ' || reason AS subject, "
        "sum(there) AS expected, sum(counted) AS found FROM ("
        "SELECT campaign_id, status, COALESCE(reason, error, '') AS reason, 1 AS there, "
        "0 AS counted FROM message WHERE (status NOT IN ('queued', 'sending') "
        "OR COALESCE(reason, error, '') <> '') "
        f"AND {_OF_CAMPAIGN.format(column='campaign_id')} "
        "UNION ALL SELECT campaign_id, status, reason, messages, 0 FROM removed_message "
        "WHERE (status NOT IN ('queued', 'sending') OR reason <> '') "
        f"AND {_OF_CAMPAIGN.format(column='campaign_id')} "
        "UNION ALL SELECT campaign_id, status, reason, 0, messages FROM message_count "
        f"WHERE {_OF_CAMPAIGN.format(column='campaign_id')}) AS compared "
        "GROUP BY campaign_id, status, reason HAVING sum(there) <> sum(counted)"
    ),
    "an ended campaign leaves nothing waiting": (
        "SELECT m.campaign_id || ' #' || m.position AS subject, 'an end' AS expected, "
        f"m.status AS found FROM campaign c JOIN message m ON m.campaign_id = c.id "
        f"WHERE c.status IN {_ENDED} AND m.status IN ('queued', 'retryable', 'sending') "
        f"AND {_OF_CAMPAIGN.format(column='c.id')}"
    ),
    "a spent key belongs to a message that was sent": (
        "SELECT k.campaign_id || ' #' || k.position AS subject, 'sent' AS expected, "
        "COALESCE(m.status, 'no message') AS found FROM recipient_key k LEFT JOIN message m "
        "ON m.campaign_id = k.campaign_id AND m.position = k.position "
        f"WHERE k.free_at IS NOT NULL AND COALESCE(m.status, '') NOT IN {_PAID} "
        # It may outlive a message that was removed.
        "AND NOT (m.status IS NULL AND EXISTS (SELECT 1 FROM campaign c "
        "WHERE c.id = k.campaign_id AND c.messages_removed_at IS NOT NULL)) "
        f"AND {_OF_CAMPAIGN.format(column='k.campaign_id')}"
    ),
    "a claimed key belongs to a message under way": (
        "SELECT k.campaign_id || ' #' || k.position AS subject, 'sending or unknown' AS expected, "
        "COALESCE(m.status, 'no message') AS found FROM recipient_key k LEFT JOIN message m "
        "ON m.campaign_id = k.campaign_id AND m.position = k.position "
        "WHERE k.free_at IS NULL AND COALESCE(m.status, '') NOT IN ('sending', 'unknown') "
        "AND NOT (COALESCE(m.status, '') = 'retryable' AND COALESCE(m.was_unknown, FALSE)) "
        f"AND {_OF_CAMPAIGN.format(column='k.campaign_id')}"
    ),
    "a campaign's key ends with it": (
        "SELECT c.id AS subject, 'spent or free' AS expected, 'held' AS found "
        "FROM campaign_key k JOIN campaign c ON c.id = k.campaign_id "
        f"WHERE k.free_at IS NULL AND c.status IN {_ENDED} "
        f"AND {_OF_CAMPAIGN.format(column='c.id')}"
    ),
}


def audit(database: Database, campaign_id: str | None = None) -> AuditReport:
    """Hold the books against each other: everything, or one campaign (balances always).

    Findings name accounts, campaigns and positions, never people.
    """

    def work(connection: Connection) -> AuditReport:
        values = {"campaign": campaign_id}
        findings = []
        for check, statement in CHECKS.items():
            typed = statement.replace(":campaign IS NULL", "CAST(:campaign AS VARCHAR) IS NULL")
            bound = values if ":campaign" in typed else {}
            for row in connection.execute(text(typed), bound):
                found = Finding(check, str(row.subject), str(row.expected), str(row.found))
                findings.append(found)
        return AuditReport(
            accounts=_count(connection, "account"),
            campaigns=1 if campaign_id else _count(connection, "campaign"),
            messages=_count(connection, "message", campaign_id),
            findings=tuple(findings),
        )

    return database.read_snapshot(work)


def _count(connection: Connection, table: str, campaign_id: str | None = None) -> int:
    condition = "" if campaign_id is None else " WHERE campaign_id = :campaign"
    bound = {} if campaign_id is None else {"campaign": campaign_id}
    return int(
        connection.execute(text(f"SELECT count(*) FROM {table}{condition}"), bound).scalar_one()
    )
