"""The carriers of this installation, by name."""

from collections.abc import Mapping, Sequence
from time import perf_counter

from campaign.failures import TemporaryFailure
from campaign.handoffs import Acceptance, Carrier, Handoff, Repeats
from campaign.routing import SANDBOX
from telemetry.metrics import HANDOFF_SECONDS


class Carriers:
    """One or more carriers; attempts of older versions name none, and went to the first.

    ``sandbox`` gets every message of a sandbox campaign, and no other.
    """

    def __init__(self, carriers: Sequence[Carrier], sandbox: Carrier | None = None) -> None:
        self._carriers = {carrier.name: carrier for carrier in carriers}
        self._carriers[""] = carriers[0]
        self._sandbox = sandbox

    @property
    def repeats(self) -> Mapping[str, Repeats]:
        """What each does with a reference that it has seen before."""
        known = {name: carrier.repeats for name, carrier in self._carriers.items()}
        return known if self._sandbox is None else known | {SANDBOX: self._sandbox.repeats}

    def named(self, name: str) -> Carrier | None:
        """Return the carrier of this name; None when it is not in use any more."""
        return self._sandbox if name == SANDBOX else self._carriers.get(name)

    async def send(self, handoff: Handoff) -> Acceptance:
        """Hand over to the handoff's carrier; see :class:`campaign.handoffs.Carrier`.

        The mark of the sandbox decides, whatever carrier the handoff names.
        """
        carrier = self._sandbox if handoff.sandbox else self._carriers.get(handoff.carrier)
        if carrier is None:
            raise TemporaryFailure("carrier_removed")
        began = perf_counter()
        try:
            return await carrier.send(handoff)
        finally:
            HANDOFF_SECONDS.observe((carrier.name,), (perf_counter() - began,))
