"""Telnyx's own: what its signature covers, how old it may be, and what events say."""

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    PermanentFailure,
    TemporaryFailure,
)
from campaign.handoffs import CarrierCall, Forged, Forgetful, Repeats
from campaign.instants import DAY
from campaign.refusals import Refused
from carriers import telnyx
from carriers.telnyx import TelnyxCarrier, TelnyxSettings
from tests.carriers.described import handoff, headers_of, result
from tests.carriers.descriptions import TELNYX, telnyx_call
from tests.carriers.servers import Call, serving


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    TELNYX.set_up(monkeypatch)


def event(**members: Any) -> dict[str, Any]:
    """A finalized event of a delivered message."""
    payload = {
        "id": "t-1",
        "to": [{"status": "delivered"}],
        "webhook_url": result("telnyx", "receipts", "reference=msg_1"),
        **members,
    }
    return {"data": {"event_type": "message.finalized", "payload": payload}}


def test_the_reference_is_read_from_what_is_signed_and_not_from_the_address() -> None:
    call = TELNYX.receipt("msg_1", "delivered")
    moved = call.url.replace("msg_1", "msg_2")
    (receipt,) = telnyx.read_receipts(CarrierCall("POST", moved, call.headers, call.body))
    assert (receipt.reference, receipt.carrier_id) == ("msg_1", "t-1")


@pytest.mark.parametrize("webhook", [None, "", "https://other.example.com/x", "https://[", 7])
def test_an_event_of_somebody_elses_message_says_nothing(webhook: object) -> None:
    assert (
        telnyx.read_receipts(telnyx_call(result("telnyx", "receipts"), event(webhook_url=webhook)))
        == []
    )


@pytest.mark.parametrize("late, believed", [(0, True), (290, True), (310, False), (-310, False)])
def test_a_signature_is_good_for_five_minutes(late: float, believed: bool) -> None:
    call = telnyx_call(result("telnyx", "receipts"), event(), time.time() - late)
    if believed:
        assert len(telnyx.read_receipts(call)) == 1
    else:
        with pytest.raises(Forged):
            telnyx.read_receipts(call)


def test_the_time_of_a_signature_cannot_be_renewed() -> None:
    call = telnyx_call(result("telnyx", "receipts"), event(), time.time() - 1000)
    for timestamp in (str(int(time.time())), "", "now", "\u0661", "9" * 30):
        headers = {**call.headers, "telnyx-timestamp": timestamp}
        with pytest.raises(Forged):
            telnyx.read_receipts(CarrierCall("POST", call.url, headers, call.body))


def test_another_key_proves_nothing() -> None:
    with pytest.raises(Forged):
        telnyx.read_receipts(
            telnyx_call(result("telnyx", "receipts"), event(), key=Ed25519PrivateKey.generate())
        )


