"""Textingline's broadcast and message over HTTP: answers, codes, limits, keys and rates."""

import asyncio
import re
import time
from collections.abc import Callable

import httpx
import pytest

from campaign.credits import CreditKind
from dialects.textingline.requests import read_broadcast
from store.accounts.api_keys import Principal
from tests.dialects.textingline.calls import (
    BROADCAST_FAULTS,
    MESSAGE_FAULTS,
    TEXT,
    Body,
    Fault,
    broadcast,
    check_error,
    post,
    set_first,
    single,
)
from tests.serving import Api

ID = "[1-9A-HJ-NP-Za-km-z]{22}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
BROADCAST = {"id", "from", "totalRecipients", "status", "createdAt", "body"}
MESSAGE = {"id", "direction", "to", "from", "body", "status", "createdAt"}
MAKE: dict[str, Callable[..., Body]] = {"broadcast": broadcast, "message": single}
ROUTES = list(MAKE)


async def refuse(api: Api, route: str, fault: Fault) -> Body:
    """See that a fault is refused with its code and place, and that nothing is stored."""
    change, code, place = fault
    body = MAKE[route](api)
    change(body)
    error = check_error(await post(api, route, body), code, 400)
    assert [field["path"] for field in error["details"]["fields"]] == [place]
    assert api.story.store.campaigns.list() == []
    return error


async def test_an_accepted_broadcast_is_answered_with_the_batchs_members_and_its_body(
    api: Api,
) -> None:
    body = broadcast(api, 100)
    before = time.time()
    answer = await post(api, "broadcast", body)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert set(shown) == BROADCAST
    assert re.fullmatch(f"brc_{ID}", shown["id"]) and re.fullmatch(TIME, shown["createdAt"])
    assert (shown["from"], shown["body"]) == (body["from"], TEXT)
    assert (shown["totalRecipients"], shown["status"]) == (100, "queued")
    assert answer.headers["x-ratelimit-limit"] == "1"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert before + 58 <= int(answer.headers["x-ratelimit-reset"]) <= before + 62
    campaign = await api.finished(shown["id"])
    assert campaign["counts"]["sent"] == campaign["counts"]["total"] == 100
    messages = api.story.store.campaigns.messages(shown["id"], limit=200)
    assert {message.text for message in messages} == {TEXT}
    credits = (await api.http.get("/v1/credits", auth=api.basic())).json()
    assert (credits["sms"]["posted"], credits["mms"]["posted"]) == (200, 0)


async def test_an_accepted_message_is_answered_with_its_seven_members(api: Api) -> None:
    body = single(api)
    answer = await post(api, "message", body)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert set(shown) == MESSAGE
    assert re.fullmatch(f"msg_{ID}", shown["id"]) and re.fullmatch(TIME, shown["createdAt"])
    assert {name: shown[name] for name in body} == body
    assert (shown["direction"], shown["status"]) == ("outbound", "queued")
    assert answer.headers["x-ratelimit-limit"] == "60"
    assert answer.headers["x-ratelimit-remaining"] == "59"
    campaign = await api.finished(shown["id"])
    assert campaign["counts"]["sent"] == campaign["counts"]["total"] == 1


@pytest.mark.parametrize("fault", BROADCAST_FAULTS)
@pytest.mark.one_store
async def test_a_fault_of_a_broadcast_is_told_once_and_stores_nothing(api: Api, fault: str) -> None:
    await refuse(api, "broadcast", BROADCAST_FAULTS[fault])


@pytest.mark.parametrize("fault", MESSAGE_FAULTS)
@pytest.mark.one_store
async def test_a_fault_of_a_message_is_told_once_and_stores_nothing(api: Api, fault: str) -> None:
    await refuse(api, "message", MESSAGE_FAULTS[fault])


@pytest.mark.one_store
async def test_the_bounds_of_a_broadcast_are_told_in_its_own_figures(api: Api) -> None:
    few = await refuse(api, "broadcast", BROADCAST_FAULTS["99 recipients"])
    assert few["message"] == "recipients must have at least 100 entries"
    many = await refuse(api, "broadcast", BROADCAST_FAULTS["50,001 recipients"])
    assert many["message"] == "recipients must have at most 50,000 entries"


