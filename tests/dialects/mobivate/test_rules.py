"""Mobivate: rules of its pages that no other test is about, and what is not built."""

from dataclasses import replace

import httpx
import pytest

from campaign.failures import ServiceUnavailable, StoreUnavailable
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from tests.dialects.mobivate.calls import (
    accepted,
    batch,
    bearer,
    check_error,
    composed,
    post,
)
from tests.serving import Api
from tests.starter.api.test_app import away


@pytest.mark.one_store
async def test_the_keys_of_a_closed_account_are_403(api: Api) -> None:
    headers = bearer(api)
    assert (await post(api, batch(), headers=headers)).status_code == 200
    api.story.store.accounts.update(api.story.account.id, active=False)
    check_error(await post(api, batch(), headers=headers), "AuthenticationError", 403)


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (ServiceUnavailable("no verdict"), 503, "ServiceUnavailableError"),
        (StoreUnavailable("OperationalError"), 503, "ServiceUnavailableError"),
        (ZeroDivisionError("a bug with 14155550199 in it"), 500, "InternalError"),
    ],
)
@pytest.mark.one_store
async def test_what_is_our_fault_is_told_in_the_vendors_shape(
    api: Api, error: Exception, status: int, name: str
) -> None:
    story = api.story
    api_context = ApiContext(story.settings, story.store, away(error), RequestLimiter("memory://"))
    transport = httpx.ASGITransport(create_app(api_context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://godwit") as http:
        answer = await post(replace(api, http=http), batch())
    assert set(check_error(answer, name, status)) == {"name", "statusCode"}
    assert "14155550199" not in answer.text
    assert ("retry-after" in answer.headers) is (status == 503)


@pytest.mark.one_store
async def test_too_many_requests_on_the_older_routes_are_429_in_their_shape(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialects.mobivate.routes.LIMIT", "1/minute")
    headers = bearer(api)
    statuses = [await api.http.get("/addressbook/optout", headers=headers) for _ in range(2)]
    assert [one.status_code for one in statuses] == [200, 429]
    assert statuses[1].json() == {"code": 429, "message": "Rate limit exceeded"}
    assert 1 <= int(statuses[1].headers["retry-after"]) <= 61


@pytest.mark.parametrize("originator", ["A", "Bean 4 Two", "ABCDEFGHIJK", "72345"])
def test_an_originator_is_a_name_of_up_to_eleven_or_a_short_code(originator: str) -> None:
    (message,) = composed(batch(1, originator=originator)).messages
    assert message.sender == originator


@pytest.mark.parametrize("digits", ["18005559876", "+18005559876", "447900000001234"])
def test_an_originator_may_have_up_to_fifteen_digits(digits: str) -> None:
    (message,) = composed(batch(1, originator=digits)).messages
    assert message.sender == f"+{digits.removeprefix('+')}"


@pytest.mark.one_store
async def test_an_id_that_the_client_sends_is_not_taken(api: Api) -> None:
    first = await accepted(api, batch(1, id="1d7bd4cd-9a9a-4d0d-b6b5-2f7e1b9b4a11"))
    assert first["id"] != "1d7bd4cd-9a9a-4d0d-b6b5-2f7e1b9b4a11"


@pytest.mark.parametrize("path", ["/send/template", "/send/alias", "/send/campaign"])
@pytest.mark.one_store
async def test_routes_that_are_not_built_are_404(api: Api, path: str) -> None:
    check_error(await post(api, batch(), path), "NotFoundError", 404)
