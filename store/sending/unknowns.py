"""Messages in state ``unknown``: settled by an operator, looked up, or sent again by policy."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, String, bindparam, text

from campaign.activity import Action
from campaign.handoffs import Repeats
from campaign.instants import Instant
from campaign.model import UnknownPolicy
from campaign.states import CAMPAIGN_ENDS, CampaignStatus, MessageStatus
from store.campaigns.admission import Admissions
from store.database.engine import Database
from store.shared import ledger, recipient_keys
from store.shared.activity import record
from store.shared.prices import PRICE_COLUMNS, price_of

_RESOLVE = text(f"""
    UPDATE message SET
        status = :status,
        error = :code,
        reason = CASE WHEN :is_sent THEN reason ELSE :code END,
        sent_at = CASE WHEN :is_sent THEN CAST(:now AS BIGINT) ELSE sent_at END,
        final_at = CASE WHEN :is_sent THEN final_at ELSE CAST(:now AS BIGINT) END
    WHERE campaign_id = :campaign AND id = :message AND status = 'unknown'
    RETURNING position, key, {PRICE_COLUMNS}
""")
_STATUS_OF = text("SELECT status FROM message WHERE campaign_id = :campaign AND id = :message")
# The last attempt keeps what the operator said.
_NOTE = text("""
    UPDATE attempt SET code = :code
    WHERE campaign_id = :campaign AND position = :position AND number = (
        SELECT attempts FROM message WHERE campaign_id = :campaign AND position = :position
    )
""")
_FREE_UNUSED_KEY = text("""
    DELETE FROM campaign_key
    WHERE campaign_id = :campaign AND NOT EXISTS (
        SELECT 1 FROM message
        WHERE campaign_id = :campaign
            AND status IN ('sent', 'delivered', 'undelivered', 'sending', 'unknown')
    )
""")
_POLICY = text("SELECT unknown_policy, status FROM campaign WHERE id = :campaign")
# Older versions had one carrier and wrote no name. A lease that is over lets a chunk adopt the
# message, as after the death of an attempt.
_LOOK_UP_AGAIN = text("""
    UPDATE message SET status = 'sending', claimed_by = 'in doubt', claimed_until = :now
    WHERE campaign_id = :campaign AND status = 'unknown' AND recipient <> 'erased'
        AND COALESCE((
            SELECT a.carrier FROM attempt a
            WHERE a.campaign_id = message.campaign_id AND a.position = message.position
                AND a.number = message.attempts
        ), '') IN :carriers
        AND (:sends_nothing OR NOT EXISTS (
            SELECT 1 FROM campaign c JOIN opt_out o ON o.account_id = c.account_id
            WHERE c.id = message.campaign_id AND c.exclude_opt_outs
                AND o.number = message.recipient
        ))
""").bindparams(bindparam("carriers", expanding=True, type_=String))
_SEND_AGAIN = text("""
    UPDATE message SET status = 'retryable', due_at = :now, was_unknown = TRUE
    WHERE campaign_id = :campaign AND status = 'unknown' AND recipient <> 'erased'
        AND COALESCE((
            SELECT a.carrier FROM attempt a
            WHERE a.campaign_id = message.campaign_id AND a.position = message.position
                AND a.number = message.attempts
        ), '') NOT IN :carriers
        AND NOT EXISTS (
            SELECT 1 FROM campaign c JOIN opt_out o ON o.account_id = c.account_id
            WHERE c.id = message.campaign_id AND c.exclude_opt_outs
                AND o.number = message.recipient
        )
