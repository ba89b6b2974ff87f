"""The frame round carriers: what each way of going wrong is called, and when it ends."""

import asyncio
import gzip
import json
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    NotStarted,
    PermanentFailure,
    TemporaryFailure,
)
from campaign.handoffs import Handoff
from carriers.classify import Answer
from carriers.client import CarrierClient, basic, bearer
from carriers.connections import ANSWER_BYTES_MAX
from tests.carriers.servers import Call, Play, free_port, serving

DEADLINE = 1.5
# Far beyond any hiccup of a busy machine, far below what an unbounded exchange would take.
PATIENCE = 10.0
OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def opened_client(base_url: str, seconds: float = PATIENCE) -> AsyncIterator[CarrierClient]:
    carrier_client = CarrierClient(base_url, seconds, connections=4)
    try:
        yield carrier_client
    finally:
        await carrier_client.close()


async def failure_of(play: Play, seconds: float = PATIENCE) -> CarrierFailure:
    """Ask a server that plays this once, see how it fails, and that the next exchange is well."""

    async def once(call: Call) -> None:
        if len(stub.calls) == 1:
            await play(call)
        else:
            await call.answer(200, b'{"well":true}')

    async with serving(once) as stub, opened_client(stub.base_url, seconds) as carrier_client:
        with pytest.raises(CarrierFailure) as caught:
            await carrier_client.ask("POST", "/messages", {"reference": "m-1"})
        assert await carrier_client.ask("GET", "/messages") == (200, {"well": True})
    return caught.value


def raw(answer: bytes) -> Play:
    async def play(call: Call) -> None:
        await call.last(answer)

    return play


def answered(status: int, body: bytes = b"", **headers: str) -> Play:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def play(call: Call) -> None:
        await call.answer(status, body, named)

    return play


async def reset(call: Call) -> None:
    call.reset()


async def drip(call: Call, first: bytes, forever: bytes) -> None:
    await call.write(first)
    while True:
        await call.write(forever)
        await asyncio.sleep(0.1)


async def slow_headers(call: Call) -> None:
    await drip(call, OK + b"x: ", b"a")


async def slow_header_lines(call: Call) -> None:
    await drip(call, OK, b"a: b\r\n")


async def slow_body(call: Call) -> None:
    await drip(call, OK + b"content-length: 60000\r\n\r\n", b" ")


