"""The numbers that opted out of an account's messages, by the time of their events.

What a number is depends on the latest STOP and the latest START by the events' own times, never on
the order in which they arrive; at one instant STOP wins (47 CFR 64.1200(a)(10)).
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from sqlalchemy import Connection, bindparam, text
from sqlmodel import col, select

from campaign.events import Destination
from campaign.instants import Instant
from campaign.keywords import Keyword, OptOutEvidence
from campaign.phone import canonical_number
from store.clock import wall_clock
from store.database.engine import Database
from store.shared import auto_replies
from store.shared.erased_numbers import ErasedNumbers
from store.shared.outbox import Outbox
from store.tables import OptOutEvent, SenderRow

EVIDENCE_LENGTH_MAX = 1_600
ADDED_AT_ONCE = 500
_KEEP = text("""
    INSERT INTO opt_out_event (
        account_id, event_id, number, kind, at, source, carrier, address, text, reason
    )
    VALUES (
        :account_id, :event_id, :number, :kind, :at, :source, :carrier, :address, :text, :reason
    )
    ON CONFLICT (account_id, event_id) DO NOTHING
""")
# Each of these locks the row of the number, even where it changes nothing.
_LATEST = {
    Keyword.STOP: text("""
        INSERT INTO opt_out_state (account_id, number, stopped_at)
        VALUES (:account_id, :number, :at)
        ON CONFLICT (account_id, number) DO UPDATE SET stopped_at = excluded.stopped_at
        WHERE opt_out_state.stopped_at IS NULL
            OR opt_out_state.stopped_at < excluded.stopped_at
    """),
    Keyword.START: text("""
        INSERT INTO opt_out_state (account_id, number, started_at)
        VALUES (:account_id, :number, :at)
        ON CONFLICT (account_id, number) DO UPDATE SET started_at = excluded.started_at
        WHERE opt_out_state.started_at IS NULL
            OR opt_out_state.started_at < excluded.started_at
    """),
}
# The account's own word is the latest, whatever the clocks of carriers said before.
_STOP_NOW = text("""
    INSERT INTO opt_out_state (account_id, number, stopped_at)
    VALUES (:account_id, :number, :at)
    ON CONFLICT (account_id, number) DO UPDATE SET stopped_at = CASE
        WHEN opt_out_state.started_at > excluded.stopped_at THEN opt_out_state.started_at
        ELSE excluded.stopped_at END
    WHERE opt_out_state.stopped_at IS NULL
        OR opt_out_state.stopped_at < excluded.stopped_at
        OR opt_out_state.stopped_at < opt_out_state.started_at
""")
# It undoes every STOP that is known, and no later one that is still to come.
_START_NOW = text("""
    UPDATE opt_out_state SET started_at = stopped_at + 1
    WHERE account_id = :account_id AND number = :number
        AND stopped_at >= COALESCE(started_at, stopped_at)
""")
_OPT_OUT = text("""
    INSERT INTO opt_out (account_id, number, source, created_at, event_id)
    SELECT account_id, number, :source, CAST(:at AS BIGINT), :event_id FROM opt_out_state
    WHERE account_id = :account_id AND number = :number
        AND stopped_at >= COALESCE(started_at, stopped_at)
    ON CONFLICT (account_id, number) DO NOTHING
""")
_OPT_IN = text("""
    DELETE FROM opt_out
    WHERE account_id = :account_id AND number = :number AND NOT EXISTS (
        SELECT 1 FROM opt_out_state s
        WHERE s.account_id = :account_id AND s.number = :number
            AND s.stopped_at >= COALESCE(s.started_at, s.stopped_at)
    )
""")
_VIEW = """
    SELECT o.number, o.source, o.created_at, e.carrier, e.address, e.text, e.reason
    FROM opt_out o
    LEFT JOIN opt_out_event e ON e.account_id = o.account_id AND e.event_id = o.event_id
    WHERE o.account_id = :account_id
