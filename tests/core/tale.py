"""What the workflow of one simulated campaign would remember."""

import asyncio
from dataclasses import dataclass, field

from campaign.instants import Instant


@dataclass
class Tale:
    """A campaign and the memory of its workflow.

    ``order`` is the number of the newest order that the workflow knows. What a person was told
    outlives the workflow: ``held_since`` is since when the campaign is to stay paused, and
    ``cancel_ordered_at`` when it was cancelled.
    """

    id: str
    key: str | None
    resends: bool
    heeds_opt_outs: bool
    admitted: bool = False
    ended: bool = False
    paused_at: Instant | None = None
    cancelled_at: Instant | None = None
    pauses: int = 0
    waves: int = 0
    unknown_rounds: int = 0
    order: Instant = 0
    held_since: Instant | None = None
    cancel_ordered_at: Instant | None = None
    was_lost: bool = False
    stops: list[asyncio.Event] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Admitted, and not at its end."""
        return self.admitted and not self.ended

    def new_stop(self) -> asyncio.Event:
        """What tells one attempt at a chunk to start nothing more."""
        self.stops.append(asyncio.Event())
        return self.stops[-1]

    def stop(self) -> None:
        """Tell the chunks that run to start nothing more."""
        for stop in self.stops:
            stop.set()
