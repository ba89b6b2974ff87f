"""Kannel: sendsms of its smsbox, delivery reports and incoming texts as GET requests.

Kannel reaches any SMPP link. It answers with a line of text and assigns no id, so our reference
serves as the id. It can neither look messages up nor recognise repeats: a message in doubt waits
for its report. Its calls are not signed; a token in the query authenticates them.
"""

from functools import cache
from urllib.parse import quote

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from campaign.failures import DoubtfulHandoff, PermanentFailure, TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Forged, Handoff, Inbound, Receipt, Repeats
from campaign.instants import SECOND
from campaign.settings import Settings
from campaign.states import MessageStatus
from campaign.text import segment
from carriers.callbacks import (
    EMPTY,
    address_of,
    constant_time_equals,
    id_of,
    malformed,
    now,
    require,
    text_of,
    text_or_empty,
)
from carriers.classify import OUR_FAULT, PUT_OFF, Answer, failure_of, read_text
from carriers.client import CarrierClient

NAME = "kannel"
# Kannel may send the body of an answer to an incoming text back as a text.
ACK = EMPTY
# Delivered (1), not delivered (2), and refused by the SMS centre (16); the rest is
# intermediate.
# Source: Kannel user guide 1.4.5, "Delivery reports", read on 2026-11-28.
DLR_MASK = 1 | 2 | 16
_DELIVERED, _UNDELIVERED, _REJECTED = 1, 2, 16


class KannelSettings(BaseSettings):
    """The address of smsbox, a sendsms user, and the token of its calls to us.

    ``smsc`` selects one of its links; if empty, its routing decides.
    """

    model_config = SettingsConfigDict(
        env_prefix="GODWIT_CARRIER_KANNEL_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    base_url: str = "http://127.0.0.1:13013"
    username: str = ""
    password: SecretStr = SecretStr("")
    callback_token: SecretStr = SecretStr("")
    smsc: str = ""
    connections: int = Field(default=128, ge=1)


@cache
def settings_once() -> KannelSettings:
    """The settings, read once in a process."""
    return KannelSettings()


class KannelCarrier:
    """A :class:`campaign.handoffs.Carrier`."""

    name = NAME
    repeats = Repeats.NONE

    def __init__(
        self, settings: KannelSettings, timeout_seconds: float, public_url: str = ""
    ) -> None:
        require(settings, "username", "password")
        self._fixed_query = [
            ("username", settings.username),
            ("password", settings.password.get_secret_value()),
            ("charset", "UTF-8"),
        ]
        if settings.smsc:
            self._fixed_query.append(("smsc", settings.smsc))
        self._callback = ""
        if public_url:
            require(settings, "callback_token")
            token = quote(settings.callback_token.get_secret_value(), safe="")
            self._callback = f"{public_url}/carriers/{NAME}/receipts?token={token}&status=%d"
        self._client = CarrierClient(
            settings.base_url,
            timeout_seconds,
            settings.connections,
            name=NAME,
            headers={"accept": "text/plain, */*"},
            sort=_sort,
        )

    async def send(self, handoff: Handoff) -> Acceptance:
        """See :class:`campaign.handoffs.Carrier`."""
        if handoff.media_url is not None:
            raise PermanentFailure("media_not_supported")
        coding = "0" if segment(handoff.text).encoding == "gsm7" else "2"
        query = [
            *self._fixed_query,
            ("from", handoff.sender),
            ("to", handoff.to),
            ("text", handoff.text),
            ("coding", coding),
        ]
        if handoff.validity_seconds is not None:
            # In minutes, and never longer than was asked for, unless that is less than one.
            query.append(("validity", str(max(1, handoff.validity_seconds // 60))))
        if self._callback:
            # Kannel replaces percent codes in the URL, so a percent sign is doubled.
            reference = quote(handoff.reference, safe="").replace("%", "%%")
            query += [
                ("dlr-mask", str(DLR_MASK)),
                ("dlr-url", f"{self._callback}&reference={reference}"),
            ]
        await self._client.ask("GET", "/cgi-bin/sendsms", query=query, handoff=handoff)
        return Acceptance(handoff.reference)

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """See :class:`campaign.handoffs.Carrier`; Kannel has no look-up."""
        raise TemporaryFailure("not_supported")

    async def close(self) -> None:
        """See :class:`campaign.handoffs.Carrier`."""
        await self._client.close()


def open_carrier(settings: Settings) -> KannelCarrier:
    """Open the client with its settings from the environment; raises NotConfigured."""
    return KannelCarrier(KannelSettings(), settings.send_timeout_seconds, settings.public_url)


def read_receipts(call: CarrierCall) -> list[Receipt]:
    """Read a delivery report, a call of our dlr-url; raises Forged or Refused."""
    said = _proved(call)
    if "status" not in said and "from" in said:
        return []
    value = text_of(said, "status")
    if not value.isascii() or not value.isdigit() or len(value) > 3:
        raise malformed("status")
    bits = int(value)
    if bits & _DELIVERED:
        status, code = MessageStatus.DELIVERED, None
    elif bits & (_UNDELIVERED | _REJECTED):
        status = MessageStatus.UNDELIVERED
        code = "rejected" if bits & _REJECTED else "undelivered"
    else:
        return []
    reference = text_of(said, "reference")
    return [Receipt(reference=reference, status=status, at=now(), carrier_id=reference, code=code)]


def read_inbound(call: CarrierCall) -> list[Inbound]:
    """Read an incoming text (URL as in docs/carriers.md); raises Forged or Refused."""
    said = _proved(call)
    if "status" in said:
        return []
    seconds = said.get("at", "")
    is_time = seconds.isascii() and seconds.isdigit() and len(seconds) < 12
    return [
        Inbound(
            address_of(said, "from"),
            address_of(said, "to"),
            text_or_empty(said, "text"),
            int(seconds) * SECOND if is_time else now(),
            carrier_id=id_of(said, "id"),
        )
    ]


def _sort(answer: Answer) -> str:
    """Classify a line of smsbox; a 403 is our configuration unless no link takes the number."""
    text = read_text(answer)
    if answer.is_success:
        if not text.startswith(("0:", "3:")):
            raise DoubtfulHandoff("answer_unreadable")
        return text
    if answer.status == 403 and text.startswith("Not routable"):
        raise PermanentFailure("not_routable")
    if answer.status == 400 and text.startswith("Sender missing"):
        raise TemporaryFailure("carrier_configuration")
    # By Kannel's protocol, this 503 means that the message was not taken and may be sent again.
    put_off = PUT_OFF if "try again later" in text else {429: PUT_OFF[429]}
    raise failure_of(answer, None, OUR_FAULT, put_off)


def _proved(call: CarrierCall) -> dict[str, str]:
    said = call.query
    token = settings_once().callback_token.get_secret_value()
    if not constant_time_equals(said.get("token", ""), token):
        raise Forged
    return said
