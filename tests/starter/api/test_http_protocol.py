"""The limits of the HTTP listener: heads, half-open connections, and how many there are."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from dialects.http.bodies import ARRIVED
from starter.api import http_protocol as limits
from starter.api.http_protocol import http_protocol

pytestmark = pytest.mark.one_store

Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
GET = b"GET / HTTP/1.1\r\nhost: godwit\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body and answer its length; ``/slow`` takes a second, ``/large`` is large.

    The status is 201 if the body was there at the start.
    """
    if scope["type"] != "http":
        return
    status = 201 if ARRIVED in scope and scope["path"] == "/body" else 200
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    body = b"x" * 50_000_000 if scope["path"] == "/large" else str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(connections_max: int = 50) -> AsyncIterator[Open]:
    config = uvicorn.Config(
        app, port=0, http=http_protocol(connections_max), lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    writers = []

    async def open_one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    try:
        yield open_one
    finally:
        for writer in writers:
            writer.close()
        server.should_exit = True
        await running


async def answer(open_one: Open, request: bytes) -> bytes:
    """The first line of the answer to what is sent; empty if the connection is only closed."""
    reader, writer = await open_one()
    return await asked(reader, writer, request)


async def asked(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> bytes:
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(20):
            return (await reader.readline()).strip()
    except ConnectionError:
        return b""


OK = b"HTTP/1.1 200 OK"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large"


async def test_a_head_of_60_kib_is_read_and_one_of_70_is_refused() -> None:
    async with serving() as open_one:
        for size, line in ((60, OK), (70, TOO_LARGE)):
            head = GET + b"x-long: " + b"v" * 1024 * size + b"\r\n\r\n"
            assert await answer(open_one, head) == line


async def test_200_headers_are_read_and_201_are_refused() -> None:
    async with serving() as open_one:
        for count, line in ((200, OK), (201, TOO_LARGE)):
            head = GET + b"x-a: b\r\n" * (count - 1) + b"\r\n"
            assert await answer(open_one, head) == line


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        (GET, b"x-a: " + b"v" * 80 + b"\r\n"),
        (GET + b"x-a: ", b"v" * 1_000),
        (b"GET /", b"v" * 1_000),
        (b"POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n1;a=", b"v" * 1_000),
        (
            b"POST / HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
            b"x-a: " + b"v" * 80 + b"\r\n",
        ),
    ],
    ids=["headers", "one header", "a path", "a chunk's extension", "trailers"],
)
async def test_a_head_without_end_is_left_after_some_hundred_kilobytes(
    before: bytes, piece: bytes
) -> None:
    async with serving() as open_one:
        reader, writer = await open_one()
        sent = 0
        with pytest.raises(ConnectionError):
            writer.write(before)
            while sent < 50_000_000:
                writer.write(piece * 100)
                sent += len(piece) * 100
                await writer.drain()
        # The buffers of both sockets take some megabytes by themselves.
        assert sent < 20_000_000


@pytest.mark.parametrize("half", [b"", b"GET /", GET, b"\r\n"])
async def test_a_head_that_is_not_complete_in_time_closes_its_connection(
    monkeypatch: pytest.MonkeyPatch, half: bytes
) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS_MAX", 0.3)
    async with serving() as open_one:
        assert await answer(open_one, half) == b"HTTP/1.1 408 Request Timeout"


async def test_a_head_that_comes_byte_by_byte_has_the_same_time_also_after_a_first_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS_MAX", 0.5)
    async with serving() as open_one:
        reader, writer = await open_one()
        assert await asked(reader, writer, GET + b"\r\n") == OK
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1)
        writer.write(GET + b"x-slow: ")
        answering = asyncio.create_task(reader.readline())
        async with asyncio.timeout(10):
            while not answering.done():
                writer.write(b"v")
                await asyncio.sleep(0.05)
        assert await answering == b"HTTP/1.1 408 Request Timeout\r\n"


async def test_a_request_that_is_being_answered_is_not_cut_off_by_the_time_for_heads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "HEAD_SECONDS_MAX", 0.2)
    async with serving() as open_one:
        slow = b"GET /slow HTTP/1.1\r\nhost: g\r\n\r\n"
        assert await answer(open_one, slow) == OK
        assert await answer(open_one, slow + b"GET /half") == OK


async def test_a_new_connection_takes_the_place_of_the_one_that_waits_longest() -> None:
    async with serving(connections_max=5) as open_one:
        waiting = [await open_one() for _ in range(5)]
        for _ in range(20):
            assert await answer(open_one, GET + b"\r\n") == OK
        assert await waiting[0][0].read() == b""


async def test_where_every_connection_is_busy_a_new_one_gets_503() -> None:
    async with serving(connections_max=3) as open_one:
        slow = b"GET /slow HTTP/1.1\r\nhost: g\r\n\r\n"
        busy = [asyncio.create_task(answer(open_one, slow)) for _ in range(3)]
        await asyncio.sleep(0.3)
        refused = await answer(open_one, b"")
        assert refused == b"HTTP/1.1 503 Service Unavailable"
        assert await asyncio.gather(*busy) == [OK] * 3
        assert await answer(open_one, GET + b"\r\n") == OK


async def test_a_client_that_reads_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WRITE_SECONDS_MAX", 0.3)
    async with serving(connections_max=1) as open_one:
        reader, writer = await open_one()
        writer.write(b"GET /large HTTP/1.1\r\nhost: g\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(1)
        assert await answer(open_one, GET + b"\r\n") == OK


async def test_more_pipelined_requests_than_a_few_are_left() -> None:
    async with serving() as open_one:
        slow = b"GET /slow HTTP/1.1\r\nhost: g\r\n\r\n"
        reader, writer = await open_one()
        few = (GET + b"\r\n") * limits.PIPELINED_MAX
        assert await asked(reader, writer, few) == OK
        reader, writer = await open_one()
        assert await asked(reader, writer, slow + (GET + b"\r\n") * 100) == b""


async def test_a_request_says_whether_its_body_came_with_its_head() -> None:
    head = b"POST /body HTTP/1.1\r\nhost: g\r\ncontent-length: 1\r\n"
    async with serving() as open_one:
        assert await answer(open_one, head + b"\r\nx") == b"HTTP/1.1 201 Created"
        reader, writer = await open_one()
        expecting = await asked(reader, writer, head + b"expect: 100-continue\r\n\r\n")
        assert expecting == b"HTTP/1.1 100 Continue"
        await reader.readline()
        assert await asked(reader, writer, b"x") == OK
