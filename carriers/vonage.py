"""Vonage: its Messages API, and webhooks whose JWT contains the hash of their body.

Our reference is the ``client_ref``, which status webhooks contain. Messages cannot be looked up by
it, and repeats are not documented: a message in doubt waits for its receipt.
"""

import hashlib
import time
import uuid
import warnings
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jwt
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaign.failures import TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Forged, Handoff, Inbound, Receipt, Repeats
from campaign.settings import Settings
from campaign.states import MessageStatus
from carriers import NotConfigured
from carriers.callbacks import (
    EMPTY,
    TOLERANCE_SECONDS,
    address_of,
    constant_time_equals,
    id_of,
    instant_or_now,
    media_of,
    read_object,
    require,
    text_of,
    text_or_empty,
)
from carriers.classify import Verdicts, acceptance, by_word
from carriers.client import CarrierClient, basic, bearer

NAME = "vonage"
ACK = EMPTY
TOKEN_SECONDS = 900
# Bounds of MMS in Vonage's own Python SDK (messages/models/mms.py), read on 2026-11-28. It has none
# for SMS, which Vonage tries for 72 hours.
TTL_SECONDS_MIN, TTL_SECONDS_MIN_MMS, TTL_SECONDS_MAX = 20, 300, 259_200
# A webhook is repeated for a day, possibly with its first token.
WEBHOOK_AGE_SECONDS_MAX = 25 * 3600
_MEDIA = by_word(vcard="vcf", video="mp4 3gp mpeg", audio="mp3 amr wav ogg", file="pdf")
_INBOUND_MEDIA = {"image", "vcard", "audio", "video", "file"}
_RECEIPTS = {
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.DELIVERED,
    "rejected": MessageStatus.UNDELIVERED,
    "undeliverable": MessageStatus.UNDELIVERED,
}


def _code(problem: Any) -> object:
    """The code of a problem: the end of its type, after ``#`` or ``/``, or in v0.1 a number."""
    kind = problem.get("type", problem.get("code")) if isinstance(problem, dict) else None
    if isinstance(kind, int):
        return str(kind)
    if not isinstance(kind, str):
        return None
    return kind.replace("#", "/").rpartition("/")[2].lower().replace("-", "_")


# Source of the tables: Vonage's page "API Errors, Messages API", read on 2026-11-28, from 1130 on
# in its older edition.
_REFUSALS = by_word(
    invalid_params="1010 1020 1021 1130 1150",
    text_invalid="1022",
    not_routable="1040",
    blocked="1050",
    text_too_long="1090",
    not_allowed="1160",
    invalid_number="1170",
)
_VERDICTS = Verdicts(
    _code,
    refusals=_REFUSALS,
    # Vonage reports an error of a message by the same codes, whether the answer or a webhook does.
    receipts=_REFUSALS
    | by_word(
        rate_limited="1000 1241",
        carrier_error="1030",
        carrier_configuration="1060 1070 1080 1120 1140",
        temporary_failure="1100 1230",
        unreachable="1180 1220 1260",
        invalid_number="1190",
        not_routable="1200 1250 1300",
        filtered="1210",
        opted_out="1240",
        not_allowed="1270",
        blocked="1280",
        rejected="1290",
        not_mobile="1310",
        undelivered="1330",
        expired="1360",
    ),
    # Credentials, money, a suspended account, or a sender that is not allowed.
    ours=frozenset(
        "1060 1070 1080 1120 1140 low_balance unauthorized forbidden unprovisioned"
        " account_suspended jwt_expired jwt_revoked invalid_api_key invalid_signature".split()
    ),
    busy=frozenset({"1000", "1100"}),
)


