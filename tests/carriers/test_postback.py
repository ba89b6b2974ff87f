"""Postback: a small gateway of somebody's own, written from docs/carriers.md alone."""

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from campaign.failures import DoubtfulHandoff, PermanentFailure, TemporaryFailure
from campaign.handoffs import CarrierCall, Forged
from campaign.refusals import Refused
from carriers import postback
from tests.carriers.described import handoff, headers_of, result
from tests.carriers.descriptions import POSTBACK, POSTBACK_SECRET, postback_call
from tests.carriers.servers import Call, serving

RECEIPT = {
    "id": "g-1",
    "reference": "msg_1",
    "status": "delivered",
    "at": "2027-01-15T08:00:00.250Z",
}


@dataclass
class Gateway:
    """A reference receiver: verifies, knows references again, cuts some answers off."""

    secret: str
    base_url: str = ""
    cut_first: bool = False
    accepted: dict[str, str] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def answer(self, call: Call) -> None:
        """One request."""
        try:
            said = Webhook(self.secret).verify(call.body, headers_of(call))
        except WebhookVerificationError:
            await call.answer(401, b'{"error":"signature"}')
            return
        reference = said["reference"]
        self.asked[reference] += 1
        if said["to"].endswith("0001"):
            await call.answer(422, b'{"error":"invalid_number"}')
            return
        if reference not in self.accepted:
            self.accepted[reference] = f"g-{len(self.accepted) + 1}"
        if self.cut_first and self.asked[reference] == 1:
            call.reset()
            return
        await call.answer(201, json.dumps({"id": self.accepted[reference]}).encode())


@asynccontextmanager
async def gateway(secret: str = POSTBACK_SECRET, cut_first: bool = False) -> AsyncIterator[Gateway]:
    gate = Gateway(secret, cut_first=cut_first)
    async with serving(gate.answer) as stub:
        gate.base_url = stub.base_url
        yield gate


async def test_a_gateway_written_from_the_page_takes_and_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway() as gate:
        POSTBACK.set_up(monkeypatch, gate.base_url + "/")
        carrier = POSTBACK.open(5.0)
        for reference in ("msg_1", "msg_2", "msg_1"):
            await carrier.send(handoff(reference=reference))
        with pytest.raises(PermanentFailure) as caught:
            await carrier.send(handoff(reference="msg_3", to="+14155550001"))
        await carrier.close()
    assert gate.accepted == {"msg_1": "g-1", "msg_2": "g-2"}
    assert caught.value.code == "invalid_number"


async def test_a_doubtful_message_is_handed_over_anew_and_taken_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with gateway(cut_first=True) as gate:
        POSTBACK.set_up(monkeypatch, gate.base_url)
        carrier = POSTBACK.open(5.0)
        with pytest.raises(DoubtfulHandoff):
            await carrier.send(handoff())
        assert (await carrier.send(handoff())).carrier_id == "g-1"
        await carrier.close()
    assert gate.accepted == {"msg_1": "g-1"} and gate.asked["msg_1"] == 2


async def test_a_gateway_with_another_secret_is_our_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = "whsec_" + base64.b64encode(b"some other secret of 32 bytes ..").decode()
    async with gateway(other) as gate:
        POSTBACK.set_up(monkeypatch, gate.base_url)
        carrier = POSTBACK.open(5.0)
        with pytest.raises(TemporaryFailure) as caught:
            await carrier.send(handoff())
        await carrier.close()
    assert caught.value.code == "carrier_configuration" and gate.accepted == {}


# --------------------------------------------------------------------------- its calls


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    POSTBACK.set_up(monkeypatch)


def signed(minutes: float, signature: str = "") -> CarrierCall:
    """The receipt, signed so many minutes ago."""
    moment = datetime.now(UTC) - timedelta(minutes=minutes)
    body = json.dumps(RECEIPT)
    good = Webhook(POSTBACK_SECRET).sign("w-1", moment, body)
    headers = {
        "webhook-id": "w-1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": f"{signature} {good}".strip(),
    }
    return CarrierCall("POST", result("postback", "receipts"), headers, body.encode())


@pytest.mark.usefixtures("set_up")
def test_a_receipt_says_what_became_of_a_message_and_when() -> None:
    (receipt,) = postback.read_receipts(signed(0))
    assert (receipt.reference, receipt.status, receipt.carrier_id) == ("msg_1", "delivered", "g-1")
    assert (receipt.at, receipt.code) == (1_800_000_000_250, None)


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize("code, word", [("no_such_one", "no_such_one"), ("+1415", "undelivered")])
def test_an_undelivered_one_may_say_why(code: str, word: str) -> None:
    said = {**RECEIPT, "status": "undelivered", "code": code}
    (receipt,) = postback.read_receipts(postback_call(result("postback", "receipts"), said))
    assert (receipt.status, receipt.code) == ("undelivered", word)


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize("minutes, believed", [(4.8, True), (5.2, False), (-5.2, False)])
def test_a_signature_is_good_for_five_minutes(minutes: float, believed: bool) -> None:
    if believed:
        assert len(postback.read_receipts(signed(minutes))) == 1
    else:
        with pytest.raises(Forged):
            postback.read_receipts(signed(minutes))


@pytest.mark.usefixtures("set_up")
def test_of_several_signatures_one_is_enough_while_a_secret_is_changed() -> None:
    assert len(postback.read_receipts(signed(0, "v1,AAAA v2,BBBB"))) == 1


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize("odd", ["v1", "v1,\u00e9", "v1,a,b", ",", "v1,===="])
def test_an_odd_signature_is_a_no_and_no_stumble(odd: str) -> None:
    call = signed(0)
    headers = {**call.headers, "webhook-signature": odd}
    with pytest.raises(Forged):
        postback.read_receipts(CarrierCall("POST", call.url, headers, call.body))


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize("body", [b"\xff", b"[]", b"{}", b'{"status":"delivered"}'])
def test_signed_rubbish_is_no_receipt(body: bytes) -> None:
    moment = datetime.now(UTC)
    headers = {
        "webhook-id": "w-1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(POSTBACK_SECRET).sign("w-1", moment, body.decode("latin-1")),
    }
    with pytest.raises((Forged, Refused)):
        postback.read_receipts(CarrierCall("POST", result("postback", "receipts"), headers, body))


def test_the_library_of_the_other_side_is_not_needed_to_sign() -> None:
    """As docs/carriers.md has it, for those who write a gateway in another language."""
    key = base64.b64decode(POSTBACK_SECRET.removeprefix("whsec_"))
    moment, body = datetime(2027, 1, 15, 8, tzinfo=UTC), '{"a":1}'
    mac = hmac.new(key, f"w-1.{int(moment.timestamp())}.{body}".encode(), hashlib.sha256)
    by_hand = "v1," + base64.b64encode(mac.digest()).decode()
    assert by_hand == Webhook(POSTBACK_SECRET).sign("w-1", moment, body)
