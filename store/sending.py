"""What a chunk does in the database: claim rows before the first byte, write how they ended."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from campaign.credits import price_of
from campaign.instants import SECOND, Instant
from campaign.ports import ChunkRange, Handoff, Outcome, Turn
from campaign.states import MessageStatus
from store import ledger, recipient_keys
from store.engine import Database

# A row whose key another message is just using comes again after this long.
KEY_BUSY_WAIT: Instant = 5 * SECOND

_HANDOFF_COLUMNS = "position, id, recipient, text, media_url, sender, segments, attempts, key"

# COALESCE keeps SQLite off the queue index: a chunk is a range of the primary key.
_CANDIDATES = (
    f"SELECT {_HANDOFF_COLUMNS} FROM message "
    "WHERE campaign_id = :campaign AND position >= :low AND position < :high "
    "AND COALESCE(status, '') IN ('queued', 'retryable') AND due_at <= :due "
    "ORDER BY position LIMIT :count"
)
_ABANDONED = text(
    f"SELECT {_HANDOFF_COLUMNS}, lease_until FROM message "
    "WHERE campaign_id = :campaign AND position >= :low AND position < :high "
    "AND COALESCE(status, '') = 'sending' AND COALESCE(claimed_by, '') <> :token "
    "ORDER BY position"
)
_RENEW = text(
    "UPDATE message SET lease_until = :lease WHERE campaign_id = :campaign "
    "AND position = :position AND COALESCE(status, '') = 'sending' AND claimed_by = :token"
)
_OPTED_OUT = text(
    "SELECT number FROM opt_out WHERE account_id = :account AND number IN :numbers"
).bindparams(bindparam("numbers", expanding=True))

# The JSON row carries the campaign too, so that SQLite joins on its whole primary key.
_JOIN = "campaign_id = r.value->>'c' AND {table}.position = CAST(r.value->>'p' AS BIGINT)"


def _rows(table: str) -> str:
    return f"{table}." + _JOIN.format(table=table)


@dataclass(frozen=True, slots=True)
class _Owner:
    account_id: str
    exclude_opt_outs: bool


class Sending:
    """The :class:`campaign.ports.SendingStore` of both databases."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owners: dict[str, _Owner] = {}
        self._candidates = text(
            _CANDIDATES if database.is_sqlite else _CANDIDATES + " FOR UPDATE SKIP LOCKED"
        )
        rows = database.rows
        self._record = text(
            "UPDATE message SET status = r.value->>'s', error = r.value->>'e', "
            "reason = CASE WHEN r.value->>'s' = 'failed' THEN r.value->>'e' ELSE reason END, "
            "carrier_id = COALESCE(r.value->>'i', carrier_id), "
            "sent_at = CASE WHEN r.value->>'s' = 'sent' THEN CAST(r.value->>'t' AS BIGINT) "
            "ELSE sent_at END, "
            "final_at = CASE WHEN r.value->>'s' = 'failed' THEN CAST(r.value->>'t' AS BIGINT) "
            "ELSE final_at END, "
            "due_at = COALESCE(CAST(r.value->>'d' AS BIGINT), due_at), "
            "claimed_by = NULL, lease_until = NULL "
            f"FROM {rows} WHERE {_rows('message')} AND message.status = 'sending' "
            "AND message.claimed_by = :token "
            "RETURNING message.position, message.status, message.kind, message.key"
        )
        self._end_attempts = text(
            "UPDATE attempt SET ended_at = CAST(r.value->>'t' AS BIGINT), "
            "outcome = r.value->>'s', code = r.value->>'e' "
            f"FROM {rows} WHERE {_rows('attempt')} "
            "AND attempt.number = CAST(r.value->>'n' AS BIGINT) AND attempt.ended_at IS NULL"
        )
        self._claim = text(
            "UPDATE message SET status = 'sending', attempts = attempts + 1, "
            "claimed_by = :token, lease_until = :lease "
            f"FROM {rows} WHERE {_rows('message')} "
            "AND message.status IN ('queued', 'retryable') RETURNING message.position"
        )
        self._set_aside = text(
            "UPDATE message SET status = r.value->>'s', reason = r.value->>'e', "
            "duplicate_of = r.value->>'m', "
            "due_at = COALESCE(CAST(r.value->>'d' AS BIGINT), due_at), "
            "final_at = CASE WHEN r.value->>'s' = 'skipped' THEN :now ELSE final_at END "
            f"FROM {rows} WHERE {_rows('message')} AND message.status IN ('queued', 'retryable')"
        )
        self._begin_attempts = text(
            "INSERT INTO attempt (campaign_id, position, number, started_at) "
            "SELECT r.value->>'c', CAST(r.value->>'p' AS BIGINT), "
            f"CAST(r.value->>'n' AS BIGINT), :now FROM {rows}"
        )
        self._adopt = text(
            "UPDATE message SET claimed_by = :token, lease_until = :lease "
            f"FROM {rows} WHERE {_rows('message')} AND message.status = 'sending' "
            "AND message.claimed_by <> :token AND message.lease_until <= :now "
            "RETURNING message.position"
        )

    def turn(
        self,
        chunk: ChunkRange,
        token: str,
        outcomes: Sequence[Outcome],
        claim_count: int,
        now: Instant,
        lease_until: Instant,
    ) -> Turn:
        """See :class:`campaign.ports.SendingStore`."""

        def work(connection: Connection) -> Turn:
            owner = self._owner(connection, chunk.campaign_id)
            if outcomes:
                self._write_outcomes(connection, owner, chunk.campaign_id, token, outcomes)
            if claim_count <= 0:
                return Turn()
            return self._take(connection, owner, chunk, token, claim_count, now, lease_until)

        return self._database.write(work)

    def renew(self, chunk: ChunkRange, token: str, position: int, lease_until: Instant) -> bool:
        """See :class:`campaign.ports.SendingStore`."""
        values = {
            "campaign": chunk.campaign_id,
            "position": position,
            "token": token,
            "lease": lease_until,
        }
        return self._database.write(
            lambda connection: connection.execute(_RENEW, values).rowcount > 0
        )

    def abandoned(self, chunk: ChunkRange, token: str) -> tuple[list[Handoff], Instant | None]:
        """See :class:`campaign.ports.SendingStore`."""
        values = {**_range(chunk), "token": token}
        found = self._database.read(lambda connection: connection.execute(_ABANDONED, values).all())
        leases = [row.lease_until or 0 for row in found]
        return [_handoff(row, row.attempts) for row in found], max(leases, default=None)

    def adopt(
        self,
        chunk: ChunkRange,
        token: str,
        positions: Sequence[int],
        now: Instant,
        lease_until: Instant,
    ) -> list[int]:
        """See :class:`campaign.ports.SendingStore`."""
        rows = json.dumps([{"c": chunk.campaign_id, "p": position} for position in positions])
        values = {"rows": rows, "token": token, "lease": lease_until, "now": now}

        def work(connection: Connection) -> list[int]:
            return sorted(connection.execute(self._adopt, values).scalars())

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
    ) -> None:
        rows = json.dumps(
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
        moved = connection.execute(self._record, {"rows": rows, "token": token}).all()
        connection.execute(self._end_attempts, {"rows": rows})
        ended_at = {outcome.position: outcome.at for outcome in outcomes}
        sent: Counter[str] = Counter()
        first_sent: int | None = None
        for row in moved:
            if row.status == MessageStatus.SENT:
                sent[row.kind] += 1
                first_sent = row.position if first_sent is None else min(first_sent, row.position)
            if row.key is None or row.status == MessageStatus.UNKNOWN:
                continue
            where = (connection, owner.account_id, row.key, campaign_id, row.position)
            if row.status == MessageStatus.SENT:
                recipient_keys.spend(*where, at=ended_at[row.position])
            else:
                recipient_keys.release(*where)
        if first_sent is not None:
            price = price_of(sent["sms"], sent["mms"])
            at = max(ended_at.values())
            ledger.post(connection, owner.account_id, campaign_id, price, first_sent, at)

    def _take(
        self,
        connection: Connection,
        owner: _Owner,
        chunk: ChunkRange,
        token: str,
        count: int,
        now: Instant,
        lease_until: Instant,
    ) -> Turn:
        found = connection.execute(self._candidates, {**_range(chunk), "count": count}).all()
        if not found:
            return Turn(exhausted=True)
        aside, winners = self._judge(connection, owner, chunk.campaign_id, found, now)
        if aside:
            connection.execute(self._set_aside, {"rows": json.dumps(aside), "now": now})
        rows = json.dumps(
            [{"c": chunk.campaign_id, "p": row.position, "n": row.attempts + 1} for row in winners]
        )
        claimed: set[int] = set()
        if winners:
            values = {"rows": rows, "token": token, "lease": lease_until, "now": now}
            claimed = set(connection.execute(self._claim, values).scalars())
            connection.execute(self._begin_attempts, values)
        if len(claimed) != len(winners):
            raise RuntimeError("a locked row changed its state under us")
        skipped = sum(row["s"] == MessageStatus.SKIPPED for row in aside)
        return Turn(
            claimed=[_handoff(row, row.attempts + 1) for row in winners],
            skipped=skipped,
            deferred=len(aside) - skipped,
            exhausted=len(found) < count,
        )

    def _judge(
        self,
        connection: Connection,
        owner: _Owner,
        campaign_id: str,
        found: Sequence[Row[Any]],
        now: Instant,
    ) -> tuple[list[dict[str, object]], list[Row[Any]]]:
        """Sort candidates into rows to set aside (opted out, key taken) and rows to send."""
        silent: set[str] = set()
        if owner.exclude_opt_outs:
            numbers = [row.recipient for row in found]
            values = {"account": owner.account_id, "numbers": numbers}
            silent = set(connection.execute(_OPTED_OUT, values).scalars())
        aside: list[dict[str, object]] = []
        winners: list[Row[Any]] = []
        for row in found:
            where = {"c": campaign_id, "p": row.position}
            if row.recipient in silent:
                aside.append({**where, "s": "skipped", "e": "opted_out"})
                continue
            taken = row.key and recipient_keys.claim(
                connection, owner.account_id, row.key, campaign_id, row.position, row.id, now
            )
            if not taken:
                winners.append(row)
            elif taken.spent:
                skip = {"s": "skipped", "e": "duplicate_key", "m": taken.message_id}
                aside.append({**where, **skip})
            else:
                wait = {"s": "retryable", "e": "key_busy", "d": now + KEY_BUSY_WAIT}
                aside.append({**where, **wait})
        return aside, winners


def _range(chunk: ChunkRange) -> dict[str, object]:
    return {
        "campaign": chunk.campaign_id,
        "low": chunk.low,
        "high": chunk.high,
        "due": chunk.due_until,
    }


def _handoff(row: Row[Any], attempt: int) -> Handoff:
    return Handoff(
        position=row.position,
        attempt=attempt,
        reference=row.id,
        sender=row.sender,
        to=row.recipient,
        text=row.text,
        media_url=row.media_url,
        segments=row.segments,
    )
