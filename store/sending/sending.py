"""What a chunk does in the database: claim rows before the first byte, write how they ended."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, text

from campaign.credits import Price, price_of
from campaign.handoffs import Handoff
from campaign.instants import SECOND, Instant
from campaign.ports import ChunkRange, ClaimResult, Outcome
from campaign.states import MessageStatus
from store.database.engine import Database, json_rows
from store.sending.due_messages import DueMessages, Found
from store.sending.list_departures import left_since
from store.sending.rows import DueMessage, Moved, new_handoff, old_handoff
from store.sending.statements import ABANDONED, RENEW, WANTS_NOTHING, ChunkStatements
from store.shared import ledger, recipient_keys
from store.shared.outbox import Destination, MessageEvent, Outbox

# A row whose key another message is just using comes again after this long.
KEY_BUSY_WAIT: Instant = 5 * SECOND


@dataclass(frozen=True, slots=True)
class _Owner:
    account_id: str
    exclude_opt_outs: bool


@dataclass(frozen=True, slots=True)
class _Written:
    """What outcomes came to: the price, first position and instant of what was sent, and news."""

    handed_off: tuple[Price, int, Instant] | None = None
    events: Sequence[MessageEvent] = ()


class Sending:
    """The :class:`campaign.ports.SendingStore` of both databases."""

    def __init__(self, database: Database, outbox: Outbox, due_messages: DueMessages) -> None:
        self._database = database
        self._outbox = outbox
        self._due_messages = due_messages
        self._owners: dict[str, _Owner] = {}
        self._sql = ChunkStatements(database)

    def flush_and_claim(
        self,
        chunk: ChunkRange,
        token: str,
        outcomes: Sequence[Outcome],
        claim_count: int,
        now: Instant,
        claimed_until: Instant,
    ) -> ClaimResult:
        """See :class:`campaign.ports.SendingStore`."""

        def work(connection: Connection) -> tuple[ClaimResult, Sequence[Destination]]:
            owner = self._owner(connection, chunk.campaign_id)
            # Speeds are locked before keys, by everybody, or two chunks would wait in a circle.
            found = self._due_messages.find(connection, owner.account_id, chunk, claim_count, now)
            written = _Written()
            if outcomes:
                written = self._write_outcomes(
                    connection, owner, chunk.campaign_id, token, outcomes
                )
            outcome = ClaimResult()
            if claim_count > 0:
                outcome = self._take(connection, owner, chunk, token, found, now, claimed_until)
            destinations = self._outbox.record_message_events(connection, written.events, now)
            if written.handed_off is not None:
                # Last of all: every chunk of the account waits for these few rows.
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
        values = {"campaign": campaign_id, "number": number}
        return self._database.read(
            lambda connection: connection.execute(WANTS_NOTHING, values).first() is not None
        )

    def abandoned(self, chunk: ChunkRange, token: str) -> tuple[list[Handoff], Instant | None]:
        """See :class:`campaign.ports.SendingStore`."""
        values = {**_range(chunk), "token": token}
        found = self._database.read(lambda connection: connection.execute(ABANDONED, values).all())
        leases = [row.claimed_until or 0 for row in found]
        handoffs = [old_handoff(row) for row in found]
        return handoffs, max(leases, default=None)

    def adopt(
        self,
        chunk: ChunkRange,
        token: str,
        positions: Sequence[int],
        now: Instant,
        claimed_until: Instant,
    ) -> list[int]:
        """See :class:`campaign.ports.SendingStore`."""
        rows = json_rows([{"c": chunk.campaign_id, "p": position} for position in positions])
        values = {"rows": rows, "token": token, "lease": claimed_until, "now": now}

        def work(connection: Connection) -> list[int]:
            return sorted(connection.execute(self._sql.adopt, values).scalars())

        return self._database.write(work)

    def _owner(self, connection: Connection, campaign_id: str) -> _Owner:
        owner = self._owners.get(campaign_id)
        if owner is None:
            row = connection.execute(
                text("SELECT account_id, exclude_opt_outs FROM campaign WHERE id = :campaign"),
                {"campaign": campaign_id},
            ).one()
            if len(self._owners) > 10_000:
                self._owners.clear()
            owner = self._owners[campaign_id] = _Owner(row[0], bool(row[1]))
        return owner

    def _write_outcomes(
        self,
        connection: Connection,
        owner: _Owner,
        campaign_id: str,
        token: str,
        outcomes: Sequence[Outcome],
    ) -> _Written:
        """Write outcomes and keys; what to pay for, and whom to tell of what."""
        rows = json_rows(
            [
                {
                    "c": campaign_id,
                    "p": outcome.position,
                    "n": outcome.attempt,
                    "s": outcome.status.value,
                    "e": outcome.code,
                    "i": outcome.carrier_id,
                    "t": outcome.at,
                    "d": outcome.due_at,
                }
                for outcome in sorted(outcomes, key=lambda outcome: outcome.position)
            ]
        )
        values = {"rows": rows, "token": token, "account": owner.account_id}
        moved = [Moved._make(row) for row in connection.execute(self._sql.record, values).all()]
        connection.execute(self._sql.end_attempts, {"rows": rows})
        ended_at = {outcome.position: outcome.at for outcome in outcomes}
        sent: Counter[str] = Counter()
        first_sent: int | None = None
        # Keys are locked in the same order everywhere, so that chunks seldom wait in a circle.
        for row in sorted(moved, key=_key):
            if row.status == MessageStatus.SENT:
                sent[row.kind] += 1
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
        price = price_of(sent["sms"], sent["mms"])
        return _Written((price, first_sent, max(ended_at.values())), events)

    def _take(
        self,
        connection: Connection,
        owner: _Owner,
        chunk: ChunkRange,
        token: str,
        due_messages: Found,
        now: Instant,
        claimed_until: Instant,
    ) -> ClaimResult:
        nothing = ClaimResult(
            exhausted=due_messages.exhausted,
            ask_again_at=due_messages.ask_again_at,
            down=due_messages.down,
        )
        if not due_messages.rows:
            return nothing
        aside, winners = self._decide(connection, owner, chunk.campaign_id, due_messages.rows, now)
        if aside:
            connection.execute(self._sql.set_aside, {"rows": json_rows(aside), "now": now})
        leaves = [due_messages.leaves[row.position] for row in winners]
        handoffs = [
            new_handoff(row, now, leave.start_at, leave.choice)
            for row, leave in zip(winners, leaves, strict=True)
        ]
        rows = json_rows(
            [
                {"c": chunk.campaign_id, "p": each.position, "n": each.attempt, "w": each.carrier}
                for each in handoffs
            ]
        )
        claimed: set[int] = set()
        if winners:
            values = {"rows": rows, "token": token, "lease": claimed_until, "now": now}
            claimed = set(connection.execute(self._sql.claim, values).scalars().all())
            connection.execute(self._sql.begin_attempts, values)
        if len(claimed) != len(winners):
            raise RuntimeError("a locked row changed its state under us")
        skipped = sum(row["s"] == MessageStatus.SKIPPED for row in aside)
        return replace(nothing, claimed=handoffs, skipped=skipped, deferred=len(aside) - skipped)

    def _decide(
        self,
        connection: Connection,
        owner: _Owner,
        campaign_id: str,
        found: Sequence[DueMessage],
        now: Instant,
    ) -> tuple[list[dict[str, object]], list[DueMessage]]:
        """Sort candidates into rows to set aside (opted out, left, key taken) and rows to send."""
        opted_out: set[str] = set()
        if owner.exclude_opt_outs:
            rows = json_rows([{"r": row.recipient} for row in found])
            values = {"account": owner.account_id, "rows": rows}
            opted_out = set(connection.execute(self._sql.opted_out, values).scalars())
        left = left_since(connection, campaign_id, found)
        aside: list[dict[str, object]] = []
        winners: list[DueMessage] = []
        claim_key = partial(recipient_keys.claim, connection, owner.account_id)
        for row in sorted(found, key=_key):
            fate: dict[str, object] | None = None
            if row.recipient in opted_out:
                fate = {"s": "skipped", "e": "opted_out"}
            elif row.position in left:
                fate = {"s": "skipped", "e": "left_list"}
            elif row.key and (taken := claim_key(row.key, campaign_id, row.position, row.id, now)):
                if taken.spent:
                    fate = {"s": "skipped", "e": "duplicate_key", "m": taken.message_id}
                else:
                    fate = {"s": "retryable", "e": "key_busy", "d": now + KEY_BUSY_WAIT}
            if fate is None:
                winners.append(row)
            else:
                aside.append({"c": campaign_id, "p": row.position, **fate})
        return aside, sorted(winners, key=lambda row: row.position)


def _key(row: DueMessage | Moved) -> str:
    return row.key or ""


def _range(chunk: ChunkRange) -> dict[str, object]:
    return {
        "campaign": chunk.campaign_id,
        "low": chunk.low,
        "high": chunk.high,
        "due": chunk.due_until,
    }
