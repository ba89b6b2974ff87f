"""Who may reach what: other accounts' things, each permission's routes, members nobody may set."""

import re
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import httpx
import pytest

from campaign.ids import MESSAGE_PREFIX, make_id
from dialects.fonedynamics.responses import sid_of
from dialects.http.auth import Permission
from store.accounts.api_keys import KeyPair
from tests.conftest import LONG_CODE
from tests.serving import Api

BEARER_ALONE = ("/send/", "/addressbook/", "/message")
OPEN = ("/healthz", "/readyz", "/metrics", "/s/", "/carriers/")
# Where a key may be asked for another permission than to send a batch, to send at all.
VENDORS = {
    ("POST", "/api/v1/messaging/batch"): Permission.SEND,
    ("POST", "/api/v1/messaging/broadcast"): Permission.SEND,
    ("POST", "/api/v1/messaging/message"): Permission.SEND_SINGLE,
    ("POST", "/v1/verify/bulk_sms"): Permission.SEND,
    ("POST", "/v2/Properties/{PropertySid}/BatchMessages"): Permission.SEND,
    ("POST", "/v2/Properties/{PropertySid}/Messages"): Permission.SEND,
    ("GET", "/v2/Messages/{MessageSid}"): Permission.READ,
    ("POST", "/send/batch"): Permission.SEND,
    ("POST", "/send/single"): Permission.SEND_SINGLE,
    ("GET", "/addressbook/optout"): Permission.READ,
    ("POST", "/addressbook/optout"): Permission.CONTROL,
    ("DELETE", "/addressbook/optout"): Permission.CONTROL,
    ("GET", "/addressbook/optouts"): Permission.READ,
    ("GET", "/messages/history"): Permission.READ,
    ("GET", "/message"): Permission.READ,
    ("GET", "/message/{id}"): Permission.READ,
}
PEOPLE = "/v1/people/"
NASTY = [
    "a\r\nX-Injected: 1",
    "a\x1b[2J\x1b]0;title\x07b",
    "a\u2028b\u2029c",
    "a\u202eb\u2066c",
    "a\x00b",
    "=1+1\t@SUM(A1)",
    '{"a": "b"}\n{"level": "info"}',
    "%s %n {0} ${jndi:ldap://127.0.0.1/a}",
]


async def operations(api: Api) -> list[tuple[str, str]]:
    """Every method and path of the OpenAPI document."""
    described = (await api.http.get("/openapi.json")).json()["paths"]
    return [(method.upper(), path) for path, methods in described.items() for method in methods]


def headers(pair: KeyPair, path: str) -> dict[str, str]:
    """Credentials of a key in the way that the path's API takes."""
    if path.startswith(BEARER_ALONE):
        return {"authorization": f"Bearer {pair.bearer}"}
    request = httpx.Request("GET", "http://godwit")
    flow = httpx.BasicAuth(pair.key_id, pair.secret).auth_flow(request)
    return {"authorization": next(flow).headers["authorization"]}


async def belongings(api: Api) -> dict[str, str]:
    """One of each thing that an account can have, by its place in a path."""
    auth, story = api.basic(), api.story

    async def made(path: str, **body: object) -> dict[str, Any]:
        answer = await api.http.post(path, json=body, auth=auth)
        assert answer.is_success, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    campaign = await made("/v1/campaigns", text="Hello", recipients=[{"to": "+14155550100"}])
    mailing_list = await made("/v1/mailing-lists", name="regulars")
    members = f"/v1/mailing-lists/{mailing_list['id']}/members"
    await made(members, members=[{"to": "+14155550101"}])
    webhook = await made("/v1/webhooks", url="https://hooks.customer.example/in")
    delivery = await made(f"/v1/webhooks/{webhook['id']}/test")
    listener = await made("/v1/listeners")
    await made("/v1/opt-outs", number="+14155550102")
    (message,) = story.store.campaigns.messages(campaign["id"])
    return {
        "/v1/campaigns/{id}": campaign["id"],
        "{message_id}": message.id,
        "/v1/mailing-lists/{id}": mailing_list["id"],
        "/v1/mailing-lists/{id}/members/{number}": "+14155550101",
        "/v1/webhooks/{id}": webhook["id"],
        "{deliveryId}": delivery["id"],
        "/v1/listeners/{id}": listener["id"],
        "/v1/opt-outs/{number}": "+14155550102",
        "/v1/people/{number}": "+14155550102",
        "/v1/senders/{address}": LONG_CODE,
        "/v1/keys/{key_id}": api.key().key_id,
        "{PropertySid}": story.account.property_sid,
        "{MessageSid}": sid_of(message.id),
        "/message/{id}": message.id,
    }


