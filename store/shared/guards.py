"""What stops a campaign without a person: its canary, and its brake while it runs.

Both look at the outcomes that the store has, so nothing is counted twice or lost with a process. A
stop is an order like a person's: written here, it holds every claim, and its workflow follows.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Connection, Row, bindparam, text

from campaign.activity import Action
from campaign.canary import WINDOW_MAX, Canary, Measure, brake_from_json, canary_from_json
from campaign.events import Destination
from campaign.instants import SECOND, Instant
from campaign.sequential_test import CountedMessage, Stop, conclude, find_stop
from campaign.states import CampaignStatus, MessageStatus
from store.database.engine import Database
from store.shared.activity import record
from store.shared.brakes import NEXT_NUMBER
from store.shared.cache import Cache
from store.shared.outbox import Outbox

# A process looks at a campaign that sends so often; so long at most does a decided stop wait.
LOOK_EVERY: Instant = SECOND // 2
# The clock of a carrier that reports an opt-out may be behind by so much.
OPT_OUT_ALLOWANCE: Instant = 5 * SECOND
_END = 2**31 - 1

_CAMPAIGN = text("""
    SELECT account_id, status, ordered, canary, canary_end, canary_decision, brake,
        COALESCE(guarded_since, 0) AS since
    FROM campaign WHERE id = :campaign
""")
# The newest outcomes, by a partial index.
_OUTCOMES = text(f"""
    SELECT m.status, m.sender, m.country, m.sent_at, m.outcome_at, a.carrier,
        CASE WHEN :opt_outs THEN EXISTS (
            SELECT 1 FROM opt_out o
            WHERE o.account_id = :account AND o.number = m.recipient
                AND o.source = 'inbound'
                AND o.created_at >= m.sent_at - {OPT_OUT_ALLOWANCE}
        ) ELSE FALSE END AS opted_out
    FROM message m
    LEFT JOIN attempt a
        ON a.campaign_id = m.campaign_id AND a.position = m.position AND a.number = m.attempts
    WHERE m.campaign_id = :campaign AND m.outcome_at > :since AND m.position < :end
        AND m.status IN ('sent', 'delivered', 'undelivered', 'failed', 'unknown')
    ORDER BY m.outcome_at DESC, m.position DESC LIMIT :limit
""").bindparams(bindparam("opt_outs", type_=Boolean))
# Nothing is stopped that a person resumed since the look, or has ordered something of.
_STOP = text(f"""
    UPDATE campaign SET
        status = 'paused', paused_at = :now, paused_by = 'system', problem = :problem,
        stop = :stop, ordered = 'pause', ordered_at = {NEXT_NUMBER},
        canary_decision = CASE WHEN :is_canary THEN 'stop' ELSE canary_decision END
    WHERE id = :campaign AND status IN ('scheduled', 'running') AND ordered IS NULL
        AND COALESCE(guarded_since, 0) = :since AND NOT (:is_canary AND canary_decision IS NOT NULL)
""").bindparams(bindparam("is_canary", type_=Boolean))
_END_CANARY = text("""
    UPDATE campaign SET canary_end = NULL, canary_decision = COALESCE(canary_decision, 'go')
    WHERE id = :campaign
