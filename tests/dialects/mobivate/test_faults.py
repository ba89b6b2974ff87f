"""What the Mobivate API refuses: every fault is named with its place, and stores nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaign.instants import DAY, HOUR, iso
from tests.campaign.making import NOW
from tests.dialects.mobivate.calls import (
    Body,
    accepted,
    batch,
    bearer,
    check_error,
    composed,
    post,
    refused,
)
from tests.serving import Api

Change = Callable[[Body], object]


def put(member: str, value: object) -> Change:
    return lambda body: body.__setitem__(member, value)


def without(member: str) -> Change:
    return lambda body: body.pop(member)


def first(member: str, value: object) -> Change:
    return lambda body: body["recipients"][0].__setitem__(member, value)


def at(after: int) -> str:
    """An instant before or after the one at which composed requests come."""
    return iso(NOW + after)


def later(**parts: float) -> str:
    return (datetime.now(UTC) + timedelta(**parts)).isoformat()


def same_reference(body: Body) -> None:
    for recipient in body["recipients"]:
        recipient["reference"] = "twice"


FAULTS: dict[str, tuple[Change, str]] = {
    "no recipients": (without("recipients"), "recipients"),
    "recipients of another type": (put("recipients", "14155550100"), "recipients"),
    "no entry": (put("recipients", []), "recipients"),
    "an entry of another type": (put("recipients", [14155550100]), "recipients[0]"),
    "an entry without recipient": (put("recipients", [{}]), "recipients[0].recipient"),
    "a recipient of another type": (first("recipient", 14155550100), "recipients[0].recipient"),
    "a recipient with letters": (first("recipient", "1415FLOWERS"), "recipients[0].recipient"),
    "a national number": (first("recipient", "07900000001"), "recipients[0].recipient"),
    "too few digits": (first("recipient", "123456"), "recipients[0].recipient"),
    "too many digits": (first("recipient", "1" * 16), "recipients[0].recipient"),
    "a list without its UUID": (
        first("meta", {"type": "mailinglist"}),
        "recipients[0].recipient",
    ),
    "meta of another type": (first("meta", ["NAME"]), "recipients[0].meta"),
    "meta within meta": (first("meta", {"NAME": {"a": "b"}}), "recipients[0].meta"),
    "a reference twice": (same_reference, "recipients[1].reference"),
    "a reference of 201 characters": (first("reference", "x" * 201), "recipients[0].reference"),
    "a reference of another type": (first("reference", 7), "recipients[0].reference"),
    "no text": (without("text"), "text"),
    "a text of another type": (put("text", 7), "text"),
    "an empty text": (put("text", ""), "recipients[0].text"),
    "a text of 1,601 characters": (put("text", "x" * 1_601), "text"),
    "a text too long once filled": (
        lambda body: body.update(
            text="{{A}}", recipients=[{"recipient": "14155550100", "meta": {"A": "x" * 1_601}}]
        ),
        "recipients[0].text",
    ),
    "a control character": (put("text", "bell \x07"), "recipients[0].text"),
    "a bidi override in meta": (
        lambda body: body.update(
            text="{{A}}", recipients=[{"recipient": "14155550100", "meta": {"A": "\u202e"}}]
        ),
        "recipients[0].text",
    ),
    "no originator": (without("originator"), "originator"),
    "an originator of another type": (put("originator", 72345), "originator"),
    "an originator of 16": (put("originator", "SixteenCharacter"), "originator"),
    "an originator with signs": (put("originator", "Bean&Gone"), "originator"),
    "an originator of 16 digits": (put("originator", "1" * 16), "originator"),
    "an originator of 4 digits": (put("originator", "1234"), "originator"),
    "a recipient's originator": (first("originator", "é"), "recipients[0].originator"),
    "a name of another type": (put("name", ["x"]), "name"),
    "a name of 201 characters": (put("name", "x" * 201), "name"),
    "a switch as text": (put("excludeDuplicates", "true"), "excludeDuplicates"),
    "a switch as number": (put("shortenUrls", 1), "shortenUrls"),
    "the first spelling as text": (put("excludeOptOuts", "false"), "excludeOptOuts"),
    "the second spelling as text": (
        lambda body: body.update(excludeOptOuts=True, excludeOptouts="no"),
        "excludeOptouts",
    ),
    "a negative spread": (put("spreadHours", -0.1), "spreadHours"),
    "a spread of 73 hours": (put("spreadHours", 73), "spreadHours"),
    "a spread of a billion hours": (put("spreadHours", 1e300), "spreadHours"),
    "a spread as text": (put("spreadHours", "6"), "spreadHours"),
    "a spread as switch": (put("spreadHours", True), "spreadHours"),
    "a date without a time": (put("scheduleDateTime", "2031-01-01"), "scheduleDateTime"),
    "a time without seconds": (put("scheduleDateTime", "2031-01-01T10:00Z"), "scheduleDateTime"),
    "a day that is none": (put("scheduleDateTime", "2031-02-30T10:00:00Z"), "scheduleDateTime"),
    "a leap second": (put("scheduleDateTime", "2031-06-30T23:59:60Z"), "scheduleDateTime"),
    "a schedule as number": (put("scheduleDateTime", 1_900_000_000), "scheduleDateTime"),
    "year one": (put("scheduleDateTime", "0001-01-01T00:00:00+2359"), "scheduleDateTime"),
    "year 9999": (put("scheduleDateTime", "9999-12-31T23:59:59-2359"), "scheduleDateTime"),
    "more than 35 days ahead": (put("scheduleDateTime", at(35 * DAY + 1)), "scheduleDateTime"),
    "more than an hour ago": (put("scheduleDateTime", at(-HOUR)), "scheduleDateTime"),
    "a callback to a file": (put("callbackURL", "file:///etc/passwd"), "callbackURL"),
    "a callback to a script": (put("callbackURL", "javascript:alert(1)"), "callbackURL"),
    "a callback with a user": (put("callbackURL", "https://a:b@example.com/"), "callbackURL"),
    "a callback to no name": (put("callbackURL", "https://-a-.example/"), "callbackURL"),
    "a callback to a name too long": (put("callbackURL", f"https://{'a' * 64}.de/"), "callbackURL"),
    "a callback to port 0": (put("callbackURL", "https://example.com:0/"), "callbackURL"),
    "a callback to port 65536": (put("callbackURL", "https://example.com:65536/"), "callbackURL"),
    "a callback of another type": (put("callbackURL", ["https://a.example"]), "callbackURL"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_validation_error_with_its_place(fault: str) -> None:
    change, place = FAULTS[fault]
    body = batch()
    change(body)
    error = refused(body)
    assert (error["name"], error["statusCode"]) == ("ValidationError", 400)
    assert error["details"][0]["path"] == place
    assert error["message"] == f"{place}: {error['details'][0]['message']}"


@pytest.mark.one_store
async def test_a_fault_of_form_stores_nothing(api: Api) -> None:
    body = batch(2, spreadHours="6")
    body["recipients"][1]["recipient"] = "07900000001"
    error = check_error(await post(api, body), "ValidationError", 400)
    places = [detail["path"] for detail in error["details"]]
    assert places == ["recipients[1].recipient", "spreadHours"]
    assert api.story.store.campaigns.list() == []


@pytest.mark.one_store
async def test_an_originator_of_somebody_else_is_refused(api: Api) -> None:
    error = check_error(await post(api, batch(originator="Bank")), "ValidationError", 400)
    assert error["details"][0]["path"] == "recipients[0].originator"
    assert api.story.carrier.log == []


@pytest.mark.parametrize("body", [7, "text", [], [{"recipient": "14155550100"}]])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert refused(body)["message"] == "the body must be a JSON object"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        (b'{"text": NaN}', "application/json", 400),
        (b'{"text": "a", "text": "b"}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"text": "\\ud800"}', "application/json", 400),
        (b"text=a", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
    ],
)
@pytest.mark.one_store
async def test_a_body_that_cannot_be_read_is_refused_in_this_shape(
    api: Api, content: bytes, kind: str, status: int
) -> None:
    headers = {**bearer(api), "content-type": kind}
    answer = await api.http.post("/send/batch", content=content, headers=headers)
    check_error(answer, "ValidationError", status)


@pytest.mark.one_store
async def test_a_body_that_is_too_large_is_413(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialects.mobivate.routes.BODY_BYTES_MAX", 1_000)
    check_error(await post(api, batch(text="x" * 1_000)), "ValidationError", 413)


def test_a_thousand_entries_are_taken_and_one_more_is_not() -> None:
    many = [{"recipient": str(14155000000 + index)} for index in range(1_001)]
    assert refused(batch(recipients=many))["details"][0]["path"] == "recipients"
    assert len(composed(batch(recipients=many[:1_000])).messages) == 1_000


def test_limits_are_inclusive() -> None:
    body = batch(1, text="é" * 1_600, name="x" * 200, spreadHours=72, scheduleDateTime=at(35 * DAY))
    body["recipients"][0]["reference"] = "x" * 200
    assert len(composed(body).messages) == 1
    past = composed(batch(1, scheduleDateTime=at(1 - HOUR), spreadHours=0.001))
    assert past.messages[0].due_at == NOW


@pytest.mark.one_store
async def test_an_hour_ago_is_refused_over_http_too_and_a_minute_ago_is_now(api: Api) -> None:
    check_error(await post(api, batch(scheduleDateTime=later(minutes=-61))), "ValidationError", 400)
    record = await accepted(api, batch(scheduleDateTime=later(minutes=-1)))
    assert datetime.fromisoformat(record["scheduled"]) > datetime.now(UTC) - timedelta(seconds=30)


def test_no_refusal_repeats_a_number_or_a_text() -> None:
    body = batch(1, text="{{SECRET}}")
    body["recipients"][0]["recipient"] = "14155559999x"
    body["recipients"][0]["meta"] = {"SECRET": ["hush"]}
    result = str(refused(body))
    assert "14155559999" not in result and "hush" not in result


@pytest.mark.one_store
async def test_a_text_against_the_rules_refuses_the_whole_campaign(api: Api) -> None:
    body = batch(3)
    body["recipients"][1]["text"] = "Cheap vodka, two for one tonight"
    error = check_error(await post(api, body), "ValidationError", 400)
    assert error["details"][0]["path"] == "recipients[1].text"
    assert "vodka" not in str(error)
    assert api.story.carrier.log == []


SINGLE_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no recipient": ({"recipient": None}, "recipient"),
    "a list": ({"recipient": "3392287d-7a79-4789-9ef8-7dc174836688"}, "recipient"),
    "no text": ({"text": None}, "text"),
    "an empty text": ({"text": ""}, "text"),
    "no originator": ({"originator": None}, "originator"),
    "a foreign originator": ({"originator": "Bank"}, "originator"),
    "meta of another type": ({"meta": 7}, "meta"),
}


@pytest.mark.parametrize("fault", SINGLE_FAULTS)
@pytest.mark.one_store
async def test_a_fault_of_a_single_message_has_a_place_without_index(api: Api, fault: str) -> None:
    change, place = SINGLE_FAULTS[fault]
    body = {"recipient": "14155550100", "text": "Hello", "originator": "GODWIT"} | change
    error = check_error(await post(api, body, "/send/single"), "ValidationError", 400)
    assert error["details"][0]["path"] == place
