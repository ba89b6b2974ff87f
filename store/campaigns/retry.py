"""Retry of a campaign that ended with failures: requeues what may succeed in another try."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Connection, Row, String, bindparam, text
from sqlmodel import select

from campaign.activity import Action
from campaign.credits import CreditsMax
from campaign.instants import Instant
from campaign.model import ComposedCampaign
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.retry import EVERYTHING, UNKNOWN_COUNTRY, RetrySelection
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from campaign.text_edits import Template, Unsent, entry_of, template_from_json
from store.campaigns.admission import insufficient
from store.campaigns.admission_statements import WAITING
from store.campaigns.text_edits import PAGE, UnsentMoved
from store.database.engine import Database
from store.shared import ledger
from store.shared.activity import record
from store.shared.brakes import NEXT_NUMBER
from store.shared.prices import price_of
from store.shared.routes import Routes
from store.shared.text_changes import TextChanges, change_of, links_of, rows_of
from store.tables import CampaignRow

# The order stays until a workflow runs for the campaign again.
_REOPEN = text(f"""
    UPDATE campaign
    SET status = 'running', finished_at = NULL, ordered = 'retry', ordered_at = {NEXT_NUMBER}
    WHERE id = :campaign AND status = 'finished_with_failures' AND texts_removed_at IS NULL
        AND messages_removed_at IS NULL
    RETURNING account_id, key, sandbox, credits_max_sms, credits_max_mms
""")
# Left out: what failed before its first try, for a fault of its recipient, and what was ever
# unknown, about which an operator has decided. Nothing leaves from a sender that was removed since.
_CAN_BE_RETRIED = """
    campaign_id = :campaign AND status = 'failed' AND attempts > 0 AND NOT was_unknown
    AND recipient <> 'erased'
    AND (EXISTS (SELECT 1 FROM pool_number WHERE number = message.sender) OR EXISTS (
        SELECT 1 FROM sender JOIN campaign ON campaign.account_id = sender.account_id
        WHERE campaign.id = message.campaign_id AND lower(address) = lower(message.sender)
            AND sender.status = 'approved'
    ))
"""
_FAILED = text(f"SELECT DISTINCT reason, country, sender FROM message WHERE {_CAN_BE_RETRIED}")
_READ_FAILED = text(f"""
    SELECT position, id, recipient, sender, media_url, country, due_at, scheduled_at, fields, reason
    FROM message WHERE {_CAN_BE_RETRIED} ORDER BY position
""")
_TEMPLATE = text("SELECT template FROM campaign WHERE id = :campaign")
_REQUEUE = text(f"""
    UPDATE message
    SET status = 'queued', due_at = :now, reason = NULL, error = NULL, final_at = NULL,
        carrier = :carrier
    WHERE {_CAN_BE_RETRIED} AND reason IN :reasons
        AND (:everywhere OR COALESCE(country, '{UNKNOWN_COUNTRY}') IN :countries)
    RETURNING position
""").bindparams(
    bindparam("carrier", type_=String),
    bindparam("everywhere", type_=Boolean),
    bindparam("reasons", type_=String, expanding=True),
    bindparam("countries", type_=String, expanding=True),
)
# The key is free, or spent until a date; in both cases the campaign holds it until its next end.
_HOLD_KEY = text("""
    INSERT INTO campaign_key (account_id, key, campaign_id, free_at)
    VALUES (:account, :key, :campaign, NULL)
    ON CONFLICT (account_id, key) DO UPDATE SET campaign_id = excluded.campaign_id, free_at = NULL
    WHERE campaign_key.free_at <= :now OR campaign_key.campaign_id = excluded.campaign_id
    RETURNING campaign_id
