"""Doubtful messages: settled by an operator, asked about again, or sent again by policy."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row, String, bindparam, text

from campaign.credits import MessageKind, price_of
from campaign.handoffs import Repeats
from campaign.instants import Instant
from campaign.model import UnknownPolicy
from campaign.states import CAMPAIGN_ENDS, HANDED_OFF, CampaignStatus, MessageStatus
from store.campaigns.admission import Admissions
from store.database.engine import Database
from store.shared import ledger, recipient_keys

_RESOLVE = text(
    "UPDATE message SET status = :status, error = :code, "
    "reason = CASE WHEN :is_sent THEN reason ELSE :code END, "
    "sent_at = CASE WHEN :is_sent THEN CAST(:now AS BIGINT) ELSE sent_at END, "
    "final_at = CASE WHEN :is_sent THEN final_at ELSE CAST(:now AS BIGINT) END "
    "WHERE campaign_id = :campaign AND id = :message AND status = 'unknown' "
    "RETURNING position, kind, key"
)
_STATUS_OF = text("SELECT status FROM message WHERE campaign_id = :campaign AND id = :message")
# What the operator says of a doubtful message is kept with its last attempt.
_NOTE = text(
    "UPDATE attempt SET code = :code WHERE campaign_id = :campaign AND position = :position "
    "AND number = (SELECT attempts FROM message WHERE campaign_id = :campaign "
    "AND position = :position)"
)
_NOBODY_SENT = text(
    "DELETE FROM campaign_key WHERE campaign_id = :campaign AND NOT EXISTS (SELECT 1 FROM message "
    "WHERE campaign_id = :campaign AND status IN :handed_off)"
).bindparams(bindparam("handed_off", expanding=True))
_HANDED_OFF = [*HANDED_OFF, MessageStatus.SENDING, MessageStatus.UNKNOWN]
_POLICY = text("SELECT unknown_policy, status FROM campaign WHERE id = :campaign")
_SILENT = (
    "EXISTS (SELECT 1 FROM campaign c JOIN opt_out o ON o.account_id = c.account_id "
    "WHERE c.id = message.campaign_id AND c.exclude_opt_outs AND o.number = message.recipient)"
)
# Who got the last try; older versions had one carrier, and wrote no name.
_CARRIER = (
    "COALESCE((SELECT a.carrier FROM attempt a WHERE a.campaign_id = message.campaign_id "
    "AND a.position = message.position AND a.number = message.attempts), '')"
)
# Taken up like the message of a dead attempt: the lease is over, and nobody holds it.
_ASK_AGAIN = text(
    "UPDATE message SET status = 'sending', claimed_by = 'in doubt', claimed_until = :now "
    "WHERE campaign_id = :campaign AND status = 'unknown' "
    f"AND {_CARRIER} IN :carriers AND (:sends_nothing OR NOT {_SILENT})"
).bindparams(bindparam("carriers", expanding=True, type_=String))
_SEND_AGAIN = text(
    "UPDATE message SET status = 'retryable', due_at = :now, was_unknown = TRUE "
    f"WHERE campaign_id = :campaign AND status = 'unknown' AND NOT {_SILENT} "
    f"AND {_CARRIER} NOT IN :carriers"
).bindparams(bindparam("carriers", expanding=True, type_=String))
_AT_WORK = text(
    "SELECT count(*) FROM message "
    "WHERE campaign_id = :campaign AND status IN ('queued', 'retryable', 'sending')"
)


class Resolving:
    """ApiContext out of ``unknown``, one transaction each."""

    def __init__(self, database: Database, admissions: Admissions) -> None:
        self._database = database
        self._admissions = admissions
        self._campaign_for_update = text(
            f"SELECT account_id, status FROM campaign WHERE id = :campaign{database.for_update}"
        )

    def resolve(
        self, campaign_id: str, message_id: str, was_sent: bool, now: Instant
    ) -> MessageStatus | None:
        """Say what became of a doubtful message; returns where it stands afterwards.

        A sent one is paid for and spends its key; a failed one is given back and frees it. A
        message that is not ``unknown`` (any more) stays as it is. None when there is none.
        """

        def work(connection: Connection) -> MessageStatus | None:
            values = {"campaign": campaign_id, "message": message_id}
            campaign = connection.execute(self._campaign_for_update, values).first()
            status = MessageStatus.SENT if was_sent else MessageStatus.FAILED
            said = {
                **values,
                "status": status.value,
                "code": f"operator_says_{status.value}",
                "is_sent": was_sent,
                "now": now,
            }
            row = connection.execute(_RESOLVE, said).first()
            if campaign is None or row is None:
                found = connection.execute(_STATUS_OF, values).scalar()
                return None if found is None else MessageStatus(found)
            connection.execute(_NOTE, {**said, "position": row.position})
            if was_sent:
                _pay(connection, campaign.account_id, campaign_id, row, now)
            else:
                self._give_back(connection, campaign, campaign_id, row, now)
            return status

        return self._database.write(work)

    def reopen_unknown(self, campaign_id: str, repeats: Mapping[str, Repeats], now: Instant) -> int:
        """Put doubtful messages back to work where that is safe or wished; returns how many.

        ``repeats`` is by carrier. One that dedups or can be asked is asked again. Of one that can
        do neither, or is not in use any more, a message is sent again only where the campaign's
        policy is ``resend``. What may be sent by that stays as it is where the number opted out.
        Run again before a chunk has taken them up, it returns the same. Of an ended campaign
        nothing is put to work.
        """

        def ask(connection: Connection, kind: Repeats, sends_nothing: bool) -> None:
            names = [name for name, its in repeats.items() if its is kind]
            if names:
                values = {"campaign": campaign_id, "now": now, "carriers": names}
                connection.execute(_ASK_AGAIN, {**values, "sends_nothing": sends_nothing})

        def work(connection: Connection) -> int:
            campaign = connection.execute(_POLICY, {"campaign": campaign_id}).one()
            if CampaignStatus(campaign.status) in CAMPAIGN_ENDS:
                return 0
            ask(connection, Repeats.LOOKUP, sends_nothing=True)
            ask(connection, Repeats.DEDUP, sends_nothing=False)
            can_tell = [name for name, its in repeats.items() if its is not Repeats.NONE]
            values = {"campaign": campaign_id, "now": now, "carriers": can_tell}
            if campaign.unknown_policy == UnknownPolicy.RESEND:
                connection.execute(_SEND_AGAIN, values)
            return int(connection.execute(_AT_WORK, values).scalar_one())

        return self._database.write(work)

    def _give_back(
        self, connection: Connection, campaign: Row[str], campaign_id: str, row: Row[str], now: int
    ) -> None:
        if row.key is not None:
            recipient_keys.release(
                connection, campaign.account_id, row.key, campaign_id, row.position
            )
        # A campaign still running gives back at its end.
        if CampaignStatus(campaign.status) in CAMPAIGN_ENDS:
            self._admissions.void_unused(connection, campaign_id, now)
            handed_off: Sequence[str] = [status.value for status in _HANDED_OFF]
            connection.execute(_NOBODY_SENT, {"campaign": campaign_id, "handed_off": handed_off})


def _pay(
    connection: Connection, account_id: str, campaign_id: str, row: Row[str], now: Instant
) -> None:
    if row.key is not None:
        recipient_keys.spend(connection, account_id, row.key, campaign_id, row.position, at=now)
    is_mms = row.kind == MessageKind.MMS
    price = price_of(sms_messages=int(not is_mms), mms_messages=int(is_mms))
    ledger.post(connection, account_id, campaign_id, price, row.position, now)
