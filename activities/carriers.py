"""The carriers of this installation, by name."""

from collections.abc import Mapping, Sequence

from campaign.failures import TemporaryFailure
from campaign.handoffs import Acceptance, Carrier, Handoff, Repeats


class Carriers:
    """One or more carriers; attempts of older versions name none, and went to the first."""

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        self._carriers = {carrier.name: carrier for carrier in carriers}
        self._carriers[""] = carriers[0]

    @property
    def repeats(self) -> Mapping[str, Repeats]:
        """What each does with a reference that it has seen before."""
        return {name: carrier.repeats for name, carrier in self._carriers.items()}

    def named(self, name: str) -> Carrier | None:
        """Return the carrier of this name; None when it is not in use any more."""
        return self._carriers.get(name)

    async def send(self, handoff: Handoff) -> Acceptance:
        """Hand over to the handoff's carrier; see :class:`campaign.handoffs.Carrier`."""
        carrier = self.named(handoff.carrier)
        if carrier is None:
            raise TemporaryFailure("carrier_removed")
        return await carrier.send(handoff)
