"""Postback: our own plain JSON over HTTP, for a self-made gateway (docs/carriers.md).

Both sides sign by Standard Webhooks with one shared secret. The gateway recognises a repeated
reference and answers as the first time, so a message in doubt is sent again.
"""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from standardwebhooks import Webhook, WebhookVerificationError

from campaign.failures import TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Forged, Handoff, Inbound, Receipt, Repeats
from campaign.settings import Settings
from campaign.states import MessageStatus
from carriers import NotConfigured
from carriers.callbacks import (
    address_of,
    id_of,
    instant_in,
    media_of,
    read_object,
    require,
    text_of,
    text_or_empty,
)
from carriers.classify import acceptance, plain_code
from carriers.client import CarrierClient

NAME = "postback"
_RECEIPTS = {
    "delivered": MessageStatus.DELIVERED,
    "undelivered": MessageStatus.UNDELIVERED,
}


class PostbackSettings(BaseSettings):
    """The address of the gateway, and the shared secret (``whsec_`` and base64)."""

    model_config = SettingsConfigDict(
        env_prefix="GODWIT_CARRIER_POSTBACK_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    base_url: str = ""
    secret: SecretStr = SecretStr("")
    connections: int = Field(default=128, ge=1)


@cache
def settings_once() -> PostbackSettings:
    """The settings, read once in a process."""
    return PostbackSettings()


class PostbackCarrier:
    """A :class:`campaign.handoffs.Carrier`."""

    name = NAME
    repeats = Repeats.DEDUP

    def __init__(self, settings: PostbackSettings, timeout_seconds: float) -> None:
        require(settings, "base_url", "secret")
        self._signer = _signer(settings)
        self._client = CarrierClient(
            settings.base_url, timeout_seconds, settings.connections, name=NAME
        )

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        message = {
            "reference": handoff.reference,
            "from": handoff.sender,
            "to": handoff.to,
            "text": handoff.text,
            "mediaUrl": handoff.media_url,
            "segments": handoff.segments,
        }
        body = json.dumps(message, separators=(",", ":"))
        headers = self._signed(handoff.reference, body)
        _, answer = await self._client.ask(
            "POST", "/messages", body.encode(), headers=headers, handoff=handoff
        )
        return _acceptance(answer)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`; a repeated send takes its place."""
        raise TemporaryFailure("not_supported")

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""
        await self._client.close()

    def _signed(self, reference: str, body: str) -> dict[str, str]:
        moment = datetime.now(UTC)
        return {
            "webhook-id": reference,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._signer.sign(reference, moment, body),
        }


def open_carrier(settings: Settings) -> PostbackCarrier:
    """Open the client with its settings from the environment; raises NotConfigured."""
    return PostbackCarrier(PostbackSettings(), settings.send_timeout_seconds)


def read_receipts(call: CarrierCall) -> list[Receipt]:
    """Read ``{"id","reference","status","at","code"}``; raises Forged or Refused."""
    said = _verified(call)
    status = _RECEIPTS.get(text_of(said, "status"))
    if status is None:
        return []
    code = None
    if status is MessageStatus.UNDELIVERED:
        code = plain_code(said.get("code")) or "undelivered"
    return [
        Receipt(
            reference=text_of(said, "reference"),
            status=status,
            at=instant_in(said, "at"),
            carrier_id=text_of(said, "id"),
            code=code,
        )
    ]


def read_inbound(call: CarrierCall) -> list[Inbound]:
    """Read ``{"id","from","to","text","mediaUrls","at"}``; raises Forged or Refused.

    ``id`` and ``mediaUrls`` are optional.
    """
    said = _verified(call)
    return [
        Inbound(
            address_of(said, "from"),
            address_of(said, "to"),
            text_or_empty(said, "text"),
            instant_in(said, "at"),
            carrier_id=id_of(said, "id"),
            media_urls=media_of(said.get("mediaUrls")),
        )
    ]


def _acceptance(answer: Any) -> Acceptance:
    return acceptance(answer.get("id") if isinstance(answer, dict) else None)


def _signer(settings: PostbackSettings) -> Webhook:
    try:
        return Webhook(settings.secret.get_secret_value())
    except Exception:
        raise NotConfigured("a GODWIT_CARRIER_POSTBACK_SECRET in base64") from None


def _verified(call: CarrierCall) -> dict[str, Any]:
    settings = settings_once()
    if not settings.secret.get_secret_value():
        raise Forged
    try:
        # For malformed signatures the library raises ValueError instead of its own error.
        _signer(settings).verify(call.body, dict(call.headers), json_parse=False)
    except (WebhookVerificationError, ValueError, NotConfigured):
        raise Forged from None
    return read_object(call.body)
