"""Sinch's own: batches found by reference, both ways to prove a callback, and its statuses."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from campaign.failures import PermanentFailure, TemporaryFailure
from campaign.handoffs import CarrierCall, Forged
from carriers import sinch
from tests.carriers.described import PUBLIC_URL, handoff, query_of, result
from tests.carriers.descriptions import SINCH, sinch_call
from tests.carriers.servers import Call, serving

REPORT = {
    "type": "recipient_delivery_report_sms",
    "batch_id": "s-1",
    "client_reference": "msg_1",
    "status": "Delivered",
    "code": 0,
}


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    SINCH.set_up(monkeypatch)


async def found(answer: object, patch: pytest.MonkeyPatch) -> tuple[str | None, dict[str, str]]:
    async def play(call: Call) -> None:
        await call.answer(200, json.dumps(answer).encode())

    async with serving(play) as stub:
        SINCH.set_up(patch, stub.base_url)
        carrier = SINCH.open(5.0)
        try:
            taken = await carrier.look_up(handoff())
        finally:
            await carrier.close()
        return (None if taken is None else taken.carrier_id), query_of(stub.calls[0])


def batch(carrier_id: object = "s-1", reference: object = "msg_1") -> dict[str, Any]:
    return {"id": carrier_id, "client_reference": reference, "canceled": False}


async def test_a_batch_with_our_reference_is_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier_id, query = await found({"count": 1, "batches": [batch()]}, monkeypatch)
    assert carrier_id == "s-1"
    assert query["client_reference"] == "msg_1"
    assert query["start_date"] == "2027-01-14T08:00:00.000Z"


async def test_of_two_batches_the_first_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    newest_first = [batch("s-2"), batch("s-1")]
    assert (await found({"count": 2, "batches": newest_first}, monkeypatch))[0] == "s-1"


@pytest.mark.parametrize("answer", [{"count": 0, "batches": []}, {"count": 0, "page": 0}])
async def test_no_batch_is_a_no(answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await found(answer, monkeypatch))[0] is None


@pytest.mark.parametrize(
    "batches", [[batch(reference="msg_2")], [batch(reference=None)], [batch(None)], None, ["s-1"]]
)
async def test_a_list_that_does_not_answer_the_question_is_no_no(
    batches: Sequence[object] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TemporaryFailure):
        await found({"count": 1, "batches": batches}, monkeypatch)


async def test_receipts_are_wanted_at_our_address_with_the_token_if_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(call: Call) -> None:
        await call.answer(201, b'{"id":"s-1"}')

    async with serving(play) as stub:
        for token, query in (("", ""), ("a b&c", "?token=a%20b%26c")):
            SINCH.set_up(monkeypatch, stub.base_url)
            monkeypatch.setenv("GODWIT_CARRIER_SINCH_CALLBACK_TOKEN", token)
            carrier = SINCH.open(5.0)
            await carrier.send(handoff())
            await carrier.close()
            said = json.loads(stub.calls[-1].body)
            assert said["callback_url"] == f"{PUBLIC_URL}/carriers/sinch/receipts{query}"


async def test_a_picture_without_a_text_has_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(call: Call) -> None:
        await call.answer(201, b'{"id":"s-1"}')

    async with serving(play) as stub:
        SINCH.set_up(monkeypatch, stub.base_url)
        carrier = SINCH.open(5.0)
        await carrier.send(handoff(text="", media_url="https://m.example.com/a.png"))
        await carrier.close()
    said = json.loads(stub.calls[0].body)
    assert said["body"] == {"url": "https://m.example.com/a.png"}


# --------------------------------------------------------------------------- its calls


@pytest.mark.parametrize("late, believed", [(0, True), (290, True), (310, False), (-310, False)])
def test_a_signature_is_good_for_five_minutes(late: float, believed: bool) -> None:
    call = sinch_call(result("sinch", "receipts"), REPORT, time.time() - late)
    if believed:
        assert len(sinch.read_receipts(call)) == 1
    else:
        with pytest.raises(Forged):
            sinch.read_receipts(call)


def test_without_a_signing_secret_the_token_in_the_address_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = json.dumps(REPORT).encode()

    def call(query: str) -> CarrierCall:
        return CarrierCall("POST", result("sinch", "receipts", query), {}, body)

    monkeypatch.setenv("GODWIT_CARRIER_SINCH_CALLBACK_TOKEN", "a b&c")
    # With a signing secret the token alone is not enough.
    sinch.settings_once.cache_clear()
    with pytest.raises(Forged):
        sinch.read_receipts(call("token=a%20b%26c"))
    monkeypatch.setenv("GODWIT_CARRIER_SINCH_WEBHOOK_SECRET", "")
    sinch.settings_once.cache_clear()
    assert len(sinch.read_receipts(call("token=a%20b%26c"))) == 1
    for wrong in ("", "token=", "token=a", "token=A%20b%26c", "token=a%20b%26c%00", "token=%FF"):
        with pytest.raises(Forged):
            sinch.read_receipts(call(wrong))


@pytest.mark.parametrize(
    "status, code, shown_as, word",
    [
        ("Delivered", 0, "delivered", None),
        ("Failed", 0, "undelivered", "undelivered"),
        ("Rejected", 402, "undelivered", "not_routable"),
        ("Aborted", 403, "undelivered", "carrier_error"),
        ("Failed", 404, "undelivered", "temporary_failure"),
        ("Aborted", 405, "undelivered", "invalid_params"),
        ("Expired", 406, "undelivered", "expired"),
        ("Cancelled", 407, "undelivered", "cancelled"),
        ("Rejected", 408, "undelivered", "rejected"),
        ("Aborted", 410, "undelivered", "carrier_configuration"),
        ("Aborted", 411, "undelivered", "text_too_long"),
        ("Rejected", 412, "undelivered", "country_not_enabled"),
        ("Aborted", 413, "undelivered", "carrier_configuration"),
        ("Aborted", 414, "undelivered", "media_invalid"),
        ("Rejected", 415, "undelivered", "rejected"),
        ("Failed", 416, "undelivered", "media_not_supported"),
        ("Failed", 417, "undelivered", "unreachable"),
        ("Failed", 418, "undelivered", "media_not_supported"),
        ("Failed", 14155551234, "undelivered", "undelivered"),
        ("Failed", 499, "undelivered", "carrier_499"),
    ],
)
def test_final_statuses_are_receipts(
    status: str, code: int, shown_as: str, word: str | None
) -> None:
    said = {**REPORT, "status": status, "code": code}
    (receipt,) = sinch.read_receipts(sinch_call(result("sinch", "receipts"), said))
    assert (receipt.status, receipt.code, receipt.reference) == (shown_as, word, "msg_1")


async def test_a_refusal_does_not_mean_what_the_same_code_of_a_report_means(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(call: Call) -> None:
        await call.answer(400, b'{"code":402,"text":"no"}')

    async with serving(play) as stub:
        SINCH.set_up(monkeypatch, stub.base_url)
        carrier = SINCH.open(5.0)
        with pytest.raises(PermanentFailure) as caught:
            await carrier.send(handoff())
        await carrier.close()
    assert caught.value.code == "carrier_402"


@pytest.mark.parametrize(
    "kind, understood",
    [
        ("recipient_delivery_report_sms", True),
        ("delivery_report_mms", True),
        ("mo_text", True),
        ("mo_binary", False),
        (None, False),
    ],
)
def test_an_event_of_another_kind_is_not_understood(kind: object, understood: bool) -> None:
    call = sinch_call(result("sinch", "receipts"), {**REPORT, "type": kind})
    assert sinch.understands(call) is understood


@pytest.mark.parametrize(
    "members",
    [
        {"status": "Queued"},
        {"status": "Dispatched"},
        {"status": "Unknown"},
        {"type": "delivery_report_sms"},
        {"client_reference": None},
    ],
)
def test_what_is_on_its_way_or_of_a_whole_batch_says_nothing(members: dict[str, object]) -> None:
    assert sinch.read_receipts(sinch_call(result("sinch", "receipts"), REPORT | members)) == []


def test_a_text_with_media_has_its_words_one_level_down() -> None:
    said = {"type": "mo_media", "from": "14155551234", "to": "18005559876"}
    for body, text in (({"message": "STOP", "media": []}, "STOP"), ({"message": ""}, "")):
        (got,) = sinch.read_inbound(sinch_call(result("sinch", "inbound"), {**said, "body": body}))
        assert got.body == text
    assert sinch.read_inbound(sinch_call(result("sinch", "inbound"), {"type": "mo_binary"})) == []
