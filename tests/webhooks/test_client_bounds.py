"""A server that answers slowly, endlessly or never costs so much time and memory, and no more."""

import asyncio
import gzip
import socket
import threading
import time
from typing import Any

import pytest

from tests.webhooks.peers import HOOKS, OK, Names, Play, egress_client, reason_of, serve
from webhooks.client import EgressClient
from webhooks.resolver import SystemResolver
from webhooks.transport import HEAD_BYTES_MAX, Reason


async def reason_from(play: Play | bytes, **options: Any) -> Reason:
    """Why a call to a peer that plays this fails."""
    async with serve(play) as peer, egress_client(**options) as calling:
        return await reason_of(calling, f"http://{HOOKS}:{peer.port}/")


def forever(start: bytes, again: bytes, pause: float = 0.0) -> Play:
    """Say something, then something else until nobody listens."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause)

    return play


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(forever(b"", b"", 0.01), id="nothing at all"),
        pytest.param(forever(b"HTTP/1.1 200 OK\r\nx: ", b"x", 0.01), id="a head drop by drop"),
        pytest.param(forever(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.01), id="a body drop by drop"),
        pytest.param(forever(CHUNKED, b"1\r\nx\r\n", 0.01), id="chunks of one byte"),
        pytest.param(
            forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01), id="interim answers, slowly"
        ),
    ],
)
async def test_a_slow_answer_ends_at_the_deadline(play: Play) -> None:
    began = time.monotonic()
    assert await reason_from(play, timeout_seconds=0.4) is Reason.TIMEOUT
    assert 0.4 <= time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        pytest.param(
            forever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536), Reason.TOO_LARGE, id="a body"
        ),
        pytest.param(
            forever(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n", b"x" * 65_536),
            Reason.TOO_LARGE,
            id="a gigabyte",
        ),
        pytest.param(
            forever(CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n"), Reason.TOO_LARGE, id="chunks"
        ),
        pytest.param(
            forever(CHUNKED, b"1;x=" + b"y" * 1_000 + b"\r\nx\r\n"),
            Reason.TOO_LARGE,
            id="chunk extensions",
        ),
        pytest.param(
            forever(b"HTTP/1.1 200 OK\r\nx: ", b"x" * 65_536), Reason.PROTOCOL, id="a header"
        ),
        pytest.param(
            forever(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 1_000), Reason.PROTOCOL, id="headers"
        ),
        pytest.param(
            forever(CHUNKED + b"0\r\n", b"x: y\r\n" * 1_000), Reason.PROTOCOL, id="trailers"
        ),
        pytest.param(
            forever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000),
            Reason.TOO_LARGE,
            id="interim answers",
        ),
        pytest.param(forever(b"", b"x" * 65_536), Reason.PROTOCOL, id="noise"),
    ],
)
async def test_an_endless_answer_is_cut_off_after_what_the_limit_allows(
    play: Play, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    true_read = asyncio.StreamReader.read

    async def counting_read(reader: asyncio.StreamReader, most: int = -1) -> bytes:
        nonlocal read
        data = await true_read(reader, most)
        read += len(data)
        return data

    monkeypatch.setattr(asyncio.StreamReader, "read", counting_read)
    assert await reason_from(play) is reason
    assert read <= 64 * 1024 * 9 // 8 + 2 * HEAD_BYTES_MAX


@pytest.mark.parametrize("given", [None, 100])
async def test_a_body_of_exactly_the_limit_is_whole_and_one_byte_more_is_refused(
    given: int | None,
) -> None:
    for length in (100, 101):
        play = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * length
        async with serve(play) as peer, egress_client(bytes_max=given or 100) as calling:
            url = f"http://{HOOKS}:{peer.port}/"
            if length == 100:
                assert (await calling.request("GET", url, bytes_max=given)).content == b"x" * 100
            else:
                assert await reason_of(calling, url, bytes_max=given) is Reason.TOO_LARGE


async def test_a_body_past_the_limit_is_refused_while_its_server_keeps_the_connection() -> None:
    play = forever(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101, b"", 0.01)
    assert await reason_from(play, bytes_max=100, timeout_seconds=60.0) is Reason.TOO_LARGE


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
async def test_a_compressed_answer_is_refused_unread(coding: str) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\ncontent-length: {len(bomb)}\r\n\r\n"
    assert await reason_from(head.encode() + bomb) is Reason.ENCODED


@pytest.mark.parametrize(
    "play",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nx\x00y: z\r\n\r\n",
    ],
)
async def test_an_answer_cut_short_or_not_of_http_is_none(play: bytes) -> None:
    assert await reason_from(play) is Reason.PROTOCOL


# Hosts do not wait for each other.


async def test_no_more_calls_than_allowed_are_at_one_host_at_once() -> None:
    pair = asyncio.Barrier(2)
    here = most = 0

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal here, most
        here += 1
        most = max(most, here)
        await pair.wait()
        here -= 1
        writer.write(OK)
        await writer.drain()

    async with serve(play) as peer, egress_client(per_host=2) as calling:
        url = f"http://{HOOKS}:{peer.port}/"
        answers = await asyncio.gather(*(calling.request("GET", url) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert most == 2


async def test_a_host_that_hangs_delays_no_other() -> None:
    names = Names(slow_example=["127.0.0.1"], quick_example=["127.0.0.1"])
    async with (
        serve(forever(b"", b"", 0.01)) as slow,
        serve() as quick,
        egress_client(names, per_host=1, timeout_seconds=30.0) as calling,
    ):
        hanging = [
            asyncio.create_task(calling.request("GET", f"http://slow.example:{slow.port}/"))
            for _ in range(50)
        ]
        for _ in range(5):
            answer = await calling.request("GET", f"http://quick.example:{quick.port}/")
            assert answer.status_code == 200
        for task in hanging:
            task.cancel()
        done = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in done)
    assert slow.hits <= 1


# The resolver of the system.


async def test_a_name_is_asked_for_as_it_stands_without_the_systems_search_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def look_up(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        addresses = ("8.8.8.8", "2606:4700::1111", "8.8.8.8")
        return [(socket.AF_INET, 1, 6, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolver = SystemResolver()
    found = await resolver("a.example.com")
    resolver.close()
    assert [str(address) for address in found] == ["8.8.8.8", "2606:4700::1111"]
    assert asked == ["a.example.com."]


async def test_the_system_knows_localhost() -> None:
    async with serve() as peer:
        calling = EgressClient(allow_private=True)
        answer = await calling.request("GET", f"http://localhost:{peer.port}/")
        await calling.close()
    assert answer.status_code == 200


async def test_a_name_server_that_hangs_takes_no_thread_from_the_rest_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def look_up(*_: object, **__: object) -> list[Any]:
        answered.wait(30)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    calling = EgressClient(timeout_seconds=0.3, floor_seconds=0.0, per_host=100)
    calls = [reason_of(calling, "http://hanging.example.com/") for _ in range(60)]
    waiting = asyncio.gather(*calls)
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5) == "free"
    assert set(await waiting) == {Reason.TIMEOUT}
    answered.set()
    await calling.close()
