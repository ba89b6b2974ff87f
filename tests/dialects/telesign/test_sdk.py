"""The vendor's own Python client against a real server, signing and with Basic credentials.

The client has no method for bulk requests; its general one sends them.
"""

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from telesign.rest import RestClient

from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from store.accounts.api_keys import KeyPair
from tests.dialects.telesign.client import PATH, Bulk, bulk, form, signed
from tests.serving import Api

__all__ = ["bulk"]

MODES = {"signed": None, "Basic": "Basic"}


@dataclass
class Served:
    """The API on a port of its own."""

    host: str
    port: int

    async def call(self, pair: KeyPair, mode: str | None, **fields: str) -> RestClient.Response:
        """Send a bulk request with the vendor's client."""

        def post() -> RestClient.Response:
            url = f"http://{self.host}:{self.port}"
            client = RestClient(pair.key_id, pair.secret, rest_endpoint=url, auth_method=mode)
            with client.session:
                return client.post(PATH, **fields)

        return await asyncio.to_thread(post)

    async def exchange(self, content: bytes) -> bytes:
        """Send bytes as they are and read the answer to its end."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(content)
        answer = await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        return answer


@pytest.fixture
async def served(api: Api) -> AsyncIterator[Served]:
    """The API as ``godwit api`` serves it."""
    story = api.story
    app = create_app(
        ApiContext(story.settings, story.store, story.service, RequestLimiter("memory://"))
    )
    config = uvicorn.Config(app, port=0, http="httptools", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    yield Served(host, port)
    server.should_exit = True
    await serving


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.one_store
async def test_the_vendors_client_gets_293(served: Served, api: Api, bulk: Bulk, mode: str) -> None:
    numbers = bulk.numbers(3)
    answer = await served.call(
        api.key(),
        MODES[mode],
        recipients=f"{numbers[0]}:a:b,{numbers[1]}:ü,{numbers[2]}",
        template="Grüße ~ 50% + 1 & more; 😀\nbye",
        session_id="C*'()",
    )
    assert (answer.status_code, answer.json["status"]["code"]) == (200, 293), answer.body
    await api.finished(answer.json["reference_id"])
    messages = api.story.store.campaigns.messages(answer.json["reference_id"])
    assert [(message.to[1:], message.reference) for message in messages] == [
        (numbers[0], "a:b"),
        (numbers[1], "ü"),
        (numbers[2], None),
    ]
    assert {message.text for message in messages} == {"Grüße ~ 50% + 1 & more; 😀\nbye"}
    assert len(api.story.carrier.log) == 3


@pytest.mark.parametrize("mode", MODES)
async def test_the_vendors_client_gets_a_thousand_through(
    served: Served, api: Api, bulk: Bulk, mode: str
) -> None:
    people = ",".join(f"{number}:{'s' * 64}" for number in bulk.numbers(1_000))
    answer = await served.call(api.key(), MODES[mode], recipients=people, template="x")
    assert (answer.status_code, answer.json["status"]["code"]) == (200, 293), answer.body


@pytest.mark.one_store
async def test_the_vendors_client_is_told_what_is_wrong(served: Served, api: Api) -> None:
    pair = api.key()
    wrong = KeyPair(pair.key_id, api.key().secret, "")
    for key, mode, code in ((pair, None, -10001), (wrong, None, -30006), (wrong, "Basic", -30015)):
        answer = await served.call(key, mode, recipients="14155550100")
        assert answer.json["errors"][0]["code"] == code
        assert ("signature_string" in answer.json) == (code == -30006)


@pytest.mark.one_store
async def test_the_vendors_client_shows_the_string_that_it_really_signed(
    served: Served, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_strings: list[bytes] = []

    def watched(key: bytes, content: bytes, digest: Any) -> hmac.HMAC:
        signed_strings.append(content)
        return hmac.new(key, content, digest)

    monkeypatch.setattr("telesign.rest.hmac", SimpleNamespace(new=watched))
    pair = KeyPair(api.key().key_id, api.key().secret, "")
    answer = await served.call(pair, None, recipients="14155550100:ü", template="a~b c/d")
    assert [answer.json["signature_string"].encode()] == signed_strings


@pytest.mark.one_store
async def test_on_the_wire_a_changed_byte_and_a_folded_header_do_not_pass(
    served: Served, api: Api, bulk: Bulk
) -> None:
    body = form(**bulk.fields())
    pair = api.key()

    def request(headers: dict[str, str], content: bytes) -> bytes:
        lines = [f"POST {PATH} HTTP/1.1", "host: x", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(content)}", "", ""]
        return "\r\n".join(lines).encode() + content

    headers = signed(pair, body)
    answer = await served.exchange(request(headers, body[:-1] + b"?"))
    assert answer.startswith(b"HTTP/1.1 401 ") and b"-30006" in answer
    folded = {**headers, "date": headers["date"].replace(", ", ",\r\n ")}
    answer = await served.exchange(request(folded, body))
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))
    answer = await served.exchange(request(headers, body))
    assert answer.startswith(b"HTTP/1.1 200 ") and b"293" in answer
    assert len(api.story.store.campaigns.list()) == 1
