"""Telnyx: version 2 of its messaging API, and webhooks signed with Ed25519.

Our reference is in the query of a message's webhook URL. It is read from the signed body, which
repeats that URL, and not from the URL of the call, which is not signed. Messages can be looked up
by Telnyx's id only, and repeats are not documented: a message in doubt waits for its receipt.
"""

import base64
import binascii
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaign.failures import TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Forged, Handoff, Inbound, Receipt, Repeats
from campaign.settings import Settings
from campaign.states import MessageStatus
from carriers.callbacks import (
    EMPTY,
    address_of,
    id_of,
    instant_or_now,
    is_fresh,
    malformed,
    media_of,
    object_of,
    read_object,
    require,
    text_of,
    text_or_empty,
)
from carriers.classify import Verdicts, acceptance
from carriers.client import CarrierClient, bearer

NAME = "telnyx"
# Telnyx repeats a webhook that is not answered with 200.
ACK = EMPTY
# A group message has several; one of them is ours.
RECIPIENTS_MAX = 50

_RECEIPTS = {
    "delivered": MessageStatus.DELIVERED,
    "delivery_failed": MessageStatus.UNDELIVERED,
    "sending_failed": MessageStatus.UNDELIVERED,
    "expired": MessageStatus.UNDELIVERED,
}


def _first_code(decoded: Any) -> object:
    errors = decoded.get("errors") if isinstance(decoded, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return first.get("code") if isinstance(first, dict) else None


_VERDICTS = Verdicts(
    _first_code,
    words={
        "10002": "invalid_number",
        "40001": "not_routable",
        "40002": "filtered",
        "40003": "filtered",
        "40004": "rejected",
        "40005": "expired",
        "40006": "unreachable",
        "40008": "undelivered",
        "40009": "text_invalid",
        "40012": "invalid_number",
        "40014": "expired",
        "40015": "filtered",
        "40300": "opted_out",
        "40302": "text_too_long",
        "40304": "text_invalid",
        "40310": "invalid_number",
        "40316": "text_missing",
        "40317": "media_invalid",
        "40322": "filtered",
        "40328": "text_too_long",
    },
    # Credentials, money, and senders or profiles that are not assigned or not set up.
    ours=frozenset(
        "10001 10005 10006 10009 10010 20002 20012 20014 20100 40010 40013 40301 40305 40306"
        " 40309 40311 40312 40313 40314 40315 40320 40321 40329 40330 40333".split()
    ),
    busy=frozenset({"10011", "40011", "40016", "40018", "40318"}),
)


class TelnyxSettings(BaseSettings):
    """The API key, the public key that verifies webhooks, and the messaging profile."""

    model_config = SettingsConfigDict(
        env_prefix="GODWIT_CARRIER_TELNYX_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    base_url: str = "https://api.telnyx.com"
    api_key: SecretStr = SecretStr("")
    public_key: str = ""
    messaging_profile_id: str = ""
    connections: int = Field(default=128, ge=1)


@cache
def settings_once() -> TelnyxSettings:
    """The settings, read once in a process."""
    return TelnyxSettings()


class TelnyxCarrier:
    """A :class:`campaign.handoffs.Carrier`."""

    name = NAME
    repeats = Repeats.NONE

    def __init__(
        self, settings: TelnyxSettings, timeout_seconds: float, public_url: str = ""
    ) -> None:
        require(settings, "api_key")
        self._profile = settings.messaging_profile_id
        self._callback = f"{public_url}/carriers/{NAME}/receipts?reference=" if public_url else ""
        self._client = CarrierClient(
            settings.base_url,
            timeout_seconds,
            settings.connections,
            name=NAME,
            headers=bearer(settings.api_key.get_secret_value()),
            sort=_VERDICTS.sort,
        )

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        message: dict[str, Any] = {
            "from": handoff.sender,
            "to": handoff.to,
            "text": handoff.text,
            "type": "SMS" if handoff.media_url is None else "MMS",
        }
        if handoff.media_url is not None:
            message["media_urls"] = [handoff.media_url]
        if self._profile:
            message["messaging_profile_id"] = self._profile
        if self._callback:
            message["webhook_url"] = self._callback + quote(handoff.reference, safe="")
        _, answer = await self._client.ask("POST", "/v2/messages", message, handoff=handoff)
        data = answer.get("data") if isinstance(answer, dict) else None
        return acceptance(data.get("id") if isinstance(data, dict) else None)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`; Telnyx has no look-up by our reference."""
        raise TemporaryFailure("not_supported")

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""
        await self._client.close()


def open_carrier(settings: Settings) -> TelnyxCarrier:
    """Open the client with its settings from the environment; raises NotConfigured."""
    return TelnyxCarrier(TelnyxSettings(), settings.send_timeout_seconds, settings.public_url)


def read_receipts(call: CarrierCall) -> list[Receipt]:
    """Read a ``message.finalized`` event; raises Forged or Refused."""
    event = _signed(call)
    if event.get("event_type") != "message.finalized":
        return []
    message = object_of(event, "payload")
    recipients = message.get("to")
    first = recipients[0] if isinstance(recipients, list) and recipients else None
    status = _RECEIPTS.get(str(first.get("status"))) if isinstance(first, dict) else None
    reference = _reference(message)
    if status is None or reference is None:
        return []
    code = _VERDICTS.word(_first_code(message)) if status is MessageStatus.UNDELIVERED else None
    return [
        Receipt(
            reference=text_of({"reference": reference}, "reference"),
            status=status,
            at=instant_or_now(event, "occurred_at"),
            carrier_id=text_of(message, "id"),
            code=code,
        )
    ]


def read_inbound(call: CarrierCall) -> list[Inbound]:
    """Read a ``message.received`` event; raises Forged or Refused."""
    event = _signed(call)
    if event.get("event_type") != "message.received":
        return []
    message = object_of(event, "payload")
    sender = address_of(object_of(message, "from"), "phone_number")
    recipients = message.get("to")
    if not isinstance(recipients, list) or not all(isinstance(one, dict) for one in recipients):
        raise malformed("to")
    numbers = [address_of(one, "phone_number") for one in recipients[:RECIPIENTS_MAX]]
    if not numbers:
        return []
    return [
        Inbound(
            sender,
            numbers[0],
            text_or_empty(message, "text"),
            instant_or_now(event, "occurred_at"),
            carrier_id=id_of(message, "id"),
            media_urls=media_of(message.get("media")),
            also_to=tuple(numbers[1:]),
        )
    ]


def _reference(message: Mapping[str, Any]) -> str | None:
    address = message.get("webhook_url")
    if not isinstance(address, str):
        return None
    try:
        return parse_qs(urlsplit(address).query).get("reference", [None])[-1]
    except ValueError:
        return None


def _signed(call: CarrierCall) -> dict[str, Any]:
    """The event of a call whose signature over time and body is valid; raises Forged."""
    timestamp = call.headers.get("telnyx-timestamp", "")
    try:
        key = base64.b64decode(settings_once().public_key, validate=True)
        signature = base64.b64decode(call.headers["telnyx-signature-ed25519"], validate=True)
        Ed25519PublicKey.from_public_bytes(key).verify(
            signature, timestamp.encode() + b"|" + call.body
        )
    except (KeyError, ValueError, binascii.Error, InvalidSignature):
        raise Forged from None
    if not is_fresh(timestamp):
        raise Forged
    return object_of(read_object(call.body), "data")
