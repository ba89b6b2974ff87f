"""The frame's judgement: what each answer of a carrier says about the message."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, formatdate

import pytest

from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    PermanentFailure,
    TemporaryFailure,
)
from carriers.classify import RETRY_AFTER_SECONDS_MAX, retry_after
from carriers.client import CarrierClient
from tests.carriers.servers import Call, serving

NOW = 1_800_000_000.0


async def checked(raw: bytes) -> CarrierFailure:
    """How the frame fails on this answer; it must not ask twice."""

    async def play(call: Call) -> None:
        await call.last(raw)

    async with serving(play) as stub:
        carrier_client = CarrierClient(stub.base_url, 10.0, connections=2)
        with pytest.raises(CarrierFailure) as caught:
            await carrier_client.ask("POST", "/messages", {"reference": "m-1"})
        await carrier_client.close()
        assert len(stub.calls) == 1
    return caught.value


def answer(status: int, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d -" % status, b"content-length: %d" % len(body), *headers]
    return b"\r\n".join([*lines, b"", b""]) + body


# --------------------------------------------------------------------------- unreadable

UNREADABLE = {
    "HTML": answer(200, b"<!doctype html><title>Welcome</title>", b"content-type: text/html"),
    "nothing": answer(200),
    "no content": b"HTTP/1.1 204 -\r\n\r\n",
    "half of JSON": answer(200, b'{"id":"pretend-1"'),
    "two of JSON": answer(200, b"{}{}"),
    "null": answer(200, b"null"),
    "bytes that are no text": answer(200, b"\xff\xfe\xfd"),
    "a number of 5,000 digits": answer(200, b"9" * 5_000),
    "lists in lists": answer(200, b"[" * 60_000),
    "a created status without a body": answer(201),
}
NO_HTTP = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a status of six digits": b"HTTP/1.1 200200 OK\r\n\r\n{}",
    "a negative length": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "a chunk of no size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}",
}


@pytest.mark.parametrize("raw", [*UNREADABLE.values(), *NO_HTTP.values()], ids=UNREADABLE | NO_HTTP)
async def test_a_success_that_cannot_be_read_leaves_doubt(raw: bytes) -> None:
    failure = await checked(raw)
    assert (type(failure), failure.code) == (DoubtfulHandoff, "answer_unreadable")


# --------------------------------------------------------------------------- refused


@pytest.mark.parametrize("status", [400, 402, 409, 410, 422, 451])
async def test_a_refusal_with_a_code_is_permanent_and_keeps_the_code(status: int) -> None:
    failure = await checked(answer(status, b'{"error":"invalid_number"}'))
    assert (type(failure), failure.code) == (PermanentFailure, "invalid_number")


REFUSAL_BODIES = {
    "nothing": b"",
    "HTML": b"<h1>No</h1>",
    "no object": b'["invalid_number"]',
    "no code": b"{}",
    "a number": b'{"error":21211}',
    "an object": b'{"error":{"code":"x"}}',
    "a sentence with a number": b'{"error":"+14155550001 is not a mobile"}',
    "a line break": b'{"error":"blocked\\n"}',
    "a code of 41 letters": json.dumps({"error": "a" * 41}).encode(),
    "an empty code": b'{"error":""}',
    "letters of another script": json.dumps({"error": "bl\u043ecked"}).encode(),
}


@pytest.mark.parametrize("body", REFUSAL_BODIES.values(), ids=REFUSAL_BODIES)
async def test_a_refusal_without_a_plain_code_is_called_by_its_status(body: bytes) -> None:
    failure = await checked(answer(422, body))
    assert (type(failure), failure.code) == (PermanentFailure, "http_422")


async def test_a_packed_refusal_is_called_by_its_status() -> None:
    failure = await checked(answer(422, b"\x1f\x8b\x08", b"content-encoding: gzip"))
    assert (type(failure), failure.code) == (PermanentFailure, "http_422")


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407])
async def test_what_we_configured_wrongly_is_not_the_recipients_fault(status: int) -> None:
    failure = await checked(answer(status, b'{"error":"invalid_number"}'))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.retry_after) == ("carrier_configuration", None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_leaves_doubt(status: int) -> None:
    failure = await checked(answer(status, b"{}", b"location: /messages"))
    assert (type(failure), failure.code) == (DoubtfulHandoff, f"http_{status}")


@pytest.mark.parametrize("status", [101, 300, 408, 500, 501, 502, 504, 599])
async def test_every_other_answer_leaves_doubt(status: int) -> None:
    failure = await checked(answer(status, b'{"error":"invalid_number"}'))
    assert (type(failure), failure.code) == (DoubtfulHandoff, f"http_{status}")


# --------------------------------------------------------------------------- put off


@pytest.mark.parametrize("status, code", [(429, "rate_limited"), (503, "unavailable")])
@pytest.mark.parametrize(
    "header, wait",
    [
        (b"7", 7.0),
        (b"0", 0.0),
        (b"  120 ", 120.0),
        (b"1000000000000", RETRY_AFTER_SECONDS_MAX),
        (b"9" * 5_000, RETRY_AFTER_SECONDS_MAX),
        (b"-5", None),
        (b"nan", None),
        (b"inf", None),
        (b"1e3", None),
        (b"\xb2", None),
        (b"soon", None),
        (b"", None),
        (b"Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_SECONDS_MAX),
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
    ],
)
async def test_a_carrier_that_puts_off_is_heard_within_reason(
    status: int, code: str, header: bytes, wait: float | None
) -> None:
    failure = await checked(answer(status, b"", b"retry-after: " + header))
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.retry_after) == (code, wait)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_date_to_come_again_is_turned_into_a_wait(status: int) -> None:
    date = formatdate(time.time() + 600, usegmt=True).encode()
    failure = await checked(answer(status, b"not JSON", b"retry-after: " + date))
    assert isinstance(failure, TemporaryFailure)
    assert failure.retry_after == pytest.approx(600, abs=30)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_carrier_that_puts_off_without_a_time_names_none(status: int) -> None:
    failure = await checked(answer(status, b'{"error":"slow_down"}'))
    assert isinstance(failure, TemporaryFailure) and failure.retry_after is None


def test_a_wait_is_counted_from_now_and_is_never_negative() -> None:
    later = datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=90)
    assert retry_after(format_datetime(later, usegmt=True), NOW) == 90.0
    assert retry_after(format_datetime(later, usegmt=True), NOW + 1_000) == 0.0
    assert retry_after("Fri, 15 Jan 2027 08:01:30 -0000", NOW) == 90.0
    assert retry_after("Fri, 15 Jan 2027 09:01:30 +0100", NOW) == 90.0
    assert retry_after("Friday, 15-Jan-27 08:01:30 GMT", NOW) == 90.0
    assert retry_after("Fri Jan 15 08:01:30 2027", NOW) == 90.0
    assert retry_after(None, NOW) is None


@pytest.mark.parametrize(
    "value",
    [
        "\u0661\u0662",
        "\uff11\uff12",
        "1 2 3",
        "+5",
        "3.5",
        "0x10",
        "1_000",
        "Fri, 31 Feb 2027 00:00:00 GMT",
        "Fri, 15 Jan 2027 25:00:00 GMT",
        "Fri, 15 Jan 2027 08:01:30 +9999",
        "Fri, 15 Jan -27 08:01:30 GMT",
        "," * 1_000,
    ],
)
def test_a_wait_that_no_standard_knows_is_none(value: str) -> None:
    assert retry_after(value, NOW) is None


def test_a_date_at_the_edge_of_time_is_held_to_the_maximum() -> None:
    assert retry_after("Mon, 01 Jan 0001 00:00:00 +2359", NOW) in (0.0, None)
    assert retry_after("Fri, 31 Dec 9999 23:59:59 -2300", NOW) == RETRY_AFTER_SECONDS_MAX
    assert RETRY_AFTER_SECONDS_MAX == 3600.0
