"""The clock of this host, for everything that runs outside of Temporal."""

import time

from campaign.instants import Instant


def wall_clock() -> Instant:
    """The time of this host. Activities use ``activities.clock``, workflows ``workflow.now``."""
    return time.time_ns() // 1_000_000
