"""A sandbox key in every dialect, and what it may do as a matrix."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from campaign.instants import HOUR, iso
from store.accounts.api_keys import KeyPair
from store.clock import wall_clock
from tests.dialects.fonedynamics import calls as fonedynamics
from tests.dialects.mobivate import calls as mobivate
from tests.dialects.telesign import client as telesign
from tests.serving import Api

CAMPAIGN = {"text": "Hello", "recipients": [{"to": "+14155550100"}]}


def sandbox_key(api: Api, *permissions: str) -> KeyPair:
    """A new sandbox key of the account."""
    keys = api.story.store.api_keys
    return keys.create(api.story.account.id, wall_clock(), permissions or ("*",), sandbox=True)


def basic(pair: KeyPair) -> httpx.BasicAuth:
    """Its Basic credentials."""
    return httpx.BasicAuth(pair.key_id, pair.secret)


async def _native(api: Api, pair: KeyPair) -> httpx.Response:
    return await api.http.post("/v1/campaigns", json=CAMPAIGN, auth=basic(pair))


async def _textingline(api: Api, pair: KeyPair) -> httpx.Response:
    return await api.post_batch(api.batch(), basic(pair))


async def _mobivate(api: Api, pair: KeyPair) -> httpx.Response:
    bearer = {"authorization": f"Bearer {pair.bearer}"}
    return await mobivate.post(api, mobivate.batch(), headers=bearer)


async def _fonedynamics(api: Api, pair: KeyPair) -> httpx.Response:
    path = f"/v2/Properties/{api.story.account.property_sid}/BatchMessages"
    body = {"Messages": [fonedynamics.message()]}
    return await api.http.post(path, json=body, auth=basic(pair))


async def _telesign(api: Api, pair: KeyPair) -> httpx.Response:
    body = telesign.form(recipients="14155550100", template="Your parcel is here")
    headers = telesign.signed(pair, body)
    return await api.http.post(telesign.PATH, content=body, headers=headers)


Send = Callable[[Api, KeyPair], Awaitable[httpx.Response]]
SENDS: dict[str, Send] = {
    "native": _native,
    "textingline": _textingline,
    "mobivate": _mobivate,
    "fonedynamics": _fonedynamics,
    "telesign": _telesign,
}


@pytest.mark.parametrize("dialect", SENDS)
async def test_what_it_sends_reaches_no_carrier_and_costs_nothing(api: Api, dialect: str) -> None:
    answer = await SENDS[dialect](api, sandbox_key(api))
    assert answer.status_code in (200, 201), answer.text
    (view,) = api.story.store.campaigns.list(api.story.account.id)
    assert view.dialect == dialect and view.sandbox
    shown = await api.finished(view.id)
    assert (shown["status"], shown["sandbox"]) == ("finished", True)
    assert shown["counts"]["delivered"] == shown["counts"]["total"]
    assert api.story.carrier.log == []
    assert (await api.http.get("/v1/credits", auth=api.basic())).json()["sms"] == {
        "granted": 100_000,
        "available": 100_000,
        "held": 0,
        "posted": 0,
    }


@pytest.mark.one_store
async def test_revoked_its_campaign_still_reaches_no_carrier(api: Api) -> None:
    pair = sandbox_key(api)
    later = {**CAMPAIGN, "scheduleDateTime": iso(wall_clock() + 2_000)}
    answer = await api.http.post("/v1/campaigns", json=later, auth=basic(pair))
    assert api.story.store.api_keys.revoke(pair.key_id, wall_clock())
    api.story.store.accounts.update(api.story.account.id, carriers="pretend")
    shown = await api.finished(answer.json()["id"])
    assert (shown["status"], shown["counts"]["delivered"]) == ("finished", 1)
    assert api.story.carrier.log == []
    report = await api.http.get(f"/v1/campaigns/{shown['id']}/report", auth=api.basic())
    assert report.json()["sandbox"] is True


def _requests(live: str, tried: str) -> dict[str, tuple[str, str, Any, int]]:
    later = {"scheduleDateTime": iso(wall_clock() + 2 * HOUR)}
    number, campaign = {"number": "+14155550111"}, f"/v1/campaigns/{live}"
    return {
        "list": ("GET", "/v1/campaigns", None, 200),
        "read a live campaign": ("GET", campaign, None, 200),
        "validate": ("POST", "/v1/campaigns?dryRun=true", CAMPAIGN, 200),
        "pause a live campaign": ("POST", f"{campaign}/pause", None, 403),
        "cancel a live campaign": ("POST", f"{campaign}/cancel", None, 403),
        "retry a live campaign": ("POST", f"{campaign}/retry", None, 403),
        "change a live campaign": ("PATCH", campaign, later, 403),
        "change a sandbox campaign": ("PATCH", f"/v1/campaigns/{tried}", later, 200),
        "pause a sandbox campaign": ("POST", f"/v1/campaigns/{tried}/pause", None, 202),
        "cancel a sandbox campaign": ("POST", f"/v1/campaigns/{tried}/cancel", None, 202),
        "opt out": ("POST", "/v1/opt-outs", number, 403),
        "opt in": ("DELETE", "/v1/opt-outs/+14155550111", None, 403),
        "make a list": ("POST", "/v1/mailing-lists", {"name": "regulars"}, 403),
        "make a key": ("POST", "/v1/keys", {}, 403),
        "make a sandbox key": ("POST", "/v1/keys", {"sandbox": True}, 403),
        "list keys": ("GET", "/v1/keys", None, 403),
        "request a sender": ("POST", "/v1/senders", {"address": "NEWSHOP"}, 403),
        "add a webhook": ("POST", "/v1/webhooks", {"url": "https://hooks.example/in"}, 403),
        "stop": ("POST", "/v1/stop", None, 403),
        "start": ("POST", "/v1/start", None, 403),
        "erase": ("DELETE", "/v1/people/+14155550111", None, 403),
        "set keywords": ("PUT", "/v1/keywords", {}, 403),
    }


@pytest.mark.one_store
async def test_it_sends_reads_and_controls_the_sandbox_and_changes_nothing_else(api: Api) -> None:
    later = {**CAMPAIGN, "scheduleDateTime": iso(wall_clock() + HOUR)}
    auth = basic(sandbox_key(api))
    ids = []
    for by in (api.basic(), auth):
        answer = await api.http.post("/v1/campaigns", json=later, auth=by)
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    for what, (method, path, body, status) in _requests(*ids).items():
        answer = await api.http.request(method, path, json=body, auth=auth)
        assert answer.status_code == status, (what, answer.text)
    narrow = basic(sandbox_key(api, "read:Campaigns"))
    assert (await api.http.post("/v1/campaigns", json=CAMPAIGN, auth=narrow)).status_code == 403
    paused = await api.http.post(f"/v1/campaigns/{ids[1]}/pause", auth=narrow)
    assert paused.status_code == 403


@pytest.mark.one_store
async def test_a_key_is_made_for_the_sandbox_and_says_so(api: Api) -> None:
    auth, key = api.basic(), {"Idempotency-Key": "for-tests"}
    made = await api.http.post("/v1/keys", json={"sandbox": True}, auth=auth, headers=key)
    assert (made.status_code, made.json()["sandbox"]) == (201, True), made.text
    live = await api.http.post("/v1/keys", json={}, auth=auth, headers=key)
    assert live.status_code == 409
    listed = (await api.http.get("/v1/keys", auth=auth)).json()["keys"]
    shown = {one["keyId"]: (one["sandbox"], one["permissions"]) for one in listed}
    assert shown[made.json()["keyId"]] == (True, ["*"])
    assert shown[auth_id(auth)] == (False, ["*"])


def auth_id(auth: httpx.BasicAuth) -> str:
    """The key id in Basic credentials."""
    request = next(auth.auth_flow(httpx.Request("GET", "http://godwit")))
    return base64.b64decode(request.headers["authorization"][6:]).decode().partition(":")[0]
