"""Fone Dynamics: a whole batch from its request to the last message, with days in between."""

import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from campaign.instants import DAY, HOUR, MINUTE, SECOND, iso
from campaign.leases import LEASE_FOR
from store.campaigns.audit import audit
from tests.conftest import Story, finish
from tests.dialects.fonedynamics.calls import (
    ACCEPTED,
    POOL,
    SENDER,
    Client,
    check_item,
    leased,
    message,
)
from tests.serving import serve_api

DOMESTIC = "+13125550144"


@pytest.fixture
async def client(story: Story) -> AsyncIterator[Client]:
    """A key of the account at the API, on a server on which days pass in milliseconds."""
    async with serve_api(story) as api:
        client = Client(api)
        client.fill_pool()
        yield client


async def test_a_thousand_messages_go_each_at_its_own_time_and_only_the_bad_fail(
    client: Client,
) -> None:
    story = client.api.story
    received = await story.now()
    now = received // SECOND
    wanted = [message(Text=f"No. {number}") for number in range(1_000)]
    for number in range(0, 1_000, 4):
        wanted[number] = leased(Text=f"No. {number}")
    for number in range(1, 1_000, 4):
        wanted[number]["From"] = "GODWIT"
    wanted[5]["To"] = "+14155550123"  # An operator there takes no names.
    story.store.leases.add_number(DOMESTIC, "US", 0)
    wanted[13]["To"] = "+8613912345678"  # Neither there, and the pool has no number of there.
    bad = {17: "INVALID_PHONENUMBER_FORMAT", 500: "MISSING_PARAMETER", 999: "INVALID_SENDER_ID"}
    bad[13] = "LEASE_UNAVAILABLE"
    wanted[17]["To"] = "0488"
    wanted[500]["Text"] = ""
    wanted[999]["From"] = "Somebody"
    schedules = {
        3: -59 * 60,
        4: 13 * 24 * 3600,
        6: 13 * 24 * 3600,
        7: 3 * 3600,
        8: -61 * 60,
        9: 14 * 24 * 3600 + 60,
    }
    for number, seconds in schedules.items():
        wanted[number]["Schedule"] = now + seconds
    bad |= {8: "INVALID_SCHEDULE", 9: "INVALID_SCHEDULE"}

    answer = await client.post({"Messages": wanted})
    items = answer.json()

    assert answer.status_code == 200 and len(items) == 1_000
    for number, (item, one) in enumerate(zip(items, wanted, strict=True)):
        if number in bad:
            check_item(item, bad[number], *(each["FieldName"] for each in item["Errors"]))
            continue
        assert set(item) - {"Scheduled"} == ACCEPTED
        assert (item["To"], item["Text"]) == (one["To"], one["Text"])
        expected = {DOMESTIC} if number == 5 else set(POOL) if one["From"] == "" else None
        assert item["From"] in (expected or {one["From"]})
    assert len({item["MessageSid"] for item in items if "MessageSid" in item}) == 994

    campaign_id = answer.headers["godwit-campaign"]
    await finish(story, campaign_id)
    messages = story.store.campaigns.messages(campaign_id, limit=1_000)
    assert Counter(one.status.value for one in messages) == {"sent": 994, "failed": 6}
    for number, stored in enumerate(messages):
        if number in bad:
            assert (stored.sent_at, stored.attempts) == (None, 0)
            continue
        assert stored.sent_at is not None
        due = received + max(0, schedules.get(number, 0)) * SECOND
        assert -SECOND <= stored.sent_at - due <= 2 * MINUTE
    sent = {row["reference"]: row for row in story.carrier.log}
    assert len(sent) == len(story.carrier.log) == 994
    senders = {sent[one.id]["from"] for one in messages if one.id in sent}
    assert senders == {SENDER, "GODWIT", DOMESTIC, *POOL}
    report = story.store.campaigns.report(campaign_id)
    assert (report.posted.sms, report.voided.sms, report.held.sms) == (1_988, 0, 0)
    assert audit(story.store.database).findings == ()


