"""Kept connections: what is used again, what never is, and when the first byte leaves."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop

from campaign.failures import DoubtfulHandoff, TemporaryFailure
from campaign.handoffs import Handoff
from carriers import connections
from carriers.classify import Answer
from carriers.client import CarrierClient
from carriers.connections import Connections
from carriers.requests import Server, request_of
from tests.carriers.servers import Call, Play, free_port, serving
from tests.webhooks.peers import Authority

PATIENCE = 10.0
WELL = b"HTTP/1.1 200 -\r\ncontent-length: 2\r\n\r\n{}"
GET = request_of("GET", "a", "/", {}, b"")


def to(base_url: str, limit: int = 4, seconds: float = PATIENCE) -> Connections:
    server = Server.of(base_url)
    assert server is not None
    return Connections(server, seconds, limit)


def raw(answer: bytes) -> Play:
    async def play(call: Call) -> None:
        await call.write(answer)

    return play


async def answers_to(answer: bytes) -> tuple[Answer, int]:
    """The first of two equal answers, and the number of connections that they took."""
    async with serving(raw(answer)) as stub:
        pool = to(stub.base_url)
        first = await pool.exchange(GET)
        assert await pool.exchange(GET) == first
        await pool.close()
        return first, stub.connections


# --------------------------------------------------------------------------- answers


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_ends_with_its_head(status: int) -> None:
    answer, opened = await answers_to(b"HTTP/1.1 %d -\r\nX-A: 1\r\nx-a: 2\r\n\r\n" % status)
    assert answer == Answer(status, {"x-a": "1"}, b"") and opened == 1


@pytest.mark.parametrize("interim", [b"100 Continue", b"103 Early Hints"])
async def test_an_interim_answer_is_none(interim: bytes) -> None:
    answer, opened = await answers_to(b"HTTP/1.1 " + interim + b"\r\nlink: a\r\n\r\n" + WELL)
    assert answer == Answer(200, {"content-length": "2"}, b"{}") and opened == 1


async def test_a_switch_of_protocols_is_an_answer_and_the_last() -> None:
    answer, opened = await answers_to(
        b"HTTP/1.1 101 -\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n\x00\x01"
    )
    assert answer.status == 101 and opened == 2


async def test_trailers_are_no_headers() -> None:
    chunked = b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n"
    answer, opened = await answers_to(
        chunked + b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nretry-after: 9\r\n\r\n"
    )
    assert answer == Answer(200, {"transfer-encoding": "chunked"}, b"{}") and opened == 1


async def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    async def play(call: Call) -> None:
        await call.last(b"HTTP/1.0 200 -\r\n\r\n{}")

    async with serving(play) as stub:
        pool = to(stub.base_url)
        for opened in (1, 2):
            assert await pool.exchange(GET) == Answer(200, {}, b"{}")
            assert stub.connections == opened
        await pool.close()


@pytest.mark.parametrize("more", [b"H", b"\x00", b"{}", WELL, b"HTTP/1.1 100 -\r\n\r\n"])
async def test_a_connection_that_says_more_than_its_answer_is_thrown_away(more: bytes) -> None:
    answer, opened = await answers_to(WELL + more)
    assert answer.status == 200 and opened == 2


@pytest.mark.parametrize("header", [b"connection: close", b"x: y\r\nconnection: Close"])
async def test_a_connection_that_is_to_be_closed_is_not_kept(header: bytes) -> None:
    assert (await answers_to(WELL.replace(b"\r\n", b"\r\n" + header + b"\r\n", 1)))[1] == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 -\r\nx: " + b"a" * 70_000,
        b"HTTP/1.1 200 -\r\n" + b"a: b\r\n" * 20_000,
        b"HTTP/1.1 200 -\r\ncontent-length: 0\r\n" + b"a: b\r\n" * 12_000 + b"\r\n",
        b"HTTP/1.1 103 -\r\n\r\n" * 10_000,
        b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n"
        + (b"1;" + b"a" * 1_000 + b"\r\n \r\n") * 1_200,
        b"HTTP/1.1 200 -\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 200_000,
    ],
    ids=[
        "a long header",
        "many headers",
        "many whole headers",
        "many interim answers",
        "chunks",
        "trailers",
    ],
)
async def test_what_surrounds_a_body_is_bounded_too(answer: bytes) -> None:
    async def play(call: Call) -> None:
        await call.write(answer)
        await call.hang()

    async with serving(play) as stub:
        pool = to(stub.base_url)
        with pytest.raises(DoubtfulHandoff, match="answer_too_large"):
            await pool.exchange(GET)
        await pool.close()


async def test_a_connection_whose_request_was_not_read_whole_is_not_kept() -> None:
    connected = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        writer.write(WELL)
        await stop.wait()
        writer.close()

    stop = asyncio.Event()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        pool = to(f"http://127.0.0.1:{port}")
        for opened in (1, 2):
            request = request_of("POST", "a", "/", {}, bytes(20_000_000))
            assert (await pool.exchange(request)).status == 200
            assert connected == opened
        stop.set()
        await pool.close()


# --------------------------------------------------------------------------- kept connections


async def kept_by(listener: socket.socket, pool: Connections) -> socket.socket:
    """The server's end of a connection that has carried one exchange."""
    asking = asyncio.create_task(pool.exchange(GET))
    end, _ = await asyncio.get_running_loop().sock_accept(listener)
    await asyncio.get_running_loop().sock_recv(end, 1024)
    end.sendall(WELL)
    await asking
    return end


