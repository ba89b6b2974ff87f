"""What a chunk does in the database: claim rows before a request leaves, write the outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from campaign.credits import Price
from campaign.events import Destination, MessageEvent
from campaign.handoffs import Handoff
from campaign.instants import SECOND, Instant
from campaign.ports import ChunkRange, ClaimResult, Outcome
from campaign.states import MessageStatus
from store.database.engine import Database, json_rows
from store.sending.due_messages import DueMessages, Found
from store.sending.earlier_tries import EarlierTries
from store.sending.owners import Owner, Owners
from store.sending.receipts import Receipts
from store.sending.rows import DueMessage, Moved, new_handoff, old_handoff, outcome_rows
from store.sending.sandbox import settle_sent
from store.sending.statements import ABANDONED, BEGIN, OWNER, RENEW, ChunkStatements
from store.sending.time_limits import Deferrals, time_limits
from store.sending.unwanted import Unwanted
from store.shared import ledger, recipient_keys
from store.shared.brakes import brake_and_changes, brake_of
from store.shared.erased_numbers import ErasedNumbers
from store.shared.guards import Guards
from store.shared.outbox import Outbox
from store.shared.text_changes import TextChanges

# The next try of a message whose key another message is using.
KEY_BUSY_WAIT: Instant = 5 * SECOND


@dataclass(frozen=True, slots=True)
class _Written:
    """The price, first position and instant of what was sent, if any, and events to record."""

    handed_off: tuple[Price, int, Instant] | None = None
    events: Sequence[MessageEvent] = ()


class Sending:
    """The :class:`campaign.ports.SendingStore` of both databases."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        due_messages: DueMessages,
        erased_numbers: ErasedNumbers,
        receipts: Receipts,
        guards: Guards,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._receipts = receipts
        self._guards = guards
        self._unwanted = Unwanted(database, erased_numbers)
        self._due_messages = due_messages
        self._owners = Owners()
        self._earlier_tries = EarlierTries(database, due_messages.routes.carriers)
        self._deferrals = Deferrals(database)
        self._text_changes = TextChanges(database)
        self._sql = ChunkStatements(database)

    def flush_and_claim(
        self,
        chunk: ChunkRange,
        token: str,
        outcomes: Sequence[Outcome],
        claim_count: int,
        now: Instant,
        claimed_until: Instant,
        begins: bool = False,
    ) -> ClaimResult:
        """See :class:`campaign.ports.SendingStore`."""

        def work(connection: Connection) -> tuple[ClaimResult, Sequence[Destination]]:
            if begins:
                connection.execute(BEGIN, {"campaign": chunk.campaign_id, "now": now})
            brake, changes = None, None
            if claim_count > 0:
                brake, changes = brake_and_changes(connection, chunk.campaign_id)
            owner, held = self._owners.of(connection, chunk.campaign_id, now, changes), bool(brake)
            stopped = None
            if claim_count > 0 and owner.guarded and not held:
                stopped = self._guards.stop_if_decided(connection, chunk.campaign_id, now)
                held = stopped is not None
            expires = claim_count > 0 and not held and owner.limits.has_expired(now)
            wanted = 0 if held or expires else claim_count
            # Every transaction locks rates before keys, or two chunks could deadlock.
            found = self._due_messages.find(
                connection, owner.account_id, chunk, wanted, now, owner.limits, owner.sandbox
            )
            written = _Written()
            if outcomes:
                written = self._write_outcomes(
                    connection, owner, chunk.campaign_id, token, outcomes, now
                )
            outcome = ClaimResult(held=held)
            if expires:
                outcome = self._deferrals.expire(connection, chunk, now)
            if wanted > 0:
                outcome = self._take(connection, owner, chunk, token, found, now, claimed_until)
            destinations = self._outbox.record_message_events(connection, written.events, now)
            destinations = [*destinations, *(stopped or [])]
            if owner.sandbox and outcomes:
                delivered = settle_sent(connection, self._receipts, chunk.campaign_id, now)
                destinations = [*destinations, *delivered]
            if written.handed_off is not None:
                # Last, because every chunk of the account waits for these few rows.
                ledger.post(connection, owner.account_id, chunk.campaign_id, *written.handed_off)
            return outcome, destinations

        outcome, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return outcome

    def renew(self, chunk: ChunkRange, token: str, position: int, claimed_until: Instant) -> bool:
        """See :class:`campaign.ports.SendingStore`."""
        values = {
            "campaign": chunk.campaign_id,
            "position": position,
            "token": token,
            "lease": claimed_until,
        }
        return self._database.write(
            lambda connection: connection.execute(RENEW, values).rowcount > 0
        )

    def wants_nothing(self, campaign_id: str, number: str) -> bool:
        """See :class:`campaign.ports.SendingStore`."""
        return self._database.read(
            lambda connection: self._unwanted.wants_nothing(connection, campaign_id, number)
        )

    def brake(self, campaign_id: str) -> str | None:
        """See :class:`campaign.ports.SendingStore`."""
        return self._database.read(lambda connection: brake_of(connection, campaign_id))

    def abandoned(self, chunk: ChunkRange, token: str) -> tuple[list[Handoff], Instant | None]:
        """See :class:`campaign.ports.SendingStore`."""
        values = {"campaign": chunk.campaign_id, "low": chunk.low, "high": chunk.high}
        values["token"] = token
        found = self._database.read(lambda connection: connection.execute(ABANDONED, values).all())
        if not found:
            return [], None
        owner = self._database.read(lambda connection: connection.execute(OWNER, values).one())
        handoffs = [old_handoff(row) for row in found]
        for handoff, row in zip(handoffs, found, strict=True):
            time_limits(owner).set_on(handoff, row)
        return handoffs, max(row.claimed_until or 0 for row in found)

    def adopt(
        self,
        chunk: ChunkRange,
        token: str,
        positions: Sequence[int],
        now: Instant,
        claimed_until: Instant,
    ) -> list[int]:
        """See :class:`campaign.ports.SendingStore`."""
        rows = json_rows(
            [{"campaign_id": chunk.campaign_id, "position": position} for position in positions]
        )
        values = {"rows": rows, "token": token, "lease": claimed_until, "now": now}

        def work(connection: Connection) -> list[int]:
            return sorted(connection.execute(self._sql.adopt, values).scalars())

        return self._database.write(work)

    def _write_outcomes(
        self,
        connection: Connection,
        owner: Owner,
        campaign_id: str,
        token: str,
        outcomes: Sequence[Outcome],
        now: Instant,
    ) -> _Written:
        """Write outcomes and keys; return what to pay for and which events to record."""
        rows = outcome_rows(campaign_id, outcomes)
        values = {
            "rows": rows,
            "token": token,
            "account": owner.account_id,
            "guarded": owner.guarded,
            "now": now,
        }
        moved = list(map(Moved._make, connection.execute(self._sql.record, values)))
        put_off = [row.position for row in moved if row.status == MessageStatus.RETRYABLE]
        self._text_changes.write_kept(connection, campaign_id, put_off, now)
        connection.execute(self._sql.end_attempts, {"rows": rows})
        ended_at = {outcome.position: outcome.at for outcome in outcomes}
        price = Price()
        first_sent: int | None = None
        # Every transaction locks keys in the same order, so that chunks seldom deadlock.
        for row in sorted(moved, key=_key):
            if row.status == MessageStatus.SENT:
                price += Price(row.credits_sms, row.credits_mms)
                first_sent = row.position if first_sent is None else min(first_sent, row.position)
            unknown = row.was_unknown and row.status != MessageStatus.SENT
            if row.key is None or row.status == MessageStatus.UNKNOWN or unknown:
                continue
            where = (connection, owner.account_id, row.key, campaign_id, row.position)
            if row.status == MessageStatus.SENT:
                recipient_keys.spend(*where, at=ended_at[row.position])
            else:
                recipient_keys.release(*where)
        events = [
            MessageEvent(row.event_for, MessageStatus(row.status), ended_at[row.position])
            for row in moved
            if row.event_for is not None
        ]
        if first_sent is None:
            return _Written(None, events)
        return _Written((price, first_sent, max(ended_at.values())), events)

    def _take(
        self,
        connection: Connection,
        owner: Owner,
        chunk: ChunkRange,
        token: str,
        due_messages: Found,
        now: Instant,
        claimed_until: Instant,
    ) -> ClaimResult:
        result = ClaimResult(
            exhausted=due_messages.exhausted,
            ask_again_at=due_messages.ask_again_at,
            waits_for=due_messages.waits_for,
            down=due_messages.down,
        )
        if not due_messages.rows and not due_messages.closed:
            return result
        aside, winners = self._decide(connection, owner, chunk.campaign_id, due_messages.rows, now)
        never = self._deferrals.defer(connection, chunk.campaign_id, due_messages.closed)
        aside += never
        if aside:
            connection.execute(self._sql.set_aside, {"rows": json_rows(aside), "now": now})
        leaves = [due_messages.leaves[row.position] for row in winners]
        tries = self._earlier_tries.of(connection, chunk.campaign_id, winners, owner.look_up_since)
        handoffs = [
            new_handoff(
                row, now, leave.start_at, leave.choice, tries.get(row.position, ()), owner.sandbox
            )
            for row, leave in zip(winners, leaves, strict=True)
        ]
        for handoff, row in zip(handoffs, winners, strict=True):
            owner.limits.set_on(handoff, row)
        rows = json_rows(
            [
                {
                    "campaign_id": chunk.campaign_id,
                    "position": each.position,
                    "attempt": each.attempt,
                    "carrier": each.carrier,
                }
                for each in handoffs
            ]
        )
        claimed: set[int] = set()
        if winners:
            values = {"rows": rows, "token": token, "lease": claimed_until, "now": now}
            claimed = set(connection.execute(self._sql.claim, values).scalars().all())
            connection.execute(self._sql.begin_attempts, values)
        if len(claimed) != len(winners):
            raise RuntimeError("a locked row changed its state")
        skipped = sum(row["status"] == MessageStatus.SKIPPED for row in aside)
        deferred = len(due_messages.closed) - len(never) + len(aside) - skipped
        return replace(result, claimed=handoffs, skipped=skipped, deferred=deferred)

    def _decide(
        self,
        connection: Connection,
        owner: Owner,
        campaign_id: str,
        found: Sequence[DueMessage],
        now: Instant,
    ) -> tuple[list[dict[str, object]], list[DueMessage]]:
        """Sort due messages into rows to set aside and messages to send.

        Set aside are those whose recipient gets nothing more (unwanted.py) or whose key is taken.
        """
        unwanted = self._unwanted.reasons(
            connection, owner.account_id, owner.exclude_opt_outs, campaign_id, found
        )
        aside: list[dict[str, object]] = []
        winners: list[DueMessage] = []
        claim_key = partial(recipient_keys.claim, connection, owner.account_id)
        for row in sorted(found, key=_key):
            aside_as: dict[str, object] = {}
            if row.position in unwanted:
                aside_as = {"status": "skipped", "reason": unwanted[row.position]}
            elif row.key and (taken := claim_key(row.key, campaign_id, row.position, row.id, now)):
                if taken.spent:
                    aside_as = {
                        "status": "skipped",
                        "reason": "duplicate_key",
                        "duplicate_of": taken.message_id,
                    }
                else:
                    aside_as = {"status": "retryable", "reason": "key_busy"}
                    aside_as["due_at"] = now + KEY_BUSY_WAIT
            if aside_as:
                aside.append({"campaign_id": campaign_id, "position": row.position, **aside_as})
            else:
                winners.append(row)
        return aside, sorted(winners, key=lambda row: row.position)


def _key(row: DueMessage | Moved) -> str:
    return row.key or ""
