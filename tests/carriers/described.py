"""What the exercise must know of a carrier: how its server answers, and how it calls us."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from campaign.failures import CarrierFailure, DoubtfulHandoff
from campaign.handoffs import Carrier, CarrierCall, Handoff, Repeats
from campaign.settings import Settings
from carriers import CARRIERS, CarrierModule, carrier_module, open_carrier
from tests.carriers.servers import Call

PUBLIC_URL = "https://sms.example.com/in"
SENDER = "+18005559876"
TO = "+14155551234"
TEXT = "Caf\u00e9 & 100% \u20ac + \U0001f4e6"


def handoff(**members: Any) -> Handoff:
    """A first try at one SMS, unless said otherwise."""
    values: dict[str, Any] = {
        "position": 0,
        "attempt": 1,
        "reference": "msg_1",
        "sender": SENDER,
        "to": TO,
        "text": TEXT,
        "media_url": None,
        "segments": 2,
        "attempted_at": 1_800_000_000_000,
    }
    return Handoff(**(values | members))


@dataclass(frozen=True)
class Said:
    """An answer of a carrier's server."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """What a request to the carrier asks for, whatever it is written like."""

    sender: str
    to: str
    text: str
    media_url: str | None = None
    reference: str | None = None


def other_address(call: CarrierCall) -> CarrierCall:
    """The same call at the other one of a carrier's two addresses."""
    here, there = ("inbound", "receipts") if "/inbound" in call.url else ("receipts", "inbound")
    return replace(call, url=call.url.replace(f"/{here}", f"/{there}"))


ReceiptCall = Callable[[str, str], CarrierCall]
Texted = Callable[[str, str, str], CarrierCall]


@dataclass(frozen=True)
class Described:
    """One carrier.

    ``taken`` reads a send at the server and asserts its credentials. ``receipt`` makes a call
    with (reference, "delivered" | "undelivered" | "intermediate"), ``inbound`` one with (sender,
    our number, text); both prove themselves, and ``elsewhere`` makes either at the other address.
    ``unavailable`` is what a 503 of it means, and
    ``unpaid`` what a refusal for something of ours looks like.
    """

    name: str
    environment: Mapping[str, str]
    repeats: Repeats
    yes: Said
    carrier_id: str
    refused: Said
    refused_code: str
    configuration: Said
    busy: Said
    malformed: Sequence[bytes]
    taken: Callable[[Call], Taken]
    receipt: ReceiptCall
    inbound: Texted
    ack: tuple[int, bytes] = (202, b'{"status":"accepted"}')
    unavailable: type[CarrierFailure] = DoubtfulHandoff
    takes_media: bool = True
    proves: bool = True
    elsewhere: Callable[[CarrierCall], CarrierCall] = other_address

    def prefix(self) -> str:
        """How its variables begin."""
        return f"GODWIT_CARRIER_{self.name.upper()}_"

    def set_up(self, patch: pytest.MonkeyPatch, base_url: str = "http://127.0.0.1:9") -> None:
        """Put its settings into the environment, and forget those that were read before."""
        for member, value in {**self.environment, "BASE_URL": base_url}.items():
            patch.setenv(self.prefix() + member, value)
        patch.setenv("GODWIT_PUBLIC_URL", PUBLIC_URL)
        forget_settings()

    def open(self, seconds: float) -> Carrier:
        """The carrier as a worker opens it, with a deadline of so many seconds."""
        return open_carrier(self.name, Settings(send_timeout_seconds=seconds))

    @property
    def module(self) -> CarrierModule:
        """Its module."""
        return carrier_module(self.name)


def forget_settings() -> None:
    """Have every carrier read its settings anew."""
    for module in CARRIERS.values():
        once = getattr(import_module(module), "settings_once", None)
        if once is not None:
            once.cache_clear()


def headers_of(call: Call) -> dict[str, str]:
    """The headers of a request, with lower-case names."""
    lines = call.head.decode("latin-1").split("\r\n")[1:]
    pairs = [line.partition(":") for line in lines if line]
    return {name.lower(): value.strip() for name, _, value in pairs}


def target_of(call: Call) -> str:
    """Path and query of a request."""
    return call.head.split(b" ")[1].decode()


def query_of(call: Call) -> dict[str, str]:
    """The query of a request."""
    return dict(parse_qsl(urlsplit(target_of(call)).query, keep_blank_values=True))


def form_of(call: Call) -> dict[str, str]:
    """The form in the body of a request."""
    return dict(parse_qsl(call.body.decode(), keep_blank_values=True, strict_parsing=True))


def reference_in(url: str) -> str:
    """The reference that an address for receipts carries."""
    return dict(parse_qsl(urlsplit(url).query))["reference"]


def result(name: str, kind: str, query: str = "") -> str:
    """The address under which a carrier calls us."""
    return f"{PUBLIC_URL}/carriers/{name}/{kind}" + (f"?{query}" if query else "")


def changed(call: CarrierCall, **members: Any) -> CarrierCall:
    """The same call but for some members."""
    return replace(call, **members)
