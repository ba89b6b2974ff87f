"""Kannel's own: its lines of text, alphabets, the address of reports, and its bits."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from campaign.failures import CarrierFailure, DoubtfulHandoff, PermanentFailure, TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Forged, Receipt
from campaign.refusals import Refused
from carriers import kannel
from carriers.kannel import KannelCarrier, KannelSettings
from tests.carriers.described import handoff, query_of, result
from tests.carriers.descriptions import KANNEL, KANNEL_TOKEN
from tests.carriers.servers import Call, serving


@pytest.fixture(autouse=True)
def set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    KANNEL.set_up(monkeypatch)


async def answered(status: int, body: bytes) -> Acceptance:
    """What one send makes of an answer."""

    async def play(call: Call) -> None:
        await call.answer(status, body)

    async with serving(play) as stub:
        carrier = KannelCarrier(KannelSettings(base_url=stub.base_url), 5.0)
        try:
            return await carrier.send(handoff())
        finally:
            await carrier.close()
            assert len(stub.calls) == 1


@pytest.mark.parametrize("body", [b"0: Accepted for delivery", b"3: Queued for later delivery"])
async def test_taken_now_or_queued_is_taken(body: bytes) -> None:
    assert await answered(202, body) == Acceptance("msg_1")


@pytest.mark.parametrize(
    "status, body, kind, code",
    [
        (403, b"Not routable. Do not try again.", PermanentFailure, "not_routable"),
        (403, b"Authorization failed for sendsms", TemporaryFailure, "carrier_configuration"),
        (404, b"Unknown request.", TemporaryFailure, "carrier_configuration"),
        (400, b"Sender missing and no global set, rejected", TemporaryFailure, None),
        (400, b"Missing receiver number, rejected", PermanentFailure, "http_400"),
        (400, b"Charset or body misformed, rejected", PermanentFailure, "http_400"),
        (503, b"Temporal failure, try again later.", TemporaryFailure, "unavailable"),
        (503, b"<html>a proxy", DoubtfulHandoff, "http_503"),
        (500, b"", DoubtfulHandoff, "http_500"),
        (200, b"<html>a portal", DoubtfulHandoff, "answer_unreadable"),
    ],
)
async def test_each_line_is_sorted_by_what_must_happen_next(
    status: int, body: bytes, kind: type[CarrierFailure], code: str | None
) -> None:
    with pytest.raises(CarrierFailure) as caught:
        await answered(status, body)
    assert (type(caught.value), caught.value.code) == (kind, code or "carrier_configuration")


@pytest.mark.parametrize(
    "text, coding",
    [
        ("Hello [{~}] \u20ac \u00e9\u00c9", "0"),
        ("\u00e7", "2"),
        ("\u4f60\u597d", "2"),
        ("\U0001f4e6", "2"),
        ("a" * 161, "0"),
    ],
)
async def test_a_text_goes_in_the_alphabet_that_was_paid(text: str, coding: str) -> None:
    async def play(call: Call) -> None:
        await call.answer(202, b"0: Accepted for delivery")

    async with serving(play) as stub:
        carrier = KannelCarrier(KannelSettings(base_url=stub.base_url, smsc="link-1"), 5.0)
        await carrier.send(handoff(text=text))
        await carrier.close()
        query = query_of(stub.calls[0])
    assert (query["text"], query["coding"], query["smsc"]) == (text, coding, "link-1")
    assert "dlr-url" not in query  # Nobody said where we are.


@pytest.mark.parametrize("reference", ["msg_1", "a%d&token=x", "100%", "\u00e9 +/#"])
async def test_a_reference_survives_what_kannel_puts_into_the_address(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(call: Call) -> None:
        await call.answer(202, b"0: Accepted for delivery")

    async with serving(play) as stub:
        KANNEL.set_up(monkeypatch, stub.base_url)
        carrier = KANNEL.open(5.0)
        await carrier.send(handoff(reference=reference))
        await carrier.close()
        address = query_of(stub.calls[0])["dlr-url"]
    # As its urltrans does: %d is the kind of report, %% is a percent sign.
    fetched = address.replace("%d", "1", 1).replace("%%", "%")
    said = dict(parse_qsl(urlsplit(fetched).query))
    assert (said["reference"], said["token"], said["status"]) == (reference, KANNEL_TOKEN, "1")


# --------------------------------------------------------------------------- its calls


def report(status: str, token: str = "a%20token/of%20%26%20ours") -> list[Receipt]:
    query = f"token={token}&status={status}&reference=msg_1"
    return kannel.read_receipts(CarrierCall("GET", result("kannel", "receipts", query), {}, b""))


@pytest.mark.parametrize(
    "bits, status, code",
    [
        ("1", "delivered", None),
        ("2", "undelivered", "undelivered"),
        ("16", "undelivered", "rejected"),
        ("34", "undelivered", "undelivered"),
        ("18", "undelivered", "rejected"),
    ],
)
def test_final_bits_are_receipts(bits: str, status: str, code: str | None) -> None:
    (receipt,) = report(bits)
    assert (receipt.status, receipt.code, receipt.reference) == (status, code, "msg_1")


@pytest.mark.parametrize("bits", ["0", "4", "8", "12"])
def test_bits_of_the_way_say_nothing(bits: str) -> None:
    assert report(bits) == []


@pytest.mark.parametrize("bits", ["", "-1", "one", "1.0", "%d", "\u0661", "9999", "+1"])
def test_bits_that_are_none_are_refused(bits: str) -> None:
    with pytest.raises(Refused):
        report(bits)


@pytest.mark.parametrize("token", ["", "a", "A%20token/of%20%26%20ours", "%FF", "%00", "\u00e9"])
def test_another_token_proves_nothing(token: str) -> None:
    with pytest.raises(Forged):
        report("1", token)


def test_of_two_tokens_the_last_decides() -> None:
    with pytest.raises(Forged):
        report("1", "a%20token/of%20%26%20ours&token=x")


def test_a_text_in_another_alphabet_arrives_and_a_plus_that_became_a_space_is_mended() -> None:
    address = result("kannel", "inbound", "token=a%20token/of%20%26%20ours&from=")
    for sender in ("%2B14155551234", "+14155551234", "14155551234"):
        url = f"{address}{sender}&to=72345&text=%E4%BD%A0+ok"
        (text,) = kannel.read_inbound(CarrierCall("GET", url, {}, b""))
        assert (text.sender, text.to, text.body) == ("+14155551234", "72345", "\u4f60 ok")
