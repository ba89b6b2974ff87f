"""The pretend carrier: real HTTP to a server that only says it sends (docs/adding.md).

Its protocol is fixed, so that another server can stand in for ours:
``POST /messages`` takes ``reference from to body mediaUrl segments`` and answers 201 with ``id``;
``GET /messages?reference=`` lists what it took; receipts and inbound texts come as JSON.
"""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaign.failures import CarrierFailure, DoubtfulHandoff, TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Handoff, Inbound, Receipt, Repeats
from campaign.instants import instant_of, moment_of
from campaign.phone import is_e164
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.settings import Settings
from campaign.states import MessageStatus
from carriers.frame import Frame

NAME = "pretend"
_RECEIPTS = {
    "delivered": MessageStatus.DELIVERED,
    "undelivered": MessageStatus.UNDELIVERED,
}


class PretendSettings(BaseSettings):
    """Where the server is and what it does with a reference that it knows."""

    model_config = SettingsConfigDict(env_prefix="GODWIT_CARRIER_PRETEND_", extra="ignore")

    base_url: str = "http://127.0.0.1:9090"
    repeats: Repeats = Repeats.DEDUP
    connections: int = Field(default=512, ge=1)


class PretendCarrier:
    """A :class:`campaign.handoffs.Carrier`."""

    name = NAME

    def __init__(self, settings: PretendSettings, timeout_seconds: float) -> None:
        self.repeats = settings.repeats
        self._frame = Frame(settings.base_url, timeout_seconds, settings.connections)

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        _, answer = await self._frame.ask(
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
        )
        return _acceptance(answer)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`."""
        try:
            path = f"/messages?reference={quote(handoff.reference, safe='')}"
            _, answer = await self._frame.ask("GET", path)
            if not isinstance(answer, list):
                raise TemporaryFailure("answer_unreadable")
            return _acceptance(answer[0]) if answer else None
        except CarrierFailure as failure:
            raise TemporaryFailure(failure.code) from None

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""
        await self._frame.close()


def open_carrier(settings: Settings) -> PretendCarrier:
    """Open the client with its settings from the environment."""
    return PretendCarrier(PretendSettings(), settings.send_timeout_seconds)


def read_receipts(call: CarrierCall) -> list[Receipt]:
    """Read ``{"id","reference","status","at"}``; raises Refused for anything else."""
    said = _object(call.body)
    status = _RECEIPTS.get(_text(said, "status"))
    if status is None:
        raise _rubbish("status")
    return [
        Receipt(
            reference=_text(said, "reference"),
            status=status,
            at=_instant(said),
            carrier_id=_text(said, "id"),
            code="undelivered" if status is MessageStatus.UNDELIVERED else None,
        )
    ]


def read_inbound(call: CarrierCall) -> list[Inbound]:
    """Read ``{"from","to","body","at"}``; raises Refused for anything else."""
    said = _object(call.body)
    sender = _text(said, "from")
    if not is_e164(sender):
        raise _rubbish("from")
    return [Inbound(sender, _text(said, "to"), _text(said, "body"), _instant(said))]


def _acceptance(answer: Any) -> Acceptance:
    carrier_id = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(carrier_id, str) or not 0 < len(carrier_id) <= 200 or _odd(carrier_id):
        raise DoubtfulHandoff("answer_unreadable")
    return Acceptance(carrier_id)


def _object(body: bytes) -> dict[str, Any]:
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        raise _rubbish("") from None
    if not isinstance(call, dict):
        raise _rubbish("")
    return call


def _text(call: dict[str, Any], member: str) -> str:
    value = call.get(member)
    if not isinstance(value, str) or len(value) > 10_000 or _odd(value):
        raise _rubbish(member)
    return value


def _odd(text: str) -> bool:
    """Tell of NUL and lone surrogates, which no database takes."""
    return re.search(r"[\x00\ud800-\udfff]", text) is not None


def _instant(call: dict[str, Any]) -> int:
    try:
        instant = instant_of(datetime.fromisoformat(_text(call, "at")))
        moment_of(instant)  # Shown as UTC it must still be in the years 1-9999.
        return instant
    except (ValueError, OverflowError):
        raise _rubbish("at") from None


def _rubbish(member: str) -> Refused:
    return Refused(Refusal(RefusalCode.MALFORMED, "not as this carrier's protocol has it", member))