async def test_a_lease_lasts_thirty_days_from_the_last_send(client: Client) -> None:
    leases = client.api.story.store.leases
    first = leased(Schedule=await client.api.story.now() // SECOND + 10 * 24 * 3600)
    answer = await client.post({"Messages": [first]})
    number = answer.json()[0]["From"]
    due = first["Schedule"] * SECOND
    lease = leases.holder(number, first["To"], due)
    assert lease is not None and lease.expires_at == due + LEASE_FOR
    again = (await client.batch({**first, "Schedule": None}))[0]
    assert again["From"] == number
    assert leases.holder(number, first["To"], due + LEASE_FOR - 1) is not None
    assert leases.holder(number, first["To"], due + LEASE_FOR) is None
    await finish(client.api.story, answer.headers["godwit-campaign"])
    assert {row["from"] for row in client.api.story.carrier.log} == {number}


async def test_the_sixth_lease_to_a_recipient_is_an_item_error(client: Client) -> None:
    to = leased()["To"]
    hooks = [f"https://callback.2.me/{number}" for number in range(6)]
    items = await client.batch(*(leased(To=to, WebhookUri=uri) for uri in hooks), leased())
    check_item(items[5], "LEASE_LIMIT_REACHED", "From")
    assert len({item["From"] for item in items[:5]}) == 5 and "MessageSid" in items[6]
    fifth, sixth = await client.batch(*(leased(To=to, WebhookUri=uri) for uri in hooks[4:]))
    assert fifth["From"] == items[4]["From"]
    check_item(sixth, "LEASE_LIMIT_REACHED", "From")


async def test_a_lease_ends_after_thirty_days_for_replies_and_for_the_next_message(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    story, to = client.api.story, leased()["To"]
    began = time.time_ns() // 1_000_000
    clock = [began]
    monkeypatch.setattr(time, "time_ns", lambda: clock[0] * 1_000_000)
    monkeypatch.setattr(story.store.clock, "now", lambda: clock[0])
    hooks = [f"https://callback.2.me/{number}" for number in range(6)]
    items = await client.batch(*(leased(To=to, WebhookUri=uri) for uri in hooks[:5]))
    number = items[0]["From"]

    async def replied(body: str) -> tuple[int, int]:
        inbound = {"from": to, "to": number, "body": body, "at": iso(clock[0])}
        answer = await client.api.http.post("/carriers/pretend/inbound", json=inbound)
        assert answer.status_code == 202
        with story.store.database.engine.connect() as connection:
            kept = connection.scalar(text("SELECT count(*) FROM inbound_message")) or 0
            return kept, connection.scalar(text("SELECT count(*) FROM reply_channel")) or 0

    clock[0] = began + LEASE_FOR - 1
    assert await replied("in time") == (1, 1)
    check_item(
        (await client.batch(leased(To=to, WebhookUri=hooks[5])))[0], "LEASE_LIMIT_REACHED", "From"
    )
    clock[0] = began + LEASE_FOR
    assert await replied("too late") == (2, 1)
    (again,) = await client.batch(leased(To=to, WebhookUri=hooks[5]))
    assert again["From"] in POOL


async def test_a_leased_number_cannot_be_used_towards_anybody_else(client: Client) -> None:
    wanted = leased()
    number = (await client.batch(wanted))[0]["From"]
    owner, stranger = message(From=number, To=wanted["To"]), message(From=number)
    for item in await client.batch(owner, stranger):
        check_item(item, "INVALID_SENDER_ID", "From")
    native = {"text": "Hello", "sender": number, "recipients": [{"to": stranger["To"]}]}
    answer = await client.api.http.post("/v1/campaigns", json=native, auth=client.auth)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "sender_not_owned")


async def test_without_a_pool_a_leased_message_is_an_item_error(client: Client) -> None:
    for number in POOL:
        client.api.story.store.leases.remove_number(number)
    items = await client.batch(leased(), message(From="GODWIT", To="+14155550123"), message())
    check_item(items[0], "LEASE_UNAVAILABLE", "From")
    check_item(items[1], "LEASE_UNAVAILABLE", "From")
    assert set(items[2]) == ACCEPTED


async def test_a_bad_message_leases_nothing(client: Client) -> None:
    items = await client.batch(leased(Text=""), message())
    check_item(items[0], "MISSING_PARAMETER", "Text")
    pool = client.api.story.store.leases.pool(await client.api.story.now())
    assert sum(view.leases for view in pool) == 0


@pytest.mark.parametrize("ahead", [5 * DAY, 12 * HOUR])
async def test_a_scheduled_message_says_when_and_waits(client: Client, ahead: int) -> None:
    schedule = (await client.api.story.now() + ahead) // SECOND
    answer = await client.single(message(Schedule=schedule))
    shown = answer.json()["Message"]
    assert shown["Scheduled"] == schedule
    assert (await client.get(shown["MessageSid"])) == shown
    await finish(client.api.story, answer.headers["godwit-campaign"])
    later = await client.get(shown["MessageSid"])
    assert later["Status"] == "Submitted" and schedule <= later["Submitted"] <= schedule + 5