async def slow_chunks(call: Call) -> None:
    await drip(call, OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n")


async def opted_out(call: Call) -> None:
    await call.hang()


async def hang_after_headers(call: Call) -> None:
    await call.write(OK + b"content-length: 2\r\n\r\n")
    await call.hang()


# --------------------------------------------------------------------------- no connection


async def test_a_refused_connection_is_surely_not_sent() -> None:
    async with opened_client(f"http://127.0.0.1:{free_port()}") as carrier_client:
        with pytest.raises(TemporaryFailure) as caught:
            await carrier_client.ask("POST", "/messages", {})
    assert (caught.value.code, caught.value.retry_after) == ("no_connection", None)


@pytest.mark.parametrize(
    "base_url", ["", "nonsense", "ftp://127.0.0.1", "http://", "localhost:9090", "http://a\x00b"]
)
async def test_an_address_that_is_none_is_our_configuration(base_url: str) -> None:
    async with opened_client(base_url) as carrier_client:
        with pytest.raises(TemporaryFailure) as caught:
            await carrier_client.ask("POST", "/messages", {})
    assert caught.value.code == "carrier_configuration"


def handoff(*may_start: bool) -> Handoff:
    """A handoff that may start as this says, question by question."""
    return Handoff(0, 1, "msg_1", "a", "b", "c", None, 1, may_start=iter(may_start).__next__)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_handoff_that_may_not_start_any_more_sends_no_byte(method: str) -> None:
    received = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(1024):
            received.extend(content)
            if content.endswith(b"\r\n\r\n"):
                writer.write(OK + b"content-length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, opened_client(f"http://127.0.0.1:{port}") as carrier_client:
        with pytest.raises(NotStarted) as caught:
            await carrier_client.ask(method, "/messages", handoff=handoff(False))
        assert caught.value.code == "not_started" and not received
        # Nor over a connection that is open already.
        assert (await carrier_client.ask(method, "/one", handoff=handoff(True)))[0] == 200
        with pytest.raises(NotStarted):
            await carrier_client.ask(method, "/two", handoff=handoff(False))
    assert received.count(b"HTTP/1.1") == 1 and b"/two" not in received


async def test_a_deadline_that_passes_before_the_first_byte_leaves_no_doubt() -> None:
    held: asyncio.Queue[Call] = asyncio.Queue()

    async def hold(call: Call) -> None:
        held.put_nowait(call)
        await call.hang()

    async with serving(hold) as stub:
        one_connection = CarrierClient(stub.base_url, DEADLINE, connections=1)
        first = asyncio.create_task(one_connection.ask("POST", "/messages", {}))
        await held.get()
        with pytest.raises(TemporaryFailure) as caught:
            await one_connection.ask("POST", "/messages", {})
        assert caught.value.code == "no_connection" and len(stub.calls) == 1
        with pytest.raises(DoubtfulHandoff):
            await first
        await one_connection.close()


async def test_tls_with_a_server_that_has_none_is_surely_not_sent() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, opened_client(f"https://127.0.0.1:{port}") as carrier_client:
        with pytest.raises(TemporaryFailure) as caught:
            await carrier_client.ask("POST", "/messages", {})
    assert caught.value.code == "no_connection"


# --------------------------------------------------------------------------- cut off

CUT: dict[str, Play] = {
    "reset before any answer": reset,
    "closed before any answer": raw(b""),
    "cut amid the status line": raw(b"HTTP/1.1 2"),
    "cut amid the headers": raw(OK + b"content-length: 1"),
    "cut amid the body": raw(OK + b'content-length: 20\r\n\r\n{"id":'),
    "cut amid a chunk": raw(OK + b'transfer-encoding: chunked\r\n\r\n9\r\n{"id":'),
    "cut between chunks": raw(OK + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"),
}


@pytest.mark.parametrize("play", CUT.values(), ids=CUT)
async def test_a_connection_that_breaks_after_the_request_leaves_doubt(play: Play) -> None:
    failure = await failure_of(play)
    assert (type(failure), failure.code) == (DoubtfulHandoff, "connection_lost")


async def test_a_question_whose_connection_broke_is_not_asked_twice() -> None:
    async def well_at_first(call: Call) -> None:
        if len(stub.calls) == 1:
            await call.answer(200, b"{}")
        else:
            call.reset()

    async with serving(well_at_first) as stub, opened_client(stub.base_url) as carrier_client:
        await carrier_client.ask("GET", "/")
        with pytest.raises(DoubtfulHandoff):
            await carrier_client.ask("GET", "/")
        assert len(stub.calls) == 2


@pytest.mark.parametrize(
    "play",
    [opted_out, hang_after_headers, slow_headers, slow_header_lines, slow_body, slow_chunks],
)
async def test_no_trickle_of_bytes_outlives_the_total_deadline(play: Play) -> None:
    began = time.monotonic()
    failure = await failure_of(play, DEADLINE)
    took = time.monotonic() - began
    assert (type(failure), failure.code) == (DoubtfulHandoff, "timeout")
    assert DEADLINE <= took < DEADLINE * 4


async def test_the_deadline_counts_from_before_a_connection_is_free() -> None:
    async with serving(opted_out) as stub:
        carrier_client = CarrierClient(stub.base_url, DEADLINE, connections=1)
        began = time.monotonic()
        failures = await asyncio.gather(
            *(carrier_client.ask("POST", "/messages", {}) for _ in range(3)), return_exceptions=True
        )
        assert time.monotonic() - began < DEADLINE * 4
        assert [type(failure) for failure in failures].count(DoubtfulHandoff) == 1
        # Those that never got a connection surely have not left.
        waited = [failure for failure in failures if isinstance(failure, TemporaryFailure)]
        assert [failure.code for failure in waited] == ["no_connection"] * 2
        await carrier_client.close()


# --------------------------------------------------------------------------- too much


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("status", [200, 422])
async def test_an_endless_body_is_left_at_64_kib(status: int, chunked: bool) -> None:
    async def endless(call: Call) -> None:
        length = b"transfer-encoding: chunked" if chunked else b"connection: close"
        await call.write(b"HTTP/1.1 %d -\r\n%b\r\n\r\n" % (status, length))
        while True:
            block = b" " * 0x4000
            await call.write(b"4000\r\n" + block + b"\r\n" if chunked else block)

    began = time.monotonic()
    failure = await failure_of(endless)
    assert time.monotonic() - began < PATIENCE / 2
    assert (type(failure), failure.code) == (DoubtfulHandoff, "answer_too_large")


async def test_an_answer_of_exactly_64_kib_is_read_and_one_byte_more_is_not() -> None:
    whole = json.dumps("a" * (ANSWER_BYTES_MAX - 2)).encode()
    async with (
        serving(answered(200, whole)) as stub,
        opened_client(stub.base_url) as carrier_client,
    ):
        assert await carrier_client.ask("GET", "/") == (200, json.loads(whole))
    failure = await failure_of(answered(200, whole + b" "))
    assert (type(failure), failure.code) == (DoubtfulHandoff, "answer_too_large")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "GZIP", "x-unheard-of"])
async def test_a_packed_answer_is_not_unpacked(encoding: str) -> None:
    bomb = gzip.compress(bytes(40_000_000))
    assert len(bomb) < ANSWER_BYTES_MAX
    tracemalloc.start()
    failure = await failure_of(answered(200, bomb, content_encoding=encoding))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (type(failure), failure.code) == (DoubtfulHandoff, "answer_unreadable")
    assert peak < 4_000_000


async def test_an_answer_before_the_request_was_read_is_an_answer_all_the_same() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        await stop.wait()
        writer.close()

    stop = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, opened_client(f"http://127.0.0.1:{port}") as carrier_client:
        with pytest.raises(PermanentFailure) as caught:
            await carrier_client.ask("POST", "/messages", {"body": "a" * 8_000_000})
        stop.set()
    assert caught.value.code == "http_413"


# --------------------------------------------------------------------------- forms and queries


async def test_a_form_a_query_and_credentials_arrive_as_they_are() -> None:
    async def echo(call: Call) -> None:
        said = [call.head.split(b" ")[1].decode(), call.body.decode()]
        await call.answer(200, json.dumps(said).encode())

    odd = "100% & a+b;c:d?e#f=\u20ac/\U0001f4e6\n"
    written = "100%25+%26+a%2Bb%3Bc%3Ad%3Fe%23f%3D%E2%82%AC%2F%F0%9F%93%A6%0A"
    async with serving(echo) as stub:
        carrier_client = CarrierClient(
            stub.base_url, PATIENCE, 4, headers=basic("us\u00e9r", "p:w")
        )
        _, said = await carrier_client.ask(
            "POST", "/x", form={"t": odd}, query=[("q", odd), ("q", "2")]
        )
        # On the way a query may be written otherwise, but it says the same.
        assert parse_qsl(urlsplit(said[0]).query) == [("q", odd), ("q", "2")]
        assert said[1] == f"t={written}"
        _, said = await carrier_client.ask("POST", "/x", b'{"b": 1}', headers=bearer("token"))
        assert said == ["/x", '{"b": 1}']
        # Half of a surrogate pair is no text in any form; it must not stop the send.
        _, said = await carrier_client.ask("POST", "/x", form={"t": "\ud83d"})
        assert said == ["/x", "t=%3F"]
        await carrier_client.close()
        heads = [call.head.lower() for call in stub.calls]
    assert b"authorization: basic dxpdqxi6cdp3" in heads[0]
    assert b"content-type: application/x-www-form-urlencoded" in heads[0]
    assert b"authorization: bearer token" in heads[1] and b"application/json" in heads[1]


async def test_a_carrier_sorts_its_own_answers() -> None:
    def sort(answer: Answer) -> str:
        if answer.status == 418:
            raise PermanentFailure("teapot")
        return answer.headers["x-says"] + answer.body.decode()

    async def play(call: Call) -> None:
        status = 418 if len(stub.calls) == 2 else 200
        await call.answer(status, b" text", {"x-says": "plain"})

    async with serving(play) as stub:
        carrier_client = CarrierClient(stub.base_url, PATIENCE, 4, sort=sort)
        assert await carrier_client.ask("GET", "/") == (200, "plain text")
        with pytest.raises(PermanentFailure, match="teapot"):
            await carrier_client.ask("GET", "/")
        await carrier_client.close()


# --------------------------------------------------------------------------- well


async def test_a_json_answer_comes_back_with_its_status_over_one_connection() -> None:
    async def echo(call: Call) -> None:
        await call.answer(201, json.dumps({"got": call.body.decode()}).encode())

    async with serving(echo) as stub, opened_client(stub.base_url + "/v2/") as carrier_client:
        for number in range(3):
            status, answer = await carrier_client.ask("POST", "/messages", {"n": number})
            assert (status, answer) == (201, {"got": f'{{"n":{number}}}'})
        assert stub.connections == 1
        heads = [call.head.lower() for call in stub.calls]
        assert all(head.startswith(b"post /v2/messages http/1.1") for head in heads)
        assert all(b"content-type: application/json" in head for head in heads)
        assert all(b"accept-encoding: identity" in head for head in heads)


async def test_cookies_are_not_sent_back() -> None:
    play = answered(200, b"{}", set_cookie="session=1; path=/")
    async with serving(play) as stub:
        async with opened_client(stub.base_url.replace("127.0.0.1", "localhost")) as carrier_client:
            await carrier_client.ask("GET", "/")
            await carrier_client.ask("GET", "/")
        assert len(stub.calls) == 2
        assert not any(b"cookie" in call.head.lower() for call in stub.calls)


async def test_a_caller_that_is_cancelled_leaves_a_frame_that_works() -> None:
    arrived = asyncio.Event()

    async def hang_first(call: Call) -> None:
        arrived.set()
        if b"/silent" in call.head:
            await call.hang()
        await call.answer(200, b"[1]")

    async with serving(hang_first) as stub, opened_client(stub.base_url) as carrier_client:
        asking: asyncio.Task[tuple[int, Any]] = asyncio.create_task(
            carrier_client.ask("GET", "/silent")
        )
        await arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await carrier_client.ask("GET", "/") == (200, [1])
