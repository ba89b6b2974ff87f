"""Twilio: the Messages resource of its REST API, status callbacks and incoming messages.

A message has no field for our reference. Receipts carry it in the query of their URL, which
Twilio's signature covers. A message in doubt is looked up among those from the same sender to the
same number since the attempt was recorded; equal texts within that time cannot be told apart
(docs/carriers.md).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaign.failures import PermanentFailure, TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Forged, Handoff, Inbound, Receipt, Repeats
from campaign.instants import SECOND, Instant, instant_of
from campaign.settings import Settings
from campaign.states import MessageStatus
from carriers.callbacks import (
    MEDIA_MAX,
    Ack,
    address_of,
    constant_time_equals,
    id_of,
    keyword_in,
    media_of,
    now,
    read_form,
    require,
    text_of,
    text_or_empty,
)
from carriers.classify import Verdicts, acceptance, by_word, looking_up
from carriers.client import CarrierClient, basic

NAME = "twilio"
# Incoming messages are answered with TwiML; an empty one sends nothing back.
ACK = Ack(200, "text/xml", b"<Response/>")
# Twilio's clock may be behind ours, and its times are whole seconds.
CLOCK_ALLOWANCE: Instant = 5 * SECOND
VALIDITY_SECONDS_MAX = 36_000  # As in its page of error 21624, read on 2026-11-28.
PAGES_MAX = 20
PAGE_SIZE = 100
# Statuses of messages that Twilio refused; they are not the accepted message that we look for.
_NEVER_TAKEN = {"failed", "canceled"}

_RECEIPTS = {
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.DELIVERED,
    "undelivered": MessageStatus.UNDELIVERED,
    "failed": MessageStatus.UNDELIVERED,
    "canceled": MessageStatus.UNDELIVERED,
}


def _code(decoded: Any) -> object:
    code = decoded.get("code") if isinstance(decoded, dict) else None
    return str(code) if isinstance(code, int) else code


# Source of the tables: Twilio's list of error codes (twilio-error-codes.json) as generated into
# twilio-error-rs of 2025-02-22, with single pages of its error dictionary up to 2026-07; read on
# 2026-11-28. Requests are refused with 2xxxx, receipts report 3xxxx.
_REFUSALS = by_word(
    invalid_number="21211 21217 21265 21401 21421 21604",
    unreachable="21214",
    not_mobile="21407 21614 21635",
    country_not_enabled="21408",
    text_missing="21602 21619",
    text_too_long="21605 21617",
    not_allowed="21608",
    opted_out="21610",
    not_routable="21612",
    text_invalid="21618",
    media_invalid="21620 21623",
    blocked="30450 60410",
)
_VERDICTS = Verdicts(
    _code,
    refusals=_REFUSALS,
    # A message of a messaging service is refused only after it was accepted.
    receipts=_REFUSALS
    | by_word(
        media_too_large="11751 30019",
        rate_limited="30001 30022 30023 30027 30454",
        carrier_configuration="30002 30010 30018 30024 30032 30033 30034 30035 30037 30040 30041"
        " 30042",
        unreachable="30003",
        blocked="30004 30453 30485",
        invalid_number="30005",
        not_mobile="30006",
        filtered="30007 30038 30039",
        undelivered="30008",
        media_not_supported="30011",
        temporary_failure="30017",
        expired="30036",
        carrier_error="30410",
    ),
    # Credentials, an account that is empty or closed, and senders that are not (yet) assigned.
    ours=frozenset(
        "20003 20005 20404 20426 21212 21603 21606 21607 21609 21616 21621 21622 21657 21659 21660"
        " 21661 21701 21702 21703 21704 21705 21708 21709 21711 21712 21715 30001 30002 30010"
        " 30018 30024 30027 30032 30034".split()
    ),
    busy=frozenset({"20429", "14107", "21611", "30022", "63018"}),
)


class TwilioSettings(BaseSettings):
    """The account, its credentials, and optionally a messaging service.

    ``auth_token`` also verifies callbacks, so it is required with an API key too.
    """

    model_config = SettingsConfigDict(
        env_prefix="GODWIT_CARRIER_TWILIO_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    base_url: str = "https://api.twilio.com"
    account_sid: str = ""
    auth_token: SecretStr = SecretStr("")
    api_key: str = ""
    api_key_secret: SecretStr = SecretStr("")
    messaging_service_sid: str = ""
    connections: int = Field(default=128, ge=1)


@cache
def settings_once() -> TwilioSettings:
    """The settings, read once in a process."""
    return TwilioSettings()


class TwilioCarrier:
    """A :class:`campaign.handoffs.Carrier`."""

    name = NAME
    repeats = Repeats.LOOKUP

    def __init__(
        self, settings: TwilioSettings, timeout_seconds: float, public_url: str = ""
    ) -> None:
        require(settings, "account_sid", "auth_token")
        self._service = settings.messaging_service_sid
        self._callback = f"{public_url}/carriers/{NAME}/receipts?reference=" if public_url else ""
        self._root = f"/2010-04-01/Accounts/{quote(settings.account_sid, safe='')}/Messages"
        user, password = settings.account_sid, settings.auth_token
        if settings.api_key:
            require(settings, "api_key_secret")
            user, password = settings.api_key, settings.api_key_secret
        self._client = CarrierClient(
            settings.base_url,
            timeout_seconds,
            settings.connections,
            name=NAME,
            headers=basic(user, password.get_secret_value()),
            sort=_VERDICTS.sort,
        )

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        form = [("To", handoff.to), ("From", handoff.sender)]
        content = (("Body", handoff.text), ("MediaUrl", handoff.media_url))
        form += [(name, value) for name, value in content if value]
        if self._service:
            # The service must change neither the sender nor the text, which the look-up compares.
            form += [("MessagingServiceSid", self._service), ("SmartEncoded", "false")]
        if self._callback:
            form.append(("StatusCallback", self._callback + quote(handoff.reference, safe="")))
        if (validity := handoff.validity_within(1, VALIDITY_SECONDS_MAX)) is not None:
            form.append(("ValidityPeriod", str(validity)))
        _, answer = await self._client.ask("POST", f"{self._root}.json", form=form, handoff=handoff)
        if isinstance(answer, dict) and answer.get("status") == "failed":
            code = _code({"code": answer.get("error_code")})
            raise PermanentFailure(_VERDICTS.word(code))
        return acceptance(answer.get("sid") if isinstance(answer, dict) else None)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`; finds the earliest message of this attempt."""
        since = handoff.attempted_at - CLOCK_ALLOWANCE
        # A queued message has no DateSent, so a filter by it would miss the message.
        query = [("To", handoff.to), ("From", handoff.sender), ("PageSize", str(PAGE_SIZE))]
        found: list[tuple[Instant, str]] = []
        with looking_up():
            _, page = await self._client.ask("GET", f"{self._root}.json", query=query)
            for _ in range(PAGES_MAX):
                listed = _messages(page)
                found += [match for one in listed if (match := _match(one, handoff, since))]
                # Newest first: once a whole page is older than the attempt, later pages are too.
                if not (following := _next(page)) or (listed and _all_before(listed, since)):
                    return acceptance(min(found)[1]) if found else None
                _, page = await self._client.ask("GET", following)
            raise TemporaryFailure("too_many_pages")

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""
        await self._client.close()


