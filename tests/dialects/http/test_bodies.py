"""Bodies that nobody vouches for: each is answered 4xx in the dialect's shape, never 5xx."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message

from dialects.http.bodies import ARRIVED, BadBody, parse_json, read_bytes
from tests.serving import Api

BAD: dict[str, bytes] = {
    "nothing": b"",
    "a word": b"hello",
    "half an object": b'{"recipients": [',
    "two objects": b"{}{}",
    "a trailing comma": b'{"a": 1,}',
    "a comment": b'{"a": 1} // one',
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "a number beyond floats": b'{"a": 1e999}',
    "five thousand digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "a member twice": b'{"from": "+18005559876", "from": "72345"}',
    "a member twice, deep": b'{"recipients": [{"to": "a", "to": "b"}]}',
    "a NUL": b'{"a": "x\\u0000y"}',
    "a NUL in a name": b'{"x\\u0000y": 1}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "a surrogate pair reversed": b'{"a": "\\ude00\\ud83d"}',
    "a raw control character": b'{"a": "x\x01y"}',
    "invalid UTF-8": b'{"a": "\xff"}',
    "Latin-1": '{"a": "naïve"}'.encode("latin-1"),
    "UTF-16": '{"a": "b"}'.encode("utf-16"),
    "UTF-32": '{"a": "b"}'.encode("utf-32"),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + b'{"a": "b"}',
    "200,000 brackets": b"[" * 200_000,
    "200,000 brackets, closed": b"[" * 200_000 + b"]" * 200_000,
    "33 levels": b'{"a":' * 33 + b"1" + b"}" * 33,
}
ROUTES = ("/api/v1/messaging/batch", "/v1/campaigns")


@pytest.mark.parametrize("what", BAD)
def test_a_bad_body_is_refused_with_a_reason_that_repeats_nothing(what: str) -> None:
    with pytest.raises(BadBody) as caught:
        parse_json(BAD[what])
    assert caught.value.status == 400
    assert len(caught.value.reason) < 80


def test_a_good_body_is_read_as_it_is() -> None:
    raw = '{"a": "€ 😀 \\ud83d\\ude00 \\n", "b": [1, 2.5, true, null, {"c": {}}]}'
    assert parse_json(raw.encode()) == {
        "a": "€ 😀 😀 \n",
        "b": [1, 2.5, True, None, {"c": {}}],
    }


async def test_a_body_that_does_not_come_is_waited_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dialects.http.bodies.RECEIVE_SECONDS", 0.01)
    never = asyncio.Event()

    async def receive() -> Message:
        await never.wait()
        raise AssertionError("unreachable")

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(BadBody) as caught:
        await read_bytes(request, 10)
    assert caught.value.status == 408


@pytest.mark.parametrize(
    ("headers", "chunks", "status"),
    [
        ([(b"content-length", b"11")], [b""], 413),
        ([(b"content-encoding", b"gzip")], [b"x"], 415),
        ([], [b"x" * 6, b"x" * 5], 413),
        ([], [b"x" * 6, b"x" * 4], None),
    ],
)
async def test_a_body_is_limited_whether_it_has_arrived_or_comes_in_parts(
    headers: list[tuple[bytes, bytes]], chunks: list[bytes], status: int | None
) -> None:
    for arrived in ({}, {ARRIVED: True}):
        left = list(chunks)

        async def receive(left: list[bytes] = left) -> Message:
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        scope = {"type": "http", "method": "POST", "headers": headers, **arrived}
        if status is None:
            assert await read_bytes(Request(scope, receive), 10) == b"".join(chunks)
            continue
        with pytest.raises(BadBody) as caught:
            await read_bytes(Request(scope, receive), 10)
        assert caught.value.status == status


async def test_a_caller_that_is_gone_has_no_body() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnect):
        await read_bytes(Request({"type": "http", "method": "POST", "headers": []}, receive), 10)


def test_a_byte_order_mark_before_a_body_is_skipped() -> None:
    assert parse_json(b"\xef\xbb\xbf" + b'{"a": "\xef\xbb\xbf"}') == {"a": "\ufeff"}


def test_32_levels_are_read() -> None:
    assert parse_json(b"[" * 32 + b"]" * 32)
    assert parse_json(b"[" * 32 + b'"\\u00e9"' + b"]" * 32)


def check(route: str, answer: httpx.Response, status: int) -> None:
    """Hold an answer against the error shape of its dialect."""
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert error["status"] == status
    if route.startswith("/api"):
        assert error["code"] == 33005 and "x-ratelimit-limit" in answer.headers
    else:
        assert error["type"].startswith("urn:godwit:problem:")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.one_store
async def test_every_bad_body_is_answered_400_over_http_and_stores_nothing(
    api: Api, route: str
) -> None:
    headers = {"content-type": "application/json"}
    for what, raw in BAD.items():
        answer = await api.http.post(route, content=raw, headers=headers, auth=api.basic())
        assert answer.status_code == 400, what
        check(route, answer, 400)
    assert api.story.store.campaigns.list() == []


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
@pytest.mark.one_store
async def test_another_media_type_is_415(api: Api, route: str, media_type: str) -> None:
    headers = {"content-type": media_type}
    check(
        route,
        await api.http.post(route, content=b"{}", headers=headers, auth=api.basic()),
        415,
    )


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.one_store
async def test_a_compressed_body_is_415_and_never_unpacked(api: Api, route: str) -> None:
    bomb = gzip.compress(b" " * 100_000_000, 9)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = await api.http.post(route, content=bomb, headers=headers, auth=api.basic())
    check(route, answer, 415)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.one_store
async def test_a_body_over_the_cap_is_413_however_it_comes(api: Api, route: str) -> None:
    api.story.settings.body_bytes_max = 100_000
    headers = {"content-type": "application/json"}

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    for content in (b" " * 100_001, endless()):
        answer = await api.http.post(route, content=content, headers=headers, auth=api.basic())
        check(route, answer, 413)


@pytest.mark.one_store
async def test_unknown_paths_and_methods_answer_in_the_dialect_of_their_prefix(api: Api) -> None:
    missing = await api.http.get("/api/v1/messaging/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, 33005)
    wrong = await api.http.get("/api/v1/messaging/batch")
    assert (wrong.status_code, wrong.json()["status"]) == (405, 405)
    native = await api.http.get("/v1/nothing")
    assert (native.status_code, native.json()["type"]) == (404, "urn:godwit:problem:not_found")
