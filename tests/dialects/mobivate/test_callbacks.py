"""Mobivate's receipts on their whole way: from the campaign to the address that it named."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from campaign.handoffs import Receipt
from campaign.states import MessageStatus
from dialects.renderers import RENDERERS
from tests.conftest import Story
from tests.dialects.mobivate.calls import accepted, batch
from tests.receiving import Receiver, receive
from tests.serving import Api
from tests.webhooks.peers import egress
from webhooks.dispatcher import Bell
from webhooks.sender import OutwardCaller
from worker import build_courier

WAIT_SECONDS = 30.0


@asynccontextmanager
async def couriers(story: Story) -> AsyncIterator[None]:
    """Bring callbacks, to loopback too."""
    async with egress() as way_out:
        caller = OutwardCaller(story.store.news, way_out, RENDERERS)
        bell = Bell(story.client, story.settings.task_queue)
        async with (
            build_courier(story.client, story.settings, story.store, caller),
            bell.answering(story.store.outbox),
        ):
            yield


async def told(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    """Wait for callbacks; their bodies."""
    async with asyncio.timeout(WAIT_SECONDS):
        taken = await receiver.until(lambda found: len(found) >= count)
    assert {one.method for one in taken} == {"POST"}
    assert {one.headers["content-type"] for one in taken} == {"application/json"}
    return [json.loads(one.body) for one in taken]


async def test_every_change_is_told_to_the_callback_address_of_the_campaign(api: Api) -> None:
    async with receive() as receiver, couriers(api.story):
        body = batch(2, callbackURL=receiver.url)
        body["recipients"][0]["reference"] = "aaa"
        body["recipients"][1]["recipient"] = "14155550001"
        record = await accepted(api, body)
        first = {one["clientReference"]: one for one in await told(receiver, 2)}
        assert first["aaa"].items() >= {"status": "ACCEPTED", "statusCode": 2, "parts": 1}.items()
        assert first[None].items() >= {"status": "FAILED_NACK", "statusCode": 11}.items()
        assert {one["batchId"] for one in first.values()} == {record["id"]}
        messages = api.story.store.campaigns.messages(record["id"])
        assert first["aaa"]["deliveryMessageId"] == messages[0].id
        receipt = Receipt(messages[0].id, MessageStatus.DELIVERED, await api.story.now())
        await asyncio.to_thread(api.story.store.receipts.apply, [receipt])
        last = (await told(receiver, 3))[2]
    wanted = {**first["aaa"], "status": "DELIVERED", "statusCode": 1, "created": last["created"]}
    assert last == wanted


async def test_a_webhook_of_the_account_hears_receipts_in_these_words(api: Api) -> None:
    async with receive() as receiver, couriers(api.story):
        account = api.story.account.id
        api.story.store.webhooks.add(account, receiver.url, ["message.*"], "mobivate", 0)
        record = await accepted(api, batch(1))
        (shown,) = await told(receiver, 1)
    assert (shown["batchId"], shown["status"]) == (record["id"], "ACCEPTED")
