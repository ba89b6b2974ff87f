"""Fone Dynamics: messages over HTTP, one by one: limits, single sends, and looking them up."""

import asyncio

import pytest

from dialects.fonedynamics.responses import message_id_of, sid_of
from tests.dialects.fonedynamics.calls import (
    ACCEPTED,
    Client,
    check_failure,
    check_item,
    in_seconds,
    message,
)
from tests.serving import Api


@pytest.fixture
def client(api: Api) -> Client:
    """A key of the account."""
    return Client(api)


@pytest.mark.one_store
async def test_limits_are_inclusive(client: Client) -> None:
    longest = message(Text="é" * 1_600, ExternalId="x" * 200, Schedule=in_seconds(14 * 86_400))
    now = message(Schedule=in_seconds(-3_590), Text="x")
    items = await client.batch(longest, now, message(DeliveryReceipt=False))
    assert [set(item) - {"Scheduled"} for item in items] == [ACCEPTED] * 3
    assert items[0]["Scheduled"] == longest["Schedule"]
    assert (items[0]["Text"], items[0]["ExternalId"]) == (longest["Text"], longest["ExternalId"])
    assert [item["DeliveryReceipt"] for item in items] == [True, True, False]


async def test_a_number_may_be_sent_to_twice_in_one_batch(client: Client) -> None:
    wanted = message()
    items = await client.batch(wanted, wanted, {**wanted, "Text": "And again"})
    assert len({item["MessageSid"] for item in items}) == 3


async def test_who_opted_out_is_an_item_error(client: Client) -> None:
    opted_out, other = message(), message()
    story = client.api.story
    story.store.opt_outs.add(story.account.id, opted_out["To"], "inbound", 0)
    items = await client.batch(opted_out, other)
    check_item(items[0], "RECIPIENT_OPTED_OUT", "To")
    assert set(items[1]) == ACCEPTED
    check_failure(await client.single(opted_out), 403, "RECIPIENT_OPTED_OUT", "To")


async def test_a_single_message_is_wrapped_and_fails_as_a_whole(client: Client) -> None:
    answer = await client.single(message(Text="{{NAME}} is plain text"))
    assert answer.status_code == 200 and set(answer.json()) == {"Message"}
    shown = answer.json()["Message"]
    assert set(shown) == ACCEPTED and shown["Text"] == "{{NAME}} is plain text"
    await client.api.finished(answer.headers["godwit-campaign"])
    assert (await client.get(shown["MessageSid"]))["Status"] == "Submitted"
    check_failure(
        await client.single(message(To="0488023555")), 400, "INVALID_PHONENUMBER_FORMAT", "To"
    )
    check_failure(await client.single(message(From="Planet")), 403, "INVALID_SENDER_ID", "From")
    check_failure(await client.single([]), 400, "INVALID_PARAMETER")
    check_failure(await client.single({}), 400, "MISSING_PARAMETER", "To", "Text")


async def test_messages_are_looked_up_by_either_id_and_by_their_owner_alone(
    client: Client,
) -> None:
    sid = (await client.one())["MessageSid"]
    message_id = message_id_of(sid)
    assert message_id is not None and sid_of(message_id) == sid
    assert (await client.get(message_id))["MessageSid"] == sid
    story = client.api.story
    _, client.pair = story.store.accounts.create("other", 0)
    for known in (sid, message_id, sid_of("msg_" + "2" * 22)):
        answer = await client.api.http.get(f"/v2/Messages/{known}", auth=client.auth)
        check_failure(answer, 404, "MESSAGE_NOT_FOUND")


@pytest.mark.parametrize(
    "sid", ["M", "M" + "0" * 30, "m" + "0" * 31, "M" + "Z" * 31, "M" + "é" * 31]
)
def test_what_is_no_sid_stands_for_no_message(sid: str) -> None:
    assert message_id_of(sid) is None
    assert message_id_of("M" + "0" * 31) == "msg_" + "1" * 22


async def test_a_message_that_fails_or_is_cancelled_says_so(client: Client) -> None:
    bad = message(To="+61491570001", Text="refused by the carrier")
    late = message(Schedule=in_seconds(3_600))
    answer = await client.post({"Messages": [bad, late]})
    items, campaign_id = answer.json(), answer.headers["godwit-campaign"]
    auth = client.api.basic()
    while client.api.story.store.campaigns.tally(campaign_id).failed == 0:
        await asyncio.sleep(0.02)
    await client.api.http.post(f"/v1/campaigns/{campaign_id}/cancel", auth=auth)
    await client.api.finished(campaign_id)
    shown = [await client.get(item["MessageSid"]) for item in items]
    assert [one["Status"] for one in shown] == ["Failed", "Failed"]
    assert [one["ErrorCode"] for one in shown] == ["INVALID_NUMBER", "CAMPAIGN_CANCELLED"]