""")


class Guards:
    """Looks at the outcomes of guarded campaigns inside the transactions of others.

    The caller notifies the destinations that it gets, after the commit.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._looked: Cache[str, Sequence[Destination] | None] = Cache(LOOK_EVERY)

    def stop_if_decided(
        self, connection: Connection, campaign_id: str, now: Instant
    ) -> Sequence[Destination] | None:
        """Pause a campaign of which too much goes wrong; returns None if it may go on.

        Looks once in ``LOOK_EVERY``, and answers the same until then.
        """

        return self._looked.get(campaign_id, now, lambda: self._look(connection, campaign_id, now))

    def stop_after_receipts(self, database: Database, campaign_id: str, now: Instant) -> None:
        """Pause a campaign if receipts that were just committed decide so.

        Nothing of it may be claimed for hours, and a canary that waits claims nothing. Looks as
        often as ``stop_if_decided``, in a transaction of its own: this one locks the campaign, and
        the one that wrote the receipts had locked their messages. A process that dies between the
        two leaves the look to the next claim.
        """

        def look() -> Sequence[Destination] | None:
            stopped = database.write(lambda connection: self._look(connection, campaign_id, now))
            self._outbox.notify(stopped or [])
            return stopped

        self._looked.get(campaign_id, now, look)

    def _look(
        self, connection: Connection, campaign_id: str, now: Instant
    ) -> Sequence[Destination] | None:
        campaign = _campaign_row(connection, campaign_id)
        if campaign.status not in (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING):
            return None
        stop = None
        if campaign.canary_end is not None and campaign.canary_decision is None:
            canary = canary_from_json(campaign.canary)
            messages = _of_canary(connection, campaign_id, campaign, canary, WINDOW_MAX)
            stop = find_stop("canary", _counted(messages), canary.maxima)
        if stop is None and campaign.brake is not None:
            brake = brake_from_json(campaign.brake)
            opt_outs = Measure.OPT_OUTS in brake.maxima
            values = {"since": campaign.since, "end": _END, "limit": brake.window}
            messages = _outcomes(connection, campaign_id, campaign, opt_outs, **values)
            stop = find_stop("brake", _counted(messages), brake.maxima)
        return None if stop is None else self._stop(connection, campaign_id, campaign, stop, now)

    def canary_until(self, connection: Connection, campaign_id: str, now: Instant) -> Instant:
        """Until when to wait for outcomes of a canary whose messages have left; ``now``: no more.

        Opt-outs may come until the end of the wait. Without a limit of them it ends when every
        outcome is known, and always when there is enough to stop.
        """
        campaign = _campaign_row(connection, campaign_id)
        canary = canary_from_json(campaign.canary)
        end = campaign.canary_end
        messages = _of_canary(connection, campaign_id, campaign, canary, end)
        if campaign.canary_decision is not None or not messages:
            return now
        is_open = Measure.OPT_OUTS in canary.maxima or any(
            row.status == MessageStatus.SENT for row in messages
        )
        if not is_open or find_stop("canary", _counted(messages), canary.maxima) is not None:
            return now
        left_at: Instant = max(row.sent_at or row.outcome_at for row in messages)
        return left_at + canary.wait_seconds * SECOND

    def end_canary(
        self, connection: Connection, campaign_id: str, now: Instant
    ) -> Sequence[Destination]:
        """Let the others of a campaign leave, or pause it for what happened to the canary.

        A second run changes nothing.
        """
        campaign = _campaign_row(connection, campaign_id)
        stop = None
        if campaign.canary_end is not None and campaign.canary_decision is None:
            canary = canary_from_json(campaign.canary)
            end = campaign.canary_end
            messages = _of_canary(connection, campaign_id, campaign, canary, end)
            stop = conclude("canary", _counted(messages), canary.maxima)
        destinations: Sequence[Destination] | None = None
        if stop is not None:
            destinations = self._stop(connection, campaign_id, campaign, stop, now)
        connection.execute(_END_CANARY, {"campaign": campaign_id})
        return destinations or []

    def _stop(
        self,
        connection: Connection,
        campaign_id: str,
        campaign: Row[Any],
        stop: Stop,
        now: Instant,
    ) -> Sequence[Destination] | None:
        values = {
            "campaign": campaign_id,
            "now": now,
            "problem": stop.code,
            "stop": stop.to_json(),
            "is_canary": stop.guard == "canary",
            "since": campaign.since,
        }
        if connection.execute(_STOP, values).rowcount == 0:
            return None
        record(
            connection,
            Action.CAMPAIGN_PAUSED,
            campaign_id,
            account=campaign.account_id,
            before={"status": campaign.status, "ordered": campaign.ordered},
            after={"status": "paused", "ordered": "pause", "problem": stop.code},
        )
        status = CampaignStatus.PAUSED
        return self._outbox.record_campaign_event(connection, campaign_id, status, now)


def _campaign_row(connection: Connection, campaign_id: str) -> Row[Any]:
    return connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one()


def _of_canary(
    connection: Connection, campaign_id: str, campaign: Row[Any], canary: Canary, limit: int
) -> Sequence[Row[Any]]:
    """The outcomes of a canary that has not ended, newest first."""
    opt_outs = Measure.OPT_OUTS in canary.maxima
    values = {"since": 0, "end": campaign.canary_end, "limit": limit}
    return _outcomes(connection, campaign_id, campaign, opt_outs, **values)


def _outcomes(
    connection: Connection, campaign_id: str, campaign: Row[Any], opt_outs: bool, **values: int
) -> Sequence[Row[Any]]:
    """The newest outcomes of a campaign, newest first."""
    bound = {
        "campaign": campaign_id,
        "account": campaign.account_id,
        "opt_outs": opt_outs,
        **values,
    }
    return connection.execute(_OUTCOMES, bound).all()


def _counted(rows: Sequence[Row[Any]]) -> Sequence[CountedMessage]:
    """The messages of outcomes, in order."""
    return [
        CountedMessage(
            MessageStatus(row.status), row.carrier, row.sender, row.country, bool(row.opted_out)
        )
        for row in reversed(rows)
    ]
