"""The seams of the courier: what it asks of the store, and of whoever calls the addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from campaign.instants import Instant


class DeliveryStatus(StrEnum):
    """Where a callback stands; ``dead`` ones wait for a replay."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class DeliveryVerdict(StrEnum):
    """What a call came to."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"  # the receiver wants no news any more (HTTP 410)
    NOTHING = "nothing"  # the dialect has no words for this news


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """One callback, claimed for one try; ``tries`` counts this one."""

    callback_id: str
    tries: int


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """How a call went. ``code`` is a status or a short word, never an address or a text.

    ``tired`` says that the destination as a whole needs a rest, ``retry_after`` for how many
    seconds at least.
    """

    verdict: DeliveryVerdict
    code: str
    retry_after: float | None = None
    overloaded: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryUpdate:
    """What to write of a call: the callback's next status, or None to forget it."""

    callback_id: str
    status: DeliveryStatus | None
    code: str
    at: Instant
    due_at: Instant | None = None
    gone: bool = False


class DeliverySender(Protocol):
    """Renders one callback, signs it, and calls its address once."""

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        """Make the call within a total deadline; raises StoreUnavailable, nothing else."""
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
        """Write how calls went, then claim up to ``count`` callbacks that are due.

        A mark counts only where the callback is still claimed under ``token``; run twice, the
        second run changes nothing. Nothing is claimed for a webhook that is disabled or gone.
        """
        ...

    def give_up(self, destination: str, since: Instant, now: Instant) -> int:
        """Call those dead that have waited since before ``since``; returns how many."""
        ...

    def next_due(self, destination: str) -> Instant | None:
        """When the next callback of a destination can be claimed, None when none waits."""
        ...
