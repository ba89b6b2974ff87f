"""Callers are told apart by their own address, which only a trusted proxy can report."""

from typing import Any

import httpx
import pytest

from campaign.settings import Settings
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app, server_config
from tests.serving import Api

GUESSES = 40
LOGIN = "/api/v1/messaging/batch"


def served(api: Api, peer: str, *proxies: str) -> httpx.AsyncClient:
    """A client whose TCP connection comes from ``peer``, of an API with these proxies."""
    story = api.story
    settings = story.settings.model_copy(update={"trusted_proxies": proxies})
    context = ApiContext(settings, story.store, story.service, RequestLimiter("memory://"))
    config = server_config(create_app(context), settings)
    config.load()
    app: Any = config.loaded_app
    transport = httpx.ASGITransport(app, client=(peer, 4_000))
    return httpx.AsyncClient(transport=transport, base_url="http://godwit")


async def guesses(http: httpx.AsyncClient, *forwarded: str) -> list[int]:
    """The statuses of guessed link codes, each with another ``X-Forwarded-For``."""
    return [
        (
            await http.get(
                f"/s/{number:010d}",
                headers=[("x-forwarded-for", one.format(number)) for one in forwarded],
            )
        ).status_code
        for number in range(GUESSES)
    ]


@pytest.mark.one_store
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "198.51.100.7"])
async def test_a_forwarded_address_lifts_no_limit_of_a_caller_that_is_no_trusted_proxy(
    api: Api, peer: str
) -> None:
    async with served(api, peer, "10.0.0.0/8") as http:
        assert (await guesses(http, "203.0.113.{}")).count(429) == GUESSES - 30
        logins = [
            await http.post(LOGIN, json={}, headers={"x-forwarded-for": f"203.0.113.{number}"})
            for number in range(GUESSES)
        ]
        assert 429 in {answer.status_code for answer in logins}
    async with served(api, peer) as http:
        assert (await guesses(http, "203.0.113.{}")).count(429) == GUESSES - 30


@pytest.mark.one_store
async def test_behind_a_trusted_proxy_the_last_address_that_is_no_proxy_counts(api: Api) -> None:
    async with served(api, "10.0.0.5", "10.0.0.0/8") as http:
        # What stands further left is what the caller wrote itself.
        statuses = await guesses(http, "203.0.113.{}, 198.51.100.7, 10.0.0.9")
        assert statuses.count(429) == GUESSES - 30
        statuses = await guesses(http, "203.0.113.{}", "198.51.100.8")
        assert statuses.count(429) == GUESSES - 30
        # Callers that the proxy told apart do not share a limit.
        assert await guesses(http, "203.0.113.{}") == [404] * GUESSES
        # All addresses of one IPv6 network are one caller.
        assert (await guesses(http, "2001:db8::{}")).count(429) == GUESSES - 30


@pytest.mark.parametrize("value", ["*", "proxy", "10.0.0.1/8", "10.0.0.1,no"])
def test_a_trusted_proxy_is_an_address_or_a_network(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("GODWIT_TRUSTED_PROXIES", value)
    with pytest.raises(ValueError, match="must be IP addresses or networks"):
        Settings()
    monkeypatch.setenv("GODWIT_TRUSTED_PROXIES", "10.0.0.5, 172.16.0.0/12,2001:db8::/32")
    assert Settings().trusted_proxies == ("10.0.0.5", "172.16.0.0/12", "2001:db8::/32")
