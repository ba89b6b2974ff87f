"""Webhook deliveries: records, and the ports to the store and to the sender."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from campaign.events import next_call_at
from campaign.instants import Instant


class DeliveryStatus(StrEnum):
    """The status of a delivery; a ``dead`` one waits for a replay."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class DeliveryVerdict(StrEnum):
    """The result of a call."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"  # the receiver wants no more events (HTTP 410)
    NOTHING = "nothing"  # the dialect does not report this event


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that is claimed for one try; ``tries`` includes this one."""

    callback_id: str
    tries: int


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """The outcome of a call. ``code`` is an HTTP status or a short word, never a URL or a text.

    ``overloaded`` pauses all deliveries to the destination, for at least ``retry_after`` seconds.
    """

    verdict: DeliveryVerdict
    code: str
    retry_after: float | None = None
    overloaded: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryUpdate:
    """What to store after a call: the next status, or None to delete the delivery."""

    callback_id: str
    status: DeliveryStatus | None
    code: str
    at: Instant
    due_at: Instant | None = None
    gone: bool = False


def update_after(
    call: ClaimedDelivery, outcome: DeliveryOutcome, now: Instant, jitter: float
) -> DeliveryUpdate:
    """Decide what to store after a call: its end, or when it is due again.

    ``jitter`` in [0, 1) lengthens the wait.
    """
    match outcome.verdict:
        case DeliveryVerdict.DELIVERED:
            return DeliveryUpdate(call.callback_id, DeliveryStatus.DELIVERED, outcome.code, now)
        case DeliveryVerdict.GONE:
            return DeliveryUpdate(
                call.callback_id, DeliveryStatus.DEAD, outcome.code, now, gone=True
            )
        case DeliveryVerdict.NOTHING:
            return DeliveryUpdate(call.callback_id, None, outcome.code, now)
    due_at = next_call_at(now, call.tries, jitter, outcome.retry_after)
    status = DeliveryStatus.DEAD if due_at is None else DeliveryStatus.WAITING
    return DeliveryUpdate(call.callback_id, status, outcome.code, now, due_at)


class DeliverySender(Protocol):
    """Renders one delivery, signs it, and calls its URL once."""

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        """Make the call within a total deadline; raises only StoreUnavailable."""
        ...


class DeliveryStore(Protocol):
    """What ``activities/webhook_delivery.py`` asks of the store. Every call is one transaction."""

    def flush_and_claim(
        self,
        destination: str,
        token: str,
        updates: Sequence[DeliveryUpdate],
        count: int,
        now: Instant,
        claimed_until: Instant,
    ) -> Sequence[ClaimedDelivery]:
        """Store the outcomes of calls, then claim up to ``count`` deliveries that are due.

        An update applies only while the delivery is claimed under ``token``, so a second run
        changes nothing. Nothing is claimed for a webhook that is disabled or deleted.
        """
        ...

    def give_up(self, destination: str, since: Instant, now: Instant) -> int:
        """Mark deliveries dead that have waited since before ``since``; returns their number."""
        ...

    def next_due(self, destination: str) -> Instant | None:
        """When the next delivery of a destination can be claimed, None if none waits."""
        ...
