"""Calls to URLs that customers gave us: what goes out, what comes back, what a failure tells."""

import asyncio
import pickle
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.webhooks.peers import (
    HOOKS,
    OK,
    TEXT,
    Authority,
    Names,
    egress_client,
    line,
    reason_of,
    serve,
)
from webhooks.client import EgressClient, Unreachable
from webhooks.transport import Reason

# What goes out and what comes back.


async def test_a_call_carries_the_method_the_headers_and_the_content() -> None:
    async with serve() as peer, egress_client() as calling:
        answer = await calling.request(
            "POST",
            f"http://{HOOKS}:{peer.port}/news?id=1",
            headers={"Content-Type": "application/json", "webhook-id": "msg_1"},
            content=b'{"a": 1}',
        )
    assert (answer.status_code, answer.content) == (200, b"ok")
    assert answer.headers == {"content-length": "2"}
    (head,) = peer.heads
    assert head.startswith(b"POST /news?id=1 HTTP/1.1\r\n")
    assert line(head, "host") == f"{HOOKS}:{peer.port}"
    assert line(head, "content-type") == "application/json"
    assert line(head, "webhook-id") == "msg_1"
    assert line(head, "accept-encoding") == "identity"
    assert line(head, "user-agent") == "Godwit"
    assert peer.bodies == [b'{"a": 1}']


async def test_path_and_query_go_out_as_they_were_given() -> None:
    target = "/a/./b/../c//%2e%2E/%7e?q=%20+'[x]&r=/../?"
    async with serve() as peer, egress_client() as calling:
        await calling.request("GET", f"http://{HOOKS}:{peer.port}{target}#top")
    assert peer.heads[0].startswith(f"GET {target} HTTP/1.1\r\n".encode())


async def test_a_call_carries_no_cookie_and_nothing_else_that_nobody_asked_for() -> None:
    play = b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
    async with serve(play) as peer, egress_client() as calling:
        for _ in range(2):
            await calling.request("GET", f"http://{HOOKS}:{peer.port}/")
    first, second = peer.heads
    names = [text.partition(b":")[0] for text in first.splitlines()[1:-1]]
    assert names == [b"host", b"accept-encoding", b"connection", b"user-agent"]
    assert first == second


async def test_a_head_request_is_answered_without_the_body_it_announces() -> None:
    play = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 5000000\r\n\r\n"
    async with serve(play) as peer, egress_client() as calling:
        answer = await calling.request("HEAD", f"http://127.0.0.1:{peer.port}/a.png")
    assert answer.headers["content-length"] == "5000000" and answer.content == b""


async def test_a_body_may_come_in_chunks_or_end_with_the_connection() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
    )
    closed = b"HTTP/1.1 410 Gone\r\nx-a: 1\r\nx-a: 2\r\n\r\nabcd"
    async with serve(chunked) as peer, egress_client() as calling:
        answer = await calling.request("GET", f"http://{HOOKS}:{peer.port}/")
    assert (answer.status_code, answer.content) == (200, b"abcd")
    async with serve(closed) as peer, egress_client() as calling:
        answer = await calling.request("GET", f"http://{HOOKS}:{peer.port}/")
    assert (answer.status_code, answer.content, answer.headers["x-a"]) == (410, b"abcd", "1, 2")


async def test_an_answer_that_comes_before_the_content_was_read_counts() -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        # Holds the connection without reading on: more than the sockets' buffers is on its way.
        await asyncio.Event().wait()

    async with serve(play, reads_content=False) as peer, egress_client() as calling:
        url = f"http://{HOOKS}:{peer.port}/"
        answer = await calling.request("POST", url, content=bytes(20_000_000))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "1\r\nx-b: 2"),
        ("x-a", "1\nx-b: 2"),
        ("x-a", "1\r"),
        ("x-a", "1\n"),
        ("x-a", "1\x00"),
        ("x-a", "ü"),
        ("x-a", "\u2028"),
        ("x-a", " padded"),
        ("x-a\r\nx-b", "1"),
        ("x a", "1"),
        ("x-a:", "1"),
        ("", "1"),
        ("Host", "inside.example"),
        ("HOST", "inside.example"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("Accept-Encoding", "gzip"),
        ("Expect", "100-continue"),
    ],
)
async def test_a_header_that_could_mean_something_else_is_refused(name: str, value: str) -> None:
    async with serve() as peer, egress_client() as calling:
        url = f"http://{HOOKS}:{peer.port}/"
        assert await reason_of(calling, url, headers={name: value}) is Reason.REQUEST
    assert peer.hits == 0


async def test_a_header_given_in_two_spellings_and_a_strange_method_are_refused() -> None:
    async with serve() as peer, egress_client() as calling:
        url = f"http://{HOOKS}:{peer.port}/"
        twice: Mapping[str, str] = {"X-A": "1", "x-a": "2"}
        assert await reason_of(calling, url, headers=twice) is Reason.REQUEST
        for method in ("CONNECT", "TRACE", "get", "GET /x HTTP/1.1\r\nx: ", ""):
            assert await reason_of(calling, url, method) is Reason.REQUEST
    assert peer.hits == 0


# The address that was judged, and the name that was given.


async def test_tls_goes_to_the_pinned_address_under_the_original_name(tmp_path: Path) -> None:
    authority, names = Authority(tmp_path), Names(hooks_customer_example=["127.0.0.1"])
    async with (
        serve(tls=authority.serving(HOOKS)) as peer,
        egress_client(names, tls=authority.trusting()) as calling,
    ):
        answer = await calling.request("GET", f"https://{HOOKS}:{peer.port}/")
    assert answer.content == b"ok"
    assert peer.server_names == [HOOKS]
    assert line(peer.heads[0], "host") == f"{HOOKS}:{peer.port}"
    assert names.asked == [HOOKS]


