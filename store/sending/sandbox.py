"""Receipts of the sandbox: it makes its own, in the transaction that records the send."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from campaign.events import Destination
from campaign.fictional_numbers import behaviour_of
from campaign.handoffs import Receipt
from campaign.instants import Instant
from campaign.routing import SANDBOX
from campaign.states import MessageStatus
from store.sending.receipts import Receipts

_WITHOUT_RECEIPT = text("""
    SELECT id, recipient, sent_at FROM message
    WHERE campaign_id = :campaign AND status = 'sent'
    ORDER BY position
""")


def sandbox_receipts(connection: Connection, campaign_id: str) -> Sequence[Receipt]:
    """Make the receipts of the sent messages of a sandbox campaign that have none yet.

    A receipt says "delivered", or "undelivered" for the fictional numbers that ask for it.
    """
    found = connection.execute(_WITHOUT_RECEIPT, {"campaign": campaign_id})
    return [_receipt(row.id, row.recipient, row.sent_at) for row in found]


def settle_sent(
    connection: Connection, receipts: Receipts, campaign_id: str, now: Instant
) -> Sequence[Destination]:
    """Write those receipts, inside the caller's transaction; whom to notify of them."""
    made = sandbox_receipts(connection, campaign_id)
    return receipts.settle(connection, made, now).destinations


def _receipt(message_id: str, recipient: str, at: Instant) -> Receipt:
    if behaviour_of(recipient) == "0007":
        return Receipt(
            message_id, MessageStatus.UNDELIVERED, at, code="undelivered", carrier=SANDBOX
        )
    return Receipt(message_id, MessageStatus.DELIVERED, at, carrier=SANDBOX)