@pytest.mark.parametrize("key", ["", "AAAA", "\u00e9", "not base64!"])
def test_a_public_key_that_is_none_believes_nobody(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GODWIT_CARRIER_TELNYX_PUBLIC_KEY", key)
    telnyx.settings_once.cache_clear()
    with pytest.raises(Forged):
        telnyx.read_receipts(TELNYX.receipt("msg_1", "delivered"))


@pytest.mark.parametrize(
    "status, errors, shown_as, code",
    [
        ("delivered", [], "delivered", None),
        ("delivery_failed", [{"code": "40002"}], "undelivered", "filtered"),
        ("delivery_failed", [{"code": "40012"}], "undelivered", "invalid_number"),
        ("delivery_failed", [{"code": "40017"}], "undelivered", "filtered"),
        ("delivery_failed", [{"code": "40010"}], "undelivered", "carrier_configuration"),
        ("delivery_failed", [{"code": "40999"}], "undelivered", "carrier_40999"),
        ("sending_failed", [{"code": "40300"}], "undelivered", "opted_out"),
        ("expired", [], "undelivered", "undelivered"),
        ("delivery_failed", [{"code": "+14155551234"}], "undelivered", "undelivered"),
        ("delivery_failed", "none", "undelivered", "undelivered"),
    ],
)
def test_final_statuses_are_receipts(
    status: str, errors: object, shown_as: str, code: str | None
) -> None:
    said = event(to=[{"status": status}], errors=errors)
    (receipt,) = telnyx.read_receipts(telnyx_call(result("telnyx", "receipts"), said))
    assert (receipt.status, receipt.code) == (shown_as, code)


@pytest.mark.parametrize("status", ["queued", "sent", "delivery_unconfirmed", "webhook_delivered"])
def test_what_is_not_known_says_nothing(status: str) -> None:
    said = event(to=[{"status": status}])
    assert telnyx.read_receipts(telnyx_call(result("telnyx", "receipts"), said)) == []


def test_events_of_the_other_direction_are_left_alone() -> None:
    received = TELNYX.inbound("+14155551234", "+18005559876", "Hi")
    assert telnyx.read_receipts(received) == []
    assert telnyx.read_inbound(TELNYX.receipt("msg_1", "delivered")) == []


@pytest.mark.parametrize(
    "said", [[], {}, {"data": []}, {"data": {"event_type": "message.received"}}]
)
def test_signed_rubbish_is_refused(said: object) -> None:
    with pytest.raises(Refused):
        telnyx.read_inbound(telnyx_call(result("telnyx", "inbound"), said))


@pytest.mark.parametrize(
    "status, code, kind, word",
    [
        (422, "40310", PermanentFailure, "invalid_number"),
        (403, "40300", PermanentFailure, "opted_out"),
        (422, "99999", PermanentFailure, "carrier_99999"),
        (422, "40012", PermanentFailure, "carrier_40012"),
        (400, "10016", PermanentFailure, "invalid_number"),
        (400, "40308", TemporaryFailure, "carrier_configuration"),
        (403, "20100", TemporaryFailure, "carrier_configuration"),
        (403, "40318", TemporaryFailure, "rate_limited"),
        (402, "", TemporaryFailure, "carrier_configuration"),
    ],
)
async def test_each_code_is_sorted_by_what_must_happen_next(
    status: int, code: str, kind: type[CarrierFailure], word: str
) -> None:
    async def play(call: Call) -> None:
        await call.answer(status, json.dumps({"errors": [{"code": code}]}).encode())

    async with serving(play) as stub:
        settings = TelnyxSettings(base_url=stub.base_url, messaging_profile_id="prof-1")
        carrier = TelnyxCarrier(settings, 5.0)
        with pytest.raises(CarrierFailure) as caught:
            await carrier.send(handoff())
        await carrier.close()
        said = json.loads(stub.calls[0].body)
    assert (type(caught.value), caught.value.code) == (kind, word)
    assert said["messaging_profile_id"] == "prof-1" and "webhook_url" not in said


# --------------------------------------------------------------------------- repeats


async def sent(answer: bytes, status: int = 200, **members: Any) -> Call:
    """The request of one send that was answered so; raises as the send does."""

    async def play(call: Call) -> None:
        await call.answer(status, answer)

    async with serving(play) as stub:
        carrier = TelnyxCarrier(TelnyxSettings(base_url=stub.base_url), 5.0)
        try:
            await carrier.send(handoff(**members))
        finally:
            await carrier.close()
        return stub.calls[0]


async def test_the_reference_is_the_key_of_a_send_and_a_repeat_is_the_same_to_the_byte() -> None:
    first = await sent(b'{"data":{"id":"t-1"}}')
    again = await sent(b'{"data":{"id":"t-1"}}', attempt=2, attempted_at=1)
    assert headers_of(first)["idempotency-key"] == headers_of(again)["idempotency-key"] == "msg_1"
    assert first.body == again.body


@pytest.mark.parametrize(
    "status, title",
    [(409, "A request with this key is in progress"), (422, "Idempotency-Key was used before")],
)
async def test_an_answer_about_the_key_leaves_doubt_about_the_earlier_try(
    status: int, title: str
) -> None:
    answer = json.dumps({"errors": [{"code": "10015", "title": title}]}).encode()
    with pytest.raises(DoubtfulHandoff):
        await sent(answer, status)


async def test_repeats_are_recognised_for_less_than_a_day_or_not_at_all_by_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carrier = TELNYX.open(5.0)
    assert carrier.repeats is Repeats.DEDUP
    assert isinstance(carrier, Forgetful) and carrier.dedup_window < DAY
    await carrier.close()
    monkeypatch.setenv("GODWIT_CARRIER_TELNYX_REPEATS", "none")
    carrier = TELNYX.open(5.0)
    assert carrier.repeats is Repeats.NONE
    await carrier.close()


async def test_a_picture_without_a_text_has_no_text() -> None:
    said = json.loads(
        (
            await sent(b'{"data":{"id":"t-1"}}', text="", media_url="https://m.example.com/a.png")
        ).body
    )
    assert "text" not in said and said["type"] == "MMS"


@pytest.mark.parametrize("members", [{}, {"text": None}, {"text": ""}])
def test_a_picture_that_comes_without_a_text_is_taken(members: dict[str, object]) -> None:
    payload = {"from": {"phone_number": "+14155551234"}, "to": [{"phone_number": "+18005559876"}]}
    said = {"data": {"event_type": "message.received", "payload": payload | members}}
    (text,) = telnyx.read_inbound(telnyx_call(result("telnyx", "inbound"), said))
    assert (text.sender, text.body) == ("+14155551234", "")


def test_an_event_that_is_no_messages_is_not_understood() -> None:
    said = {"data": {"event_type": "10dlc.campaign.update", "payload": {}}}
    assert not telnyx.understands(telnyx_call(result("telnyx", "inbound"), said))
    assert telnyx.understands(telnyx_call(result("telnyx", "inbound"), event()))
