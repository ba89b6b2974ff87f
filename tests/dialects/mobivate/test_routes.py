"""The Mobivate API over HTTP: answers, who may send, what is sent, and when."""

import re
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from campaign.credits import CreditKind
from campaign.instants import instant_of
from tests.dialects.mobivate.calls import (
    accepted,
    batch,
    bearer,
    check_error,
    post,
    sample,
    texts,
)
from tests.serving import Api

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


async def test_an_accepted_batch_is_answered_as_the_page_shows(api: Api) -> None:
    before = time.time()
    answer = await post(api, batch(3, name="My Campaign"))
    assert answer.status_code == 200
    shown, example = answer.json(), sample("accepted")
    assert shown.keys() == example.keys() and shown["record"].keys() == example["record"].keys()
    record = shown["record"]
    assert re.fullmatch(UUID4, record["id"])
    assert (record["type"], record["recipientCount"]) == ("BatchSMS", 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["scheduled"])
    scheduled = datetime.fromisoformat(record["scheduled"]).timestamp()
    assert before - 1 <= scheduled <= time.time()
    campaign = await api.finished(record["id"])
    assert (campaign["name"], campaign["counts"]["sent"]) == ("My Campaign", 3)
    assert {row["from"] for row in api.story.carrier.log} == {"GODWIT"}
    assert all(str(row["to"]).startswith("+1415555") for row in api.story.carrier.log)


@pytest.mark.parametrize(
    "header",
    [None, "Bearer", "Bearer ", "Bearer wrong", "bearer gwb_x", "Token x", "Basic dTpw", "x" * 9],
)
@pytest.mark.parametrize("path", ["/send/batch", "/send/single"])
@pytest.mark.one_store
async def test_without_a_valid_key_it_is_403_and_nothing_more_is_told(
    api: Api, header: str | None, path: str
) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = await api.http.post(path, json=batch(), headers=headers)
    assert (answer.status_code, answer.json()) == (403, sample("authentication_error"))
    assert api.story.store.campaigns.list() == []


@pytest.mark.one_store
async def test_basic_credentials_and_keys_in_the_query_do_not_open_this_api(api: Api) -> None:
    pair = api.key()
    basic = httpx.BasicAuth(pair.key_id, pair.secret)
    answer = await api.http.post("/send/batch", json=batch(), auth=basic)
    check_error(answer, "AuthenticationError", 403)
    query = await api.http.post("/send/batch", json=batch(), params={"api_key": pair.bearer})
    check_error(query, "AuthenticationError", 403)


@pytest.mark.parametrize(
    ("path", "permission", "other"),
    [
        ("/send/batch", "create:BatchSMS", "create:SingleSMS"),
        ("/send/single", "create:SingleSMS", "create:BatchSMS"),
    ],
)
@pytest.mark.one_store
async def test_each_route_needs_its_own_permission(
    api: Api, path: str, permission: str, other: str
) -> None:
    body = batch(1, recipient="14155551234")
    answer = await post(api, body, path, bearer(api, other, "read:Campaigns"))
    assert (answer.status_code, answer.json()) == (403, sample("authentication_error"))
    assert (await post(api, body, path, bearer(api, permission))).status_code == 200


async def test_a_revoked_key_is_403_at_once(api: Api) -> None:
    pair = api.key()
    headers = {"authorization": f"Bearer {pair.bearer}"}
    assert (await post(api, batch(), headers=headers)).status_code == 200
    api.story.store.api_keys.revoke(pair.key_id, 1, api.story.account.id)
    check_error(await post(api, batch(), headers=headers), "AuthenticationError", 403)


async def test_too_few_credits_are_402_and_nothing_is_sent(api: Api) -> None:
    store = api.story.store
    _, pair = store.accounts.create("poor", 0, 3, 0, ("GODWIT2",))
    headers = {"authorization": f"Bearer {pair.bearer}"}
    two = batch(2, originator="GODWIT2")
    error = check_error(await post(api, two, headers=headers), "OutOfCreditError", 402)
    assert "credits" in error["message"]
    one = batch(1, originator="GODWIT2")
    assert (await post(api, one, headers=headers)).status_code == 200
    poor = store.accounts.show("poor")
    assert poor is not None and poor.balances[CreditKind.SMS].granted == 3


