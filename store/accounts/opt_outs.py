"""The numbers that opted out of an account's messages, by the time of their events.

What a number is depends on the latest STOP and the latest START by the events' own times, never on
the order in which they arrive; at one instant STOP wins (47 CFR 64.1200(a)(10)).
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from functools import partial

from sqlalchemy import Connection, bindparam, text
from sqlmodel import col, select

from campaign.activity import Action
from campaign.events import Destination, Event
from campaign.instants import Instant
from campaign.keywords import Keyword, OptOutEvidence
from campaign.phone import canonical_number
from store.accounts.opt_out_statements import (
    COUNT,
    COUNT_OPT_OUT,
    GET,
    KEEP,
    LATEST,
    OPT_IN,
    OPT_OUT,
    PAGE,
    PAGE_AT,
    START_NOW,
    STOP_NOW,
)
from store.clock import wall_clock
from store.database.engine import Database, json_rows
from store.shared import auto_replies
from store.shared.activity import record
from store.shared.erased_numbers import ErasedNumbers
from store.shared.outbox import Outbox
from store.tables import OptOutEvent

EVIDENCE_LENGTH_MAX = 1_600
ADDED_AT_ONCE = 500
_HISTORY = (
    select(OptOutEvent)
    .where(
        OptOutEvent.account_id == bindparam("account_id"),
        OptOutEvent.number == bindparam("number"),
    )
    .order_by(col(OptOutEvent.at), col(OptOutEvent.event_id))
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
        self._among = text(f"""
            SELECT number FROM opt_out
            WHERE account_id = :account
                AND number IN (SELECT r.number FROM {database.rowset("number TEXT")})
        """)

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
            changed = False
            destinations: list[Destination] = []
            if kind is not Keyword.HELP:
                if connection.execute(KEEP, values).rowcount == 0:
                    return False, []
                changed = _move(connection, kind, values)
                if kind is Keyword.START:
                    changed |= self._erased_numbers.remove(
                        connection, account_id, str(values["number"]), min(at, moment)
                    )
                if not changed:
                    return False, []
                if kind is Keyword.STOP:
                    connection.execute(COUNT_OPT_OUT, {**values, "now": moment})
                destinations += self._report(connection, values, moment)
            if kind is not Keyword.START and evidence.address is not None:
                to = (account_id, str(values["number"]), kind, evidence.address)
                destinations += auto_replies.record(connection, self._outbox, *to, event_id, moment)
            return changed, destinations

        changed, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return changed

    def add(self, account_id: str, number: str, source: str, now: Instant) -> bool:
        """Opt a number out by the account's own word; False if it was opted out already."""
        evidence = OptOutEvidence(source)
        values = _values(account_id, number, Keyword.STOP, now, _new_id(source), evidence)

        def work(connection: Connection) -> tuple[bool, Sequence[Destination]]:
            added = _add_rows([values], connection) > 0
            if added:
                self._record(connection, Action.OPT_OUT_ADDED, values)
            return added, self._report(connection, values, now) if added else []

        added, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return added

    def add_all(self, account_id: str, numbers: Sequence[str], source: str, now: Instant) -> int:
        """Opt numbers out by the account's own word, in small transactions.

        Returns how many were not opted out before; webhooks do not hear of each. A second run
        completes a first that broke off.
        """
        rows = [
            _values(account_id, number, Keyword.STOP, now, _new_id(source), OptOutEvidence(source))
            for number in sorted(set(map(_stored, numbers)))
        ]
        added = 0
        for start in range(0, len(rows), ADDED_AT_ONCE):
            part = rows[start : start + ADDED_AT_ONCE]
            added += self._database.write(partial(_add_part, account_id, part))
        return added

    def remove(self, account_id: str, number: str) -> bool:
        """Opt a number in by the account's own word; False if it was not opted out."""
        event_id, evidence = _new_id("api"), OptOutEvidence("api")
        now = wall_clock()
        values = _values(account_id, number, Keyword.START, now, event_id, evidence)

        def work(connection: Connection) -> tuple[bool, Sequence[Destination]]:
            connection.execute(START_NOW, values)
            was_erased = self._erased_numbers.remove(connection, account_id, str(values["number"]))
            if connection.execute(OPT_IN, values).rowcount == 0 and not was_erased:
                return False, []
            connection.execute(KEEP, values)
            self._record(connection, Action.OPT_OUT_REMOVED, values)
            return True, self._report(connection, values, now)

        removed, destinations = self._database.write(work)
        self._outbox.notify(destinations)
        return removed

    def _record(self, connection: Connection, action: Action, values: dict[str, object]) -> None:
        account_id = str(values["account_id"])
        subject = self._erased_numbers.subject(account_id, str(values["number"]))
        after = {"source": values["source"]}
        record(connection, action, subject, account=account_id, after=after)

    def _report(
        self, connection: Connection, values: dict[str, object], now: Instant
    ) -> Sequence[Destination]:
        """Write what a STOP or START did for the webhooks of the account."""
        is_stop = values["kind"] == Keyword.STOP.value
        event = Event.OPT_OUT_ADDED if is_stop else Event.OPT_OUT_REMOVED
        account_id, event_id = str(values["account_id"]), str(values["event_id"])
        return self._outbox.record_opt_out_event(connection, account_id, event, event_id, now)

    def list(
        self, account_id: str, limit: int = 100, after: str | None = None
    ) -> Sequence[OptOutView]:
        """A page of opted-out numbers in order; ``after`` is the last one of the page before."""
        values = {"account_id": account_id, "after": after or "", "limit": limit}
        return self._database.read(
            lambda connection: [OptOutView(*row) for row in connection.execute(PAGE, values)]
        )

    def page(self, account_id: str, limit: int, offset: int) -> tuple[Sequence[OptOutView], int]:
        """A page of opted-out numbers in order, from the one at ``offset`` on, and how many are."""
        values = {"account_id": account_id, "limit": limit, "offset": offset}

        def work(connection: Connection) -> tuple[Sequence[OptOutView], int]:
            found = [OptOutView(*row) for row in connection.execute(PAGE_AT, values)]
            return found, connection.execute(COUNT, values).scalar_one()

        return self._database.read_snapshot(work)

    def get(self, account_id: str, number: str) -> OptOutView | None:
        """One opted-out number; None if it is not opted out."""
        values = {"account_id": account_id, "number": _stored(number)}
        row = self._database.read(lambda connection: connection.execute(GET, values).first())
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
        return bool(self.among(account_id, [number]))

    def among(self, account_id: str, numbers: Collection[str]) -> set[str]:
        """Return those of the numbers that are opted out of an account's messages, or erased."""
        stored = {number: _stored(number) for number in numbers}
        rows = json_rows([{"number": number} for number in set(stored.values())])

        def work(connection: Connection) -> set[str]:
            values = {"account": account_id, "rows": rows}
            found = set(connection.execute(self._among, values).scalars())
            found |= self._erased_numbers.among(connection, account_id, set(stored.values()))
            return {number for number, form in stored.items() if form in found}

        return self._database.read(work)


def _move(connection: Connection, kind: Keyword, values: dict[str, object]) -> bool:
    """Write the latest time of a kind of event, and whether the number is opted out by it."""
    connection.execute(LATEST[kind], values)
    moved = OPT_OUT if kind is Keyword.STOP else OPT_IN
    return connection.execute(moved, values).rowcount > 0


def _add_part(account_id: str, rows: Sequence[dict[str, object]], connection: Connection) -> int:
    added = _add_rows(rows, connection)
    if added:
        after = {"added": added}
        record(connection, Action.OPT_OUT_IMPORTED, None, account=account_id, after=after)
    return added


def _add_rows(rows: Sequence[dict[str, object]], connection: Connection) -> int:
    added = 0
    for values in rows:
        connection.execute(STOP_NOW, values)
        if connection.execute(OPT_OUT, values).rowcount > 0:
            connection.execute(KEEP, values)
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
