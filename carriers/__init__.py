"""Carriers: one file each, both directions. A new one is a file and a line in ``CARRIERS``."""

from importlib import import_module
from typing import Protocol, cast

from campaign.handoffs import Carrier, CarrierCall, Inbound, Receipt
from campaign.settings import Settings

# The name that users choose by, and the module that speaks to that carrier.
CARRIERS: dict[str, str] = {
    "pretend": "carriers.pretend",
    "twilio": "carriers.twilio",
    "telnyx": "carriers.telnyx",
    "vonage": "carriers.vonage",
    "sinch": "carriers.sinch",
    "kannel": "carriers.kannel",
    "postback": "carriers.postback",
}
# Carriers that the embedded stack can serve by itself, and the module that does.
LOCAL_SERVERS: dict[str, str] = {
    "pretend": "carriers.pretend_server",
}


class UnknownCarrier(Exception):
    """There is no carrier of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no carrier is named {name!r}; there are: {', '.join(CARRIERS)}")


class NotConfigured(Exception):
    """A carrier cannot work without these variables."""

    def __init__(self, *variables: str) -> None:
        super().__init__(f"this carrier cannot be used without {', '.join(variables)}")
        self.variables = variables


class CarrierModule(Protocol):
    """What a carrier's module offers: a client, and readers of the carrier's callbacks.

    A module whose carrier expects another answer than 202 also has ``ACK``, a
    ``carriers.callbacks.Ack``.
    """

    def open_carrier(self, settings: Settings) -> Carrier:
        """Open a client with settings of its own from the environment; raises NotConfigured."""
        ...

    def read_receipts(self, call: CarrierCall) -> list[Receipt]:
        """Read a receipt call; raises Forged for one that is not signed so, Refused for
        malformed.
        """
        ...

    def read_inbound(self, call: CarrierCall) -> list[Inbound]:
        """Read a call that brings texts sent to us; raises as ``read_receipts`` does."""
        ...


def carrier_module(name: str) -> CarrierModule:
    """Load the module of a carrier; raises UnknownCarrier."""
    if name not in CARRIERS:
        raise UnknownCarrier(name)
    return cast(CarrierModule, import_module(CARRIERS[name]))


def open_carrier(name: str, settings: Settings) -> Carrier:
    """Open the carrier of that name; raises UnknownCarrier or NotConfigured."""
    return carrier_module(name).open_carrier(settings)
