"""Receipts, written to messages: forward only, repeated, early or late."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.events import Destination, MessageEvent
from campaign.handoffs import Receipt
from campaign.instants import SECOND, Instant
from campaign.states import MessageStatus
from store.database.engine import Database, json_rows
from store.shared import ledger, recipient_keys
from store.shared.guards import Guards
from store.shared.outbox import Outbox
from store.shared.prices import PRICE_COLUMNS, price_of
from telemetry.metrics import DELIVERY_SECONDS, RECEIPTS

# A receipt proves the handoff of a message whose own answer is lost or still to come. That was
# not before the message's last try began, whatever the carrier's clock says. A carrier may report
# the delivery of any try that went to it, and the failure of the last one; older versions wrote no
# carrier.
_PROVE = text(f"""
    UPDATE message SET
        status = :status,
        error = COALESCE(:code, error),
        sent_at = (
            SELECT CASE
                WHEN max(a.started_at) > :at THEN max(a.started_at)
                ELSE CAST(:at AS BIGINT) END
            FROM attempt a
            WHERE a.campaign_id = message.campaign_id AND a.position = message.position
        ),
        final_at = :at,
        outcome_at = CASE
            WHEN (
                SELECT c.canary IS NOT NULL OR c.brake IS NOT NULL
                FROM campaign c WHERE c.id = message.campaign_id
            ) THEN CAST(:now AS BIGINT) END,
        claimed_by = NULL,
        claimed_until = NULL
    WHERE id = :reference AND (
        status IN ('sending', 'unknown')
        OR (status IN ('queued', 'retryable') AND attempts > 0)
    ) AND (
        :carrier = '' OR EXISTS (
            SELECT 1 FROM attempt a
            WHERE a.campaign_id = message.campaign_id AND a.position = message.position
                AND COALESCE(a.carrier, '') IN ('', :carrier)
                AND (:status = 'delivered' OR a.number = message.attempts)
        )
    )
    RETURNING campaign_id, position, key, id, status, sent_at, final_at, outcome_at,
        {PRICE_COLUMNS},
        (SELECT c.account_id FROM campaign c WHERE c.id = campaign_id) AS account_id
