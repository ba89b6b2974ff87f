"""The Textingline batch over HTTP: answers, every error code, headers, keys and rate limits."""

import asyncio
import re
import time
from collections.abc import Callable

import httpx
import pytest

from campaign.credits import CreditKind
from campaign.states import MessageStatus
from tests.dialects.textingline.calls import Body, check_error, put, set_first, without
from tests.serving import Api


async def test_an_accepted_batch_is_answered_with_exactly_five_members(api: Api) -> None:
    body = api.batch(12)
    body["recipients"][3]["mediaUrl"] = "https://example.com/cat.jpg"
    del body["recipients"][4]["body"]
    body["recipients"][4]["mediaUrl"] = "https://example.com/dog.jpg"
    before = time.time()
    answer = await api.post_batch(body)
    assert answer.status_code == 201
    shown = answer.json()
    assert set(shown) == {"id", "from", "totalRecipients", "status", "createdAt"}
    assert re.fullmatch(r"brc_[1-9A-HJ-NP-Za-km-z]{22}", shown["id"])
    assert (shown["from"], shown["totalRecipients"], shown["status"]) == (
        body["from"],
        12,
        "queued",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown["createdAt"])
    assert answer.headers["x-ratelimit-limit"] == "5"
    assert answer.headers["x-ratelimit-remaining"] == "4"
    assert before <= int(answer.headers["x-ratelimit-reset"]) <= before + 62
    campaign = await api.finished(shown["id"])
    assert campaign["counts"]["sent"] == campaign["counts"]["total"] == 12
    credits = (await api.http.get("/v1/credits", auth=api.basic())).json()
    assert (credits["sms"]["posted"], credits["mms"]["posted"]) == (10 * 2 + 2, 2)


def twice(body: Body) -> None:
    body["recipients"][7]["to"] = body["recipients"][2]["to"]


def no_content(body: Body) -> None:
    del body["recipients"][5]["body"]


SHAPE_FAULTS: dict[str, tuple[Callable[[Body], None], int, str]] = {
    "no from": (without("from"), 33005, "from"),
    "no recipients": (without("recipients"), 33005, "recipients"),
    "recipients of another type": (put("recipients", {"to": "+14155550100"}), 33005, "recipients"),
    "a recipient of another type": (
        lambda body: body["recipients"].__setitem__(4, "+14155550100"),
        33005,
        "recipients[4]",
    ),
    "a body of another type": (set_first("body", 7), 33005, "recipients[0].body"),
    "no to": (lambda body: body["recipients"][2].pop("to"), 33005, "recipients[2].to"),
    "a national number": (set_first("to", "4155550100"), 33003, "recipients[0].to"),
    "a number with a line end": (set_first("to", "+14155550100\n"), 33003, "recipients[0].to"),
    "a number in other digits": (set_first("to", "+١٤١٥٥٥٥٠١٠٠"), 33003, "recipients[0].to"),
    "a number that cannot exist": (set_first("to", "+1415555"), 33003, "recipients[0].to"),
    "an alphanumeric sender": (put("from", "GODWIT"), 33003, "from"),
    "a sender of another type": (put("from", 18005559876), 33003, "from"),
    "nine recipients": (lambda body: body["recipients"].pop(), 33024, "recipients"),
    "a number twice": (twice, 33024, "recipients[7].to"),
    "neither body nor media": (no_content, 33024, "recipients[5].body"),
    "a body of 641 characters": (set_first("body", "x" * 641), 33005, "recipients[0].body"),
    "a key of one character": (put("idempotencyKey", "x"), 33005, "idempotencyKey"),
    "a key of 101 characters": (put("idempotencyKey", "x" * 101), 33005, "idempotencyKey"),
    "a key with a dot": (put("idempotencyKey", "a.b"), 33005, "idempotencyKey"),
    "a key with a line end": (put("idempotencyKey", "ab\n"), 33005, "idempotencyKey"),
    "a recipient's key in Cyrillic": (
        set_first("idempotencyKey", "кл"),
        33005,
        "recipients[0].idempotencyKey",
    ),
    "a control character": (set_first("body", "bell \x07"), 33016, "recipients[0].body"),
    "a bidi override": (set_first("body", "a\u202eb"), 33016, "recipients[0].body"),
    "media that is no web address": (
        set_first("mediaUrl", "file:///etc/passwd"),
        33017,
        "recipients[0].mediaUrl",
    ),
}