def test_fifty_thousand_recipients_are_read() -> None:
    principal = Principal("acc", "k", frozenset("*"), "", False, False, "random")
    recipients = [{"to": f"+1415{5_550_000 + n}"} for n in range(50_000)]
    body = {"from": "72345", "body": "x", "recipients": recipients}
    draft = read_broadcast(body, principal)
    assert (len(draft.recipients), draft.text) == (50_000, "x")
    assert (draft.policy.recipients_min, draft.policy.recipients_max) == (100, 50_000)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.one_store
async def test_limits_of_the_siblings_are_inclusive(api: Api, route: str) -> None:
    body = MAKE[route](api, idempotencyKey="x" * 100, body="é" * 640)
    body["from"] = "72345"
    assert (await post(api, route, body)).status_code == 201
    body = MAKE[route](api, idempotencyKey="A:")
    if route == "broadcast":
        set_first("idempotencyKey", "A0:@-_)(")(body)
    assert (await post(api, route, body)).status_code == 201


@pytest.mark.parametrize("route", ROUTES)
async def test_media_alone_makes_an_mms_of_each_message(api: Api, route: str) -> None:
    body = MAKE[route](api, mediaUrl="https://example.com/cat.jpg")
    del body["body"]
    shown = (await post(api, route, body)).json()
    assert shown["body"] == ""
    counts = (await api.finished(shown["id"]))["counts"]
    credits = (await api.http.get("/v1/credits", auth=api.basic())).json()
    posted = credits["sms"]["posted"], credits["mms"]["posted"]
    assert posted == (counts["total"], counts["total"])


@pytest.mark.parametrize("route", ["batch", *ROUTES])
@pytest.mark.one_store
async def test_double_braces_are_text_and_no_tag(api: Api, route: str) -> None:
    text = "Dear {{NAME}}, we open at nine"
    body = MAKE[route](api, body=text) if route in MAKE else api.batch()
    if route == "batch":
        set_first("body", text)(body)
    shown = (await post(api, route, body)).json()
    assert api.story.store.campaigns.messages(shown["id"], limit=1)[0].text == text


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.one_store
async def test_a_text_against_the_rules_is_33019_at_the_body(api: Api, route: str) -> None:
    body = MAKE[route](api, body="Cheap vodka, two for one tonight")
    error = check_error(await post(api, route, body), 33019, 400)
    assert [field["path"] for field in error["details"]["fields"]] == ["body"]
    assert "vodka" not in str(error) and api.story.carrier.log == []


@pytest.mark.parametrize("route", ROUTES)
async def test_what_the_account_may_not_or_cannot_pay_is_refused(api: Api, route: str) -> None:
    store = api.story.store
    stranger = MAKE[route](api, **{"from": "+18005550000"})
    error = check_error(await post(api, route, stranger), 33004, 403)
    assert [field["path"] for field in error["details"]["fields"]] == ["from"]
    size = 100 if route == "broadcast" else 1
    store.accounts.update(api.story.account.id, daily_quota=size - 1)
    check_error(await post(api, route, MAKE[route](api)), 33012, 429)
    _, pair = store.accounts.create("poor", 0, 2 * size - 1, 0, ("+18005551111",))
    auth = httpx.BasicAuth(pair.key_id, pair.secret)
    poor = MAKE[route](api, **{"from": "+18005551111"})
    check_error(await post(api, route, poor, auth), 33023, 402)
    assert api.story.carrier.log == []
    account = store.accounts.show("poor")
    assert account is not None and account.balances[CreditKind.SMS].available == 2 * size - 1


async def test_a_message_to_somebody_who_opted_out_is_33010_and_stores_nothing(api: Api) -> None:
    body = single(api)
    api.story.store.opt_outs.add(api.story.account.id, body["to"], "test", 0)
    check_error(await post(api, "message", body), 33010, 403)
    assert api.story.store.campaigns.list() == []


async def test_a_broadcast_skips_who_opted_out(api: Api) -> None:
    body = broadcast(api)
    api.story.store.opt_outs.add(api.story.account.id, body["recipients"][4]["to"], "test", 0)
    campaign = await api.finished((await post(api, "broadcast", body)).json()["id"])
    assert (campaign["counts"]["sent"], campaign["counts"]["skipped"]) == (99, 1)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.one_store
