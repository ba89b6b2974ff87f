"""Leased numbers: taken from the pool for one account towards one recipient, and found again.

The rules are those of 003_9fb2bf36535a4962.txt: unique to the recipient, valid for 30 days, at
most five to one recipient at any one time. Where it is silent, docs/decisions/0013-leases.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from campaign.instants import DAY, Instant
from campaign.phone import is_e164
from store.database.engine import Database, StoreError, json_rows
from store.replies.lease_plan import LeasePlan, LeaseRequest, NoLease

LEASE_FOR: Instant = 30 * DAY
# A race for one recipient's leases is over when its five are given away.
ROUNDS_MAX = 20

_ADD = text(
    "INSERT INTO pool_number (number, country, created_at) VALUES (:number, :country, :now) "
    "ON CONFLICT (number) DO NOTHING"
)
_IS_SENDER = text("SELECT 1 FROM sender WHERE address = :number")
_END_LEASES = text("DELETE FROM lease WHERE number = :number")
_REMOVE = text("DELETE FROM pool_number WHERE number = :number")
_POOL = text(
    "SELECT number, country, (SELECT count(*) FROM lease l WHERE l.number = p.number "
    "AND l.expires_at > :now) AS leases FROM pool_number p ORDER BY number"
)
_NUMBERS = text("SELECT number, country FROM pool_number ORDER BY number")
_CLEAR = text("DELETE FROM lease WHERE number = :number AND recipient = :recipient")
LEASE_HOLDER = text(
    "SELECT account_id, number, recipient, expires_at FROM lease "
    "WHERE number = :number AND recipient = :recipient AND expires_at > :at"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """Whose a number is towards one recipient, and until when."""

    account_id: str
    number: str
    recipient: str
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class PoolView:
    """A number of the pool and how many live leases there are of it."""

    number: str
    country: str | None
    leases: int


class Leases:
    """The pool and its leases in the database; every public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Against a claim that just takes the number: it refers to the row.
        for_update = "" if database.is_sqlite else " FOR UPDATE"
        self._number_for_update = text(
            f"SELECT 1 FROM pool_number WHERE number = :number{for_update}"
        )
        self._leases_for_update = text(
            "SELECT number, recipient, account_id, purpose, slot, expires_at FROM lease "
            f"WHERE recipient IN (SELECT r.value->>'r' FROM {database.rows}) "
            f"ORDER BY recipient, number{database.for_update}"
        )
        self._renew = text(
            "UPDATE lease SET expires_at = CAST(r.value->>'u' AS BIGINT) "
            f"FROM {database.rows} WHERE lease.number = r.value->>'n' "
            "AND lease.recipient = r.value->>'r' "
            "AND lease.account_id = :account AND lease.purpose = r.value->>'w' "
            "AND lease.expires_at < CAST(r.value->>'u' AS BIGINT)"
        )
        # Whoever comes second in a race runs into one of the three unique keys and gets nothing.
        self._take = text(
            "INSERT INTO lease "
            "(number, recipient, account_id, purpose, slot, leased_at, expires_at) "
            "SELECT r.value->>'n', r.value->>'r', CAST(:account AS VARCHAR), r.value->>'w', "
            "CAST(r.value->>'s' AS INTEGER), CAST(:now AS BIGINT), "
            f"CAST(r.value->>'u' AS BIGINT) FROM {database.rows} WHERE TRUE "
            "ON CONFLICT DO NOTHING RETURNING number, recipient"
        )

    def add_number(self, number: str, country: str | None, now: Instant) -> bool:
        """Put a number into the pool; False when it is there already.

        Raises StoreError for what is no E.164 number, or is a sender of an account: an answer
        to it would be news to two.
        """
        if not is_e164(number):
            raise StoreError(f"{number!r} is no number: give + and 7-15 digits")
        values = {"number": number, "country": country, "now": now}

        def work(connection: Connection) -> bool:
            if connection.execute(_IS_SENDER, values).first() is not None:
                raise StoreError(f"{number} is a sender of an account")
            return connection.execute(_ADD, values).rowcount > 0

        return self._database.write(work)

    def remove_number(self, number: str) -> bool:
        """Take a number out of the pool and end its leases; False when it was not there."""

        def work(connection: Connection) -> bool:
            connection.execute(self._number_for_update, {"number": number})
            connection.execute(_END_LEASES, {"number": number})
            return connection.execute(_REMOVE, {"number": number}).rowcount > 0

        return self._database.write(work)

    def pool(self, now: Instant) -> Sequence[PoolView]:
        """All numbers of the pool, in order."""
        return self._database.read(
            lambda connection: [PoolView(*row) for row in connection.execute(_POOL, {"now": now})]
        )

    def claim(
        self, account_id: str, lease_requests: Sequence[LeaseRequest], now: Instant
    ) -> list[str | NoLease]:
        """Lease a number for each wish, or say why there is none; in the order of the wishes.

        A live lease for the same wish is renewed instead: a claim that is repeated, or raced,
        brings the same number. All in one transaction.
        """

        def work(connection: Connection) -> list[str | NoLease]:
            pool = [(row.number, row.country) for row in connection.execute(_NUMBERS)]
            found: dict[LeaseRequest, str | NoLease] = {}
            # In order of recipients, so that two batches seldom wait for each other in a circle;
            # those to one recipient stay as they came, so that the sixth is the last.
            left = sorted(
                dict.fromkeys(lease_requests), key=lambda lease_request: lease_request.recipient
            )
            for _ in range(ROUNDS_MAX):
                if not left:
                    return [found[lease_request] for lease_request in lease_requests]
                found |= self._claim(connection, account_id, left, pool, now)
                left = [lease_request for lease_request in left if lease_request not in found]
            raise RuntimeError("lost every race for a lease")

        try:
            return self._database.write(work)
        except IntegrityError:
            # A number left the pool at this very moment; the rest of it is still there.
            return self._database.write(work)

    def _claim(
        self,
        connection: Connection,
        account_id: str,
        lease_requests: Sequence[LeaseRequest],
        pool: Sequence[tuple[str, str | None]],
        now: Instant,
    ) -> dict[LeaseRequest, str | NoLease]:
        """What became of those wishes that nobody else got in the way of."""
        recipients = json_rows(
            [{"r": name} for name in dict.fromkeys(w.recipient for w in lease_requests)]
        )
        rows = connection.execute(self._leases_for_update, {"rows": recipients}).all()
        expired = [
            {"number": row.number, "recipient": row.recipient}
            for row in rows
            if row.expires_at <= now
        ]
        plan = LeasePlan(account_id, pool)
        for row in rows:
            if row.expires_at > now:
                plan.know(row.recipient, row.number, row.account_id, row.purpose, row.slot)
        chosen = {lease_request: plan.choose(lease_request) for lease_request in lease_requests}
        if expired:
            connection.execute(_CLEAR, expired)
        won: set[tuple[str, str]] = set()
        if plan.additions:
            values = {"rows": json_rows(plan.additions), "account": account_id, "now": now}
            won = {tuple(row) for row in connection.execute(self._take, values)}
        if plan.renewals:
            # After the new ones: a batch may want the same number for longer.
            renewals = json_rows(list(plan.renewals.values()))
            values = {"rows": renewals, "account": account_id}
            connection.execute(self._renew, values)
        return {
            lease_request: number
            for lease_request, number in chosen.items()
            if isinstance(number, NoLease)
            or (number, lease_request.recipient) in won
            or not plan.is_new(number, lease_request.recipient)
        }

    def holder(self, number: str, recipient: str, at: Instant) -> Lease | None:
        """Whose answer it is when a recipient writes to a number of the pool at an instant."""
        values = {"number": number, "recipient": recipient, "at": at}

        def work(connection: Connection) -> Lease | None:
            row = connection.execute(LEASE_HOLDER, values).first()
            return None if row is None else Lease(*row)

        return self._database.read(work)
