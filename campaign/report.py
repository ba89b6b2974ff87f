"""What a campaign came to: counts, money, time, and why messages did not go."""

from dataclasses import dataclass, field

from campaign.credits import Price
from campaign.instants import Instant
from campaign.ports import Tally


@dataclass(frozen=True, slots=True)
class Report:
    """The account of one campaign, true at the moment it is asked for.

    ``held`` is what is still set aside (for messages under way or unknown), ``posted`` what was
    paid and ``voided`` what was given back. ``reasons`` counts messages by state and reason,
    such as ``("failed", "invalid_number")``.
    """

    campaign_id: str
    status: str
    tally: Tally
    segments_sent: int
    attempts: int
    held: Price
    posted: Price
    voided: Price
    first_sent_at: Instant | None = None
    last_sent_at: Instant | None = None
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
