"""Campaigns as a whole: saved once, moved forward, settled, and looked at."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Boolean, Connection, String, bindparam, insert, text

from campaign.credits import Price
from campaign.events import Destination
from campaign.instants import Instant
from campaign.model import ComposedCampaign
from campaign.orders import Order, Standing
from campaign.ports import Tally
from campaign.preparation import stored_draft
from campaign.rates import campaign_scope
from campaign.refusals import Refusal
from campaign.report import Report
from campaign.states import (
    CAMPAIGN_ENDS,
    CAMPAIGN_MOVES,
    CAMPAIGN_OPEN,
    CampaignStatus,
    MessageStatus,
)
from campaign.views import CampaignView, MessageView
from store.campaigns import cancelling, links
from store.campaigns.forecasts import Forecasts
from store.campaigns.listing import CampaignFilter, campaign_rows, whole_views
from store.campaigns.message_search import campaign_messages
from store.campaigns.orders import follow
from store.campaigns.preparation_statements import GIVE_UP
from store.campaigns.rows import campaign_values, insert_messages, record_created
from store.database.engine import Database
from store.database.statistics import analyze_messages
from store.shared import ledger, rates, reply_rows, reports
from store.shared.outbox import Outbox
from store.shared.own_keys import stored_key
from store.shared.views import message_view
from store.tables import CampaignRow, PreparationRow

_GET = text("""
    SELECT * FROM campaign WHERE id = :campaign
""")
_IN_STATES = text("""
    SELECT * FROM campaign WHERE status IN :states AND id > :after ORDER BY id LIMIT :limit
""").bindparams(bindparam("states", expanding=True))
_CLAIM_KEY = text("""
    INSERT INTO campaign_key (account_id, key, campaign_id, free_at)
    VALUES (:account, :key, :campaign, NULL)
    ON CONFLICT (account_id, key) DO UPDATE SET campaign_id = excluded.campaign_id, free_at = NULL
    WHERE campaign_key.free_at <= :now
    RETURNING campaign_id
""")
_KEY_HOLDER = text("""
    SELECT campaign_key.campaign_id, campaign.payload_hash
    FROM campaign_key JOIN campaign ON campaign.id = campaign_key.campaign_id
    WHERE campaign_key.account_id = :account AND campaign_key.key = :key
""")
_HOLDS_KEY = text("""
    SELECT 1 FROM campaign_key
    WHERE account_id = :account AND key = :key AND (free_at IS NULL OR free_at > :now)
""")
# A run that has not seen the last order may not move the campaign. Where it stands there already,
# the write still says that the order is carried out.
_SET_STATUS = text("""
    UPDATE campaign
    SET status = :status,
        started_at = COALESCE(started_at, :started_at),
        paused_at = CASE WHEN :pauses THEN COALESCE(paused_at, :now) END,
        paused_by = CASE WHEN :pauses THEN COALESCE(paused_by, 'person') END,
        problem = CASE WHEN :pauses THEN problem END,
        ordered = CASE WHEN ordered = :carries_out THEN NULL ELSE ordered END
    WHERE id = :campaign AND COALESCE(ordered_at, 0) <= :order
        AND (status IN :from_statuses OR (status = :status AND ordered = :carries_out))
""").bindparams(
    bindparam("from_statuses", expanding=True, type_=String),
    bindparam("pauses", type_=Boolean),
    bindparam("now", type_=BigInteger),
    bindparam("order", type_=BigInteger),
)
_STATUS = text("SELECT status FROM campaign WHERE id = :campaign")
_HAS_NEWER_ORDER = text("""
    SELECT 1 FROM campaign WHERE id = :campaign AND ordered_at > :order
""")
_REPORT_PROBLEM = text("""
    UPDATE campaign SET problem = :problem WHERE id = :campaign AND status IN :open
""").bindparams(bindparam("open", [state.value for state in CAMPAIGN_OPEN], expanding=True))
_REFUSE = text("""
    UPDATE campaign SET status = 'refused', refusals = :refusals, finished_at = :now
    WHERE id = :campaign AND status IN ('draft', 'preparing')
