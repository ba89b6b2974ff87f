"""Leased numbers: taken from the pool for one account towards one recipient, and looked up.

The rules are those of 003_9fb2bf36535a4962.txt: unique to the recipient, valid for 30 days, at
most five to one recipient at once. docs/decisions/0013-leases.md says what it leaves open.
"""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from campaign.instants import Instant
from campaign.leases import Lease, LeasePlan, LeaseRequest, NoLease, PoolView
from campaign.phone import is_e164
from store.database.engine import Database, StoreError, json_rows
from store.shared.sender_use import check_unused
from store.tables import LeaseRow, PoolNumber

# A race for one recipient's leases is over when its five are given away.
ROUNDS_MAX = 20

_ADD = text("""
    INSERT INTO pool_number (number, country, created_at) VALUES (:number, :country, :now)
    ON CONFLICT (number) DO NOTHING
""")
_OWN = text("""
    INSERT INTO sender_owner (name, account_id)
    SELECT CAST(:number AS VARCHAR), NULL
    WHERE NOT EXISTS (
        SELECT 1 FROM sender WHERE address = :number AND status = 'approved'
    )
    ON CONFLICT (name) DO NOTHING
""")
_IS_OURS = text("SELECT 1 FROM sender_owner WHERE name = :number AND account_id IS NULL")
_GIVE_UP = text("DELETE FROM sender_owner WHERE name = :number AND account_id IS NULL")
_POOL = text("""
    SELECT number, country, (
        SELECT count(*) FROM lease l WHERE l.number = p.number AND l.expires_at > :now
    ) AS leases
    FROM pool_number p
    ORDER BY number
""")
_CLEAR = text("DELETE FROM lease WHERE number = :number AND recipient = :recipient")