class VonageSettings(BaseSettings):
    """An application with its private key, or an API key with its secret.

    ``signature_secret`` verifies webhooks.
    """

    model_config = SettingsConfigDict(
        env_prefix="GODWIT_CARRIER_VONAGE_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    base_url: str = "https://api.nexmo.com"
    application_id: str = ""
    private_key: SecretStr = SecretStr("")
    api_key: str = ""
    api_secret: SecretStr = SecretStr("")
    signature_secret: SecretStr = SecretStr("")
    connections: int = Field(default=128, ge=1)


@cache
def settings_once() -> VonageSettings:
    """The settings, read once in a process."""
    return VonageSettings()


class VonageCarrier:
    """A :class:`campaign.handoffs.Carrier`."""

    name = NAME
    repeats = Repeats.NONE

    def __init__(
        self, settings: VonageSettings, timeout_seconds: float, public_url: str = ""
    ) -> None:
        self._settings = settings
        self._callback = f"{public_url}/carriers/{NAME}/receipts" if public_url else ""
        self._credentials: dict[str, str] = {}
        self._renew_at = float("inf")
        if settings.application_id:
            require(settings, "private_key")
            self._renew_at = 0.0
            self._authorization()
        else:
            require(settings, "api_key", "api_secret")
            self._credentials = basic(settings.api_key, settings.api_secret.get_secret_value())
        self._client = CarrierClient(
            settings.base_url,
            timeout_seconds,
            settings.connections,
            name=NAME,
            sort=_VERDICTS.sort,
        )

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        message: dict[str, Any] = {
            "channel": "sms",
            "message_type": "text",
            "text": handoff.text,
            "to": handoff.to.removeprefix("+"),
            "from": handoff.sender.removeprefix("+"),
            "client_ref": handoff.reference,
        }
        if self._callback:
            message |= {"webhook_url": self._callback, "webhook_version": "v1"}
        if handoff.media_url is not None:
            kind = _media_kind(handoff.media_url)
            media = {"url": handoff.media_url}
            if handoff.text:
                media["caption"] = handoff.text
            del message["text"]
            message |= {"channel": "mms", "message_type": kind, kind: media}
        shortest = TTL_SECONDS_MIN if handoff.media_url is None else TTL_SECONDS_MIN_MMS
        if (seconds := handoff.validity_within(shortest, TTL_SECONDS_MAX)) is not None:
            message["ttl"] = seconds
        _, answer = await self._client.ask(
            "POST", "/v1/messages", message, headers=self._authorization(), handoff=handoff
        )
        return acceptance(answer.get("message_uuid") if isinstance(answer, dict) else None)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`; Vonage has no look-up by our reference."""
        raise TemporaryFailure("not_supported")

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""
        await self._client.close()

    def _authorization(self) -> dict[str, str]:
        """The authorization header; a JWT is renewed after a third of its lifetime."""
        now = time.time()
        if now >= self._renew_at:
            claims = {
                "application_id": self._settings.application_id,
                "iat": int(now),
                "exp": int(now) + TOKEN_SECONDS,
                "jti": str(uuid.uuid4()),
            }
            # An environment file holds the key in one line, with escaped line ends.
            key = self._settings.private_key.get_secret_value().replace("\\n", "\n")
            try:
                self._credentials = bearer(jwt.encode(claims, key, algorithm="RS256"))
            except (ValueError, TypeError, jwt.PyJWTError):
                raise NotConfigured("a GODWIT_CARRIER_VONAGE_PRIVATE_KEY in PEM form") from None
            self._renew_at = now + TOKEN_SECONDS / 3
        return self._credentials


def open_carrier(settings: Settings) -> VonageCarrier:
    """Open the client with its settings from the environment; raises NotConfigured."""
    return VonageCarrier(VonageSettings(), settings.send_timeout_seconds, settings.public_url)


def read_receipts(call: CarrierCall) -> list[Receipt]:
    """Read a status webhook; raises Forged or Refused."""
    said = _signed(call)
    if "status" not in said:
        return []
    status = _RECEIPTS.get(text_of(said, "status"))
    if status is None or not said.get("client_ref"):
        return []
    return [
        Receipt(
            reference=text_of(said, "client_ref"),
            status=status,
            at=instant_or_now(said, "timestamp"),
            carrier_id=text_of(said, "message_uuid"),
            code=_VERDICTS.word(_code(said.get("error")))
            if status is MessageStatus.UNDELIVERED
            else None,
        )
    ]


def understands(call: CarrierCall) -> bool:
    """Tell whether a call is a status or a text; raises Forged or Refused."""
    said = _signed(call)
    return "status" in said or _content(said) is not None


def read_inbound(call: CarrierCall) -> list[Inbound]:
    """Read an inbound webhook, of version 1 or 0.1; raises Forged or Refused."""
    said = _signed(call)
    content = _content(said)
    if "status" in said or content is None:
        return []
    kind = content.get("message_type", content.get("type"))
    media = content.get(kind) if isinstance(kind, str) and kind in _INBOUND_MEDIA else None
    media = media if isinstance(media, dict) else {}
    body = text_or_empty(content, "text") or text_or_empty(media, "caption")
    at, id = instant_or_now(said, "timestamp"), id_of(said, "message_uuid")
    return [Inbound(_party(said, "from"), _party(said, "to"), body, at, id, media_of([media]))]


def _content(said: dict[str, Any]) -> dict[str, Any] | None:
    """What a message by SMS or MMS contains; None if it is of another channel or of no kind."""
    if "channel" in said:
        parts = {"text", *_INBOUND_MEDIA}
        is_ours = said["channel"] in ("sms", "mms") and not parts.isdisjoint(said)
        return said if is_ours and "from" in said else None
    sender, message = said.get("from"), said.get("message")
    if not isinstance(sender, dict) or sender.get("type") not in ("sms", "mms"):
        return None
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, dict) else None


def _party(said: dict[str, Any], member: str) -> str:
    """The number of a sender or recipient, which version 0.1 writes as an object."""
    value = said.get(member)
    return address_of(value, "number") if isinstance(value, dict) else address_of(said, member)


def _media_kind(url: str) -> str:
    return _MEDIA.get(urlsplit(url).path.rpartition(".")[2].lower(), "image")


def _signed(call: CarrierCall) -> dict[str, Any]:
    """The body of a call whose JWT is valid and contains the hash of the body; raises Forged."""
    secret = settings_once().signature_secret.get_secret_value()
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if not secret or scheme.lower() != "bearer":
        raise Forged
    try:
        with warnings.catch_warnings():
            # Vonage chooses the length of the secret.
            warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
            claims = jwt.decode(
                token.strip(),
                secret,
                algorithms=["HS256"],
                leeway=TOLERANCE_SECONDS,
                options={"require": ["iat", "payload_hash"], "verify_aud": False},
            )
        age = time.time() - float(claims["iat"])
    except (jwt.PyJWTError, TypeError, ValueError):
        raise Forged from None
    digest = hashlib.sha256(call.body).hexdigest()
    if age > WEBHOOK_AGE_SECONDS_MAX or not constant_time_equals(
        str(claims["payload_hash"]).lower(), digest
    ):
        raise Forged
    return read_object(call.body)
