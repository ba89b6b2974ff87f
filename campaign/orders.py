"""Orders to a campaign: what a person asked for, numbered, until the campaign has done it.

The number of an order is its instant, made larger than that of the order before. So of two orders
the newer one is known even after an older copy of a database was restored.
"""

from dataclasses import dataclass
from enum import StrEnum

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
    """

    status: CampaignStatus
    ordered: Order | None = None
    number: Instant = 0
    paused_for: Instant = 0
    account_open: bool = True