"""
_GET = text(f"{_VIEW} AND o.number = :number")
_PAGE = text(f"{_VIEW} AND o.number > :after ORDER BY o.number LIMIT :limit")
_HISTORY = (
    select(OptOutEvent)
    .where(
        OptOutEvent.account_id == bindparam("account_id"),
        OptOutEvent.number == bindparam("number"),
    )
    .order_by(col(OptOutEvent.at), col(OptOutEvent.event_id))
)
_OWNERS = select(SenderRow.account_id).where(
    col(SenderRow.address).in_([bindparam("address"), bindparam("canonical")]),
    col(SenderRow.active),
)


@dataclass(frozen=True, slots=True)
class OptOutView:
    """A number that opted out, the source ("inbound", "api", "file", "carrier"), when and how.

    ``text`` was written to ``address`` through ``carrier``; ``reason`` is a carrier's code.
    """

    number: str
    source: str
    created_at: Instant
    carrier: str | None = None
    address: str | None = None
    text: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OptOutEventView:
    """One STOP or START of a number, with its evidence."""

    id: str
    kind: Keyword
    at: Instant
    evidence: OptOutEvidence


class OptOuts:
    """Opted-out numbers in the database; every method is one transaction.

    A number is taken in any form that ``canonical_number`` reads, and stored as E.164. One that was
    erased stays opted out until it is removed.
    """

    def __init__(self, database: Database, outbox: Outbox, erased_numbers: ErasedNumbers) -> None:
        self._database = database
        self._outbox = outbox
        self._erased_numbers = erased_numbers

    def apply(
        self,
        account_id: str,
        number: str,
        kind: Keyword,
        at: Instant,
        event_id: str,
        evidence: OptOutEvidence,
        now: Instant | None = None,
    ) -> bool:
        """Apply a STOP, START or HELP that happened ``at``; True if it opted the number out or in.

        An event whose id the account has seen changes nothing, nor does one older than the latest
        of the other kind. A STOP that opts a number out, and a HELP, are answered as the account
        wishes: at most once a day, in the same transaction.
        """
        moment = wall_clock() if now is None else now
        # A carrier's clock that is ahead of ours would outlast every later event.
        values = _values(account_id, number, kind, min(at, moment), event_id, evidence)

        def work(connection: Connection) -> tuple[bool, Sequence[Destination]]:
            if kind is Keyword.HELP:
                changed, answered = False, True
            elif connection.execute(_KEEP, values).rowcount == 0:
                return False, []
            else:
                changed = answered = _move(connection, kind, values)
                if kind is Keyword.START:
                    changed = self._readmit(connection, values) or changed
            if not answered or kind is Keyword.START or evidence.address is None:
                return changed, []
            return changed, auto_replies.record(
                connection,
                self._outbox,
                account_id,
                str(values["number"]),
                kind,
                evidence.address,
                event_id,
                moment,
            )

        changed, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return changed

    def _readmit(self, connection: Connection, values: dict[str, object]) -> bool:
        """Let an erased person receive messages again who wrote START after the erasure."""
        who = (connection, str(values["account_id"]), str(values["number"]))
        erased_at = self._erased_numbers.erased_at(*who)
        is_later = erased_at is not None and erased_at < int(str(values["at"]))
        return is_later and self._erased_numbers.remove(*who)

    def add(self, account_id: str, number: str, source: str, now: Instant) -> bool:
        """Opt a number out by the account's own word; False if it was opted out already."""
        return self.add_all(account_id, [number], source, now) > 0

    def add_all(self, account_id: str, numbers: Sequence[str], source: str, now: Instant) -> int:
        """Opt numbers out by the account's own word, in small transactions.

        Returns how many were not opted out before. A second run completes a first that broke off.
        """
        rows = [
            _values(account_id, number, Keyword.STOP, now, _new_id(source), OptOutEvidence(source))
            for number in sorted(set(map(_stored, numbers)))
        ]
        added = 0
        for start in range(0, len(rows), ADDED_AT_ONCE):
            part = rows[start : start + ADDED_AT_ONCE]
            added += self._database.write(partial(_add_rows, part))
        return added

    def remove(self, account_id: str, number: str) -> bool:
        """Opt a number in by the account's own word; False if it was not opted out."""
        event_id, evidence = _new_id("api"), OptOutEvidence("api")
        values = _values(account_id, number, Keyword.START, wall_clock(), event_id, evidence)

        def work(connection: Connection) -> bool:
            connection.execute(_START_NOW, values)
            was_erased = self._erased_numbers.remove(connection, account_id, _stored(number))
            removed = connection.execute(_OPT_IN, values).rowcount > 0 or was_erased
            if removed:
                connection.execute(_KEEP, values)
            return removed

        return self._database.write(work)

    def list(
        self, account_id: str, limit: int = 100, after: str | None = None
    ) -> Sequence[OptOutView]:
        """A page of opted-out numbers in order; ``after`` is the last one of the page before."""
        values = {"account_id": account_id, "after": after or "", "limit": limit}
        return self._database.read(
            lambda connection: [OptOutView(*row) for row in connection.execute(_PAGE, values)]
        )

    def get(self, account_id: str, number: str) -> OptOutView | None:
        """One opted-out number; None if it is not opted out."""
        values = {"account_id": account_id, "number": _stored(number)}
        row = self._database.read(lambda connection: connection.execute(_GET, values).first())
        return None if row is None else OptOutView(*row)

    def history(self, account_id: str, number: str) -> Sequence[OptOutEventView]:
        """Every STOP and START of a number that is kept, the earliest first."""
        values = {"account_id": account_id, "number": _stored(number)}

        def work(connection: Connection) -> Sequence[OptOutEventView]:
            return [
                OptOutEventView(
                    row.event_id,
                    Keyword(row.kind),
                    row.at,
                    OptOutEvidence(row.source, row.carrier, row.address, row.text, row.reason),
                )
                for row in connection.execute(_HISTORY, values)
            ]

        return self._database.read(work)

    def contains(self, account_id: str, number: str) -> bool:
        """Tell whether a number is opted out of an account's messages, or erased."""
        erased = self._erased_numbers
        return self.get(account_id, number) is not None or self._database.read(
            lambda connection: bool(erased.among(connection, account_id, [_stored(number)]))
        )

    def owners(self, address: str) -> Sequence[str]:
        """The ids of the accounts that send from an address: an inbound text concerns them all."""
        values = {"address": address, "canonical": _stored(address)}
        return self._database.read(lambda connection: connection.scalars(_OWNERS, values).all())


