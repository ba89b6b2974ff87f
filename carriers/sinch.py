"""Sinch: batches of one message in its SMS API, and delivery reports per recipient.

Our reference is the ``client_reference``: batches can be listed by it, and reports contain it.
Callbacks are signed if the account has that enabled; otherwise a token in their URL authenticates
them.
"""

import base64
import hashlib
import hmac
from functools import cache
from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaign.failures import TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Forged, Handoff, Inbound, Receipt, Repeats
from campaign.instants import DAY, SECOND, Instant, iso
from campaign.settings import Settings
from campaign.states import MessageStatus
from carriers.callbacks import (
    EMPTY,
    address_of,
    constant_time_equals,
    id_of,
    instant_or_now,
    is_fresh,
    media_of,
    read_object,
    require,
    text_of,
    text_or_empty,
)
from carriers.classify import Verdicts, acceptance, by_word, looking_up
from carriers.client import CarrierClient, bearer

NAME = "sinch"
ACK = EMPTY
# Batches expire after three days at the latest, which is also what they do without an expiry.
VALIDITY_MAX: Instant = 3 * DAY
_SIGNATURE = "x-sinch-webhook-signature"
_REPORTS = {"recipient_delivery_report_sms", "recipient_delivery_report_mms"}
# Reports of a whole batch name no recipient.
_BATCH_REPORTS = {"delivery_report_sms", "delivery_report_mms"}
_TEXTS = {"mo_text", "mo_media"}
# Sources of the tables, read on 2026-11-28. Statuses and refusals: Sinch's pages "Delivery reports"
# and "HTTP status codes" of the SMS REST API. Codes of receipts: DeliveryReceiptStatusCode of
# sinch-sdk-java of 2026-07-21. Other codes in reports are those of SMPP and of the networks.
# Unknown is left out: the message reached the network, and no other report will follow.
_RECEIPTS = {
    "Delivered": MessageStatus.DELIVERED,
    "Aborted": MessageStatus.UNDELIVERED,
    "Cancelled": MessageStatus.UNDELIVERED,
    "Rejected": MessageStatus.UNDELIVERED,
    "Deleted": MessageStatus.UNDELIVERED,
    "Failed": MessageStatus.UNDELIVERED,
    "Expired": MessageStatus.UNDELIVERED,
}


def _code(decoded: Any) -> object:
    code = decoded.get("code") if isinstance(decoded, dict) else None
    return str(code) if isinstance(code, int) else code


_VERDICTS = Verdicts(
    _code,
    refusals=by_word(
        invalid_params="syntax_invalid_json syntax_invalid_parameter_format"
        " syntax_constraint_violation",
    ),
    receipts=by_word(
        not_routable="402",
        carrier_error="403",
        temporary_failure="404",
        invalid_params="405",
        expired="406",
        cancelled="407",
        rejected="408 415",
        carrier_configuration="410 413",
        text_too_long="411",
        country_not_enabled="412",
        media_invalid="414",
        media_not_supported="416 418",
        unreachable="417",
    ),
    ours=frozenset("unauthorized forbidden missing_auth".split()),
    busy=frozenset({"too_many_requests"}),
)


