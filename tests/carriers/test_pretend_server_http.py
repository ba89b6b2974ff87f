"""The pretend carrier's HTTP: malformed and pipelined requests over raw sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from carriers import pretend_server
from tests.conftest import Served, serve_carrier

PATIENCE = 10.0
Answer = tuple[int, Any]


class RequestModel:
    """A raw connection to the carrier."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, raw: bytes) -> None:
        """Put bytes on the peer."""
        self.writer.write(raw)

    async def answer(self) -> Answer:
        """Read one answer: its status and JSON."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            body = await self.reader.readexactly(length)
        return int(head.split()[1]), json.loads(body)

    async def ends(self) -> bool:
        """Tell whether the server hung up, and wait for it."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read(1) == b""


@asynccontextmanager
async def wired(served: Served) -> AsyncIterator[RequestModel]:
    host, _, port = served.base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield RequestModel(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve_carrier() as carrier:
        yield carrier


def post(body: bytes, *headers: bytes, path: bytes = b"/messages") -> bytes:
    lines = [b"POST %b HTTP/1.1" % path, b"host: carrier", b"content-length: %d" % len(body)]
    return b"\r\n".join([*lines, *headers, b"", b""]) + body


def message(reference: str, to: str = "+14155551234") -> bytes:
    return json.dumps({"reference": reference, "from": "72345", "to": to, "body": "Hi"}).encode()


def get(target: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"GET %b HTTP/1.1" % target, b"host: carrier", *headers, b"", b""])


# --------------------------------------------------------------------------- malformed bodies