@pytest.mark.parametrize("fault", SHAPE_FAULTS)
@pytest.mark.one_store
async def test_a_fault_of_shape_names_its_code_and_place_and_stores_nothing(
    api: Api, fault: str
) -> None:
    change, code, place = SHAPE_FAULTS[fault]
    body = api.batch()
    change(body)
    error = check_error(await api.post_batch(body), code, 400)
    assert error["details"]["fields"][0]["path"] == place
    assert api.story.store.campaigns.list() == []


@pytest.mark.one_store
async def test_limits_are_inclusive(api: Api) -> None:
    body = api.batch(idempotencyKey="x" * 100)
    body["from"] = "72345"
    body["recipients"][0] |= {"body": "é" * 640, "idempotencyKey": "A0:@-_)("}
    assert (await api.post_batch(body)).status_code == 201


@pytest.mark.one_store
async def test_5001_recipients_are_33024(api: Api) -> None:
    body = api.batch()
    body["recipients"] = [{"to": f"+1415{5550000 + n}", "body": "x"} for n in range(5_001)]
    check_error(await api.post_batch(body), 33024, 400)


@pytest.mark.parametrize("text", ["Cheap vodka, two for one tonight", "bit.ly/3xYz win now"])
@pytest.mark.one_store
async def test_one_text_against_the_rules_refuses_the_whole_batch_with_33019(
    api: Api, text: str
) -> None:
    body = api.batch()
    body["recipients"][6]["body"] = text
    error = check_error(await api.post_batch(body), 33019, 400)
    assert error["details"]["fields"][0]["path"] == "recipients[6].body"
    assert text not in str(error)
    campaign = api.story.store.campaigns.list()[0]
    assert (campaign.status, campaign.tally.cancelled) == ("refused", 10)
    assert api.story.carrier.log == []


@pytest.mark.one_store
async def test_a_sender_of_somebody_else_is_33004(api: Api) -> None:
    check_error(await api.post_batch(api.batch(**{"from": "+18005550000"})), 33004, 403)
    assert api.story.carrier.log == []


async def test_the_daily_quota_is_33012(api: Api) -> None:
    api.story.store.accounts.update(api.story.account.id, daily_quota=15)
    assert (await api.post_batch(api.batch())).status_code == 201
    check_error(await api.post_batch(api.batch()), 33012, 429)


