"""Receipts written to messages: forward only, however often, early or late they come."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, text

from campaign.credits import MessageKind, price_of
from campaign.ports import Receipt
from campaign.states import MessageStatus
from store import ledger, recipient_keys
from store.engine import Database


class Receipts:
    """Carriers' later news in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settle_sent = text(
            "UPDATE message SET status = r.value->>'s', error = COALESCE(r.value->>'e', error), "
            "final_at = CAST(r.value->>'t' AS BIGINT) "
            f"FROM {database.rows} WHERE message.id = r.value->>'m' AND message.status = 'sent' "
            "RETURNING message.id"
        )
        # A receipt proves the handoff of a message whose own answer is missing or still to come.
        self._prove = text(
            "UPDATE message SET status = :status, error = COALESCE(:code, error), "
            "sent_at = :at, final_at = :at, claimed_by = NULL, lease_until = NULL "
            "WHERE id = :reference AND status IN ('sending', 'unknown') "
            "RETURNING campaign_id, position, kind, key"
        )

    def apply(self, receipts: Sequence[Receipt]) -> int:
        """Write receipts in one transaction; returns how many changed a message.

        One for an unknown reference, or for a message that is already final, changes nothing.
        One for a message still ``sending`` or ``unknown`` also pays for it and spends its key.
        """
        if not receipts:
            return 0
        # The same order everywhere, so that two batches cannot lock each other out.
        ordered = sorted(receipts, key=lambda receipt: receipt.reference)
        rows = json.dumps(
            [
                {
                    "m": receipt.reference,
                    "s": receipt.status.value,
                    "e": receipt.code,
                    "t": receipt.at,
                }
                for receipt in ordered
            ]
        )

        def work(connection: Connection) -> int:
            settled = set(connection.execute(self._settle_sent, {"rows": rows}).scalars())
            proved = sum(
                self._prove_handoff(connection, receipt)
                for receipt in ordered
                if receipt.reference not in settled
            )
            return len(settled) + proved

        return self._database.write(work)

    def _prove_handoff(self, connection: Connection, receipt: Receipt) -> bool:
        if receipt.status not in (MessageStatus.DELIVERED, MessageStatus.UNDELIVERED):
            return False
        row = connection.execute(
            self._prove,
            {
                "reference": receipt.reference,
                "status": receipt.status.value,
                "code": receipt.code,
                "at": receipt.at,
            },
        ).first()
        if row is None:
            return False
        account_id = connection.execute(
            text("SELECT account_id FROM campaign WHERE id = :campaign"),
            {"campaign": row.campaign_id},
        ).scalar_one()
        is_mms = row.kind == MessageKind.MMS
        price = price_of(sms_messages=int(not is_mms), mms_messages=int(is_mms))
        ledger.post(connection, account_id, row.campaign_id, price, row.position, receipt.at)
        if row.key is not None:
            recipient_keys.spend(
                connection, account_id, row.key, row.campaign_id, row.position, receipt.at
            )
        return True