""")
_FREE_KEY = text("DELETE FROM campaign_key WHERE campaign_id = :campaign")
EVERY_CAMPAIGN = CampaignFilter()


@dataclass(frozen=True, slots=True)
class Saved:
    """What ``save`` did: ``created``, or found the campaign that has the key already."""

    campaign_id: str
    created: bool
    same_payload: bool = True


class Campaigns:
    """Campaigns in the database; every public method is one transaction."""

    def __init__(self, database: Database, outbox: Outbox, forecasts: Forecasts) -> None:
        self._database = database
        self._outbox = outbox
        self._forecasts = forecasts

    def save(
        self, composed: ComposedCampaign, campaign_id: str, expected: int | None = None
    ) -> Saved:
        """Store a draft, its messages and its claimed key, or find who has the key.

        The key's primary key decides a race: of equal submissions one is created and all
        others get its id. A campaign with an ``expected`` number of recipients is prepared in
        pages: its messages are not stored yet, but the draft that they are made of.
        """
        draft, now = composed.draft, composed.received_at
        values = {
            "account": draft.account_id,
            "key": stored_key(draft.key, draft.sandbox),
            "campaign": campaign_id,
            "now": now,
        }

        def work(connection: Connection) -> Saved:
            if draft.key is not None and connection.execute(_CLAIM_KEY, values).first() is None:
                holder = connection.execute(_KEY_HOLDER, values).one()
                same = holder.payload_hash == draft.payload_hash
                return Saved(holder.campaign_id, created=False, same_payload=same)
            connection.execute(
                insert(CampaignRow), campaign_values(composed, campaign_id, expected)
            )
            if expected is None:
                insert_messages(self._database, connection, composed, campaign_id)
                reply_rows.write_options(connection, composed)
                links.write(connection, composed, campaign_id)
            else:
                preparing = PreparationRow(campaign_id=campaign_id, draft=stored_draft(draft))
                connection.execute(insert(PreparationRow), preparing.model_dump())
            if draft.rate is not None:
                rates.limit_campaign(connection, campaign_id, draft.rate)
            record_created(connection, composed, campaign_id, expected)
            return Saved(campaign_id, created=True)

        saved = self._database.write(work)
        if saved.created and expected is None:
            analyze_messages(self._database, len(composed.messages))
        return saved

    def has_key(self, account_id: str, key: str, now: Instant) -> bool:
        """Tell whether a campaign of the account has this key, so that ``save`` would find it."""
        values = {"account": account_id, "key": key, "now": now}
        return self._database.read(
            lambda connection: connection.execute(_HOLDS_KEY, values).first() is not None
        )

    def get(self, campaign_id: str, account_id: str | None = None) -> CampaignView | None:
        """One campaign with its counts; None when it is not there or another account's."""

        def work(connection: Connection) -> CampaignView | None:
            row = connection.execute(_GET, {"campaign": campaign_id}).first()
            if row is None or account_id not in (None, row.account_id):
                return None
            return whole_views(connection, [row], self._forecasts)[0]

        return self._database.read_snapshot(work)

    def list(
        self,
        account_id: str | None = None,
        limit: int = 50,
        before: str | None = None,
        wanted: CampaignFilter = EVERY_CAMPAIGN,
    ) -> Sequence[CampaignView]:
        """Campaigns, newest first; ``before`` is the id of the last one seen."""

        def work(connection: Connection) -> Sequence[CampaignView]:
            rows = campaign_rows(connection, self._database, account_id, wanted, limit, before)
            return whole_views(connection, rows, self._forecasts)

        return self._database.read(work)

    def in_states(
        self, states: Collection[CampaignStatus], after: str, limit: int
    ) -> Sequence[CampaignView]:
        """Campaigns of every account in any of ``states``, by id from ``after`` on."""
        values = {"states": [state.value for state in states], "after": after, "limit": limit}

        def work(connection: Connection) -> Sequence[CampaignView]:
            rows = connection.execute(_IN_STATES, values).all()
            return reports.campaign_views(connection, rows)

        return self._database.read(work)

    def messages(
        self,
        campaign_id: str,
        status: MessageStatus | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> Sequence[MessageView]:
        """Messages of a campaign by position; ``after`` is the last position seen."""
        return self._database.read(
            lambda connection: [
                message_view(row)
                for row in campaign_messages(connection, campaign_id, limit, after, status)
            ]
        )

    def report(self, campaign_id: str) -> Report:
        """What a campaign came to so far; raises NoResultFound for an unknown id."""
        return self._database.read_snapshot(
            lambda connection: reports.report(connection, campaign_id)
        )

    def tally(self, campaign_id: str) -> Tally:
        """See :class:`campaign.ports.CampaignStore`."""
        return self._database.read(lambda connection: reports.tally(connection, campaign_id))

    def stored_refusals(self, campaign_id: str) -> Sequence[Refusal] | None:
        """See :class:`campaign.ports.CampaignStore`."""
        view = self.get(campaign_id)
        return None if view is None or view.status != CampaignStatus.REFUSED else view.refusals

    def refuse(self, campaign_id: str, refusals: Sequence[Refusal], now: Instant) -> None:
        """See :class:`campaign.ports.CampaignStore`."""
        values = {
            "campaign": campaign_id,
            "refusals": json.dumps([asdict(refusal) for refusal in refusals]),
            "reason": "campaign_refused",
            "now": now,
        }

        def work(connection: Connection) -> None:
            if connection.execute(_REFUSE, values).rowcount:
                connection.execute(
                    cancelling.CANCEL_WAITING,
                    {**values, "low": 0, "high": cancelling.CANCELLED_AT_ONCE},
                )
                connection.execute(GIVE_UP, values)
                connection.execute(_FREE_KEY, values)
                rates.forget(connection, campaign_scope(campaign_id))
                # A hold whose answer was lost may have been written before this refusal.
                ledger.void_rest(connection, campaign_id, Price(), now)

        self._database.write(work)
        cancelling.cancel_refused(self._database, values)

    def set_status(
        self, campaign_id: str, status: CampaignStatus, now: Instant, order: Instant = 0
    ) -> CampaignStatus:
        """See :class:`campaign.ports.CampaignStore`; raises NoResultFound for an unknown id."""
        # An end is left by a retry alone, and preparing with a hold: both pay for it.
        sources = [
            source.value
            for source, targets in CAMPAIGN_MOVES.items()
            if status in targets and source not in {*CAMPAIGN_ENDS, CampaignStatus.PREPARING}
        ]
        pauses = status is CampaignStatus.PAUSED
        values = {
            "campaign": campaign_id,
            "status": status.value,
            "from_statuses": sources,
            "started_at": now if status is CampaignStatus.RUNNING else None,
            "pauses": pauses,
            "carries_out": Order.PAUSE.value if pauses else Order.RESUME.value,
            "order": order,
            "now": now,
        }

        def work(connection: Connection) -> tuple[CampaignStatus, Sequence[Destination]]:
            destinations: Sequence[Destination] = []
            moved = connection.execute(_SET_STATUS, values).rowcount
            if moved and status is CampaignStatus.SCHEDULED:
                destinations = self._outbox.record_unsendable_messages(connection, campaign_id, now)
            return CampaignStatus(connection.execute(_STATUS, values).scalar_one()), destinations

        stands, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return stands

    def has_newer_order(self, campaign_id: str, order: Instant) -> bool:
        """See :class:`campaign.ports.CampaignStore`."""
        values = {"campaign": campaign_id, "order": order}
        return self._database.read(
            lambda connection: connection.execute(_HAS_NEWER_ORDER, values).first() is not None
        )

    def follow_orders(self, campaign_id: str, now: Instant) -> Standing:
        """See :class:`campaign.ports.CampaignStore`; raises NoResultFound for an unknown id."""
        return self._database.write(lambda connection: follow(connection, campaign_id, now))

    def report_problem(self, campaign_id: str, problem: str | None, now: Instant) -> None:
        """See :class:`campaign.ports.CampaignStore`; the store keeps no instant of it."""
        values = {"campaign": campaign_id, "problem": problem}
        self._database.write(lambda connection: connection.execute(_REPORT_PROBLEM, values))

    def cancel_rest(self, campaign_id: str, now: Instant) -> int:
        """See :class:`campaign.ports.CampaignStore`."""
        values = {"campaign": campaign_id, "reason": "campaign_cancelled", "now": now}

        self._database.write(
            lambda connection: connection.execute(cancelling.BACK_TO_UNKNOWN, values)
        )
        return cancelling.cancel_waiting(self._database, values)
