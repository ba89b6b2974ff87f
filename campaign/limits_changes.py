"""Another window or expiry for a campaign that waits or runs."""

from dataclasses import dataclass
from typing import Protocol

from campaign.instants import Instant


@dataclass(frozen=True, slots=True)
class LimitsChange:
    """What changes: ``has_window`` and ``has_expiry`` say which; None then removes it.

    ``window`` is the JSON of a window (campaign/sending_windows.py).
    """

    has_window: bool = False
    window: str | None = None
    has_expiry: bool = False
    expires_at: Instant | None = None


class LimitsStore(Protocol):
    """Changes the limits of a campaign; numbered as in :class:`campaign.ports.PlanStore`."""

    def change_limits(
        self, campaign_id: str, number: int, change: LimitsChange, now: Instant
    ) -> int:
        """Write other limits, and move what waits into another window.

        What was due after an hour of open time is due after an hour of the new open time, counted
        from ``now``, the start or the pause. Returns the number of the last change in the store.
        """
        ...