def _move(connection: Connection, kind: Keyword, values: dict[str, object]) -> bool:
    """Write the latest time of a kind of event, and whether the number is opted out by it."""
    connection.execute(_LATEST[kind], values)
    moved = _OPT_OUT if kind is Keyword.STOP else _OPT_IN
    return connection.execute(moved, values).rowcount > 0


def _add_rows(rows: Sequence[dict[str, object]], connection: Connection) -> int:
    added = 0
    for values in rows:
        connection.execute(_STOP_NOW, values)
        if connection.execute(_OPT_OUT, values).rowcount > 0:
            connection.execute(_KEEP, values)
            added += 1
    return added


def _values(
    account_id: str,
    number: str,
    kind: Keyword,
    at: Instant,
    event_id: str,
    evidence: OptOutEvidence,
) -> dict[str, object]:
    shown = None if evidence.text is None else evidence.text[:EVIDENCE_LENGTH_MAX]
    return {
        "account_id": account_id,
        "number": _stored(number),
        "kind": kind.value,
        "at": at,
        "event_id": event_id,
        **asdict(evidence),
        "text": shown,
    }


def _new_id(source: str) -> str:
    return f"{source}:{secrets.token_hex(16)}"


def _stored(number: str) -> str:
    return canonical_number(number) or number
