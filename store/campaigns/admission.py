"""Admission and the end of a campaign: evidence, hold, plan and settlement."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text

from campaign.credits import CreditKind, Price, price_of
from campaign.instants import Instant, moment_of
from campaign.keys import free_at
from campaign.model import Evidence
from campaign.ports import PlanFacts, Tally, WaveRow
from campaign.rates import campaign_scope
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from store.database.engine import Database
from store.shared import ledger, rates, reports
from store.shared.outbox import Destination, Outbox

_WAITING = "status IN ('queued', 'retryable')"
_FIRSTS = (
    "SELECT {column} AS value, min(position) AS position FROM message "
    f"WHERE campaign_id = :campaign AND {_WAITING} GROUP BY {{column}}"
)
# Senders that are the account's neither for good nor, towards the recipient, by a lease.
_FIRSTS_UNLEASED = text(
    "SELECT m.sender, min(m.position) AS position FROM message m "
    f"WHERE m.campaign_id = :campaign AND m.{_WAITING} AND m.sender NOT IN :owned "
    "AND NOT EXISTS (SELECT 1 FROM lease l WHERE l.number = m.sender "
    "AND l.recipient = m.recipient AND l.account_id = :account AND l.expires_at > :now) "
    "GROUP BY m.sender"
).bindparams(bindparam("owned", expanding=True))
_ACCOUNT = text(
    "SELECT a.id, a.daily_quota, c.total FROM campaign c JOIN account a ON a.id = c.account_id "
    "WHERE c.id = :campaign"
)
_SENDERS = text("SELECT address FROM sender WHERE account_id = :account AND active")
_USED = text("SELECT used FROM quota_day WHERE account_id = :account AND day = :day")
_KINDS = (
    "SELECT kind, count(*) AS n FROM message WHERE campaign_id = :campaign "
    "AND status IN {statuses} GROUP BY kind"
)
_KINDS_WAITING = text(_KINDS.format(statuses="('queued', 'retryable')"))
_KINDS_OPEN = text(_KINDS.format(statuses="('queued', 'retryable', 'sending', 'unknown')"))
_SKIP_OPTED_OUT = text(
    "UPDATE message SET status = 'skipped', reason = 'opted_out', final_at = :now "
    f"WHERE campaign_id = :campaign AND {_WAITING} AND NOT was_unknown "
    "AND EXISTS (SELECT 1 FROM opt_out o "
    "WHERE o.account_id = :account AND o.number = message.recipient)"
)
_HELD = text("SELECT 1 FROM hold WHERE campaign_id = :campaign LIMIT 1")
_COUNT_QUOTA = text(
    "UPDATE quota_day SET used = used + :count WHERE account_id = :account AND day = :day "
    "AND (CAST(:quota AS BIGINT) IS NULL OR used + :count <= :quota)"
)
_PLAN = text(
    "SELECT status, spread_hours, scheduled_at, base_at, pauses_applied, "
    "(SELECT min(due_at) FROM message m WHERE m.campaign_id = c.id AND m.{waiting}) AS first_due, "
    "(SELECT max(due_at) FROM message m WHERE m.campaign_id = c.id AND m.{waiting}) AS last_due, "
    "(SELECT count(*) FROM message m WHERE m.campaign_id = c.id AND m.{waiting}) AS to_send, "
    "(SELECT count(*) FROM message m WHERE m.campaign_id = c.id AND m.status = 'failed') AS failed "
    "FROM campaign c WHERE c.id = :campaign".replace("{waiting}", _WAITING)
)
_WAITING_ROWS = text(
    "SELECT CASE WHEN status = 'sending' THEN claimed_until + 1 ELSE due_at END AS due, position, "
    "status <> 'queued' OR scheduled_at IS NOT NULL AS hard FROM message "
    "WHERE campaign_id = :campaign AND status IN ('queued', 'retryable', 'sending') "
    "ORDER BY due, position LIMIT :limit"
)
# The settlement of an earlier run may come late, when a retry has put messages to work again.
_SETTLE = text(
    "UPDATE campaign SET status = :status, finished_at = :now "
    "WHERE id = :campaign AND status NOT IN :ends AND NOT EXISTS (SELECT 1 FROM message "
    "WHERE campaign_id = :campaign AND status IN ('queued', 'retryable', 'sending'))"
).bindparams(bindparam("ends", expanding=True))
_LAST_SENT = text(
    "SELECT max(sent_at) AS sent_at, "
    "max(CASE WHEN status = 'unknown' THEN 1 ELSE 0 END) AS unknown "
    "FROM message WHERE campaign_id = :campaign"
)
_DATE_KEY = text("UPDATE campaign_key SET free_at = :free_at WHERE campaign_id = :campaign")
_FREE_KEY = text("DELETE FROM campaign_key WHERE campaign_id = :campaign")


class Admissions:
    """The :class:`campaign.ports.AdmissionStore` of both databases."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        for_update = database.for_update
        self._campaign_for_update = text(
            f"SELECT status FROM campaign WHERE id = :campaign{for_update}"
        )
        self._holds_for_update = text(
            f"SELECT kind FROM hold WHERE campaign_id = :campaign ORDER BY kind DESC{for_update}"
        )

    def evidence(self, campaign_id: str, now: Instant) -> Evidence:
        """See :class:`campaign.ports.AdmissionStore`."""

        def work(connection: Connection) -> Evidence:
            values = {"campaign": campaign_id}
            account = connection.execute(_ACCOUNT, values).one()

            def firsts(column: str) -> dict[str, int]:
                found = connection.execute(text(_FIRSTS.format(column=column)), values)
                return {row.value: row.position for row in found}

            kinds = connection.execute(_KINDS_WAITING, values).all()
            senders, owned = firsts("sender"), self._senders(connection, account.id)
            if not senders.keys() <= owned:
                leases = {**values, "account": account.id, "now": now, "owned": list(owned)}
                found = connection.execute(_FIRSTS_UNLEASED, leases)
                strange = {row.sender: row.position for row in found}
                senders = {name: senders[name] for name in owned & senders.keys()} | strange
            return Evidence(
                texts=firsts("COALESCE(compliance_text, text)"),
                senders=senders,
                owned_senders=owned,
                to_send=sum(row.n for row in kinds),
                quota=account.daily_quota,
                used_today=self._used(connection, account.id, now),
            )

        return self._database.read(work)

    def account_evidence(
        self, account_id: str, now: Instant
    ) -> tuple[frozenset[str], int | None, int]:
        """Senders, quota and today's use of an account, for judging without storing."""

        def work(connection: Connection) -> tuple[frozenset[str], int | None, int]:
            quota = connection.execute(
                text("SELECT daily_quota FROM account WHERE id = :account"),
                {"account": account_id},
            ).scalar_one()
            used = self._used(connection, account_id, now)
            return self._senders(connection, account_id), quota, used

        return self._database.read(work)

    def skip_opted_out(self, campaign_id: str, now: Instant) -> int:
        """See :class:`campaign.ports.AdmissionStore`."""

        def work(connection: Connection) -> int:
            row = connection.execute(
                text("SELECT account_id, exclude_opt_outs FROM campaign WHERE id = :campaign"),
                {"campaign": campaign_id},
            ).one()
            if not row.exclude_opt_outs:
                return 0
            values = {"campaign": campaign_id, "account": row.account_id, "now": now}
            return connection.execute(_SKIP_OPTED_OUT, values).rowcount

        return self._database.write(work)

    def is_held(self, campaign_id: str) -> bool:
        """See :class:`campaign.ports.AdmissionStore`."""
        held = self._database.read(
            lambda connection: connection.execute(_HELD, {"campaign": campaign_id}).first()
        )
        return held is not None

    def hold(self, campaign_id: str, now: Instant) -> Refusal | None:
        """See :class:`campaign.ports.AdmissionStore`."""

        def work(connection: Connection) -> None:
            # Nobody else may hold, refuse or count this campaign until we are done.
            connection.execute(self._campaign_for_update, {"campaign": campaign_id})
            account = connection.execute(_ACCOUNT, {"campaign": campaign_id}).one()
            kinds = connection.execute(_KINDS_WAITING, {"campaign": campaign_id}).all()
            if connection.execute(_HELD, {"campaign": campaign_id}).first() is not None:
                return
            self._count_quota(connection, account.id, account.daily_quota, kinds, now)
            price = _price(kinds)
            ledger.hold(connection, account.id, campaign_id, price, now)

        try:
            self._database.write(work)
        except ledger.Overdrawn as overdrawn:
            return insufficient(overdrawn.kind)
        except _QuotaReached:
            return Refusal(RefusalCode.QUOTA_REACHED, "the daily messaging quota is reached")
        return None

    def plan_facts(self, campaign_id: str) -> PlanFacts:
        """See :class:`campaign.ports.AdmissionStore`."""
        row = self._database.read(
            lambda connection: connection.execute(_PLAN, {"campaign": campaign_id}).one()
        )
        return PlanFacts(
            spread_hours=row.spread_hours,
            scheduled=row.scheduled_at is not None,
            base_at=row.base_at,
            first_due_at=row.first_due,
            last_due_at=row.last_due,
            to_send=row.to_send,
            pauses=row.pauses_applied,
            failed=row.failed,
            begun=row.status not in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED),
        )

    def waiting_rows(self, campaign_id: str, limit: int) -> Sequence[WaveRow]:
        """See :class:`campaign.ports.AdmissionStore`."""
        values = {"campaign": campaign_id, "limit": limit}
        return self._database.read(
            lambda connection: [
                WaveRow(row.due, row.position, bool(row.hard))
                for row in connection.execute(_WAITING_ROWS, values)
            ]
        )

    def settle(
        self, campaign_id: str, status: CampaignStatus, now: Instant
    ) -> tuple[CampaignStatus, Tally]:
        """See :class:`campaign.ports.AdmissionStore`."""
        values = {
            "campaign": campaign_id,
            "status": status.value,
            "now": now,
            "ends": [end.value for end in CAMPAIGN_ENDS],
        }

        def work(connection: Connection) -> tuple[CampaignStatus, Tally, Sequence[Destination]]:
            destinations: Sequence[Destination] = []
            stood = connection.execute(self._campaign_for_update, values).one().status
            if connection.execute(_SETTLE, values).rowcount:
                self.void_unused(connection, campaign_id, now)
                last = connection.execute(_LAST_SENT, values).one()
                if last.sent_at is None and not last.unknown:
                    connection.execute(_FREE_KEY, values)
                else:
                    spent = {"campaign": campaign_id, "free_at": free_at(last.sent_at or now)}
                    connection.execute(_DATE_KEY, spent)
                rates.forget(connection, campaign_scope(campaign_id))
                destinations = self._outbox.record_campaign_event(
                    connection, campaign_id, status, now
                )
                stood = status
            return CampaignStatus(stood), reports.tally(connection, campaign_id), destinations

        stands, tally, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return stands, tally

    def void_unused(self, connection: Connection, campaign_id: str, now: Instant) -> None:
        """Give back what an ended campaign holds for nobody, inside the caller's transaction."""
        # A receipt may pay for an unknown message at any moment: not between these two.
        connection.execute(self._holds_for_update, {"campaign": campaign_id})
        open_kinds = connection.execute(_KINDS_OPEN, {"campaign": campaign_id}).all()
        ledger.void_rest(connection, campaign_id, _price(open_kinds), now)

    def _count_quota(
        self,
        connection: Connection,
        account_id: str,
        quota: int | None,
        kinds: Sequence[object],
        now: Instant,
    ) -> None:
        values = {
            "account": account_id,
            "day": _day(now),
            "count": sum(row.n for row in kinds),  # type: ignore[attr-defined]
            "quota": quota,
        }
        connection.execute(
            text(
                "INSERT INTO quota_day (account_id, day, used) VALUES (:account, :day, 0) "
                "ON CONFLICT (account_id, day) DO NOTHING"
            ),
            values,
        )
        if connection.execute(_COUNT_QUOTA, values).rowcount == 0:
            raise _QuotaReached

    @staticmethod
    def _senders(connection: Connection, account_id: str) -> frozenset[str]:
        return frozenset(connection.execute(_SENDERS, {"account": account_id}).scalars())

    @staticmethod
    def _used(connection: Connection, account_id: str, now: Instant) -> int:
        values = {"account": account_id, "day": _day(now)}
        return int(connection.execute(_USED, values).scalar() or 0)


class _QuotaReached(Exception):
    """The conditional count did not fit; rolls the hold back."""


def insufficient(kind: CreditKind) -> Refusal:
    """The refusal of an account that lacks credits of one kind."""
    return Refusal(
        RefusalCode.CREDITS_INSUFFICIENT,
        f"not enough {kind.value.upper()} credits for this campaign",
        details={"kind": kind.value},
    )


def _price(kinds: Sequence[object]) -> Price:
    counts = {row.kind: row.n for row in kinds}  # type: ignore[attr-defined]
    return price_of(counts.get("sms", 0), counts.get("mms", 0))


def _day(now: Instant) -> str:
    return moment_of(now).date().isoformat()
