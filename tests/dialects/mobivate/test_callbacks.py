"""Mobivate's receipts on their whole way: from the campaign to the address that it named."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from campaign.handoffs import Receipt
from campaign.instants import iso
from campaign.states import MessageStatus
from dialects.mobivate.events import digits
from dialects.renderers import RENDERERS
from tests.conftest import Story
from tests.dialects.mobivate.calls import accepted, batch
from tests.receiving import Receiver, receive
from tests.serving import Api
from tests.webhooks.peers import egress_client
from webhooks.dispatcher import WebhookDispatcher
from webhooks.sender import WebhookSender
from worker import build_webhook_worker

WAIT_SECONDS = 30.0


@asynccontextmanager
async def deliveries(story: Story) -> AsyncIterator[None]:
    """Bring callbacks, to loopback too."""
    async with egress_client() as egress:
        delivery_sender = WebhookSender(story.store.events, egress, RENDERERS)
        dispatcher = WebhookDispatcher(story.client, story.settings.task_queue)
        async with (
            build_webhook_worker(story.client, story.settings, story.store, delivery_sender),
            dispatcher.serving(story.store.outbox),
        ):
            yield


async def result(receiver: Receiver, count: int) -> list[dict[str, Any]]:
    """Wait for callbacks; their bodies."""
    async with asyncio.timeout(WAIT_SECONDS):
        taken = await receiver.until(lambda found: len(found) >= count)
    assert {one.method for one in taken} == {"POST"}
    assert {one.headers["content-type"] for one in taken} == {"application/json"}
    return [json.loads(one.body) for one in taken]


async def test_every_change_is_told_to_the_callback_address_of_the_campaign(api: Api) -> None:
    async with receive() as receiver, deliveries(api.story):
        body = batch(2, callbackURL=receiver.url)
        body["recipients"][0]["reference"] = "aaa"
        body["recipients"][1]["recipient"] = "14155550001"
        record = await accepted(api, body)
        first = {one["clientReference"]: one for one in await result(receiver, 2)}
        assert first["aaa"].items() >= {"status": "ACCEPTED", "statusCode": 2, "parts": 1}.items()
        assert first[None].items() >= {"status": "FAILED_NACK", "statusCode": 11}.items()
        assert {one["batchId"] for one in first.values()} == {record["id"]}
        messages = api.story.store.campaigns.messages(record["id"])
        assert first["aaa"]["deliveryMessageId"] == messages[0].id
        receipt = Receipt(messages[0].id, MessageStatus.DELIVERED, await api.story.now())
        await asyncio.to_thread(api.story.store.receipts.apply, [receipt])
        last = (await result(receiver, 3))[2]
    wanted = {**first["aaa"], "status": "DELIVERED", "statusCode": 1, "created": last["created"]}
    assert last == wanted


async def test_a_webhook_of_the_account_hears_receipts_in_these_words(api: Api) -> None:
    async with receive() as receiver, deliveries(api.story):
        account = api.story.account.id
        api.story.store.endpoints.add(account, receiver.url, ["message.*"], "mobivate", 0)
        record = await accepted(api, batch(1))
        (shown,) = await result(receiver, 1)
    assert (shown["batchId"], shown["status"]) == (record["id"], "ACCEPTED")


async def test_a_webhook_of_the_account_hears_incoming_texts_in_these_words(api: Api) -> None:
    async with receive() as receiver, deliveries(api.story):
        account = api.story.account.id
        api.story.store.endpoints.add(account, receiver.url, ["message.received"], "mobivate", 0)
        record = await accepted(api, batch(1))
        await api.finished(record["id"])
        (message,) = api.story.store.campaigns.messages(record["id"])
        said = {"from": message.to, "to": message.sender, "body": "Yes", "id": "in-1"}
        for _ in range(2):
            said["at"] = iso(await api.story.now())
            answer = await api.http.post("/carriers/pretend/inbound", json=said)
            assert answer.status_code == 202
        (shown,) = await result(receiver, 1)
    assert (shown["originator"], shown["recipient"]) == (digits(message.to), digits(message.sender))
    assert (shown["inReplyTo"], shown["logicalMessageId"]) == (message.id, record["id"])
    assert shown["body"] == "Yes"
