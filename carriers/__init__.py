"""Carriers: one file each, for both directions. A new one is a file and a line in ``CARRIERS``.

Modules are named, not imported: the CLI needs the names in every command, and all seven take 0.3 s
of CPU time to import (pydantic, httpx, JWT).
"""

from functools import cache
from importlib import import_module
from typing import Protocol, cast

from campaign.handoffs import Carrier, CarrierCall, Inbound, Receipt
from campaign.settings import Settings

# The name that users configure, and the module of that carrier.
CARRIERS: dict[str, str] = {
    "pretend": "carriers.pretend",
    "twilio": "carriers.twilio",
    "telnyx": "carriers.telnyx",
    "vonage": "carriers.vonage",
    "sinch": "carriers.sinch",
    "kannel": "carriers.kannel",
    "postback": "carriers.postback",
}
# Carriers whose server the embedded stack can run, and the module of that server.
LOCAL_SERVERS: dict[str, str] = {
    "pretend": "carriers.pretend_server",
}


class UnknownCarrier(Exception):
    """There is no carrier of that name."""

    loggable = True

    def __init__(self, name: str) -> None:
        super().__init__(f"no carrier is named {name!r}; there are: {', '.join(CARRIERS)}")


class NotConfigured(Exception):
    """A carrier cannot be used because these environment variables are empty."""

    loggable = True

    def __init__(self, *variables: str) -> None:
        super().__init__(f"this carrier cannot be used without {', '.join(variables)}")
        self.variables = variables


class CarrierModule(Protocol):
    """What a carrier's module offers: a client, and readers of the carrier's callbacks.

    A module whose carrier expects another answer than 202 also has ``ACK``, a
    ``carriers.callbacks.Ack``. One whose carrier sends several kinds of events to one address has
    ``understands(call)``, which is False for an event that neither reader knows.
    """

    def open_carrier(self, settings: Settings) -> Carrier:
        """Open a client configured from the environment; raises NotConfigured."""
        ...

    def read_receipts(self, call: CarrierCall) -> list[Receipt]:
        """Read the receipts of a call; empty if it brings a text or an intermediate status.

        Raises Forged when the call is not proved to be the carrier's, Refused when it is malformed.
        """
        ...

    def read_inbound(self, call: CarrierCall) -> list[Inbound]:
        """Read the texts that a call brings, if any; raises as ``read_receipts`` does."""
        ...


@cache
def carrier_module(name: str) -> CarrierModule:
    """Load the module of a carrier; raises UnknownCarrier."""
    if name not in CARRIERS:
        raise UnknownCarrier(name)
    return cast(CarrierModule, import_module(CARRIERS[name]))


def open_carrier(name: str, settings: Settings) -> Carrier:
    """Open the carrier of that name; raises UnknownCarrier or NotConfigured."""
    return carrier_module(name).open_carrier(settings)
