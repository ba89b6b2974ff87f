"""A campaign that ended with failures, put to work again for what may go another time."""

from collections import Counter
from enum import StrEnum

from sqlalchemy import Connection, Row, String, bindparam, text

from campaign.credits import price_of
from campaign.instants import Instant
from campaign.refusals import Refusal, RefusalCode
from campaign.retry import may_pass
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from store.campaigns.admission import insufficient
from store.database.engine import Database
from store.shared import ledger

_REOPEN = text(
    "UPDATE campaign SET status = 'running', finished_at = NULL "
    "WHERE id = :campaign AND status = 'finished_with_failures' RETURNING account_id, key"
)
_STATUS = text("SELECT status FROM campaign WHERE id = :campaign")
# What failed before its first try had a fault of its recipient, and what was ever in doubt has
# an operator's word.
_FAILED = "campaign_id = :campaign AND status = 'failed' AND attempts > 0 AND NOT was_unknown"
_REASONS = text(f"SELECT DISTINCT reason FROM message WHERE {_FAILED}")
_REQUEUE = text(
    "UPDATE message SET status = 'queued', due_at = :now, reason = NULL, error = NULL, "
    f"final_at = NULL WHERE {_FAILED} AND reason IN :reasons RETURNING kind"
).bindparams(bindparam("reasons", type_=String, expanding=True))
# Freed when nobody was sent, or dated; either way it is held again until the next end.
_HOLD_KEY = text(
    "INSERT INTO campaign_key (account_id, key, campaign_id, free_at) "
    "VALUES (:account, :key, :campaign, NULL) "
    "ON CONFLICT (account_id, key) DO UPDATE SET campaign_id = excluded.campaign_id, "
    "free_at = NULL WHERE campaign_key.free_at <= :now "
    "OR campaign_key.campaign_id = excluded.campaign_id RETURNING campaign_id"
)


class Retried(StrEnum):
    """What a wish to retry came to."""

    AGAIN = "again"  # put to work again, and paid for, by this wish
    UNDER_WAY = "under_way"  # by an earlier one, and it has not ended yet
    RUNS = "runs"  # the first run has not ended
    NOTHING = "nothing"  # no message failed for a reason that may pass
    ENDED = "ended"  # refused, cancelled or expired


class _No(Exception):
    """Rolls everything back; ``answer`` says why."""

    def __init__(self, answer: Retried | Refusal) -> None:
        super().__init__()
        self.answer = answer


class Retrying:
    """Retries of whole campaigns, one transaction each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def retry(self, campaign_id: str, now: Instant) -> Retried | Refusal:
        """Queue what failed for a passing reason, hold its price, and let the campaign run.

        All of it or nothing: a refusal says that credits do not suffice, or that the campaign's
        key has brought another one since. One conditional update decides between many at once;
        to the others it is under way. Raises NoResultFound for an unknown id.
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
                raise _No(Retried.NOTHING)
            _hold_key(connection, campaign_id, campaign, now)
            # Last of all: every chunk of the account waits for the rows of the books.
            price = price_of(counts["sms"], counts["mms"])
            number = ledger.holds(connection, campaign_id)
            ledger.hold_again(connection, campaign.account_id, campaign_id, price, number, now)
            return Retried.AGAIN

        try:
            return self._database.write(work)
        except _No as no:
            return no.answer
        except ledger.Overdrawn as overdrawn:
            return insufficient(overdrawn.kind)


def _as_it_stands(connection: Connection, campaign_id: str) -> Retried:
    """Why a campaign was not put to work again."""
    status = CampaignStatus(connection.execute(_STATUS, {"campaign": campaign_id}).scalar_one())
    if status is CampaignStatus.FINISHED:
        return Retried.NOTHING
    # One that ended with failures just now did so after the look above.
    if status in CAMPAIGN_ENDS and status is not CampaignStatus.FINISHED_WITH_FAILURES:
        return Retried.ENDED
    return Retried.UNDER_WAY if ledger.holds(connection, campaign_id) > 1 else Retried.RUNS


def _hold_key(connection: Connection, campaign_id: str, campaign: Row[str], now: Instant) -> None:
    """Hold the campaign's own key again; what another has got by it since is not sent twice."""
    values = {
        "account": campaign.account_id,
        "key": campaign.key,
        "campaign": campaign_id,
        "now": now,
    }
    if campaign.key is None or connection.execute(_HOLD_KEY, values).first() is not None:
        return
    reason = "the campaign's idempotency key has brought another campaign since"
    raise _No(Refusal(RefusalCode.KEY_REUSED, reason))
