"""Orders to a campaign: what a person asked for, numbered, until the campaign has done it.

The number of an order is its instant, made larger than that of the order before. So of two orders
the newer one is known even after an older copy of a database was restored.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from campaign.instants import Instant
from campaign.states import CampaignStatus


class Order(StrEnum):
    """What a person can order. A retry is for a campaign that has ended."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a campaign stands in the store.

    ``ordered`` is the order that it has not carried out yet, if any; ``number`` is that of its
    last order, 0 before the first. ``paused_for`` is how long it has been paused, in milliseconds.
    ``brake`` is what keeps its whole account from sending: "account_closed", "stopped" or None.
    """

    status: CampaignStatus
    ordered: Order | None = None
    number: Instant = 0
    paused_for: Instant = 0
    brake: str | None = None


class StatusStore(Protocol):
    """What the activities ask of a campaign's status and orders; one transaction each."""

    def set_status(
        self, campaign_id: str, status: CampaignStatus, now: Instant, order: Instant = 0
    ) -> CampaignStatus:
        """Move the campaign where ``CAMPAIGN_MOVES`` allows it; return the status that stands then.

        ``order`` is the number of the newest order that the caller knows. Where the store has a
        newer one nothing is moved. Otherwise the pause or resume that this carries out is done.
        A campaign that becomes paused gets ``now`` as ``paused_at``; one that leaves that state
        loses it, and its problem with it. A move that is not allowed changes nothing, so the same
        call again returns the same.
        """
        ...

    def has_newer_order(self, campaign_id: str, order: Instant) -> bool:
        """Tell whether the campaign has an order with a higher number."""
        ...

    def follow_orders(self, campaign_id: str, now: Instant) -> Standing:
        """Return where the campaign stands, for a run that follows it from now on.

        An open campaign that must not send for another reason than its status is paused by the
        system first, with the reason as its problem. A pause that was ordered counts as carried
        out, and so does a resume of a campaign that is not paused. A second run changes nothing.
        """
        ...
