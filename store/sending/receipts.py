"""Receipts written to messages: forward only, however often, early or late they come."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.credits import MessageKind, price_of
from campaign.handoffs import Receipt
from campaign.instants import Instant
from campaign.states import MessageStatus
from store.database.engine import Database, json_rows
from store.shared import ledger, recipient_keys
from store.shared.outbox import EVENT_FOR_ANY, Destination, MessageEvent, Outbox


class Receipts:
    """Carriers' later news in the database."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox
        # An answer may be written at this moment, which makes ``sending`` ``sent``: whoever comes
        # second must see what the first made of the row. In one order, so that two batches
        # cannot lock each other out.
        self._messages_for_update = text(
            f"SELECT id FROM message WHERE id IN (SELECT r.value->>'m' FROM {database.rows}) "
            f"ORDER BY id{database.for_update}"
        )
        self._settle_sent = text(
            "UPDATE message SET status = r.value->>'s', error = COALESCE(r.value->>'e', error), "
            "final_at = CAST(r.value->>'t' AS BIGINT) "
            f"FROM {database.rows} WHERE message.id = r.value->>'m' AND message.status = 'sent' "
            f"RETURNING message.id, message.status, message.final_at, {EVENT_FOR_ANY}"
        )
        # A receipt proves the handoff of a message whose own answer is missing or still to come.
        # That was not before the message's last try began, whatever the carrier's clock says.
        self._prove = text(
            "UPDATE message SET status = :status, error = COALESCE(:code, error), "
            "sent_at = (SELECT CASE WHEN max(a.started_at) > :at THEN max(a.started_at) "
            "ELSE CAST(:at AS BIGINT) END FROM attempt a WHERE a.campaign_id = message.campaign_id "
            "AND a.position = message.position), "
            "final_at = :at, claimed_by = NULL, claimed_until = NULL "
            "WHERE id = :reference AND (status IN ('sending', 'unknown') "
            "OR (status IN ('queued', 'retryable') AND attempts > 0)) "
            "RETURNING campaign_id, position, kind, key, id, status, sent_at, final_at, "
            "(SELECT c.account_id FROM campaign c WHERE c.id = campaign_id) AS account_id"
        )

    def apply(self, receipts: Sequence[Receipt], now: Instant | None = None) -> int:
        """Write receipts in one transaction; returns how many changed a message.

        One for an unknown reference, or for a message that is already final, changes nothing.
        One for a message still ``sending`` or ``unknown`` also pays for it and spends its key.
        Whoever wants news of a changed message is told, at ``now``, or as soon as it happened.
        """
        if not receipts:
            return 0
        told_at = max(receipt.at for receipt in receipts) if now is None else now
        rows = json_rows(
            [
                {
                    "m": receipt.reference,
                    "s": receipt.status.value,
                    "e": receipt.code,
                    "t": receipt.at,
                }
                for receipt in receipts
            ]
        )

        def work(connection: Connection) -> tuple[int, Sequence[Destination]]:
            connection.execute(self._messages_for_update, {"rows": rows})
            moved = connection.execute(self._settle_sent, {"rows": rows}).all()
            settled = {row.id for row in moved}
            proved = [
                row
                for receipt in receipts
                if receipt.reference not in settled
                and (row := self._prove_handoff(connection, receipt)) is not None
            ]
            events = [*(row for row in moved if row.event_for is not None), *proved]
            destinations = self._outbox.record_message_events(
                connection, map(_event_of, events), told_at
            )
            # Last of all: every chunk of the account waits for the rows of the books.
            for row in sorted(proved, key=lambda each: str(each.campaign_id)):
                _post(connection, row)
            return len(settled) + len(proved), destinations

        changed, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return changed

    def _prove_handoff(self, connection: Connection, receipt: Receipt) -> Row[Any] | None:
        """Move a message whose handoff was not known to be done, and spend its key."""
        if receipt.status not in (MessageStatus.DELIVERED, MessageStatus.UNDELIVERED):
            return None
        row = connection.execute(
            self._prove,
            {
                "reference": receipt.reference,
                "status": receipt.status.value,
                "code": receipt.code,
                "at": receipt.at,
            },
        ).first()
        if row is not None and row.key is not None:
            recipient_keys.spend(
                connection, row.account_id, row.key, row.campaign_id, row.position, row.sent_at
            )
        return row


def _event_of(row: Row[Any]) -> MessageEvent:
    return MessageEvent(row.id, MessageStatus(row.status), row.final_at)


def _post(connection: Connection, row: Row[Any]) -> None:
    is_mms = row.kind == MessageKind.MMS
    price = price_of(sms_messages=int(not is_mms), mms_messages=int(is_mms))
    ledger.post(connection, row.account_id, row.campaign_id, price, row.position, row.sent_at)
