"""The sandbox's carrier: it accepts messages inside the worker and sends nothing anywhere.

It has no address, no settings and no memory, so that no configuration can make it send. It is not
in ``CARRIERS``: no route can name it. Fictional numbers select how it behaves (docs/adding.md).
"""

import asyncio

from campaign.failures import DoubtfulHandoff, NotStarted, PermanentFailure, TemporaryFailure
from campaign.fictional_numbers import behaviour_of
from campaign.handoffs import Acceptance, Handoff, Repeats
from campaign.routing import SANDBOX

SLOW_SECONDS = 3.0


class SandboxCarrier:
    """A :class:`campaign.handoffs.Carrier`; ``timeout_seconds`` is the deadline of a request."""

    name = SANDBOX
    # Whether an interrupted message was accepted follows from its number and attempt.
    repeats = Repeats.LOOKUP

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        if not handoff.may_start():
            raise NotStarted
        match behaviour_of(handoff.to):
            case "0001":
                raise PermanentFailure("invalid_number")
            case "0002" if handoff.attempt == 1:
                raise TemporaryFailure("unavailable")
            case "0005" if handoff.attempt == 1:
                raise TemporaryFailure("rate_limited", retry_after=2.0)
            case "0003":
                await asyncio.sleep(self._timeout_seconds)
                raise DoubtfulHandoff("timeout")
            case "0004":
                raise DoubtfulHandoff("connection_lost")
            case "0006":
                await asyncio.sleep(min(SLOW_SECONDS, self._timeout_seconds))
        return _acceptance(handoff)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`."""
        refused = {"0001"} if handoff.attempt > 1 else {"0001", "0002", "0005"}
        return None if behaviour_of(handoff.to) in refused else _acceptance(handoff)

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""


def _acceptance(handoff: Handoff) -> Acceptance:
    return Acceptance(f"{SANDBOX}-{handoff.reference}")