""")


class Retried(StrEnum):
    """The result of a request to retry a campaign."""

    AGAIN = "again"  # requeued and paid for by this request
    UNDER_WAY = "under_way"  # requeued by an earlier request, and not ended yet
    RUNS = "runs"  # the first run has not ended
    NOTHING = "nothing"  # no failed message can be retried as requested, or its text was removed
    ENDED = "ended"  # refused, cancelled or expired


@dataclass(frozen=True, slots=True)
class RetryAnswer:
    """What a request to retry a campaign did, and how many messages it requeued."""

    result: Retried
    messages: int = 0


class _NothingMatches(Exception):
    """Rolls the transaction back."""


class Retrying:
    """Retries of campaigns, one transaction each."""

    def __init__(self, database: Database, routes: Routes) -> None:
        self._database = database
        self._routes = routes
        self._changes = TextChanges(database)

    def failed(
        self, campaign_id: str, wanted: RetrySelection
    ) -> tuple[Template | None, Sequence[Unsent]]:
        """Read what a retry with another text has to compose: the messages that are wanted.

        The template is None if the campaign is older than templates, or its texts were removed.
        """

        def work(connection: Connection) -> tuple[Template | None, Sequence[Unsent]]:
            values = {"campaign": campaign_id}
            stored = connection.execute(_TEMPLATE, values).scalar_one()
            rows = connection.execute(_READ_FAILED, values).all()
            messages = [
                Unsent._make(row[:-1]) for row in rows if wanted.takes(row.reason, row.country)
            ]
            return None if stored is None else template_from_json(stored), messages

        return self._database.read_snapshot(work)

    def retry(
        self,
        campaign_id: str,
        now: Instant,
        wanted: RetrySelection = EVERYTHING,
        composed: ComposedCampaign | None = None,
    ) -> RetryAnswer:
        """Requeue the failed messages that are ``wanted``, hold their price, reopen the campaign.

        With another text, ``composed`` has it for each of ``failed``; it is None if that was empty.
        All or nothing: raises Refused if a reason or the carrier does not fit these messages, if
        credits do not suffice, or if the campaign's key belongs to another campaign now. Of
        simultaneous calls, and of two runs, one returns AGAIN and the others UNDER_WAY. Raises
        NoResultFound for an unknown id, and UnsentMoved if the caller must read and compose anew.
        """

        def work(connection: Connection) -> RetryAnswer:
            values = {"campaign": campaign_id, "now": now}
            campaign = connection.execute(_REOPEN, values).first()
            if campaign is None:
                return RetryAnswer(_as_it_stands(connection, campaign_id))
            found = connection.execute(_FAILED, values).all()
            matching = _matching(wanted, found)
            if not matching:
                raise _NothingMatches
            if wanted.carrier is not None:
                self._check_carrier(connection, campaign, wanted.carrier, matching, now)
            selected = {
                **values,
                "carrier": wanted.carrier,
                "reasons": list({row.reason for row in matching}),
                "everywhere": not wanted.countries,
                "countries": list(wanted.countries),
            }
            positions = connection.execute(_REQUEUE, selected).scalars().all()
            if wanted.text is not None:
                self._change_texts(connection, campaign_id, positions, composed, now)
            else:
                for page in _pages(positions):
                    self._changes.write_kept(connection, campaign_id, page, now)
            _hold_key(connection, campaign_id, campaign, now)
            _record(connection, campaign_id, campaign, wanted, len(positions))
            # Last, because every chunk of the account waits for these row locks of the ledger.
            _hold_credits(connection, campaign_id, campaign, now)
            return RetryAnswer(Retried.AGAIN, len(positions))

        try:
            return self._database.write(work)
        except _NothingMatches:
            return RetryAnswer(Retried.NOTHING)
        except ledger.Overdrawn as overdrawn:
            raise Refused(insufficient(overdrawn.kind)) from None

    def _change_texts(
        self,
        connection: Connection,
        campaign_id: str,
        positions: Sequence[int],
        composed: ComposedCampaign | None,
        now: Instant,
    ) -> None:
        """Give requeued messages their new texts and prices; raises UnsentMoved if one has none."""
        if composed is None:
            raise UnsentMoved
        made = {entry_of(composed, message): message for message in composed.messages}
        if not made.keys() >= set(positions):
            raise UnsentMoved
        links = links_of(composed)
        for page in _pages(positions):
            changes = [change_of(position, made[position], links) for position in page]
            self._changes.write(connection, rows_of(campaign_id, changes))
            self._changes.relink(connection, campaign_id, changes, now)

    def _check_carrier(
        self,
        connection: Connection,
        campaign: Row[Any],
        carrier: str,
        matching: Sequence[Row[Any]],
        now: Instant,
    ) -> None:
        """Raise Refused if the carrier is not on the route of every sender of these messages."""
        routes = self._routes.of(connection, campaign.account_id, now, bool(campaign.sandbox))
        if any(carrier not in (routes.get(row.sender) or routes[None]) for row in matching):
            what = "is not on the route of every sender of these messages"
            raise Refused(Refusal(RefusalCode.FIELD_INVALID, what, "carrier"))


def _pages(positions: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(positions), PAGE):
        yield positions[start : start + PAGE]


def _matching(wanted: RetrySelection, found: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """The failed messages that are wanted, of which ``found`` has reasons, countries and senders.

    Raises Refused for an unknown reason.
    """
    faults = list(wanted.unknown_reasons({row.reason for row in found if row.reason}))
    if faults:
        raise Refused(*faults)
    return [row for row in found if wanted.takes(row.reason, row.country)]


def _record(
    connection: Connection,
    campaign_id: str,
    campaign: Row[Any],
    wanted: RetrySelection,
    messages: int,
) -> None:
    chosen = {
        "reasons": list(wanted.reasons),
        "countries": list(wanted.countries),
        "carrier": wanted.carrier,
        "textLength": len(wanted.text or ""),
    }
    record(
        connection,
        Action.CAMPAIGN_RETRIED,
        campaign_id,
        account=campaign.account_id,
        after={"messages": messages} | {name: one for name, one in chosen.items() if one},
    )


def _hold_credits(
    connection: Connection, campaign_id: str, campaign: Row[Any], now: Instant
) -> None:
    """Hold the price of what waits again; raises Refused if the campaign may not cost so much."""
    # Nothing of an ended campaign waits but what was requeued just now.
    price = price_of(connection.execute(WAITING, {"campaign": campaign_id}).one())
    number = ledger.holds(connection, campaign_id)
    ledger.hold_again(connection, campaign.account_id, campaign_id, price, number, now)
    most = CreditsMax(campaign.credits_max_sms, campaign.credits_max_mms)
    fault = most.fault_of(ledger.cost(connection, campaign_id))
    if fault is not None:
        raise Refused(fault)


def _as_it_stands(connection: Connection, campaign_id: str) -> Retried:
    """Why a campaign was not reopened."""
    query = select(
        CampaignRow.status, CampaignRow.texts_removed_at, CampaignRow.messages_removed_at
    ).where(CampaignRow.id == campaign_id)
    row = connection.execute(query).one()
    status = CampaignStatus(row.status)
    is_removed = row.texts_removed_at is not None or row.messages_removed_at is not None
    if status is CampaignStatus.FINISHED or is_removed:
        return Retried.NOTHING
    # A campaign that ended with failures just now did so after _REOPEN looked at it.
    if status in CAMPAIGN_ENDS and status is not CampaignStatus.FINISHED_WITH_FAILURES:
        return Retried.ENDED
    return Retried.UNDER_WAY if ledger.holds(connection, campaign_id) > 1 else Retried.RUNS


def _hold_key(connection: Connection, campaign_id: str, campaign: Row[Any], now: Instant) -> None:
    """Hold the campaign's key again; raises Refused if another campaign has it now."""
    values = {
        "account": campaign.account_id,
        "key": campaign.key,
        "campaign": campaign_id,
        "now": now,
    }
    if campaign.key is None or connection.execute(_HOLD_KEY, values).first() is not None:
        return
    reason = "another campaign has been created under this campaign's idempotency key"
    raise Refused(Refusal(RefusalCode.KEY_REUSED, reason))
