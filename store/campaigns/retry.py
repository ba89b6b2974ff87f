"""Retry of a campaign that ended with failures: requeues what may succeed in another try."""

from collections import Counter
from enum import StrEnum

from sqlalchemy import Connection, Row, String, bindparam, text
from sqlmodel import select

from campaign.activity import Action
from campaign.credits import price_of
from campaign.instants import Instant
from campaign.refusals import Refusal, RefusalCode
from campaign.retry import may_pass
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from store.campaigns.admission import insufficient
from store.database.engine import Database
from store.shared import ledger
from store.shared.activity import record
from store.shared.brakes import NEXT_NUMBER
from store.tables import CampaignRow

# The order stays until a workflow runs for the campaign again.
_REOPEN = text(f"""
    UPDATE campaign
    SET status = 'running', finished_at = NULL, ordered = 'retry', ordered_at = {NEXT_NUMBER}
    WHERE id = :campaign AND status = 'finished_with_failures' AND texts_removed_at IS NULL
    RETURNING account_id, key
""")
# Nothing leaves from a sender that was removed since.
_SENDER_IS_THERE = """
    (EXISTS (SELECT 1 FROM pool_number WHERE number = message.sender) OR EXISTS (
        SELECT 1 FROM sender JOIN campaign ON campaign.account_id = sender.account_id
        WHERE campaign.id = message.campaign_id AND lower(address) = lower(message.sender)
            AND sender.status = 'approved'
    ))
"""
# Left out: what failed before its first try, for a fault of its recipient, and what was ever
# unknown, about which an operator has decided.
_REASONS = text(f"""
    SELECT DISTINCT reason FROM message
    WHERE campaign_id = :campaign AND status = 'failed' AND attempts > 0 AND NOT was_unknown
      AND recipient <> 'erased'
      AND {_SENDER_IS_THERE}
""")
_REQUEUE = text(f"""
    UPDATE message
    SET status = 'queued', due_at = :now, reason = NULL, error = NULL, final_at = NULL
    WHERE campaign_id = :campaign AND status = 'failed' AND attempts > 0 AND NOT was_unknown
      AND recipient <> 'erased'
      AND reason IN :reasons AND {_SENDER_IS_THERE}
    RETURNING kind
""").bindparams(bindparam("reasons", type_=String, expanding=True))
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
    NOTHING = "nothing"  # no message failed for a passing reason, or its text was removed
    ENDED = "ended"  # refused, cancelled or expired


class _NotRetried(Exception):
    """Rolls the transaction back; ``answer`` says why."""

    def __init__(self, answer: Retried | Refusal) -> None:
        super().__init__()
        self.answer = answer


class Retrying:
    """Retries of whole campaigns, one transaction each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def retry(self, campaign_id: str, now: Instant) -> Retried | Refusal:
        """Requeue what failed for a passing reason, hold its price, and reopen the campaign.

        All or nothing: a Refusal says that credits do not suffice, or that the campaign's key
        belongs to another campaign now. Of simultaneous calls, and of two runs, one returns
        AGAIN and the others UNDER_WAY. Raises NoResultFound for an unknown id.
        """

        def work(connection: Connection) -> Retried:
            values = {"campaign": campaign_id, "now": now}
            campaign = connection.execute(_REOPEN, values).first()
            if campaign is None:
                return _as_it_stands(connection, campaign_id)
            found = connection.execute(_REASONS, values).scalars()
            reasons = [reason for reason in found if may_pass(reason)]
            kinds = connection.execute(_REQUEUE, {**values, "reasons": reasons}).scalars()
            counts = Counter(kinds)
            if not counts:
                raise _NotRetried(Retried.NOTHING)
            _hold_key(connection, campaign_id, campaign, now)
            record(
                connection,
                Action.CAMPAIGN_RETRIED,
                campaign_id,
                account=campaign.account_id,
                after={"messages": sum(counts.values())},
            )
            # Last, because every chunk of the account waits for these row locks of the ledger.
            price = price_of(counts["sms"], counts["mms"])
            number = ledger.holds(connection, campaign_id)
            ledger.hold_again(connection, campaign.account_id, campaign_id, price, number, now)
            return Retried.AGAIN

        try:
            return self._database.write(work)
        except _NotRetried as reason:
            return reason.answer
        except ledger.Overdrawn as overdrawn:
            return insufficient(overdrawn.kind)


def _as_it_stands(connection: Connection, campaign_id: str) -> Retried:
    """Why a campaign was not reopened."""
    query = select(CampaignRow.status, CampaignRow.texts_removed_at).where(
        CampaignRow.id == campaign_id
    )
    row = connection.execute(query).one()
    status = CampaignStatus(row.status)
    if status is CampaignStatus.FINISHED or row.texts_removed_at is not None:
        return Retried.NOTHING
    # A campaign that ended with failures just now did so after _REOPEN looked at it.
    if status in CAMPAIGN_ENDS and status is not CampaignStatus.FINISHED_WITH_FAILURES:
        return Retried.ENDED
    return Retried.UNDER_WAY if ledger.holds(connection, campaign_id) > 1 else Retried.RUNS


def _hold_key(connection: Connection, campaign_id: str, campaign: Row[str], now: Instant) -> None:
    """Hold the campaign's key again; raises _NotRetried if another campaign has it now."""
    values = {
        "account": campaign.account_id,
        "key": campaign.key,
        "campaign": campaign_id,
        "now": now,
    }
    if campaign.key is None or connection.execute(_HOLD_KEY, values).first() is not None:
        return
    reason = "another campaign has been created under this campaign's idempotency key"
    raise _NotRetried(Refusal(RefusalCode.KEY_REUSED, reason))