@pytest.mark.parametrize("said", [b"", WELL, b"\x00"], ids=["the end", "an answer", "garbage"])
async def test_what_came_over_a_kept_connection_is_seen_before_the_loop_reads_it(
    said: bytes,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        pool = to(f"http://127.0.0.1:{listener.getsockname()[1]}")
        kept = await kept_by(listener, pool)
        if said:
            kept.sendall(said)
        else:
            kept.shutdown(socket.SHUT_WR)
        other = await kept_by(listener, pool)
        with kept, other:
            # What the client has not read makes its end a reset.
            with suppress(ConnectionResetError):
                assert kept.recv(1024) == b""
            await pool.close()


async def test_a_connection_that_nobody_uses_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEEP_ALIVE_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        pool = to(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with await kept_by(listener, pool) as kept:
            async with asyncio.timeout(PATIENCE):
                assert await asyncio.get_running_loop().sock_recv(kept, 1024) == b""
        await pool.close()


async def test_failures_and_cancellations_give_their_places_back() -> None:
    async def play(call: Call) -> None:
        if len(stub.calls) in (1, 2):
            asking[-1].cancel()
            await call.hang()
        if len(stub.calls) == 3:
            call.reset()
        await call.write(WELL)

    asking: list[asyncio.Task[Answer]] = []
    async with serving(play) as stub:
        pool = to(stub.base_url, limit=1)
        for failure in (asyncio.CancelledError, asyncio.CancelledError, DoubtfulHandoff):
            asking.append(asyncio.create_task(pool.exchange(GET)))
            with pytest.raises(failure):
                await asking[-1]
        answers = await asyncio.gather(*(pool.exchange(GET) for _ in range(5)))
        assert [answer.status for answer in answers] == [200] * 5
        assert stub.connections == 4
        await pool.close()


async def test_a_closed_pool_ends_what_is_under_way_and_opens_nothing() -> None:
    arrived = asyncio.Event()

    async def play(call: Call) -> None:
        arrived.set()
        await call.hang()

    async with serving(play) as stub:
        pool = to(stub.base_url, limit=1)
        asking = [asyncio.create_task(pool.exchange(GET)) for _ in range(3)]
        await arrived.wait()
        await pool.close()
        failures = await asyncio.gather(*asking, pool.exchange(GET), return_exceptions=True)
        assert [str(failure) for failure in failures] == ["connection_lost"] + ["no_connection"] * 3
        assert isinstance(failures[0], DoubtfulHandoff) and stub.connections == 1


# --------------------------------------------------------------------------- the first byte


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_the_first_byte_leaves_before_the_loop_turns(run: Callable[..., Any]) -> None:
    async def look() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = CarrierClient(f"http://127.0.0.1:{listener.getsockname()[1]}", PATIENCE, 1)
            seen: list[bytes] = []

            def may_start() -> bool:
                asyncio.get_running_loop().call_soon(first)
                return True

            def first() -> None:
                end, _ = listener.accept()
                end.setblocking(False)
                seen.append(end.recv(1024))
                end.close()

            handoff = Handoff(0, 1, "m-1", "a", "b", "c", None, 1, may_start=may_start)
            with pytest.raises(DoubtfulHandoff):
                await client.ask("POST", "/first", {}, handoff=handoff)
            await client.close()
            assert seen[0].startswith(b"POST /first HTTP/1.1\r\n") and seen[0].endswith(b"{}")

    run(look())


# --------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://a", (False, "a", 80, "a", "")),
        ("https://A.example:8443/v1/", (True, "a.example", 8443, "a.example:8443", "/v1")),
        ("https://[::1]:443/x", (True, "::1", 443, "[::1]", "/x")),
        (
            "http://h\u00e9.example/a b",
            (False, "xn--h-bga.example", 80, "xn--h-bga.example", "/a%20b"),
        ),
    ],
)
def test_a_base_url_is_read(base_url: str, expected: tuple[object, ...]) -> None:
    server = Server.of(base_url)
    assert server is not None
    assert (server.tls, server.host, server.port, server.name, server.path) == expected


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.1",
        "http://2130706433",
        "http://127.0.0.01",
        "http://a:0",
        "http://a:70000",
        "//a",
    ],
)
def test_an_address_of_more_than_one_meaning_is_none(base_url: str) -> None:
    assert Server.of(base_url) is None