def open_carrier(settings: Settings) -> TwilioCarrier:
    """Open the client with its settings from the environment; raises NotConfigured."""
    return TwilioCarrier(TwilioSettings(), settings.send_timeout_seconds, settings.public_url)


def read_receipts(call: CarrierCall) -> list[Receipt]:
    """Read a status callback, whose URL has our reference; raises Forged or Refused."""
    said = _signed(call)
    if _is_inbound(said):
        return []
    status = _RECEIPTS.get(text_of(said, "MessageStatus"))
    reference = call.query.get("reference")
    if status is None or reference is None:
        return []
    return [
        Receipt(
            reference=text_of({"reference": reference}, "reference"),
            status=status,
            at=now(),
            carrier_id=text_of(said, "MessageSid"),
            code=_VERDICTS.word(said.get("ErrorCode"))
            if status is MessageStatus.UNDELIVERED
            else None,
        )
    ]


def read_inbound(call: CarrierCall) -> list[Inbound]:
    """Read an incoming message with its media and Twilio's verdict; raises Forged or Refused."""
    said = _signed(call)
    if not _is_inbound(said):
        return []
    sender, to = address_of(said, "From"), address_of(said, "To")
    body, id = text_or_empty(said, "Body"), id_of(said, "MessageSid")
    media = media_of([said.get(f"MediaUrl{index}") for index in range(MEDIA_MAX)])
    return [Inbound(sender, to, body, now(), id, media, keyword_in(said, "OptOutType"))]


def _is_inbound(said: Mapping[str, str]) -> bool:
    """True if a call brings a text; status callbacks name the numbers too."""
    return "From" in said and "MessageStatus" not in said


def _signed(call: CarrierCall) -> dict[str, str]:
    """The fields of a call whose signature over URL and fields is valid; raises Forged."""
    token = settings_once().auth_token.get_secret_value()
    given = call.headers.get("x-twilio-signature", "")
    if not token or not given:
        raise Forged
    fields = read_form(call.body) if call.body else []
    if not any(
        constant_time_equals(given, _signature(token, url, fields)) for url in _spellings(call.url)
    ):
        raise Forged
    return dict(fields)


def _signature(token: str, url: str, fields: Sequence[tuple[str, str]]) -> str:
    signed = url + "".join(name + value for name, value in sorted(set(fields)))
    mac = hmac.new(token.encode(), signed.encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


def _spellings(url: str) -> list[str]:
    """A URL with and without its default port: Twilio may sign either."""
    parts = urlsplit(url)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    if parts.port is None and usual is not None:
        return [url, parts._replace(netloc=f"{parts.netloc}:{usual}").geturl()]
    if parts.port == usual:
        return [url, parts._replace(netloc=parts.netloc.rpartition(":")[0]).geturl()]
    return [url]


def _messages(page: Any) -> list[dict[str, Any]]:
    listed = page.get("messages") if isinstance(page, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise TemporaryFailure("answer_unreadable")
    return listed


def _next(page: dict[str, Any]) -> str | None:
    following = page.get("next_page_uri")
    # Only a path below our base URL, never another host.
    if isinstance(following, str) and following.startswith("/2010-04-01/"):
        return following
    return None


def _created(message: dict[str, Any]) -> Instant:
    try:
        return instant_of(parsedate_to_datetime(str(message.get("date_created"))))
    except (ValueError, OverflowError):
        raise TemporaryFailure("answer_unreadable") from None


def _match(message: dict[str, Any], handoff: Handoff, since: Instant) -> tuple[Instant, str] | None:
    created = _created(message)
    if (
        created < since
        or str(message.get("body") or "").strip() != handoff.text.strip()
        or message.get("to") != handoff.to
        or message.get("status") in _NEVER_TAKEN
    ):
        return None
    return created, str(message.get("sid") or "")


def _all_before(listed: list[dict[str, Any]], since: Instant) -> bool:
    return all(_created(message) < since for message in listed)