class Leases:
    """The pool and its leases in the database; every public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # FOR UPDATE, because a claim refers to the row and would pass the weaker lock.
        for_update = "" if database.is_sqlite else "FOR UPDATE"
        self._number_for_update = text(
            f"SELECT 1 FROM pool_number WHERE number = :number {for_update}"
        )
        self._leases_for_update = text(f"""
            SELECT number, recipient, account_id, purpose, slot, expires_at FROM lease
            WHERE recipient IN (SELECT r.recipient FROM {database.rowset("recipient TEXT")})
            ORDER BY recipient, number{database.for_update}
        """)
        leases = database.rowset(
            "number TEXT, recipient TEXT, purpose TEXT, slot INTEGER, expires_at BIGINT"
        )
        self._renew = text(f"""
            UPDATE lease SET expires_at = r.expires_at
            FROM {leases}
            WHERE lease.number = r.number AND lease.recipient = r.recipient
                AND lease.account_id = :account AND lease.purpose = r.purpose
                AND lease.expires_at < r.expires_at
        """)
        # The loser of a race violates one of the three unique keys and gets nothing.
        self._take = text(f"""
            INSERT INTO lease
                (number, recipient, account_id, purpose, slot, leased_at, expires_at)
            SELECT r.number, r.recipient, CAST(:account AS VARCHAR), r.purpose, r.slot,
                CAST(:now AS BIGINT), r.expires_at
            FROM {leases}
            WHERE TRUE
            ON CONFLICT DO NOTHING
            RETURNING number, recipient
        """)

    def add_number(self, number: str, country: str | None, now: Instant) -> bool:
        """Add a number to the pool; False when it is there already.

        Raises StoreError when it is not an E.164 number, or is the sender of an account: a reply
        to it would belong to two accounts.
        """
        if not is_e164(number):
            raise StoreError(f"{number!r} is not a number: give + and 7-15 digits")
        values = {"number": number, "country": country, "now": now}

        def work(connection: Connection) -> bool:
            connection.execute(_OWN, values)
            if connection.execute(_IS_OURS, values).first() is None:
                raise StoreError(f"{number} is a sender of an account")
            return connection.execute(_ADD, values).rowcount > 0

        return self._database.write(work)

    def remove_number(self, number: str) -> bool:
        """Remove a number from the pool and end its leases; False when it was not there.

        Raises SenderInUse, and changes nothing, while messages wait to leave from it.
        """

        def work(connection: Connection) -> bool:
            locked = connection.execute(self._number_for_update, {"number": number})
            if locked.first() is not None:
                check_unused(connection, number)
            connection.execute(delete(LeaseRow).where(col(LeaseRow.number) == number))
            removed = connection.execute(delete(PoolNumber).where(col(PoolNumber.number) == number))
            connection.execute(_GIVE_UP, {"number": number})
            return removed.rowcount > 0

        return self._database.write(work)

    def pool(self, now: Instant) -> Sequence[PoolView]:
        """Return all numbers of the pool, in order."""
        return self._database.read(
            lambda connection: [PoolView(*row) for row in connection.execute(_POOL, {"now": now})]
        )

    def claim(
        self, account_id: str, lease_requests: Sequence[LeaseRequest], now: Instant
    ) -> list[str | NoLease]:
        """Lease a number for each request, or say why there is none; in the order of the requests.

        A live lease for the same request is renewed instead, so that a claim that is repeated or
        raced returns the same number. All in one transaction.
        """
        pool_query = select(col(PoolNumber.number), col(PoolNumber.country)).order_by(
            col(PoolNumber.number)
        )

        def work(connection: Connection) -> list[str | NoLease]:
            pool = connection.execute(pool_query).all()
            found: dict[LeaseRequest, str | NoLease] = {}
            # In the order of recipients, so that two batches seldom deadlock; the requests to one
            # recipient keep their order, so that the sixth is the last.
            left = sorted(dict.fromkeys(lease_requests), key=lambda request: request.recipient)
            for _ in range(ROUNDS_MAX):
                if not left:
                    return [found[request] for request in lease_requests]
                found |= self._claim(connection, account_id, left, pool, now)
                left = [request for request in left if request not in found]
            raise RuntimeError("lost every race for a lease")

        try:
            return self._database.write(work)
        except IntegrityError:
            # A number was removed from the pool meanwhile; the others are still there.
            return self._database.write(work)

    def _claim(
        self,
        connection: Connection,
        account_id: str,
        lease_requests: Sequence[LeaseRequest],
        pool: Sequence[tuple[str, str | None]],
        now: Instant,
    ) -> dict[LeaseRequest, str | NoLease]:
        """Return the results of those requests that lost no race."""
        recipients = json_rows(
            [
                {"recipient": name}
                for name in dict.fromkeys(each.recipient for each in lease_requests)
            ]
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
        chosen = {request: plan.choose(request) for request in lease_requests}
        if expired:
            connection.execute(_CLEAR, expired)
        won: set[tuple[str, str]] = set()
        if plan.additions:
            values = {
                "rows": json_rows([asdict(each) for each in plan.additions]),
                "account": account_id,
                "now": now,
            }
            won = {tuple(row) for row in connection.execute(self._take, values)}
        if plan.renewals:
            # After the new ones: a batch may want the same number for longer.
            renewals = json_rows([asdict(each) for each in plan.renewals.values()])
            values = {"rows": renewals, "account": account_id}
            connection.execute(self._renew, values)
        return {
            request: number
            for request, number in chosen.items()
            if isinstance(number, NoLease)
            or (number, request.recipient) in won
            or not plan.is_new(number, request.recipient)
        }

    def holder(self, number: str, recipient: str, at: Instant) -> Lease | None:
        """Return the lease of a pool number towards a recipient that was live at an instant."""
        return self._database.read(
            lambda connection: lease_holder(connection, number, recipient, at)
        )


def lease_holder(connection: Connection, number: str, recipient: str, at: Instant) -> Lease | None:
    """Return the lease of a number towards a recipient at an instant, inside a transaction."""
    query = select(
        col(LeaseRow.account_id),
        col(LeaseRow.number),
        col(LeaseRow.recipient),
        col(LeaseRow.expires_at),
    ).where(
        col(LeaseRow.number) == number,
        col(LeaseRow.recipient) == recipient,
        col(LeaseRow.expires_at) > at,
    )
    row = connection.execute(query).first()
    return None if row is None else Lease(*row)