async def test_credentials_in_the_base_url_are_sent_as_basic_authentication() -> None:
    async with serving(raw(WELL)) as stub:
        client = CarrierClient(stub.base_url.replace("//", "//user:p%40ss@"), PATIENCE, 1)
        await client.ask("GET", "/")
        await client.close()
    assert b"authorization: Basic dXNlcjpwQHNz\r\n" in stub.calls[0].head
    assert b"p%40ss" not in stub.calls[0].head


@pytest.mark.parametrize("odd", ["a\r\nb: c", "a\nb", "a\x00", "a\r", "\ud83d"])
async def test_a_header_that_would_be_two_is_not_sent(odd: str) -> None:
    async with serving(raw(WELL)) as stub:
        client = CarrierClient(stub.base_url, PATIENCE, 1, headers={"x": odd})
        with pytest.raises(TemporaryFailure, match="carrier_configuration"):
            await client.ask("GET", "/")
        await client.close()
    assert stub.connections == 0


def resolving(monkeypatch: pytest.MonkeyPatch, *ports: int) -> list[str]:
    """Let every name be these ports of this machine; the names that are looked up."""
    names = []

    async def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        names.append(host)
        await asyncio.sleep(0)
        if not ports:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return names


async def test_a_name_is_looked_up_once_for_many_and_every_address_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(raw(WELL)) as stub:
        names = resolving(monkeypatch, free_port(), int(stub.base_url.rpartition(":")[2]))
        pool = to("http://carrier.example")
        answers = await asyncio.gather(*(pool.exchange(GET) for _ in range(4)))
        assert [answer.status for answer in answers] == [200] * 4
        assert names == ["carrier.example"]
        await pool.close()


async def test_a_name_without_an_address_is_surely_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch)
    with pytest.raises(TemporaryFailure, match="no_connection"):
        await to("http://carrier.example").exchange(GET)


async def with_tls(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, served: ssl.SSLContext, name: str
) -> list[bytes]:
    """What a TLS server read of two exchanges with it under that name."""
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(WELL)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served)
    resolving(monkeypatch, server.sockets[0].getsockname()[1])
    monkeypatch.setattr(connections, "system_tls", authority.trusting)
    pool = to(f"https://{name}")
    try:
        async with server:
            for _ in range(2):
                assert (await pool.exchange(GET)).body == b"{}"
    finally:
        await pool.close()
    return heads


async def test_a_certificate_must_be_of_the_name_and_of_a_trusted_authority(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    served = authority.serving("carrier.example")
    assert len(await with_tls(monkeypatch, authority, served, "carrier.example.")) == 2
    refused: list[Awaitable[object]] = [
        with_tls(monkeypatch, authority, served, "other.example"),
        with_tls(monkeypatch, Authority(tmp_path), served, "carrier.example"),
        with_tls(
            monkeypatch, authority, authority.serving("carrier.example", days=-1), "carrier.example"
        ),
    ]
    for each in refused:
        with pytest.raises(TemporaryFailure, match="no_connection"):
            await each
