"""What became of the deliveries of webhooks, for their accounts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection
from sqlmodel import Session, and_, col, select, tuple_

from campaign.instants import Instant
from store.database.engine import Database
from store.tables import CallbackRow

STATUSES = ("waiting", "delivered", "dead")


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A delivery; a ``dead`` one ran out of retries, expired, or its webhook was disabled."""

    id: str
    event: str
    status: str
    at: Instant
    campaign_id: str | None
    message_id: str | None
    tries: int
    last_code: str | None
    created_at: Instant
    last_due_at: Instant

    @property
    def next_due_at(self) -> Instant | None:
        """When the next try begins; None once the delivery has ended."""
        return self.last_due_at if self.status == "waiting" else None


class DeliveryLog:
    """Reads deliveries; to an account, another account's do not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def delivery(self, account_id: str, webhook_id: str, delivery_id: str) -> DeliveryView | None:
        """One delivery of a webhook; None if it does not exist, or no more."""
        query = select(CallbackRow).where(
            is_delivery(account_id, webhook_id), CallbackRow.id == delivery_id
        )
        row = self._database.read(lambda connection: Session(connection).exec(query).first())
        return None if row is None else _delivery(row)

    def dead_letters(
        self, account_id: str, webhook_id: str, limit: int = 50, before: str | None = None
    ) -> Sequence[DeliveryView]:
        """A page of the deliveries that ended as dead; see ``list``."""
        return self.list(account_id, webhook_id, ("dead",), limit, before)

    def list(
        self,
        account_id: str,
        webhook_id: str,
        statuses: Sequence[str] = STATUSES,
        limit: int = 50,
        before: str | None = None,
    ) -> Sequence[DeliveryView]:
        """A page of deliveries, the latest due first; ``before`` is the last id of the page before.

        Empty if ``before`` is not a delivery of this webhook.
        """
        order = tuple_(CallbackRow.due_at, CallbackRow.id)
        query = (
            select(CallbackRow)
            .where(is_delivery(account_id, webhook_id))
            .order_by(col(CallbackRow.due_at).desc(), col(CallbackRow.id).desc())
            .limit(limit)
        )
        if before is not None:
            last = select(CallbackRow.due_at, CallbackRow.id).where(
                CallbackRow.id == before, CallbackRow.destination == webhook_id
            )
            query = query.where(order < last.correlate(None).scalar_subquery())

        def work(connection: Connection) -> Sequence[DeliveryView]:
            # The index has one queue for each status: each gives its latest.
            found = [
                _delivery(row)
                for status in statuses
                for row in Session(connection).exec(query.where(CallbackRow.status == status))
            ]
            return sorted(found, key=lambda one: (one.last_due_at, one.id), reverse=True)[:limit]

        return self._database.read_snapshot(work)


def is_delivery(account_id: str, webhook_id: str) -> ColumnElement[bool]:
    """The condition that a delivery is one of a webhook of an account."""
    return and_(CallbackRow.destination == webhook_id, CallbackRow.account_id == account_id)


def _delivery(row: CallbackRow) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        event=row.event,
        status=row.status,
        at=row.at,
        campaign_id=row.campaign_id,
        message_id=row.message_id,
        tries=row.tries,
        last_code=row.last_code,
        created_at=row.created_at,
        last_due_at=row.due_at,
    )
