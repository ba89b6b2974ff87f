"""The pretend carrier: real HTTP to a server that only pretends to send (docs/adding.md).

Its protocol is fixed, so that another server can replace ours:
``POST /messages`` takes ``reference from to body mediaUrl segments`` and answers 201 with ``id``;
``GET /messages?reference=`` lists what it took; receipts and inbound texts come as JSON.
"""

from typing import Any
from urllib.parse import quote

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaign.failures import TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Handoff, Inbound, Receipt, Repeats
from campaign.phone import is_e164
from campaign.settings import Settings
from campaign.states import MessageStatus
from carriers.callbacks import address_of, id_of, instant_in, malformed, read_object, text_of
from carriers.classify import acceptance, looking_up
from carriers.client import CarrierClient

NAME = "pretend"
_RECEIPTS = {
    "delivered": MessageStatus.DELIVERED,
    "undelivered": MessageStatus.UNDELIVERED,
}


class PretendSettings(BaseSettings):
    """The address of the server, and what it does with a repeated reference."""

    model_config = SettingsConfigDict(env_prefix="GODWIT_CARRIER_PRETEND_", extra="ignore")

    base_url: str = "http://127.0.0.1:9090"
    repeats: Repeats = Repeats.DEDUP
    connections: int = Field(default=512, ge=1)


class PretendCarrier:
    """A :class:`campaign.handoffs.Carrier`."""

    name = NAME

    def __init__(self, settings: PretendSettings, timeout_seconds: float) -> None:
        self.repeats = settings.repeats
        self._client = CarrierClient(
            settings.base_url,
            timeout_seconds,
            settings.connections,
            name=self.name,
            passes_trace=True,
        )

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        _, answer = await self._client.ask(
            "POST",
            "/messages",
            {
                "reference": handoff.reference,
                "from": handoff.sender,
                "to": handoff.to,
                "body": handoff.text,
                "mediaUrl": handoff.media_url,
                "segments": handoff.segments,
            },
            handoff=handoff,
        )
        return _acceptance(answer)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`."""
        with looking_up():
            path = f"/messages?reference={quote(handoff.reference, safe='')}"
            _, answer = await self._client.ask("GET", path)
            if not isinstance(answer, list):
                raise TemporaryFailure("answer_unreadable")
            return _acceptance(answer[0]) if answer else None

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""
        await self._client.close()


def open_carrier(settings: Settings) -> PretendCarrier:
    """Open the client with its settings from the environment."""
    return PretendCarrier(PretendSettings(), settings.send_timeout_seconds)


def read_receipts(call: CarrierCall) -> list[Receipt]:
    """Read ``{"id","reference","status","at"}``; empty for a text, raises Refused for the rest."""
    said = read_object(call.body)
    if "status" not in said and "body" in said:
        return []
    status = _RECEIPTS.get(text_of(said, "status"))
    if status is None:
        raise malformed("status")
    return [
        Receipt(
            reference=text_of(said, "reference"),
            status=status,
            at=instant_in(said, "at"),
            carrier_id=text_of(said, "id"),
            code="undelivered" if status is MessageStatus.UNDELIVERED else None,
        )
    ]


def read_inbound(call: CarrierCall) -> list[Inbound]:
    """Read ``{"from","to","body","at"}``, with or without ``id``; empty for a receipt.

    Raises Refused for anything else.
    """
    said = read_object(call.body)
    if "status" in said:
        return []
    sender = address_of(said, "from")
    if not is_e164(sender):
        raise malformed("from")
    body, at = text_of(said, "body"), instant_in(said, "at")
    return [Inbound(sender, address_of(said, "to"), body, at, carrier_id=id_of(said, "id"))]


def _acceptance(answer: Any) -> Acceptance:
    return acceptance(answer.get("id") if isinstance(answer, dict) else None)