BODIES = {
    "nothing": b"",
    "no JSON": b"reference=m-1&to=%2B14155551234",
    "half of JSON": b'{"reference":"m-1"',
    "bytes that are no text": b"\xff\xfe\xfd\xfc",
    "null": b"null",
    "a list": b"[" + message("m-1") + b"]",
    "an empty object": b"{}",
    "no reference": b'{"from":"72345","to":"+14155551234"}',
    "no sender": b'{"reference":"m-1","to":"+14155551234"}',
    "no recipient": b'{"reference":"m-1","from":"72345"}',
    "a number as recipient": b'{"reference":"m-1","from":"72345","to":14155551234}',
    "null as reference": b'{"reference":null,"from":"72345","to":"+14155551234"}',
    "a number of 5,000 digits": b"9" * 5_000,
    "lists in lists": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_malformed_message_is_refused_and_the_connection_kept(
    served: Served, body: bytes
) -> None:
    async with wired(served) as peer:
        peer.write(post(body))
        assert await peer.answer() == (400, {"error": "malformed"})
        peer.write(post(message("m-2")))
        assert (await peer.answer())[0] == 201
    assert [row["reference"] for row in served.log] == ["m-2"]


async def test_a_body_in_chunks_is_read_like_any_other(served: Served) -> None:
    body = message("m-1")
    async with wired(served) as peer:
        peer.write(b"POST /messages HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n")
        for byte in body:
            peer.write(b"1\r\n%c\r\n" % byte)
        peer.write(b"0\r\n\r\n")
        assert (await peer.answer())[0] == 201
    assert len(served.log) == 1


async def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = message("m-1")
    monkeypatch.setattr(pretend_server, "BODY_BYTES_MAX", len(body))
    async with wired(served) as peer:
        peer.write(post(body))
        assert (await peer.answer())[0] == 201
        peer.write(post(body + b" "))
        assert (await peer.answer())[0] == 413
        assert await peer.ends()
    assert len(served.log) == 1


# --------------------------------------------------------------------------- malformed HTTP

NO_HTTP = {
    "malformed": b"hello carrier\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
    "another version": b"GET /log HTTP/9.9\r\n\r\n",
    "a length that is none": b"POST /messages HTTP/1.1\r\ncontent-length: many\r\n\r\n",
    "two lengths": b"POST /messages HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
    "a chunk of no size": (
        b"POST /messages HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}"
    ),
    "a header without a name": b"GET /log HTTP/1.1\r\n: x\r\n\r\n",
}


@pytest.mark.parametrize("raw", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_refused_and_hung_up_on(served: Served, raw: bytes) -> None:
    async with wired(served) as peer:
        peer.write(get(b"/healthz") + raw)
        assert await peer.answer() == (200, {"status": "ok"})
        assert (await peer.answer())[0] == 400
        assert await peer.ends()
    async with wired(served) as peer:
        peer.write(get(b"/healthz"))
        assert (await peer.answer())[0] == 200
    assert served.log == []


@pytest.mark.parametrize(
    "request_line",
    [b"GET /", b"GET /log/1", b"DELETE /messages", b"PUT /log", b"POST /healthz", b"OPTIONS *"],
)
async def test_what_the_protocol_has_not_is_not_found(served: Served, request_line: bytes) -> None:
    async with wired(served) as peer:
        peer.write(request_line + b" HTTP/1.1\r\nhost: carrier\r\n\r\n")
        assert await peer.answer() == (404, {"error": "not_found"})
        peer.write(get(b"/healthz"))
        assert (await peer.answer())[0] == 200


@pytest.mark.parametrize("target", [b"http://[/log", b"//[::1/messages", b"http://[x]/log"])
async def test_an_address_that_cannot_be_taken_apart_is_refused(
    served: Served, target: bytes
) -> None:
    async with wired(served) as peer:
        peer.write(get(target))
        assert (await peer.answer())[0] in (400, 404)


# --------------------------------------------------------------------------- pipelined


async def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    references = [f"m-{number}" for number in range(50)]
    async with wired(served) as peer:
        peer.write(b"".join(post(message(reference)) for reference in references))
        peer.write(get(b"/log?after=48") + get(b"/messages?reference=m-7"))
        answers = [await peer.answer() for _ in references]
        assert answers == [
            (201, {"id": f"pretend-{number + 1}", "status": "accepted"}) for number in range(50)
        ]
        assert [row["n"] for row in (await peer.answer())[1]] == [49, 50]
        assert await peer.answer() == (200, [{"id": "pretend-8", "status": "accepted"}])
    assert [row["reference"] for row in served.log] == references


async def test_a_slow_request_holds_back_the_answers_behind_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretend_server, "SLOW_SECONDS", 0.2)
    async with wired(served) as peer:
        peer.write(post(message("slow", "+14155550006")) + post(message("quick")))
        assert [await peer.answer() for _ in range(2)] == [
            (201, {"id": "pretend-1", "status": "accepted"}),
            (201, {"id": "pretend-2", "status": "accepted"}),
        ]
    assert [row["reference"] for row in served.log] == ["slow", "quick"]


async def test_a_close_asked_for_at_the_end_of_a_pipeline_comes_after_all_answers(
    served: Served,
) -> None:
    async with wired(served) as peer:
        peer.write(post(message("m-1")) + post(message("m-2")))
        peer.write(post(message("m-3"), b"connection: close"))
        assert [(await peer.answer())[0] for _ in range(3)] == [201, 201, 201]
        assert await peer.ends()


async def test_an_old_client_is_answered_and_hung_up_on(served: Served) -> None:
    async with wired(served) as peer:
        peer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert await peer.answer() == (200, {"status": "ok"})
        assert await peer.ends()


async def test_an_upgrade_is_not_taken_but_the_request_is_answered(served: Served) -> None:
    async with wired(served) as peer:
        peer.write(get(b"/healthz", b"connection: upgrade", b"upgrade: websocket"))
        assert await peer.answer() == (200, {"status": "ok"})
        assert await peer.ends()


async def test_a_request_that_comes_byte_by_byte_is_answered(served: Served) -> None:
    async with wired(served) as peer:
        for byte in post(message("m-1")):
            peer.write(bytes([byte]))
            await peer.writer.drain()
            await asyncio.sleep(0)
        assert (await peer.answer())[0] == 201
