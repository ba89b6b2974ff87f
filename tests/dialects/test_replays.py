"""A replay says that it is one in every dialect; its answer is the first one's."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.dialects.fonedynamics import calls as fonedynamics
from tests.dialects.mobivate import calls as mobivate
from tests.dialects.telesign import client as telesign
from tests.serving import Api

Post = Callable[[], Awaitable[httpx.Response]]


def posts(api: Api) -> dict[str, Post]:
    """The same request again at each call, by dialect."""
    native = {"text": "Hello", "recipients": [{"to": "+14155550100"}]}
    batch, bulk, message = api.batch(), mobivate.batch(), fonedynamics.message()
    form = telesign.form(recipients="14155550100", template="Your parcel is here")
    headers = {"content-type": telesign.FORM}
    messages = f"/v2/Properties/{api.story.account.property_sid}/BatchMessages"
    return {
        "native": lambda: api.http.post("/v1/campaigns", json=native, auth=api.basic()),
        "textingline": lambda: api.post_batch(batch),
        "mobivate": lambda: mobivate.post(api, bulk),
        "fonedynamics": lambda: api.http.post(
            messages, json={"Messages": [message]}, auth=api.basic()
        ),
        "telesign": lambda: api.http.post(
            telesign.PATH, content=form, headers=headers, auth=api.basic()
        ),
    }


@pytest.mark.parametrize(
    "dialect", ["native", "textingline", "mobivate", "fonedynamics", "telesign"]
)
@pytest.mark.one_store
async def test_a_replay_is_marked_and_a_first_request_is_not(api: Api, dialect: str) -> None:
    api.story.store.accounts.update(api.story.account.id, auto_key="payload_hash")
    post = posts(api)[dialect]
    first, again = await post(), await post()
    assert first.status_code in (200, 201), first.text
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(api.story.store.campaigns.list()) == 1


@pytest.mark.one_store
async def test_the_same_key_with_another_body_replays_or_is_refused_as_the_account_chose(
    api: Api,
) -> None:
    body = {"text": "Hello", "idempotencyKey": "order-7", "recipients": [{"to": "+14155550100"}]}
    other = {**body, "text": "Good day"}
    first = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    replay = await api.http.post("/v1/campaigns", json=other, auth=api.basic())
    assert (replay.status_code, replay.json()["id"]) == (200, first.json()["id"])
    assert replay.headers["idempotency-replayed"] == "true"
    api.story.store.accounts.update(api.story.account.id, strict_keys=True)
    refused = await api.http.post("/v1/campaigns", json=other, auth=api.basic())
    assert refused.status_code == 409 and "idempotency-replayed" not in refused.headers
