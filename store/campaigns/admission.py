"""Admission and the end of a campaign: evidence, hold, plan and settlement."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.credits import CreditKind, CreditsMax
from campaign.events import Destination
from campaign.forecast import NO_LIMITS, Limits
from campaign.instants import Instant, moment_of
from campaign.keys import free_at
from campaign.model import NO_EVIDENCE, Evidence
from campaign.ports import PlanFacts, Tally, WaveRow
from campaign.rates import campaign_scope
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from store.campaigns import admission_statements as sql
from store.campaigns.forecasts import Forecasts
from store.database.engine import Database, json_rows
from store.shared import ledger, rates, reports
from store.shared.erased_numbers import ErasedNumbers
from store.shared.outbox import Outbox
from store.shared.prices import price_of


class Admissions:
    """The :class:`campaign.ports.AdmissionStore` of both databases."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        erased_numbers: ErasedNumbers,
        forecasts: Forecasts,
    ) -> None:
        self._database = database
        self._forecasts = forecasts
        self._outbox = outbox
        self._erased_numbers = erased_numbers
        self._skip_erased = text(sql.SKIP_ERASED.format(rowset=database.rowset("recipient TEXT")))
        for_update = database.for_update
        self._campaign_for_update = text(
            f"SELECT status FROM campaign WHERE id = :campaign{for_update}"
        )
        self._holds_for_update = text(
            f"SELECT kind FROM hold WHERE campaign_id = :campaign ORDER BY kind DESC{for_update}"
        )

    def evidence(
        self, campaign_id: str, now: Instant, part: tuple[int, int] | None = None
    ) -> Evidence:
        """See :class:`campaign.ports.AdmissionStore`."""
        firsts_of, unleased, waiting_in = sql.WHOLE if part is None else sql.PART

        def work(connection: Connection) -> Evidence:
            low, high = part or (0, 0)
            values = {"campaign": campaign_id, "low": low, "high": high}
            campaign = connection.execute(sql.CAMPAIGN, values).one()

            def firsts(column: str) -> dict[str, int]:
                found = connection.execute(text(firsts_of.format(column=column)), values)
                return {row.value: row.position for row in found}

            waiting = connection.execute(waiting_in, values).one()
            account_id = campaign.account_id
            senders, owned = firsts("sender"), self._senders(connection, account_id)
            if not senders.keys() <= owned:
                leases = {**values, "account": account_id, "now": now, "owned": list(owned)}
                found = connection.execute(unleased, leases)
                strange = {row.sender: row.position for row in found}
                senders = {name: senders[name] for name in owned & senders.keys()} | strange
            segments: Mapping[str, int] = {}
            limits = NO_LIMITS
            if part is None:
                segments, limits = self._spread(connection, campaign, now)
            return Evidence(
                texts=firsts("COALESCE(compliance_text, text)"),
                senders=senders,
                owned_senders=owned,
                to_send=waiting.n,
                quota=campaign.daily_quota,
                used_today=self._used(connection, account_id, now),
                spread_hours=campaign.spread_hours if part is None else 0,
                spread_segments=segments,
                limits=limits,
                price=price_of(waiting),
            )

        return self._database.read(work)

    def spread_evidence(self, campaign_id: str, now: Instant) -> Evidence:
        """See :class:`campaign.ports.AdmissionStore`."""

        def work(connection: Connection) -> Evidence:
            campaign = connection.execute(sql.CAMPAIGN, {"campaign": campaign_id}).one()
            segments, limits = self._spread(connection, campaign, now)
            return replace(
                NO_EVIDENCE,
                spread_hours=campaign.spread_hours,
                spread_segments=segments,
                limits=limits,
            )

        return self._database.read(work)

    def _spread(
        self, connection: Connection, campaign: Row[Any], now: Instant
    ) -> tuple[Mapping[str, int], Limits]:
        """The segments that a spread places, by sender, and their rates; none without a spread."""
        if campaign.spread_hours <= 0:
            return {}, NO_LIMITS
        segments = self._forecasts.spread_segments(connection, campaign.id)
        return segments, self._forecasts.limits(connection, campaign, segments, now)

    def account_evidence(
        self, account_id: str, now: Instant
    ) -> tuple[frozenset[str], int | None, int]:
        """Senders, quota and today's use of an account, for judging without storing."""

        def work(connection: Connection) -> tuple[frozenset[str], int | None, int]:
            quota = connection.execute(sql.QUOTA, {"account": account_id}).scalar_one()
            used = self._used(connection, account_id, now)
            return self._senders(connection, account_id), quota, used

        return self._database.read(work)

    def skip_opted_out(self, campaign_id: str, now: Instant) -> int:
        """See :class:`campaign.ports.AdmissionStore`."""

        def work(connection: Connection) -> int:
            row = connection.execute(sql.EXCLUDES, {"campaign": campaign_id}).one()
            if not row.exclude_opt_outs:
                return 0
            values = {"campaign": campaign_id, "account": row.account_id, "now": now}
            skipped = connection.execute(sql.SKIP_OPTED_OUT, values).rowcount
            return skipped + self._skip_erased_numbers(connection, values)

        return self._database.write(work)

    def _skip_erased_numbers(self, connection: Connection, values: dict[str, object]) -> int:
        """Skip waiting messages to numbers that the account has erased, as opted out."""
        account_id = str(values["account"])
        if not self._erased_numbers.has_any(connection, account_id):
            return 0
        waiting = connection.execute(sql.RECIPIENTS_WAITING, values).scalars().all()
        erased = self._erased_numbers.among(connection, account_id, waiting)
        if not erased:
            return 0
        rows = json_rows([{"recipient": number} for number in sorted(erased)])
        return connection.execute(self._skip_erased, {**values, "rows": rows}).rowcount

    def is_held(self, campaign_id: str) -> bool:
        """See :class:`campaign.ports.AdmissionStore`."""
        held = self._database.read(
            lambda connection: connection.execute(sql.HELD, {"campaign": campaign_id}).first()
        )
        return held is not None

    def hold(self, campaign_id: str, now: Instant) -> Refusal | None:
        """See :class:`campaign.ports.AdmissionStore`."""

        def work(connection: Connection) -> None:
            # Nobody else may hold, refuse or count this campaign until we are done.
            connection.execute(self._campaign_for_update, {"campaign": campaign_id})
            campaign = connection.execute(sql.CAMPAIGN, {"campaign": campaign_id}).one()
            waiting = connection.execute(sql.WAITING, {"campaign": campaign_id}).one()
            if connection.execute(sql.HELD, {"campaign": campaign_id}).first() is not None:
                return
            price = price_of(waiting)
            most = CreditsMax(campaign.credits_max_sms, campaign.credits_max_mms)
            if (fault := most.fault_of(price)) is not None:
                raise _TooExpensive(fault)
            if not campaign.sandbox:
                quota = campaign.daily_quota
                self._count_quota(connection, campaign.account_id, quota, waiting.n, now)
            ledger.hold(connection, campaign.account_id, campaign_id, price, now, waiting.n)

        try:
            self._database.write(work)
        except ledger.Overdrawn as overdrawn:
            return insufficient(overdrawn.kind)
        except _TooExpensive as error:
            return error.refusal
        except _QuotaReached:
            return Refusal(RefusalCode.QUOTA_REACHED, "the daily messaging quota is reached")
        return None

    def plan_facts(self, campaign_id: str) -> PlanFacts:
        """See :class:`campaign.ports.AdmissionStore`."""
        row = self._database.read(
            lambda connection: connection.execute(sql.PLAN, {"campaign": campaign_id}).one()
        )
        return PlanFacts(
            spread_hours=row.spread_hours,
            first_due_at=row.first_due,
            last_due_at=row.last_due,
            to_send=row.to_send,
            pauses=row.pauses_applied,
            failed=row.failed,
            begun=row.status not in (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED),
            sent_any=bool(row.sent_any),
            paused_at=row.paused_at,
            canary=bool(row.canary),
            base_at=row.base_at,
        )

    def waiting_rows(self, campaign_id: str, limit: int) -> Sequence[WaveRow]:
        """See :class:`campaign.ports.AdmissionStore`."""
        values = {"campaign": campaign_id, "limit": limit}
        return self._database.read(
            lambda connection: [
                WaveRow(row.due, row.position)
                for row in connection.execute(sql.WAITING_ROWS, values)
            ]
        )

    def has_expired(self, campaign_id: str) -> bool:
        """See :class:`campaign.sending_windows.ExpiryStore`."""
        values = {"campaign": campaign_id}
        return self._database.read(
            lambda connection: connection.execute(sql.HAS_EXPIRED, values).first() is not None
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
            if connection.execute(sql.SETTLE, values).rowcount:
                self.void_unused(connection, campaign_id, now)
                last = connection.execute(sql.LAST_SENT, values).one()
                if last.sent_at is None and not last.has_unknown:
                    connection.execute(sql.FREE_KEY, values)
                else:
                    spent = {"campaign": campaign_id, "free_at": free_at(last.sent_at or now)}
                    connection.execute(sql.DATE_KEY, spent)
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
        held_for = connection.execute(sql.PRICE_OPEN, {"campaign": campaign_id}).one()
        ledger.void_rest(connection, campaign_id, price_of(held_for), now)

    def _count_quota(
        self,
        connection: Connection,
        account_id: str,
        quota: int | None,
        count: int,
        now: Instant,
    ) -> None:
        values = {
            "account": account_id,
            "day": _day(now),
            "count": count,
            "quota": quota,
        }
        connection.execute(sql.BEGIN_DAY, values)
        if connection.execute(sql.COUNT_QUOTA, values).rowcount == 0:
            raise _QuotaReached

    @staticmethod
    def _senders(connection: Connection, account_id: str) -> frozenset[str]:
        return frozenset(connection.execute(sql.SENDERS, {"account": account_id}).scalars())

    @staticmethod
    def _used(connection: Connection, account_id: str, now: Instant) -> int:
        values = {"account": account_id, "day": _day(now)}
        return int(connection.execute(sql.USED, values).scalar() or 0)


class _TooExpensive(Exception):
    """The price is above what the campaign may cost; nothing is held."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class _QuotaReached(Exception):
    """The conditional count did not fit; rolls the hold back."""


def insufficient(kind: CreditKind) -> Refusal:
    """The refusal of an account that lacks credits of one kind."""
    return Refusal(
        RefusalCode.CREDITS_INSUFFICIENT,
        f"not enough {kind.value.upper()} credits for this campaign",
        details={"kind": kind.value},
    )


def _day(now: Instant) -> str:
    return moment_of(now).date().isoformat()