async def test_too_few_credits_are_33023_and_nothing_is_sent(api: Api) -> None:
    story = api.story
    _, pair = story.store.accounts.create("poor", 0, 19, 0, ("+18005551111",))
    auth = httpx.BasicAuth(pair.key_id, pair.secret)
    body = api.batch(**{"from": "+18005551111"})
    check_error(await api.post_batch(body, auth), 33023, 402)
    assert story.carrier.log == []
    poor = story.store.accounts.show("poor")
    assert poor is not None and poor.balances[CreditKind.SMS].available == 19


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Basic dWtfbm9ib2R5OnNrX2xpdmVfeA==",
        "Bearer x",
        "Digest x",
    ],
)
@pytest.mark.one_store
async def test_without_valid_credentials_it_is_33001(api: Api, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = await api.http.post("/api/v1/messaging/batch", json=api.batch(), headers=headers)
    check_error(answer, 33001, 401)
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_a_revoked_key_is_33001(api: Api) -> None:
    pair = api.key()
    api.story.store.api_keys.revoke(pair.key_id, 1, api.story.account.id)
    auth = httpx.BasicAuth(pair.key_id, pair.secret)
    check_error(await api.post_batch(api.batch(), auth), 33001, 401)


@pytest.mark.one_store
async def test_a_key_without_the_permission_is_33022(api: Api) -> None:
    check_error(await api.post_batch(api.batch(), api.basic("read:Campaigns")), 33022, 403)


@pytest.mark.one_store
async def test_of_fifty_requests_at_once_exactly_five_pass(api: Api) -> None:
    auth = api.basic()
    bodies = [api.batch() for _ in range(50)]
    answers = await asyncio.gather(*(api.post_batch(body, auth) for body in bodies))
    passed = [answer for answer in answers if answer.status_code == 201]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert (len(passed), len(limited)) == (5, 45)
    for answer in limited:
        check_error(answer, 33002, 429)
        assert answer.headers["x-ratelimit-remaining"] == "0"
        wait = int(answer.headers["retry-after"])
        assert 1 <= wait <= 61
        assert abs(int(answer.headers["x-ratelimit-reset"]) - time.time() - wait) < 2.5


async def test_a_replayed_key_answers_the_same_and_sends_nothing_more(api: Api) -> None:
    body = api.batch(idempotencyKey="spring-sale")
    first = await api.post_batch(body)
    again = await api.post_batch(body)
    changed = await api.post_batch(api.batch(20, idempotencyKey="spring-sale"))
    assert first.status_code == again.status_code == changed.status_code == 201
    assert first.json() == again.json() == changed.json()
    await api.finished(first.json()["id"])
    assert first.json() == (await api.post_batch(body)).json()
    assert len(api.story.carrier.log) == 10


async def test_strict_keys_refuse_another_payload(api: Api) -> None:
    api.story.store.accounts.update(api.story.account.id, strict_keys=True)
    body = api.batch(idempotencyKey="spring-sale")
    assert (await api.post_batch(body)).status_code == 201
    assert (await api.post_batch(body)).status_code == 201
    changed = await api.post_batch(api.batch(20, idempotencyKey="spring-sale"))
    check_error(changed, 33005, 400)


async def test_one_key_raced_fifty_ways_makes_one_campaign_and_fifty_equal_answers(
    api: Api,
) -> None:
    body = api.batch(idempotencyKey="raced")
    keys = [api.basic() for _ in range(50)]
    answers = await asyncio.gather(*(api.post_batch(body, auth) for auth in keys))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(api.story.store.campaigns.list()) == 1
    await api.finished(answers[0].json()["id"])
    assert len(api.story.carrier.log) == 10


async def test_the_key_of_a_refused_batch_is_free_again(api: Api) -> None:
    body = api.batch(idempotencyKey="second-try", **{"from": "+18005550000"})
    check_error(await api.post_batch(body), 33004, 403)
    mended = await api.post_batch(api.batch(idempotencyKey="second-try"))
    assert mended.status_code == 201


async def test_a_spent_recipient_key_skips_that_recipient_alone(api: Api) -> None:
    body = api.batch()
    for index, recipient in enumerate(body["recipients"]):
        recipient["idempotencyKey"] = f"order-{index}"
    first = (await api.post_batch(body)).json()
    await api.finished(first["id"])
    again = api.batch()
    again["recipients"][0]["idempotencyKey"] = "order-0"
    second = await api.finished((await api.post_batch(again)).json()["id"])
    assert (second["counts"]["sent"], second["counts"]["skipped"]) == (9, 1)
    messages = api.story.store.campaigns.messages(second["id"], MessageStatus.SKIPPED)
    sent = api.story.store.campaigns.messages(first["id"])[0]
    assert [(one.reason, one.duplicate_of) for one in messages] == [("duplicate_key", sent.id)]
    posted = api.story.store.campaigns.report(second["id"])
    assert (posted.posted.sms, posted.voided.sms) == (18, 2)


@pytest.mark.one_store
async def test_uniform_accounts_refuse_mixed_batches(api: Api) -> None:
    api.story.store.accounts.update(api.story.account.id, strict_uniform=True)
    body = api.batch()
    body["recipients"][0]["mediaUrl"] = "https://example.com/cat.jpg"
    check_error(await api.post_batch(body), 33024, 400)
    assert (await api.post_batch(api.batch())).status_code == 201


async def test_campaigns_racing_for_the_last_credits_never_overdraw(api: Api) -> None:
    story = api.story
    _, pair = story.store.accounts.create("racers", 0, 70, 0, ("+18005552222",))
    racers = story.store.accounts.show("racers")
    assert racers is not None
    keys = [story.store.api_keys.create(racers.id, 0) for _ in "abcd"]
    auths = [httpx.BasicAuth(one.key_id, one.secret) for one in keys for _ in range(5)]
    bodies = [api.batch(**{"from": "+18005552222"}) for _ in auths]
    answers = await asyncio.gather(
        *(api.post_batch(body, auth) for body, auth in zip(bodies, auths, strict=True))
    )
    won = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    lost = [answer for answer in answers if answer.status_code != 201]
    assert len(won) == 3
    for answer in lost:
        check_error(answer, 33023, 402)
    for campaign_id in won:
        await api.finished(campaign_id)
    account = story.store.accounts.show("racers")
    assert account is not None
    balance = account.balances[CreditKind.SMS]
    assert (balance.available, balance.held, balance.posted) == (10, 0, 60)
    assert len(story.carrier.log) == 30
