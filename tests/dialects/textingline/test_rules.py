"""Textingline: the samples of its pages, and rules of them that no other test is about."""

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from campaign.failures import ServiceUnavailable, StoreUnavailable
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from tests.dialects.textingline.calls import (
    Body,
    broadcast,
    check_error,
    post,
    set_first,
    single,
)
from tests.serving import Api
from tests.starter.api.test_app import away

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "textingline"


def sample(name: str) -> Body:
    """A document of the vendor's pages."""
    body: Body = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return body


@pytest.mark.parametrize("name", ["batch", "batch_keys"])
@pytest.mark.one_store
async def test_the_samples_of_the_pages_are_too_short_and_go_once_they_are_not(
    api: Api, name: str
) -> None:
    body = sample(name)
    error = check_error(await api.post_batch(body), 33024, 400)
    assert error["message"] == "recipients must have at least 10 entries"
    body["recipients"] += api.batch(10 - len(body["recipients"]))["recipients"]
    answer = await api.post_batch(body)
    assert answer.status_code == 201, answer.text
    shown, wanted = answer.json(), sample("accepted")
    assert {member: type(value) for member, value in shown.items()} == {
        member: type(value) for member, value in wanted.items()
    }
    assert {member: len(shown[member]) for member in ("id", "createdAt")} == {
        member: len(wanted[member]) for member in ("id", "createdAt")
    }
    assert (shown["from"], shown["status"]) == (wanted["from"], wanted["status"])
    campaign = await api.finished(shown["id"])
    assert campaign["counts"]["sent"] == 10


@pytest.mark.one_store
async def test_a_character_is_a_code_point(api: Api) -> None:
    body = api.batch()
    set_first("body", "🙂" * 640)(body)
    assert (await api.post_batch(body)).status_code == 201
    set_first("body", "🙂" * 641)(body)
    check_error(await api.post_batch(body), 33005, 400)


async def test_without_a_key_the_same_batch_is_sent_twice_unless_the_account_wants_otherwise(
    api: Api,
) -> None:
    body, accounts = api.batch(), api.story.store.accounts
    first, second = [(await api.post_batch(body)).json()["id"] for _ in range(2)]
    assert first != second
    accounts.update(api.story.account.id, auto_key="payload_hash")
    third = await api.post_batch(body)
    again = await api.post_batch(dict(reversed(body.items())))
    assert third.json()["id"] not in (first, second)
    assert again.json() == third.json()
    other = await api.post_batch(api.batch())
    assert other.json()["id"] != third.json()["id"]


@pytest.mark.one_store
async def test_the_keys_of_a_closed_account_are_33001(api: Api) -> None:
    auth = api.basic()
    api.story.store.accounts.update(api.story.account.id, active=False)
    for route, body in (("batch", api.batch()), ("message", single(api))):
        check_error(await post(api, route, body, auth), 33001, 401)


@pytest.mark.one_store
async def test_a_limit_is_each_keys_own(api: Api) -> None:
    auth = api.basic()
    assert (await post(api, "broadcast", broadcast(api), auth)).status_code == 201
    check_error(await post(api, "broadcast", broadcast(api), auth), 33002, 429)
    assert (await post(api, "broadcast", broadcast(api))).status_code == 201


@pytest.mark.parametrize("route", ["batch", "broadcast", "message"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ServiceUnavailable("no verdict"), 503),
        (StoreUnavailable("OperationalError"), 503),
        (ZeroDivisionError("a bug with +14155550199 in it"), 500),
    ],
)
@pytest.mark.one_store
async def test_what_is_our_fault_is_33000_on_every_route(
    api: Api, route: str, error: Exception, status: int
) -> None:
    story = api.story
    api_context = ApiContext(story.settings, story.store, away(error), RequestLimiter("memory://"))
    transport = httpx.ASGITransport(create_app(api_context), raise_app_exceptions=False)
    bodies = {"batch": api.batch(), "broadcast": broadcast(api), "message": single(api)}
    async with httpx.AsyncClient(transport=transport, base_url="http://godwit") as http:
        answer = await post(replace(api, http=http), route, bodies[route])
    assert "14155550199" not in str(check_error(answer, 33000, status))
    assert ("retry-after" in answer.headers) is (status == 503)