@pytest.mark.parametrize("host", [HOOKS, "127.0.0.1", "localhost"])
async def test_a_certificate_for_another_name_is_refused(tmp_path: Path, host: str) -> None:
    authority = Authority(tmp_path)
    names = Names(hooks_customer_example=["127.0.0.1"], localhost=["127.0.0.1"])
    async with (
        serve(tls=authority.serving("another.example", "*.example")) as peer,
        egress_client(names, tls=authority.trusting()) as calling,
    ):
        assert await reason_of(calling, f"https://{host}:{peer.port}/") is Reason.TLS
    assert peer.heads == []


async def test_a_certificate_that_expired_or_that_nobody_vouches_for_is_refused(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    async with serve(tls=authority.serving(HOOKS, days=-1)) as peer:
        async with egress_client(tls=authority.trusting()) as calling:
            assert await reason_of(calling, f"https://{HOOKS}:{peer.port}/") is Reason.TLS
    async with serve(tls=authority.serving(HOOKS)) as peer, egress_client() as calling:
        assert await reason_of(calling, f"https://{HOOKS}:{peer.port}/") is Reason.TLS
    assert peer.heads == []


async def test_https_to_a_server_without_tls_fails() -> None:
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)

    async with serve(play) as peer, egress_client(timeout_seconds=0.5) as calling:
        # The peer waits for a head that a TLS hello never ends.
        assert await reason_of(calling, f"https://{HOOKS}:{peer.port}/") is Reason.TIMEOUT


async def test_no_other_address_is_tried_after_a_certificate_was_refused(tmp_path: Path) -> None:
    authority, names = Authority(tmp_path), Names(hooks_customer_example=["127.0.0.2 127.0.0.3"])
    wrong, right = authority.serving("another.example"), authority.serving(HOOKS)
    async with (
        serve(host="127.0.0.2", tls=wrong) as first,
        serve(host="127.0.0.3", port=first.port, tls=right) as second,
        egress_client(names, tls=authority.trusting()) as calling,
    ):
        assert await reason_of(calling, f"https://{HOOKS}:{first.port}/") is Reason.TLS
    assert (first.server_names, second.server_names) == ([HOOKS], [])


def test_a_context_that_does_not_verify_is_no_context_for_outward_calls() -> None:
    for spoil in ("check_hostname", "verify_mode"):
        context = ssl.create_default_context()
        context.check_hostname = False
        if spoil == "verify_mode":
            context.verify_mode = ssl.CERT_NONE
        with pytest.raises(ValueError, match="must verify"):
            EgressClient(tls=context)


async def test_the_next_address_is_tried_when_one_does_not_let_us_in() -> None:
    names = Names(hooks_customer_example=["127.0.0.3 127.0.0.2"])
    async with serve(host="127.0.0.2") as peer, egress_client(names) as calling:
        assert (await calling.request("GET", f"http://{HOOKS}:{peer.port}/")).status_code == 200
    assert peer.hits == 1 and names.asked == [HOOKS]


# What a failure tells.


def failures(port: int) -> dict[Reason, str]:
    """A URL for each kind of failure that its owner could want to tell apart."""
    return {
        Reason.URL: f"http://user@127.0.0.1:{port}/",
        Reason.ADDRESS: "http://169.254.169.254/latest/meta-data/",
        Reason.RESOLUTION: "http://nowhere.example/",
        Reason.CONNECTION: "http://127.0.0.9:1/",
        Reason.PROTOCOL: f"http://{HOOKS}:{port}/",
        Reason.UNEXPECTED: "http://broken.example/",
    }


async def test_every_failure_has_the_same_text_and_takes_the_same_time() -> None:
    names = Names(hooks_customer_example=["127.0.0.1"], broken_example=KeyError("a secret"))
    floor = 0.3
    best: dict[Reason, float] = {}
    texts: set[tuple[str, str]] = set()

    async def fail(calling: EgressClient, reason: Reason, url: str) -> None:
        began = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            await calling.request("GET", url)
        took = time.monotonic() - began
        assert caught.value.reason is reason and took >= floor
        assert caught.value.__cause__ is None and caught.value.__context__ is None
        texts.add((str(caught.value), repr(caught.value)))
        best[reason] = min(took, best.get(reason, took))

    async with serve(b"") as peer, egress_client(names, floor_seconds=floor) as calling:
        urls = failures(peer.port)
        # The best of several: on a busy machine any one may wake late.
        for _ in range(4):
            await asyncio.gather(*(fail(calling, *each) for each in urls.items()))
    assert texts == {(TEXT, f"Unreachable('{TEXT}')")}
    assert max(best.values()) - min(best.values()) < 0.05, best
    assert max(best.values()) < floor + 0.05, best


async def test_an_answer_does_not_wait_for_the_floor() -> None:
    async with serve() as peer, egress_client(floor_seconds=60.0) as calling:
        assert (await calling.request("GET", f"http://{HOOKS}:{peer.port}/")).status_code == 200


def test_the_error_survives_a_pickle_and_still_says_the_same() -> None:
    for reason in Reason:
        copy = pickle.loads(pickle.dumps(Unreachable(reason)))
        assert (str(copy), copy.reason) == (TEXT, reason)