""").bindparams(bindparam("carriers", expanding=True, type_=String))
_OPEN = text("""
    SELECT count(*) FROM message
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable', 'sending')
""")


class Resolving:
    """Moves messages out of state ``unknown``, one transaction each."""

    def __init__(self, database: Database, admissions: Admissions) -> None:
        self._database = database
        self._admissions = admissions
        self._campaign_for_update = text(
            f"SELECT account_id, status FROM campaign WHERE id = :campaign{database.for_update}"
        )

    def resolve(
        self, campaign_id: str, message_id: str, was_sent: bool, now: Instant
    ) -> MessageStatus | None:
        """Record the outcome of a message in state ``unknown``; return its status afterwards.

        A sent one is paid for and spends its key; for a failed one credits and key are given
        back. A message in another state, as on a second run, stays as it is. None when the
        campaign has no such message.
        """

        def work(connection: Connection) -> MessageStatus | None:
            values = {"campaign": campaign_id, "message": message_id}
            campaign = connection.execute(self._campaign_for_update, values).first()
            status = MessageStatus.SENT if was_sent else MessageStatus.FAILED
            outcome = {
                **values,
                "status": status.value,
                "code": f"operator_says_{status.value}",
                "is_sent": was_sent,
                "now": now,
            }
            row = connection.execute(_RESOLVE, outcome).first()
            if campaign is None or row is None:
                found = connection.execute(_STATUS_OF, values).scalar()
                return None if found is None else MessageStatus(found)
            connection.execute(_NOTE, {**outcome, "position": row.position})
            record(
                connection,
                Action.MESSAGE_RESOLVED,
                message_id,
                account=campaign.account_id,
                before={"status": MessageStatus.UNKNOWN},
                after={"status": status},
            )
            if was_sent:
                _pay(connection, campaign.account_id, campaign_id, row, now)
            else:
                self._give_back(connection, campaign, campaign_id, row, now)
            return status

        return self._database.write(work)

    def reopen_unknown(self, campaign_id: str, repeats: Mapping[str, Repeats], now: Instant) -> int:
        """Reopen unknown messages where that is safe or the policy; return how many are open.

        ``repeats`` is by carrier. A carrier that deduplicates or can be asked gets the message
        again. If it can do neither, or is no longer in use, the message is sent again only where
        the campaign's policy is ``resend``. A message that this may send stays unknown when its
        recipient opted out. A second run before a chunk has adopted them returns the same. An
        ended campaign stays as it is.
        """

        def look_up(connection: Connection, kind: Repeats, sends_nothing: bool) -> None:
            names = [name for name, its in repeats.items() if its is kind]
            if names:
                values = {"campaign": campaign_id, "now": now, "carriers": names}
                connection.execute(_LOOK_UP_AGAIN, {**values, "sends_nothing": sends_nothing})

        def work(connection: Connection) -> int:
            campaign = connection.execute(_POLICY, {"campaign": campaign_id}).one()
            if CampaignStatus(campaign.status) in CAMPAIGN_ENDS:
                return 0
            look_up(connection, Repeats.LOOKUP, sends_nothing=True)
            look_up(connection, Repeats.DEDUP, sends_nothing=False)
            known = [name for name, its in repeats.items() if its is not Repeats.NONE]
            values = {"campaign": campaign_id, "now": now, "carriers": known}
            if campaign.unknown_policy == UnknownPolicy.RESEND:
                connection.execute(_SEND_AGAIN, values)
            return int(connection.execute(_OPEN, values).scalar_one())

        return self._database.write(work)

    def _give_back(
        self,
        connection: Connection,
        campaign: Row[Any],
        campaign_id: str,
        row: Row[Any],
        now: Instant,
    ) -> None:
        if row.key is not None:
            recipient_keys.release(
                connection, campaign.account_id, row.key, campaign_id, row.position
            )
        # A campaign still running gives back at its end.
        if CampaignStatus(campaign.status) in CAMPAIGN_ENDS:
            self._admissions.void_unused(connection, campaign_id, now)
            connection.execute(_FREE_UNUSED_KEY, {"campaign": campaign_id})


def _pay(
    connection: Connection, account_id: str, campaign_id: str, row: Row[Any], now: Instant
) -> None:
    if row.key is not None:
        recipient_keys.spend(connection, account_id, row.key, campaign_id, row.position, at=now)
    ledger.post(connection, account_id, campaign_id, price_of(row), row.position, now)