async def test_who_may_not_use_a_sibling_is_told(api: Api, route: str) -> None:
    path = f"/api/v1/messaging/{route}"
    answer = await api.http.post(path, json=MAKE[route](api), headers={"authorization": "Bearer x"})
    check_error(answer, 33001, 401)
    assert answer.headers["www-authenticate"].startswith("Basic")
    permissions = ["create:BatchSMS", "create:SingleSMS"]
    right, wrong = permissions if route == "broadcast" else reversed(permissions)
    check_error(await post(api, route, MAKE[route](api), api.basic(wrong)), 33022, 403)
    assert (await post(api, route, MAKE[route](api), api.basic(right))).status_code == 201


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.one_store
async def test_a_body_of_another_form_is_33005(api: Api, route: str) -> None:
    path = f"/api/v1/messaging/{route}"
    check_error(await post(api, route, ["a", "list"]), 33005, 400)
    other = await api.http.post(path, data={"to": "+14155550100"}, auth=api.basic())
    check_error(other, 33005, 415)
    api.story.settings.body_bytes_max = 1024
    long = await post(api, route, MAKE[route](api, filler="x" * 2_000))
    check_error(long, 33005, 413)


@pytest.mark.parametrize(("route", "limit"), [("broadcast", 1), ("message", 60)])
@pytest.mark.one_store
async def test_raced_exactly_as_many_pass_as_the_route_allows_a_minute(
    api: Api, route: str, limit: int
) -> None:
    auth = api.basic()
    faulty = MAKE[route](api, body="x" * 641)
    answers = await asyncio.gather(*(post(api, route, faulty, auth) for _ in range(limit + 20)))
    passed = [answer for answer in answers if answer.status_code == 400]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert (len(passed), len(limited)) == (limit, 20)
    for answer in limited:
        check_error(answer, 33002, 429)
        assert answer.headers["x-ratelimit-limit"] == str(limit)
        assert answer.headers["x-ratelimit-remaining"] == "0"
        wait = int(answer.headers["retry-after"])
        assert 1 <= wait <= 61
        assert abs(int(answer.headers["x-ratelimit-reset"]) - time.time() - wait) < 2.5
    other = "message" if route == "broadcast" else "broadcast"
    assert (await post(api, other, MAKE[other](api), auth)).status_code == 201


@pytest.mark.parametrize("route", ROUTES)
async def test_a_replayed_key_answers_as_the_first_time_and_sends_nothing_more(
    api: Api, route: str
) -> None:
    body = MAKE[route](api, idempotencyKey="market-day")
    changed = MAKE[route](api, idempotencyKey="market-day", body="Another text")
    auths = [api.basic() for _ in range(10)]
    answers = await asyncio.gather(*(post(api, route, body, auth) for auth in auths))
    answers.append(await post(api, route, changed))
    await api.finished(answers[0].json()["id"])
    answers.append(await post(api, route, body))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(api.story.store.campaigns.list()) == 1
    assert len(api.story.carrier.log) == answers[0].json().get("totalRecipients", 1)
    api.story.store.accounts.update(api.story.account.id, strict_keys=True)
    check_error(await post(api, route, changed), 33005, 400)


async def test_a_key_of_one_route_brings_its_answer_on_the_others(api: Api) -> None:
    first = await post(api, "broadcast", broadcast(api, idempotencyKey="market-day"))
    for answer in (
        await post(api, "message", single(api, idempotencyKey="market-day")),
        await api.post_batch(api.batch(idempotencyKey="market-day")),
    ):
        assert (answer.status_code, answer.content) == (201, first.content)


@pytest.mark.parametrize("route", ROUTES)
async def test_the_key_of_what_was_refused_or_failed_is_free_again(api: Api, route: str) -> None:
    refused = MAKE[route](api, idempotencyKey="second", **{"from": "+18005550000"})
    check_error(await post(api, route, refused), 33004, 403)
    mended = await post(api, route, MAKE[route](api, idempotencyKey="second"))
    assert mended.status_code == 201


async def test_a_spent_key_skips_that_recipient_of_a_broadcast_alone(api: Api) -> None:
    for expected in ((100, 0), (99, 1)):
        body = broadcast(api)
        body["recipients"][7]["idempotencyKey"] = "market-day-7"
        campaign = await api.finished((await post(api, "broadcast", body)).json()["id"])
        assert (campaign["counts"]["sent"], campaign["counts"]["skipped"]) == expected
