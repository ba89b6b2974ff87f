"""Telesign's callbacks on their whole way: from the campaign to the receiver's own check."""

import asyncio
import json
from typing import Any

import pytest
from telesign.util import verify_telesign_callback_signature

from campaign.handoffs import Receipt
from campaign.states import MessageStatus
from dialects.renderers import RENDERERS
from dialects.telesign.events import render_event
from store.accounts.api_keys import KeyPair
from tests.dialects.telesign.client import Bulk, bulk, check_accepted
from tests.serving import Api
from tests.webhooks.peers import HOOKS, Peer, egress_client, line, serve
from webhooks.dispatcher import WebhookDispatcher
from webhooks.sender import WebhookSender
from worker import build_webhook_worker

__all__ = ["bulk"]

WAIT_SECONDS = 30.0


async def come(peer: Peer, count: int) -> list[dict[str, Any]]:
    """Wait for so many callbacks; their bodies."""
    async with asyncio.timeout(WAIT_SECONDS):
        while len(peer.bodies) < count:
            await asyncio.sleep(0.01)
    return [json.loads(body) for body in peer.bodies]


def by_session(shown: list[dict[str, Any]]) -> dict[str | None, list[int]]:
    """The status codes that each session id got, in order of the codes."""
    result: dict[str | None, list[int]] = {}
    for one in shown:
        result.setdefault(one.get("session_id"), []).append(one["status"]["code"])
    return {session: sorted(codes) for session, codes in result.items()}


async def test_each_recipient_is_called_back_signed_with_the_accounts_key(
    bulk: Bulk, api: Api
) -> None:
    story = api.story
    keys = story.store.api_keys.list(story.account.id)
    pair = story.store.api_keys.reveal(keys[0].key_id)
    assert pair is not None
    good, second = bulk.numbers(2)
    async with serve() as peer, egress_client() as egress:
        url = f"http://{HOOKS}:{peer.port}/bulk"
        story.store.endpoints.add(story.account.id, url, ["*"], "telesign", 0)
        delivery_sender = WebhookSender(story.store.events, egress, RENDERERS)
        dispatcher = WebhookDispatcher(story.client, story.settings.task_queue)
        async with (
            build_webhook_worker(story.client, story.settings, story.store, delivery_sender),
            dispatcher.serving(story.store.outbox),
        ):
            people = f"{good}:first,not-a-number:second,{second}"
            reference_id = check_accepted(await bulk.post_fields(recipients=people))
            result = by_session(await come(peer, 3))
            assert result == {"first": [203], "second": [507], None: [203]}
            message = story.store.campaigns.messages(reference_id)[0]
            receipt = Receipt(message.id, MessageStatus.DELIVERED, message.due_at + 5_000)
            await asyncio.to_thread(story.store.receipts.apply, [receipt])
            shown = await come(peer, 4)
    assert by_session(shown)["first"] == [200, 203]
    assert {one["reference_id"] for one in shown} == {reference_id}
    assert {one["sub_resource"] for one in shown} == {"bulk_sms"}
    check_signatures(peer, pair)


def check_signatures(peer: Peer, pair: KeyPair) -> None:
    """Hold every call against the vendor's own check."""
    for head, body in zip(peer.heads, peer.bodies, strict=True):
        assert line(head, "authorization") == line(head, "x-ts-authorization")
        scheme, _, rest = (line(head, "authorization") or "").partition(" ")
        customer_id, _, signature = rest.partition(":")
        assert (scheme, customer_id) == ("TSA", pair.key_id)
        assert verify_telesign_callback_signature(pair.secret, signature, body.decode())
        assert line(head, "content-type") == "application/json"
        assert b"1415555" not in body and b"parcel" not in body


async def test_without_a_live_key_nothing_unsigned_is_told(bulk: Bulk, api: Api) -> None:
    store, account = api.story.store, api.story.account
    webhook, _ = store.endpoints.add(account.id, "https://example.com", ["*"], "telesign", 0)
    check_accepted(await bulk.post_fields(recipients="no-number"))
    async with asyncio.timeout(WAIT_SECONDS):
        while store.deliveries.next_due(webhook.id) is None:
            await asyncio.sleep(0.01)
    for key in store.api_keys.list(account.id):
        store.api_keys.revoke(key.key_id, 1)
    now = store.deliveries.next_due(webhook.id)
    assert now is not None
    (call,) = store.deliveries.flush_and_claim(webhook.id, "t", [], 1, now, now + 1_000)
    signed_event = store.events.read(call.callback_id, now)
    assert signed_event is not None
    with pytest.raises(LookupError):
        render_event(signed_event.event)
