"""What the pretend carrier brings: receipts and inbound texts, and malformed in their place."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from campaign.handoffs import CarrierCall, Inbound, Receipt
from campaign.instants import iso, moment_of
from campaign.refusals import RefusalCode, Refused
from campaign.states import MessageStatus
from carriers.pretend import PretendCarrier, PretendSettings, read_inbound, read_receipts
from tests.carriers.servers import Call, serving
from tests.carriers.test_pretend import handoff
from tests.conftest import serve_carrier

Json = dict[str, Any]
RECEIPT: Json = {
    "id": "pretend-1",
    "reference": "msg_1",
    "status": "delivered",
    "at": "2026-11-21T10:00:00.250Z",
}
TEXT: Json = {
    "from": "+14155551234",
    "to": "+18005559876",
    "body": "Stop",
    "at": "2026-11-21T10:00:00.250Z",
}
AT = 1_795_255_200_250


def posted(body: bytes) -> CarrierCall:
    return CarrierCall("POST", "http://godwit/carriers/pretend/receipts", {}, body)


def raw(call: object) -> CarrierCall:
    return posted(json.dumps(call).encode())


def test_a_delivered_receipt_is_read() -> None:
    expected = Receipt("msg_1", MessageStatus.DELIVERED, AT, "pretend-1", None)
    assert read_receipts(raw(RECEIPT)) == [expected]


def test_an_undelivered_receipt_is_read_with_a_code() -> None:
    expected = Receipt("msg_1", MessageStatus.UNDELIVERED, AT, "pretend-1", "undelivered")
    assert read_receipts(raw({**RECEIPT, "status": "undelivered"})) == [expected]


def test_an_inbound_text_is_read_whatever_it_says() -> None:
    assert read_inbound(raw(TEXT)) == [Inbound("+14155551234", "+18005559876", "Stop", AT)]
    for body in ("", "\U0001f4e6", "a" * 10_000, "\u202eSTOP\r\n"):
        assert read_inbound(raw({**TEXT, "body": body}))[0].body == body


def test_further_members_do_no_harm() -> None:
    assert read_receipts(raw({**RECEIPT, "price": 1})) == read_receipts(raw(RECEIPT))
    assert read_inbound(raw({**TEXT, "media": []})) == read_inbound(raw(TEXT))


@pytest.mark.parametrize(
    "at",
    [
        "2026-11-21T10:00:00.250",
        "2026-11-21T11:00:00.250+01:00",
        "2026-11-21 10:00:00.250000Z",
        "20261121T100000.250Z",
    ],
)
def test_an_instant_may_be_written_in_any_iso_way_and_is_utc_without_a_zone(at: str) -> None:
    assert read_receipts(raw({**RECEIPT, "at": at}))[0].at == AT


MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"id=pretend-1&status=delivered",
    "half of JSON": b'{"id":',
    "bytes that are no text": b"\xff\xfe\xfd\xfc\x00",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"delivered"',
    "an empty object": b"{}",
    "a number of 5,000 digits": b"9" * 5_000,
    "lists in lists": b"[" * 100_000,
    "objects in objects": b'{"id":' * 100_000,
}


@pytest.mark.parametrize("read", [read_receipts, read_inbound])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_no_object_is_refused(
    read: Callable[[CarrierCall], object], body: bytes
) -> None:
    with pytest.raises(Refused) as caught:
        read(posted(body))
    assert [refusal.code for refusal in caught.value.refusals] == [RefusalCode.MALFORMED]


NO_TEXTS: dict[str, object] = {
    "null": None,
    "a number": 17,
    "true": True,
    "a list": ["msg_1"],
    "an object": {},
    "10,001 characters": "a" * 10_001,
    "a NUL": "a\x00b",
    "half a surrogate pair": "a\ud83d",
}


@pytest.mark.parametrize("value", NO_TEXTS.values(), ids=NO_TEXTS)
@pytest.mark.parametrize("member", RECEIPT)
def test_a_receipt_with_a_member_that_is_no_text_is_refused(member: str, value: object) -> None:
    check_refused(read_receipts, {**RECEIPT, member: value}, member)


@pytest.mark.parametrize("value", NO_TEXTS.values(), ids=NO_TEXTS)
@pytest.mark.parametrize("member", TEXT)
def test_an_inbound_text_with_a_member_that_is_no_text_is_refused(
    member: str, value: object
) -> None:
    check_refused(read_inbound, {**TEXT, member: value}, member)


@pytest.mark.parametrize("member", RECEIPT)
def test_a_receipt_without_a_member_is_refused(member: str) -> None:
    check_refused(read_receipts, {k: v for k, v in RECEIPT.items() if k != member}, member)


@pytest.mark.parametrize("member", TEXT)
def test_an_inbound_text_without_a_member_is_refused(member: str) -> None:
    check_refused(read_inbound, {k: v for k, v in TEXT.items() if k != member}, member)


@pytest.mark.parametrize("status", ["", "sent", "Delivered", "delivered ", "failed", "queued"])
def test_a_receipt_with_a_status_of_another_protocol_is_refused(status: str) -> None:
    check_refused(read_receipts, {**RECEIPT, "status": status}, "status")


@pytest.mark.parametrize("sender", ["14155551234", "0014155551234", "+1415555\u0661234"])
def test_an_inbound_text_is_from_the_same_person_however_the_number_is_written(
    sender: str,
) -> None:
    (text,) = read_inbound(raw({**TEXT, "from": sender, "to": "0018005559876"}))
    assert (text.sender, text.to) == ("+14155551234", "+18005559876")


@pytest.mark.parametrize("sender", ["", "+0", "GODWIT", "+1415555\u00b2234"])
def test_an_inbound_text_from_no_number_is_refused(sender: str) -> None:
    check_refused(read_inbound, {**TEXT, "from": sender}, "from")


@pytest.mark.parametrize(
    "at",
    [
        "",
        "now",
        "1795255200",
        "2026-02-30T00:00:00Z",
        "2026-11-21T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "9999-12-31T23:59:59.9999Z",
    ],
)
def test_an_instant_that_cannot_be_is_refused(at: str) -> None:
    check_refused(read_receipts, {**RECEIPT, "at": at}, "at")
    check_refused(read_inbound, {**TEXT, "at": at}, "at")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_an_instant_at_the_edge_of_time_can_be_shown(at: str) -> None:
    read = read_receipts(raw({**RECEIPT, "at": at}))[0].at
    assert moment_of(read).isoformat().replace("+00:00", "Z") == at
    assert iso(read).startswith(at[:10])


def test_a_refusal_repeats_neither_number_nor_text() -> None:
    secrets = ("+14155551234", "+18005559876", "Stop", "2026")
    for member in TEXT:
        with pytest.raises(Refused) as caught:
            read_inbound(raw({**TEXT, member: ["secret"]}))
        assert not any(secret in str(caught.value.refusals) for secret in (*secrets, "secret"))


async def test_what_the_real_server_posts_is_what_the_client_reads() -> None:
    arrived: asyncio.Queue[Call] = asyncio.Queue()

    async def take(call: Call) -> None:
        arrived.put_nowait(call)
        await call.answer(202)

    async with serving(take) as receiver, serve_carrier() as served:
        served.receipts.url = f"{receiver.base_url}/receipts"
        posting = asyncio.create_task(served.receipts.run())
        carrier = PretendCarrier(PretendSettings(base_url=served.base_url), 10.0)
        accepted = await carrier.send(handoff())
        await carrier.close()
        async with asyncio.timeout(10):
            receipt = read_receipts(posted((await arrived.get()).body))[0]
            assert (receipt.reference, receipt.carrier_id) == ("m-1", accepted.carrier_id)
            assert receipt.status is MessageStatus.DELIVERED
            served.receipts.bring({**TEXT, "at": "wrong"})
            inbound = read_inbound(posted((await arrived.get()).body))[0]
            assert (inbound.sender, inbound.to) == (TEXT["from"], TEXT["to"])
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)


def check_refused(read: Callable[[CarrierCall], object], call: Json, member: str) -> None:
    with pytest.raises(Refused) as caught:
        read(raw(call))
    refusals = [(refusal.code, refusal.place) for refusal in caught.value.refusals]
    assert refusals == [(RefusalCode.MALFORMED, member)]