class SinchSettings(BaseSettings):
    """The service plan, its token, and the secret of callbacks.

    ``base_url`` selects the region. ``webhook_secret`` verifies callbacks if it is set, otherwise
    ``callback_token``, a token that the operator chooses.
    """

    model_config = SettingsConfigDict(
        env_prefix="GODWIT_CARRIER_SINCH_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    base_url: str = "https://us.sms.api.sinch.com"
    service_plan_id: str = ""
    api_token: SecretStr = SecretStr("")
    webhook_secret: SecretStr = SecretStr("")
    callback_token: SecretStr = SecretStr("")
    connections: int = Field(default=128, ge=1)


@cache
def settings_once() -> SinchSettings:
    """The settings, read once in a process."""
    return SinchSettings()


class SinchCarrier:
    """A :class:`campaign.handoffs.Carrier`."""

    name = NAME
    repeats = Repeats.LOOKUP

    def __init__(
        self, settings: SinchSettings, timeout_seconds: float, public_url: str = ""
    ) -> None:
        require(settings, "service_plan_id", "api_token")
        self._path = f"/xms/v1/{quote(settings.service_plan_id, safe='')}/batches"
        self._callback = f"{public_url}/carriers/{NAME}/receipts" if public_url else ""
        token = settings.callback_token.get_secret_value()
        if self._callback and token:
            self._callback += f"?token={quote(token, safe='')}"
        self._client = CarrierClient(
            settings.base_url,
            timeout_seconds,
            settings.connections,
            name=NAME,
            headers=bearer(settings.api_token.get_secret_value()),
            sort=_VERDICTS.sort,
        )

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        batch: dict[str, Any] = {
            "from": handoff.sender,
            "to": [handoff.to],
            "type": "mt_text",
            "body": handoff.text,
            "delivery_report": "per_recipient",
            "client_reference": handoff.reference,
        }
        if handoff.media_url is not None:
            batch["type"] = "mt_media"
            batch["body"] = {"url": handoff.media_url}
            if handoff.text:
                batch["body"]["message"] = handoff.text
        if self._callback:
            batch["callback_url"] = self._callback
        if (validity := handoff.validity_within(1, VALIDITY_MAX // SECOND)) is not None:
            batch["expire_at"] = iso(handoff.attempted_at + validity * SECOND)
        _, answer = await self._client.ask("POST", self._path, batch, handoff=handoff)
        return acceptance(answer.get("id") if isinstance(answer, dict) else None)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`; any batch with the reference is the message."""
        query = {
            "client_reference": handoff.reference,
            # A reference belongs to one message, so an early start cannot find another one.
            "start_date": iso(max(0, handoff.attempted_at - DAY)),
            "page_size": "10",
        }
        with looking_up():
            _, page = await self._client.ask("GET", self._path, query=query)
            batches = page.get("batches") if isinstance(page, dict) else None
            if batches is None and isinstance(page, dict) and page.get("count") == 0:
                return None
            if not isinstance(batches, list) or not all(isinstance(one, dict) for one in batches):
                raise TemporaryFailure("answer_unreadable")
            own = [one for one in batches if one.get("client_reference") == handoff.reference]
            if batches and not own:
                # The filter was ignored, so the answer says nothing about our message.
                raise TemporaryFailure("answer_unreadable")
            return acceptance(own[-1].get("id")) if own else None

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""
        await self._client.close()


def open_carrier(settings: Settings) -> SinchCarrier:
    """Open the client with its settings from the environment; raises NotConfigured."""
    return SinchCarrier(SinchSettings(), settings.send_timeout_seconds, settings.public_url)


def read_receipts(call: CarrierCall) -> list[Receipt]:
    """Read a recipient's delivery report; raises Forged or Refused."""
    said = _proved(call)
    if said.get("type") not in _REPORTS:
        return []
    status = _RECEIPTS.get(text_of(said, "status"))
    if status is None or not said.get("client_reference"):
        return []
    return [
        Receipt(
            reference=text_of(said, "client_reference"),
            status=status,
            at=instant_or_now(said, "at"),
            carrier_id=text_of(said, "batch_id"),
            code=_VERDICTS.word(_code(said)) if status is MessageStatus.UNDELIVERED else None,
        )
    ]


def understands(call: CarrierCall) -> bool:
    """Tell whether a call is a report or a text; raises Forged or Refused."""
    return _proved(call).get("type") in _REPORTS | _BATCH_REPORTS | _TEXTS


def read_inbound(call: CarrierCall) -> list[Inbound]:
    """Read an inbound text; raises Forged or Refused."""
    said = _proved(call)
    if said.get("type") not in _TEXTS:
        return []
    body = said.get("body")
    # The text and the media of a message with media are one level down.
    within = body if isinstance(body, dict) else {"message": body}
    return [
        Inbound(
            address_of(said, "from"),
            address_of(said, "to"),
            text_or_empty(within, "message"),
            instant_or_now(said, "received_at"),
            carrier_id=id_of(said, "id"),
            media_urls=media_of(within.get("media")),
        )
    ]


def _proved(call: CarrierCall) -> dict[str, Any]:
    settings = settings_once()
    secret = settings.webhook_secret.get_secret_value()
    if secret:
        timestamp = call.headers.get(f"{_SIGNATURE}-timestamp", "")
        nonce = call.headers.get(f"{_SIGNATURE}-nonce", "")
        signed = call.body + f".{nonce}.{timestamp}".encode()
        mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
        given = call.headers.get(_SIGNATURE, "")
        if not constant_time_equals(given, base64.b64encode(mac).decode()) or not is_fresh(
            timestamp
        ):
            raise Forged
    elif not constant_time_equals(
        call.query.get("token", ""), settings.callback_token.get_secret_value()
    ):
        raise Forged
    return read_object(call.body)