def filled(path: str, things: dict[str, str], change: bool) -> str:
    """A path with an account's things in it, or with things that nobody has."""

    def thing(found: re.Match[str]) -> str:
        here = path[: found.end()]
        value = things.get(here) or things[found[0]]
        if change and found[0] == "{MessageSid}":
            # One letter more or less is no sid at all, and told to be none.
            return sid_of(make_id(MESSAGE_PREFIX, bytes(16)))
        # The last letter of an id says too little of its form to be missed.
        return value[:-1] + ("1" if value[-1] != "1" else "2") if change else value

    return re.sub(r"\{\w+\}", thing, path)


def with_things(listed: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The operations that are about one thing of an account."""
    # A person is nobody's thing: any account may ask what it knows of a number.
    others = (*OPEN, PEOPLE)
    return ((m, path) for m, path in listed if "{" in path and not path.startswith(others))


async def test_another_accounts_things_are_as_unknown_as_nobodys(api: Api) -> None:
    things = await belongings(api)
    _, stranger = api.story.store.accounts.create("stranger", 0)
    tried = 0
    for method, path in with_things(await operations(api)):
        answers = [
            await api.http.request(
                method, filled(path, things, change), headers=headers(stranger, path), json={}
            )
            for change in (False, True)
        ]
        tried += 1
        assert [answer.status_code for answer in answers] == [404, 404], (method, path)
        assert answers[0].content == answers[1].content, (method, path)
    assert tried > 25
    url = filled(f"{PEOPLE}{{number}}", things, False)
    person = (await api.http.get(url, headers=headers(stranger, url))).json()
    assert set(person["totals"].values()) == {0}
    for method, path in await operations(api):
        if method == "GET" and "{" not in path and not path.startswith(OPEN):
            result = await api.http.get(path, headers=headers(stranger, path))
            assert [value for value in things.values() if value in result.text] == [], path
    owner = api.key()
    for method, path in with_things(await operations(api)):
        if method == "GET":
            url = filled(path, things, False)
            answer = await api.http.get(url, headers=headers(owner, path))
            assert answer.status_code == 200, (path, answer.text)


async def test_a_strangers_guess_takes_as_long_for_what_is_there_as_for_what_is_not(
    api: Api,
) -> None:
    things = await belongings(api)
    _, stranger = api.story.store.accounts.create("stranger", 0)
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(40):
        for change, times in took.items():
            url = filled("/v1/campaigns/{id}/report", things, change)
            began = time.perf_counter()
            await api.http.get(url, headers=headers(stranger, url))
            times.append(time.perf_counter() - began)
    assert abs(median(took[False]) - median(took[True])) < 0.02


@pytest.mark.one_store
async def test_each_vendors_route_opens_to_its_own_permission_alone(api: Api) -> None:
    keys = {permission: api.key(permission.value) for permission in Permission}
    property_sid = api.story.account.property_sid
    for (method, path), needed in VENDORS.items():
        url = path.replace("{PropertySid}", property_sid)
        nobody = await api.http.request(method, url, json={})
        assert nobody.status_code in (401, 403), path
        for permission, pair in keys.items():
            answer = await api.http.request(method, url, headers=headers(pair, path), json={})
            assert (answer.status_code in (401, 403)) == (permission != needed), (path, permission)
    listed = {
        (method, path)
        for method, path in await operations(api)
        if not path.startswith(OPEN) and (path.startswith("/v1/verify/") or path[:4] != "/v1/")
    }
    assert listed == set(VENDORS)


@pytest.mark.one_store
async def test_a_key_that_is_nearly_right_opens_nothing(api: Api) -> None:
    pair = api.key()
    wrong = [pair.bearer[:-1], pair.bearer + "x", pair.bearer.swapcase(), pair.key_id, pair.secret]
    for bearer in wrong:
        sent = {"authorization": f"Bearer {bearer}"}
        assert (await api.http.get("/v1/credits", headers=sent)).status_code == 401
    for user, password in (
        (pair.key_id, pair.secret[:-1]),
        (pair.key_id, pair.secret.swapcase()),
        (pair.key_id, pair.bearer),
        (pair.bearer, ""),
        (pair.key_id[:-1], pair.secret),
    ):
        answer = await api.http.get("/v1/credits", auth=httpx.BasicAuth(user, password))
        assert answer.status_code == 401
    for name in ("api_key", "key", "access_token"):
        assert (await api.http.get("/v1/credits", params={name: pair.bearer})).status_code == 401


async def test_two_accounts_may_use_the_same_keys(api: Api) -> None:
    accounts = api.story.store.accounts
    _, pair = accounts.create("neighbour", 0, 1_000, 0, ("+18005551111",))
    body = api.batch(idempotencyKey="spring-sale")
    for index, recipient in enumerate(body["recipients"]):
        recipient["idempotencyKey"] = f"order-{index}"
    ours = (await api.post_batch(body)).json()
    body["from"] = "+18005551111"
    theirs = await api.post_batch(body, httpx.BasicAuth(pair.key_id, pair.secret))
    assert theirs.status_code == 201 and theirs.json()["id"] != ours["id"]
    assert (await api.finished(ours["id"]))["counts"]["sent"] == 10
    await api.http.get("/healthz")
    found = api.story.store.campaigns.get(theirs.json()["id"])
    assert found is not None and found.account_id != api.story.account.id


@pytest.mark.one_store
async def test_nobody_sets_what_is_ours_to_set(api: Api) -> None:
    _, other = api.story.store.accounts.create("other", 0)
    grabbed: dict[str, Any] = {"id": "brc_1111111111111111111111", "status": "finished", "cost": 0}
    grabbed |= {"accountId": other.key_id, "total": 0, "createdAt": "2020-01-01T00:00:00.000Z"}
    batch = api.batch(10, **grabbed)
    batch["recipients"][0] |= {"status": "sent", "id": "msg_1", "cost": 0, "attempts": 9}
    native = {"text": "Hello", "recipients": [{"to": "+14155550100"}]}
    message = {"From": LONG_CODE, "To": "+61488023555", "Text": "Hello", "MessageSid": "M1"}
    numbers = {"recipients": [{"recipient": "14155550104", "status": "sent"}]}
    mobivate = {"text": "Hello", "originator": "GODWIT", **numbers}
    path = f"/v2/Properties/{api.story.account.property_sid}/BatchMessages"
    key = api.key()
    answers = {
        "/api/v1/messaging/batch": batch,
        "/v1/campaigns": native | grabbed,
        path: {"Messages": [message | {"Status": "Delivered", "AccountSid": "A"}], **grabbed},
        "/send/batch": mobivate | grabbed,
    }
    refused = []
    for url, body in answers.items():
        answer = await api.http.post(url, json=body, headers=headers(key, url))
        assert answer.status_code < 500
        if not answer.is_success:
            refused.append(url)
        assert grabbed["id"] not in answer.text and "2020-01-01" not in answer.text
    assert refused == ["/v1/campaigns"]
    for campaign in api.story.store.campaigns.list():
        assert campaign.account_id == api.story.account.id
        assert campaign.total > 0 and campaign.id != grabbed["id"]
        await api.finished(campaign.id)
    assert len(api.story.carrier.log) == 12


@pytest.mark.one_store
@pytest.mark.parametrize("nasty", NASTY)
async def test_what_is_nasty_in_names_and_references_stays_text(
    api: Api, capsys: pytest.CaptureFixture[str], nasty: str
) -> None:
    recipients = [{"to": "+14155550100", "reference": nasty, "fields": {"NAME": nasty}}]
    body = {"text": "Hello {{NAME}}", "name": nasty, "recipients": recipients}
    answer = await api.http.post("/v1/campaigns", json=body, auth=api.basic())
    assert answer.status_code in (201, 400, 422)
    plain = {"text": "Hello", "name": nasty, "recipients": [{**recipients[0], "fields": {}}]}
    named = await api.http.post("/v1/campaigns", json=plain, auth=api.basic())
    is_line = nasty.isprintable()
    assert named.status_code == (201 if is_line else 400)
    if not is_line and "\x00" not in nasty:
        assert [fault["place"] for fault in named.json()["errors"]] == ["name"]
        del plain["name"]
    taken = await api.http.post("/v1/campaigns", json=plain, auth=api.basic())
    assert taken.status_code == (400 if "\x00" in nasty else 201)
    if taken.is_success:
        campaign = await api.finished(taken.json()["id"])
        assert campaign["name"] == (nasty if is_line else None)
        path = f"/v1/campaigns/{campaign['id']}/report"
        report = await api.http.get(path, headers={"accept": "text/csv"}, auth=api.basic())
        assert not re.search(r"(?m)^[=@]|,[=@]", report.text)
    assert "x-injected" not in taken.headers
    result = capsys.readouterr()
    assert not re.search("[\x00\x1b\u2028\u202e]|X-Injected", result.out + result.err)


@pytest.mark.parametrize("value", ["%00", "a%00b", "%ED%A0%80", "%F0%9F%99%82", "x" * 3_000])
async def test_no_text_in_a_path_or_a_cursor_is_a_5xx(api: Api, value: str) -> None:
    pair = api.key()
    described = (await api.http.get("/openapi.json")).json()["paths"]
    for method, path in await operations(api):
        url = re.sub(r"\{\w+\}", value, path)
        taken = {one["name"] for one in described[path][method.lower()].get("parameters", ())}
        texts = sorted(taken & {"cursor", "after", "status"}) if method == "GET" else []
        query = "&".join(f"{name}={value}" for name in texts)
        answer = await api.http.request(
            method, f"{url}?{query}", headers=headers(pair, path), json={}
        )
        assert answer.status_code < 500, (method, path, answer.text)