async def test_the_daily_limit_is_429(api: Api) -> None:
    api.story.store.accounts.update(api.story.account.id, daily_quota=3)
    assert (await post(api, batch(2))).status_code == 200
    check_error(await post(api, batch(2)), "RateLimitError", 429)


@pytest.mark.one_store
async def test_too_many_requests_are_429_with_the_time_to_wait(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialects.mobivate.routes.LIMIT", "2/minute")
    headers = bearer(api)
    statuses = [(await post(api, batch(1), headers=headers)).status_code for _ in range(2)]
    limited = await post(api, batch(1), headers=headers)
    assert statuses == [200, 200]
    check_error(limited, "RateLimitError", 429)
    assert 1 <= int(limited.headers["retry-after"]) <= 61


@pytest.mark.one_store
async def test_a_recipient_may_have_a_text_and_an_originator_of_its_own(api: Api) -> None:
    body = batch(2)
    body["recipients"][1] |= {"text": "Just for you", "originator": "72345"}
    record = await accepted(api, body)
    messages = api.story.store.campaigns.messages(record["id"])
    assert [(one.text, one.sender) for one in messages] == [
        ("Your parcel is here", "GODWIT"),
        ("Just for you", "72345"),
    ]


@pytest.mark.one_store
async def test_text_and_originator_may_be_left_out_where_everybody_has_one(api: Api) -> None:
    body = batch(2)
    del body["text"], body["originator"]
    for recipient in body["recipients"]:
        recipient |= {"text": "Hello", "originator": "18005559876"}
    record = await accepted(api, body)
    messages = api.story.store.campaigns.messages(record["id"])
    assert {one.sender for one in messages} == {"+18005559876"}


@pytest.mark.one_store
async def test_the_older_name_of_the_recipients_and_unknown_members_are_taken(api: Api) -> None:
    body = batch(2, routeId="mglobal", id="abc", status="finished", accountId="acc_x", cost=0)
    body["messages"] = body.pop("recipients")
    body["messages"][0]["routeId"] = "other"
    record = await accepted(api, body)
    assert record["recipientCount"] == 2 and record["id"] != "abc"
    campaign = api.story.store.campaigns.get(record["id"])
    assert campaign is not None and campaign.account_id == api.story.account.id


async def test_repeated_numbers_are_left_out_unless_they_shall_not_be(api: Api) -> None:
    body = batch(2)
    body["recipients"].append({"recipient": "+" + body["recipients"][0]["recipient"]})
    record = await accepted(api, body)
    assert record["recipientCount"] == 3
    campaign = await api.finished(record["id"])
    assert (campaign["counts"]["sent"], campaign["counts"]["skipped"]) == (2, 1)
    again = await accepted(api, body | {"excludeDuplicates": False})
    assert (await api.finished(again["id"]))["counts"]["sent"] == 3


@pytest.mark.parametrize(
    ("members", "sent"),
    [
        ({}, False),
        ({"excludeOptOuts": True}, False),
        ({"excludeOptouts": True}, False),
        ({"excludeOptOuts": False}, True),
        ({"excludeOptouts": False}, True),
        ({"excludeOptOuts": False, "excludeOptouts": True}, False),
        ({"excludeOptOuts": True, "excludeOptouts": False}, False),
        ({"excludeOptOuts": None, "excludeOptouts": False}, True),
    ],
)
async def test_opt_outs_are_excluded_by_either_spelling(
    api: Api, members: dict[str, object], sent: bool
) -> None:
    body = batch(2, **members)
    opted_out = "+" + body["recipients"][0]["recipient"]
    api.story.store.opt_outs.add(api.story.account.id, opted_out, "api", 1)
    campaign = await api.finished((await accepted(api, body))["id"])
    assert campaign["counts"]["sent"] == 1 + sent
    assert campaign["counts"]["skipped"] == 1 - sent


FORMS = ["{:%Y-%m-%dT%H:%M:%S}Z", "{:%Y-%m-%dT%H:%M:%S}", "{:%Y-%m-%dT%H:%M:%S}.000Z"]


@pytest.mark.parametrize(
    ("form", "hours_east"),
    [(form, 0.0) for form in FORMS]
    + [
        ("{:%Y-%m-%dT%H:%M:%S}+0200", 2.0),
        ("{:%Y-%m-%dT%H:%M:%S}+02:00", 2.0),
        ("{:%Y-%m-%dT%H:%M:%S}.0+0530", 5.5),
        ("{:%Y-%m-%dT%H:%M:%S},000000-0700", -7.0),
        ("{:%Y-%m-%dt%H:%M:%S}z", 0.0),
    ],
)
@pytest.mark.one_store
async def test_a_schedule_is_read_in_every_form_and_answered_in_utc(
    api: Api, form: str, hours_east: float
) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    record = await accepted(
        api, batch(scheduleDateTime=form.format(moment + timedelta(hours=hours_east)))
    )
    assert record["scheduled"] == f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
    campaign = api.story.store.campaigns.get(record["id"])
    assert campaign is not None and campaign.status == "scheduled"
    assert campaign.scheduled_at == instant_of(moment)


async def test_a_spread_and_a_schedule_are_kept(api: Api) -> None:
    moment = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    record = await accepted(
        api, batch(4, spreadHours=2, scheduleDateTime=moment.isoformat(), excludeDuplicates=True)
    )
    messages = api.story.store.campaigns.messages(record["id"])
    half_hours = [(one.due_at - instant_of(moment)) / 1_800_000 for one in messages]
    assert half_hours == [0, 1, 2, 3]


async def test_references_and_the_callback_address_stay_with_the_messages(api: Api) -> None:
    body = batch(2, callbackURL="https://hooks.example.com/receipts?a=1")
    body["recipients"][0]["reference"] = "row-1"
    record = await accepted(api, body)
    messages = api.story.store.campaigns.messages(record["id"])
    assert [one.reference for one in messages] == ["row-1", None]


@pytest.mark.one_store
async def test_a_name_longer_than_networks_carry_is_refused_with_its_place(api: Api) -> None:
    api.story.store.accounts.add_sender(api.story.account.id, "CustomOrigi", 1)
    for name in ("CustomOrigin", "CustomOriginator"):
        answer = await post(api, batch(1, originator=name))
        check_error(answer, "ValidationError", 400)
        assert answer.json()["error"]["details"][0]["path"] == "originator"
    assert api.story.store.campaigns.list() == []


async def test_a_single_message_is_answered_like_a_batch_of_one(api: Api) -> None:
    body = {
        "text": "Hello {{NAME}}",
        "originator": "GODWIT",
        "recipient": "+1 (415) 555-8001",
        "reference": "ref",
        "meta": {"NAME": "Ada"},
        "shortenUrls": False,
        "excludeOptouts": True,
    }
    record = await accepted(api, body, "/send/single")
    assert (record["type"], record["recipientCount"]) == ("SingleSMS", 1)
    assert texts(api, record["id"]) == ["Hello Ada"]
    await api.finished(record["id"])
    assert [row["to"] for row in api.story.carrier.log] == ["+14155558001"]
    older = {"body": "An older text", "originator": "GODWIT", "recipient": "14155558002"}
    assert texts(api, (await accepted(api, older, "/send/single"))["id"]) == ["An older text"]


async def test_a_single_message_to_somebody_who_opted_out_is_403(api: Api) -> None:
    api.story.store.opt_outs.add(api.story.account.id, "+14155558003", "inbound", 1)
    body = {"text": "Hello", "originator": "GODWIT", "recipient": "14155558003"}
    check_error(await post(api, body, "/send/single"), "OptedOutError", 403)
    assert api.story.store.campaigns.list() == []
    await accepted(api, body | {"excludeOptouts": False}, "/send/single")


@pytest.mark.one_store
async def test_paths_and_methods_that_are_not_there_are_answered_in_this_shape(api: Api) -> None:
    check_error(await api.http.get("/send/nowhere"), "NotFoundError", 404)
    check_error(await api.http.get("/send/batch"), "MethodNotAllowedError", 405)
