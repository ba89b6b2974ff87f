"""The Telesign bulk request over HTTP: what is taken, and what is refused for its content."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from campaign.credits import CreditKind
from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.states import MessageStatus
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from tests.conftest import LONG_CODE
from tests.dialects.telesign.client import (
    FORM,
    PATH,
    Bulk,
    bulk,
    check_accepted,
    check_error,
    form,
)
from tests.serving import Api

__all__ = ["bulk"]


async def test_an_accepted_request_is_answered_with_293_and_sent(bulk: Bulk, api: Api) -> None:
    numbers = bulk.numbers(3)
    answer = await bulk.post(
        form(
            recipients=f"{numbers[0]}:session-a,+{numbers[1]}, 1 415-555-9999 ,{numbers[2]}:",
            template="Grüße & 10% + {{more}} ~ 😀",
            ucid="OTHR",
            sender_id=LONG_CODE[1:],
            session_id="spring",
        )
    )
    reference_id = check_accepted(answer)
    assert "x-ratelimit-limit" not in answer.headers
    campaign = await api.finished(reference_id)
    assert (campaign["id"], campaign["dialect"], campaign["name"]) == (
        reference_id,
        "telesign",
        "spring",
    )
    messages = api.story.store.campaigns.messages(reference_id)
    expected = [numbers[0], numbers[1], "14155559999", numbers[2]]
    assert [message.to for message in messages] == [f"+{number}" for number in expected]
    assert {message.text for message in messages} == {"Grüße & 10% + {{more}} ~ 😀"}
    assert [message.reference for message in messages] == ["session-a", None, None, None]
    assert {message.sender for message in messages} == {LONG_CODE}
    assert {message.status for message in messages} <= {"sent", "delivered"}


@pytest.mark.one_store
async def test_without_a_sender_the_accounts_own_is_used(bulk: Bulk, api: Api) -> None:
    reference_id = check_accepted(await bulk.post_fields())
    messages = api.story.store.campaigns.messages(reference_id)
    assert {message.sender for message in messages} == {LONG_CODE}


@pytest.mark.parametrize(
    ("sender_id", "sender"),
    [("72345", "72345"), ("GODWIT", "GODWIT"), ("+1 800-555-9876", LONG_CODE)],
)
@pytest.mark.one_store
async def test_a_sender_may_be_a_short_code_a_name_or_a_number(
    bulk: Bulk, api: Api, sender_id: str, sender: str
) -> None:
    reference_id = check_accepted(await bulk.post_fields(sender_id=sender_id))
    assert api.story.store.campaigns.messages(reference_id)[0].sender == sender


async def test_a_thousand_recipients_are_taken_and_one_more_is_not(bulk: Bulk, api: Api) -> None:
    people = ",".join(bulk.numbers(1_000))
    check_error(await bulk.post_fields(recipients=people + ",14155551000"), -10003, 400)
    assert api.story.store.campaigns.list() == []
    reference_id = check_accepted(await bulk.post_fields(recipients=people))
    view = api.story.store.campaigns.get(reference_id)
    assert view is not None and view.total == 1_000


async def test_no_number_is_accepted_and_fails_alone(bulk: Bulk, api: Api) -> None:
    (good,) = bulk.numbers(1)
    people = f"=1+1:a,{good}:b,123,1415555,99999999999,x\u202ey:c,+14155550100;ext=5"
    reference_id = check_accepted(await bulk.post_fields(recipients=people))
    campaign = await api.finished(reference_id)
    assert campaign["status"] == "finished_with_failures"
    assert (campaign["counts"]["failed"], campaign["counts"]["total"]) == (6, 7)
    failed = api.story.store.campaigns.messages(reference_id, MessageStatus.FAILED)
    assert [message.reason for message in failed] == ["number_invalid"] * 6
    assert [message.to for message in failed] == [
        "=1+1",
        "123",
        "1415555",
        "99999999999",
        "x\ufffdy",
        "+14155550100;ext=5",
    ]
    assert [sent["to"] for sent in api.story.carrier.log] == [f"+{good}"]
    credits = (await api.http.get("/v1/credits", auth=api.basic())).json()
    assert (credits["sms"]["posted"], credits["sms"]["held"]) == (2, 0)
    report = await api.http.get(
        f"/v1/campaigns/{reference_id}/report", headers={"accept": "text/csv"}, auth=api.basic()
    )
    assert ",'=1+1," in report.text and f",+{good}," in report.text


async def test_a_number_twice_is_sent_once_unless_its_session_ids_differ(
    bulk: Bulk, api: Api
) -> None:
    one, two = bulk.numbers(2)
    people = f"{one},{one},{two}:a,{two}:b,+{two}:a,{two}"
    reference_id = check_accepted(await bulk.post_fields(recipients=people))
    campaign = await api.finished(reference_id)
    assert (campaign["counts"]["sent"], campaign["counts"]["skipped"]) == (4, 2)
    skipped = api.story.store.campaigns.messages(reference_id, MessageStatus.SKIPPED)
    assert [(m.position, m.reason) for m in skipped] == [(1, "duplicate"), (4, "duplicate")]


FIELD_FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no template": ({"template": None}, -10001, "Missing parameter Parameter: Template"),
    "an empty template": ({"template": ""}, -10001, "Missing parameter Parameter: Template"),
    "no recipients": ({"recipients": None}, -10001, "Missing parameter Parameter: Recipients"),
    "empty recipients": ({"recipients": ""}, -10002, "Empty recipients list"),
    "recipients of commas": ({"recipients": " , ,,"}, -10002, "Empty recipients list"),
    "1,601 characters": ({"template": "é" * 1_601}, -10001, "Parameter: Template"),
    "a control character": ({"template": "bell \x07"}, -10001, "Parameter: Template"),
    "a bidi override": ({"template": "a\u202eb"}, -10001, "Parameter: Template"),
    "a phishing text": ({"template": "bit.ly/3xYz win now"}, -10001, "Parameter: Template"),
    "an unknown use case": ({"ucid": "SPAM"}, -10001, "Parameter: Ucid"),
    "a use case in small letters": ({"ucid": "othr"}, -10001, "Parameter: Ucid"),
    "no sender at all": ({"sender_id": "no/sender"}, -10001, "Parameter: Sender_id"),
    "a sender of somebody else": ({"sender_id": "18005550000"}, -10001, "Parameter: Sender_id"),
    "a session id too long": (
        {"recipients": f"14155550100:{'x' * 65}"},
        -10001,
        "Parameter: Recipients",
    ),
    "a session id with a line end": (
        {"recipients": "14155550100:a\nb"},
        -10001,
        "Parameter: Recipients",
    ),
    "a long session id of all": ({"session_id": "x" * 65}, -10001, "Parameter: Session_id"),
}


@pytest.mark.parametrize("fault", FIELD_FAULTS)
@pytest.mark.one_store
async def test_a_faulty_field_is_named_and_nothing_is_sent(
    bulk: Bulk, api: Api, fault: str
) -> None:
    change, code, text = FIELD_FAULTS[fault]
    fields = {name: value for name, value in bulk.fields(**change).items() if value is not None}
    answer = await bulk.post(form(**fields))
    assert text in check_error(answer, code, 400)["description"]
    # What was refused by judgement can be looked up under the id that was answered.
    stored = [(view.id, view.status) for view in api.story.store.campaigns.list()]
    assert stored in ([], [(answer.json()["reference_id"], "refused")])
    assert api.story.carrier.log == []


@pytest.mark.one_store
async def test_limits_are_inclusive_and_colons_belong_to_the_session_id(
    bulk: Bulk, api: Api
) -> None:
    (number,) = bulk.numbers(1)
    session_id = "a:b:" + "é" * 60
    answer = await bulk.post_fields(
        recipients=f"{number}:{session_id}", template="é" * 1_600, session_id="x" * 64
    )
    messages = api.story.store.campaigns.messages(check_accepted(answer))
    assert (messages[0].reference, len(messages[0].text)) == (session_id, 1_600)


@pytest.mark.one_store
async def test_every_faulty_field_is_told_at_once(bulk: Bulk) -> None:
    answer = await bulk.post(form(ucid="SPAM"))
    check_error(answer, -10001, 400)
    descriptions = [error["description"] for error in answer.json()["errors"]]
    assert [re.findall(r"\w+$", text)[0] for text in descriptions] == [
        "Recipients",
        "Template",
        "Ucid",
    ]


BODIES: dict[str, tuple[bytes, str]] = {
    "multipart": (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
    "JSON": (b'{"recipients": "14155550100", "template": "x"}', "application/json"),
    "no media type": (b"recipients=14155550100&template=x", ""),
    "a longer media type": (b"recipients=14155550100&template=x", FORM + "2"),
    "another charset": (b"recipients=14155550100&template=%E9", FORM + "; charset=latin-1"),
    "invalid UTF-8": (b"recipients=14155550100&template=%E9", FORM),
    "invalid UTF-8, not encoded": (b"recipients=14155550100&template=\xe9", FORM),
    "half a surrogate pair": (b"recipients=14155550100&template=%ED%A0%80", FORM),
    "a NUL": (b"recipients=14155550100&template=a%00b", FORM),
    "a NUL in a name": (b"recipients=14155550100&template=a&b%00=c", FORM),
    "a field twice": (b"recipients=14155550100&template=x&recipients=14155550101", FORM),
    "too many fields": (b"recipients=14155550100&template=x" + b"&a=b" * 100, FORM),
}


@pytest.mark.one_store
async def test_a_body_that_is_no_plain_form_is_40006(bulk: Bulk, api: Api) -> None:
    for name, (content, media_type) in BODIES.items():
        answer = await bulk.post(content, content_type=media_type)
        assert answer.status_code == 400, name
        check_error(answer, -40006, 400)
    assert api.story.store.campaigns.list() == []


@pytest.mark.one_store
async def test_the_media_type_may_have_a_charset(bulk: Bulk) -> None:
    for media_type in (FORM + "; charset=utf-8", FORM.upper(), FORM + ';charset="UTF-8"'):
        check_accepted(await bulk.post(form(**bulk.fields()), content_type=media_type))


@pytest.mark.one_store
async def test_plus_is_a_space_and_what_is_no_code_stays(bulk: Bulk, api: Api) -> None:
    body = b"recipients=14155550100,+14155550101&template=50%+off+%zz+a%2Bb+\xc3\xa9;x&unknown="
    reference_id = check_accepted(await bulk.post(body))
    messages = api.story.store.campaigns.messages(reference_id)
    assert [message.to for message in messages] == ["+14155550100", "+14155550101"]
    assert messages[0].text == "50% off %zz a+b é;x"


@pytest.mark.one_store
async def test_too_large_and_encoded_bodies_are_40006(bulk: Bulk) -> None:
    large = b"recipients=14155550100&template=x&padding=" + b"x" * 1024 * 1024
    check_error(await bulk.post(large), -40006, 413)
    check_error(await bulk.post(b"x", content_encoding="gzip"), -40006, 415)


async def test_another_method_or_path_is_answered_in_this_shape(api: Api) -> None:
    check_error(await api.http.get(PATH), -40006, 405)
    check_error(await api.http.post("/v1/verify/bulk_mms"), -40006, 404)


async def test_the_daily_quota_and_missing_credits_are_the_hard_cap(bulk: Bulk, api: Api) -> None:
    store = api.story.store
    store.accounts.update(api.story.account.id, daily_quota=4)
    check_accepted(await bulk.post_fields())
    check_error(await bulk.post_fields(), -40008, 429)
    _, pair = store.accounts.create("poor", 0, 5, 0, ("+18005551111",))
    poor = httpx.BasicAuth(pair.key_id, pair.secret)
    # The vendor's clients repeat a 429 until it is taken.
    check_error(await bulk.post(form(**bulk.fields()), poor), -40008, 400)
    account = store.accounts.show("poor")
    assert account is not None and account.balances[CreditKind.SMS].available == 5


@pytest.mark.one_store
async def test_of_seventy_requests_at_once_sixty_pass(bulk: Bulk, api: Api) -> None:
    auth = api.basic()
    answers = await asyncio.gather(*(bulk.post(b"", auth) for _ in range(70)))
    limited = [answer for answer in answers if answer.status_code == 429]
    assert len(limited) == 10
    for answer in limited:
        check_error(answer, -40007, 429)
        assert 1 <= int(answer.headers["retry-after"]) <= 61
    check_error(await bulk.post(b""), -10001, 400)


async def test_a_replay_is_recognised_where_the_account_asks_for_it(bulk: Bulk, api: Api) -> None:
    body = form(**bulk.fields())
    assert check_accepted(await bulk.post(body)) != check_accepted(await bulk.post(body))
    api.story.store.accounts.update(api.story.account.id, auto_key="payload_hash")
    first, again = await bulk.post(body), await bulk.post(body)
    assert check_accepted(first) == check_accepted(again)
    assert first.json() == again.json()


@pytest.mark.parametrize(
    ("error", "http"),
    [(ServiceUnavailable("x"), 503), (StoreUnavailable("x"), 503), (RuntimeError("secret"), 500)],
)
@pytest.mark.one_store
async def test_what_is_our_fault_is_90001(
    api: Api, bulk: Bulk, error: Exception, http: int
) -> None:
    class Broken(RequestLimiter):
        async def take(self, limit: str, route: str, delivery_sender: str) -> Any:
            raise error

    story = api.story
    api_context = ApiContext(story.settings, story.store, story.service, Broken("memory://"))
    transport = httpx.ASGITransport(create_app(api_context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://godwit") as broken:
        body = form(**bulk.fields())
        answer = await broken.post(
            PATH, content=body, headers={"content-type": FORM}, auth=api.basic()
        )
    check_error(answer, -90001, http)
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (http == 503)