""")


@dataclass(frozen=True, slots=True)
class Settled:
    """Whom to notify of the messages that receipts have changed, and the rows of those."""

    destinations: Sequence[Destination] = ()
    rows: Sequence[Row[Any]] = ()


class Receipts:
    """The receipts of carriers in the database."""

    def __init__(self, database: Database, outbox: Outbox, guards: Guards) -> None:
        self._database = database
        self._outbox = outbox
        self._guards = guards
        rows = database.rowset("reference TEXT, status TEXT, code TEXT, at BIGINT, carrier TEXT")
        # The answer to the same request may make ``sending`` ``sent`` at this moment; the second
        # of the two must read what the first wrote. In one order, as ``settle`` sorts its rows, so
        # that two batches hardly ever deadlock.
        self._messages_for_update = text(f"""
            SELECT id FROM message
            WHERE id IN (SELECT r.reference FROM {rows})
            ORDER BY id{database.for_update}
        """)
        # For the join alone PostgreSQL reads all of some thousand messages.
        by_id = f"AND message.id = ANY(ARRAY(SELECT r.reference FROM {rows}))"
        # SQLite 3.40 finds every column IS NOT NULL in a RETURNING clause; > '' is right.
        self._settle_sent = text(f"""
            UPDATE message SET
                status = r.status,
                error = COALESCE(r.code, message.error),
                final_at = r.at,
                outcome_at = CASE
                    WHEN message.outcome_at > 0 THEN CAST(:now AS BIGINT) END
            FROM {rows}
            WHERE message.id = r.reference AND message.status = 'sent'
                {"" if database.is_sqlite else by_id}
                AND (r.carrier = '' OR COALESCE((
                    SELECT a.carrier FROM attempt a
                    WHERE a.campaign_id = message.campaign_id AND a.position = message.position
                        AND a.number = message.attempts
                ), '') IN ('', r.carrier))
            RETURNING message.id, message.status, message.sent_at, message.final_at,
                message.campaign_id, message.outcome_at,
                CASE WHEN message.callback_url > '' OR EXISTS (
                    SELECT 1 FROM webhook w WHERE w.disabled_at IS NULL
                ) THEN message.id END AS event_for
        """)

    def apply(self, receipts: Sequence[Receipt], now: Instant | None = None) -> int:
        """Write receipts in one transaction; return how many of them changed a message.

        One for an unknown reference, for a message that another carrier took, or for one that is
        already final, changes nothing.
        One for a message still ``sending`` or ``unknown`` also pays for it and spends its key.
        Events of changed messages are due at ``now``, without it when the last receipt was made.
        A campaign with a canary or a brake is paused if these receipts decide so.
        """
        if not receipts:
            return 0
        at = max(receipt.at for receipt in receipts) if now is None else now
        settled = self._database.write(lambda connection: self.settle(connection, receipts, at))
        self._outbox.notify(settled.destinations)
        _count(receipts, settled)
        for campaign_id in {row.campaign_id for row in settled.rows if row.outcome_at is not None}:
            self._guards.stop_after_receipts(self._database, campaign_id, at)
        return len(settled.rows)

    def settle(self, connection: Connection, receipts: Sequence[Receipt], now: Instant) -> Settled:
        """As ``apply``, inside the caller's transaction; the destinations are to be notified."""
        if not receipts:
            return Settled()
        moved = self._settle(connection, receipts, now)
        settled = {row.id for row in moved}
        # Sent messages are nearly all; the rest is locked first, and some may be sent by then.
        others = [receipt for receipt in receipts if receipt.reference not in settled]
        if others:
            connection.execute(self._messages_for_update, {"rows": _rows(others)})
            moved += self._settle(connection, others, now)
            settled = {row.id for row in moved}
        proved = [
            row
            for receipt in others
            if receipt.reference not in settled
            and (row := self._prove_handoff(connection, receipt, now)) is not None
        ]
        events = [*(row for row in moved if row.event_for is not None), *proved]
        destinations = self._outbox.record_message_events(connection, map(_event_of, events), now)
        # Last, because every chunk of the account waits for the rows of the ledger.
        for row in sorted(proved, key=lambda each: str(each.campaign_id)):
            _post(connection, row)
        return Settled(destinations, [*moved, *proved])

    def _settle(
        self, connection: Connection, receipts: Sequence[Receipt], now: Instant
    ) -> list[Row[Any]]:
        """Move messages that are sent; their rows."""
        values = {"rows": _rows(receipts), "now": now}
        return list(connection.execute(self._settle_sent, values))

    def _prove_handoff(
        self, connection: Connection, receipt: Receipt, now: Instant
    ) -> Row[Any] | None:
        """Move a message whose handoff was not known, and spend its key."""
        if receipt.status not in (MessageStatus.DELIVERED, MessageStatus.UNDELIVERED):
            return None
        row = connection.execute(
            _PROVE,
            {
                "reference": receipt.reference,
                "status": receipt.status.value,
                "code": receipt.code,
                "at": receipt.at,
                "carrier": receipt.carrier,
                "now": now,
            },
        ).first()
        if row is not None and row.key is not None:
            recipient_keys.spend(
                connection, row.account_id, row.key, row.campaign_id, row.position, row.sent_at
            )
        return row


def _rows(receipts: Sequence[Receipt]) -> str:
    return json_rows(
        [
            {
                "reference": receipt.reference,
                "status": receipt.status.value,
                "code": receipt.code,
                "at": receipt.at,
                "carrier": receipt.carrier,
            }
            for receipt in sorted(receipts, key=lambda each: each.reference)
        ]
    )


def _count(receipts: Sequence[Receipt], settled: Settled) -> None:
    """Count receipts, and how long after its handoff a message was delivered, for Prometheus."""
    counts = Counter((receipt.carrier, receipt.status) for receipt in receipts)
    for (carrier, status), count in counts.items():
        RECEIPTS.labels(carrier, status.value).inc(count)
    carriers = {receipt.reference: receipt.carrier for receipt in receipts}
    seconds: dict[str, list[float]] = {}
    for row in settled.rows:
        if row.status == MessageStatus.DELIVERED:
            delay = max(0, row.final_at - row.sent_at) / SECOND
            seconds.setdefault(carriers[row.id], []).append(delay)
    for carrier, some in seconds.items():
        DELIVERY_SECONDS.observe((carrier,), some)


def _event_of(row: Row[Any]) -> MessageEvent:
    return MessageEvent(row.id, MessageStatus(row.status), row.final_at)


def _post(connection: Connection, row: Row[Any]) -> None:
    where = (connection, row.account_id, row.campaign_id)
    ledger.post(*where, price_of(row), row.position, row.sent_at)
