"""Twilio's own: how a doubtful send is found again, signatures, codes, and what is asked for."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from campaign.failures import CarrierFailure, DoubtfulHandoff, PermanentFailure, TemporaryFailure
from campaign.handoffs import Acceptance, CarrierCall, Forged
from campaign.instants import SECOND, Instant, moment_of
from carriers import twilio
from carriers.twilio import CLOCK_ALLOWANCE, PAGES_MAX, TwilioCarrier, TwilioSettings
from tests.carriers.described import SENDER, TO, form_of, handoff, headers_of, query_of, result
from tests.carriers.descriptions import TWILIO, twilio_call
from tests.carriers.servers import Call, Play, Stub, serving

TRIED: Instant = 1_800_000_000_000
ROOT = "/2010-04-01/Accounts/AC1/Messages"


@asynccontextmanager
async def opened(play: Play, **members: Any) -> AsyncIterator[tuple[TwilioCarrier, Stub]]:
    async with serving(play) as stub:
        values = {"account_sid": "AC1", "auth_token": "t", "base_url": stub.base_url, **members}
        carrier = TwilioCarrier(TwilioSettings(**values), 5.0)
        try:
            yield carrier, stub
        finally:
            await carrier.close()


def listed(
    sid: str, after: Instant = SECOND, body: str = "Hello", status: str = "queued", to: str = TO
) -> dict[str, Any]:
    """A message of the list, created so long after the try was written down."""
    created = format_datetime(moment_of(TRIED + after).astimezone(UTC), usegmt=False)
    return {"sid": sid, "to": to, "body": body, "status": status, "date_created": created}


def pages(*each: Sequence[dict[str, Any]], more: bool = False) -> Play:
    """A server that lists so, page after page; with ``more`` the last page has a next one."""

    async def play(call: Call) -> None:
        page = int(query_of(call).get("Page", "0"))
        following = None
        if page + 1 < len(each) or more:
            following = f"{ROOT}.json?Page={page + 1}&PageToken=PT"
        messages = each[min(page, len(each) - 1)]
        answer = {"messages": messages, "next_page_uri": following}
        await call.answer(200, json.dumps(answer).encode())

    return play


async def found(play: Play) -> tuple[str | None, list[Call]]:
    async with opened(play) as (carrier, stub):
        taken = await carrier.look_up(handoff(text="Hello", attempted_at=TRIED))
        return (None if taken is None else taken.carrier_id), stub.calls


# --------------------------------------------------------------------------- looking up


async def test_a_send_that_was_cut_off_is_found_by_number_text_and_time() -> None:
    sid, calls = await found(pages([listed("SM2", body="Other"), listed("SM1")]))
    assert sid == "SM1"
    query = query_of(calls[0])
    assert (query["To"], query["From"]) == (TO, SENDER)
    # A queued message has no DateSent: with a filter by it the message would be missed.
    assert set(query) == {"To", "From", "PageSize"}


@pytest.mark.parametrize(
    "other",
    [
        listed("SM9", body="Hello!"),
        listed("SM9", to="+14155550000"),
        listed("SM9", after=-CLOCK_ALLOWANCE - SECOND),
        listed("SM9", status="failed"),
        listed("SM9", status="canceled"),
    ],
    ids=["another text", "another number", "too early", "never taken", "called off"],
)
async def test_another_message_is_not_mistaken_for_it(other: dict[str, Any]) -> None:
    assert (await found(pages([other])))[0] is None
    assert (await found(pages([other, listed("SM1")])))[0] == "SM1"


@pytest.mark.parametrize("status", ["accepted", "queued", "sending", "sent", "delivered"])
async def test_a_message_on_any_part_of_its_way_was_taken(status: str) -> None:
    early = listed("SM1", after=-CLOCK_ALLOWANCE + SECOND, status=status, body=" Hello ")
    assert (await found(pages([early])))[0] == "SM1"


async def test_of_several_that_match_the_first_is_it() -> None:
    both = [listed("SM2", after=9 * SECOND), listed("SM1", after=SECOND)]
    assert (await found(pages(both)))[0] == "SM1"


async def test_pages_are_followed_until_one_is_older_than_the_try() -> None:
    busy = [listed(f"SM{n}", after=60 * SECOND, body="Other") for n in range(3)]
    old = [listed("SM9", after=-3600 * SECOND)]
    sid, calls = await found(pages(busy, [listed("SM1")], old, old, more=True))
    assert (sid, len(calls)) == ("SM1", 3)
    assert query_of(calls[1])["PageToken"] == "PT"


async def test_pages_without_end_give_no_answer() -> None:
    busy = [listed("SM2", after=60 * SECOND, body="Other")]
    async with opened(pages(busy, more=True)) as (carrier, stub):
        with pytest.raises(TemporaryFailure) as caught:
            await carrier.look_up(handoff(text="Hello", attempted_at=TRIED))
        assert caught.value.code == "too_many_pages" and len(stub.calls) == PAGES_MAX + 1


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:1/2010-04-01/x", "//evil/x", "/other", 7])
async def test_a_next_page_elsewhere_is_not_gone_to(elsewhere: object) -> None:
    async def play(call: Call) -> None:
        page = {"messages": [listed("SM2", body="Other")], "next_page_uri": elsewhere}
        await call.answer(200, json.dumps(page).encode())

    sid, calls = await found(play)
    assert (sid, len(calls)) == (None, 1)


@pytest.mark.parametrize(
    "page",
    [
        {"messages": None},
        {"messages": ["SM1"]},
        {"messages": [{"sid": "SM1", "body": "Hello", "to": TO}]},
        {"messages": [{**listed("SM1"), "date_created": "soon"}]},
        {"messages": [{**listed("SM1"), "sid": None}]},
    ],
)
async def test_a_list_that_cannot_be_read_is_no_answer(page: dict[str, Any]) -> None:
    async def play(call: Call) -> None:
        await call.answer(200, json.dumps(page).encode())

    with pytest.raises(TemporaryFailure) as caught:
        await found(play)
    assert caught.value.code == "answer_unreadable"


async def test_a_try_that_was_cut_after_it_was_taken_is_resolved() -> None:
    """The whole way: taken, cut off, asked for, found."""
    taken: list[dict[str, str]] = []

    async def play(call: Call) -> None:
        if call.head.startswith(b"POST"):
            taken.append(form_of(call))
            call.reset()
            return
        now = format_datetime(datetime.now(UTC))
        messages = [
            {"sid": f"SM{n}", "to": one["To"], "body": one["Body"], "status": "sent"}
            | {"date_created": now}
            for n, one in enumerate(taken)
        ]
        await call.answer(200, json.dumps({"messages": messages}).encode())

    async with opened(play) as (carrier, _):
        tried = handoff(attempted_at=int(datetime.now(UTC).timestamp() * 1000))
        assert await carrier.look_up(tried) is None
        with pytest.raises(DoubtfulHandoff):
            await carrier.send(tried)
        assert await carrier.look_up(tried) == Acceptance("SM0")
    assert len(taken) == 1


# --------------------------------------------------------------------------- sending


def yes(http: int = 201, **members: object) -> Play:
    async def play(call: Call) -> None:
        answer = {"sid": "SM1", "status": "queued", **members}
        await call.answer(http, json.dumps(answer).encode())

    return play


async def test_a_key_and_a_service_are_used_where_they_are_set() -> None:
    members = {
        "api_key": "SK1",
        "api_key_secret": "s",
        "messaging_service_sid": "MG1",
    }
    async with opened(yes(), **members) as (carrier, stub):
        await carrier.send(handoff())
        form, headers = form_of(stub.calls[0]), headers_of(stub.calls[0])
    assert headers["authorization"] == "Basic U0sxOnM="
    assert (form["MessagingServiceSid"], form["From"]) == ("MG1", SENDER)
    assert form["SmartEncoded"] == "false"
    assert "StatusCallback" not in form  # Nobody said where we are.


async def test_a_picture_without_a_text_has_no_text() -> None:
    async with opened(yes()) as (carrier, stub):
        await carrier.send(handoff(text="", media_url="https://m.example.com/a.png"))
        form = form_of(stub.calls[0])
    assert "Body" not in form and form["MediaUrl"] == "https://m.example.com/a.png"


@pytest.mark.parametrize(
    "code, kind, word",
    [
        (21211, PermanentFailure, "invalid_number"),
        (21408, PermanentFailure, "country_not_enabled"),
        (21610, PermanentFailure, "opted_out"),
        (21614, PermanentFailure, "not_mobile"),
        (21999, PermanentFailure, "carrier_21999"),
        (20003, TemporaryFailure, "carrier_configuration"),
        (21212, TemporaryFailure, "carrier_configuration"),
        (21606, TemporaryFailure, "carrier_configuration"),
        (21611, TemporaryFailure, "rate_limited"),
        (20429, TemporaryFailure, "rate_limited"),
    ],
)
async def test_each_code_is_sorted_by_what_must_happen_next(
    code: int, kind: type[CarrierFailure], word: str
) -> None:
    async with opened(yes(400, code=code, message=f"about {TO}")) as (carrier, _):
        with pytest.raises(CarrierFailure) as caught:
            await carrier.send(handoff())
    assert (type(caught.value), caught.value.code) == (kind, word)


async def test_a_message_that_is_taken_and_failed_at_once_is_refused() -> None:
    async with opened(yes(status="failed", error_code=30006)) as (carrier, _):
        with pytest.raises(PermanentFailure) as caught:
            await carrier.send(handoff())
    assert caught.value.code == "not_mobile"


# --------------------------------------------------------------------------- its calls


def test_the_signature_is_the_one_of_an_example_worked_out_apart() -> None:
    # printf 'https://example.com/in?x=1AaBb c' | openssl dgst -sha1 -hmac 12345 -binary | base64
    worked_out = "NseVYKm4hO7A8NiRvNlYXKFdH8s="
    url, fields = "https://example.com/in?x=1", [("B", "b c"), ("A", "a")]
    assert twilio._signature("12345", url, fields) == worked_out


@pytest.mark.parametrize(
    "ours, signed",
    [
        ("https://sms.example.com/in/r", "https://sms.example.com:443/in/r"),
        ("https://sms.example.com:443/in/r", "https://sms.example.com/in/r"),
        ("http://sms.example.com/in/r", "http://sms.example.com:80/in/r"),
        ("https://sms.example.com:8443/in/r", "https://sms.example.com:8443/in/r"),
    ],
)
def test_a_port_that_goes_without_saying_may_be_signed_or_not(
    ours: str, signed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    TWILIO.set_up(monkeypatch)
    fields = {"MessageSid": "SM1", "MessageStatus": "sent"}
    call = twilio_call(signed, fields)
    assert twilio.read_receipts(CarrierCall("POST", ours, call.headers, call.body)) == []


def test_the_address_is_signed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    TWILIO.set_up(monkeypatch)
    call = TWILIO.receipt("msg_1", "delivered")
    other = call.url.replace("msg_1", "msg_2")
    with pytest.raises(Forged):
        twilio.read_receipts(CarrierCall("POST", other, call.headers, call.body))
    (receipt,) = twilio.read_receipts(call)
    assert (receipt.reference, receipt.carrier_id) == ("msg_1", "SM1")


@pytest.mark.parametrize(
    "status, shown_as, code, word",
    [
        ("delivered", "delivered", "", None),
        ("read", "delivered", "", None),
        ("undelivered", "undelivered", "30003", "unreachable"),
        ("undelivered", "undelivered", "30007", "filtered"),
        ("failed", "undelivered", "21610", "opted_out"),
        ("failed", "undelivered", "39999", "carrier_39999"),
        ("failed", "undelivered", "+14155551234", "undelivered"),
        ("canceled", "undelivered", "", "undelivered"),
    ],
)
def test_final_statuses_are_receipts(
    status: str, shown_as: str, code: str, word: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    TWILIO.set_up(monkeypatch)
    fields = {"MessageSid": "SM1", "MessageStatus": status}
    if code:
        fields["ErrorCode"] = code
    call = twilio_call(result("twilio", "receipts", "reference=msg_1"), fields)
    (receipt,) = twilio.read_receipts(call)
    assert (receipt.status, receipt.code) == (shown_as, word)


@pytest.mark.parametrize("status", ["accepted", "scheduled", "queued", "sending", "sent", "new"])
def test_statuses_on_the_way_and_new_ones_say_nothing(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    TWILIO.set_up(monkeypatch)
    fields = {"MessageSid": "SM1", "MessageStatus": status}
    call = twilio_call(result("twilio", "receipts", "reference=msg_1"), fields)
    assert twilio.read_receipts(call) == []
