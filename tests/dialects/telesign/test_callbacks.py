"""Telesign's callbacks on their whole way: from the campaign to the receiver's own check."""

import asyncio
import json
from typing import Any

import pytest
from telesign.util import verify_telesign_callback_signature

from campaign.handoffs import Receipt
from campaign.states import MessageStatus
from dialects.renderers import RENDERERS
from dialects.telesign.events import show_news
from store.accounts.api_keys import KeyPair
from tests.dialects.telesign.client import Bulk, bulk, check_accepted
from tests.serving import Api
from tests.webhooks.peers import HOOKS, Peer, egress, line, serve
from webhooks.dispatcher import Bell
from webhooks.sender import OutwardCaller
from worker import build_courier

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
    told: dict[str | None, list[int]] = {}
    for one in shown:
        told.setdefault(one.get("session_id"), []).append(one["status"]["code"])
    return {session: sorted(codes) for session, codes in told.items()}


async def test_each_recipient_is_called_back_signed_with_the_accounts_key(
    bulk: Bulk, api: Api
) -> None:
    story = api.story
    keys = story.store.accounts.keys(story.account.id)
    pair = story.store.accounts.reveal_key(keys[0].key_id)
    assert pair is not None
    good, second = bulk.numbers(2)
    async with serve() as peer, egress() as way_out:
        url = f"http://{HOOKS}:{peer.port}/bulk"
        story.store.webhooks.add(story.account.id, url, ["*"], "telesign", 0)
        caller = OutwardCaller(story.store.news, way_out, RENDERERS)
        bell = Bell(story.client, story.settings.task_queue)
        async with (
            build_courier(story.client, story.settings, story.store, caller),
            bell.answering(story.store.outbox),
        ):
            people = f"{good}:first,not-a-number:second,{second}"
            reference_id = check_accepted(await bulk.post_fields(recipients=people))
            told = by_session(await come(peer, 3))
            assert told == {"first": [203], "second": [507], None: [203]}
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
    webhook, _ = store.webhooks.add(account.id, "https://example.com", ["*"], "telesign", 0)
    check_accepted(await bulk.post_fields(recipients="no-number"))
    async with asyncio.timeout(WAIT_SECONDS):
        while store.callbacks.next_due(webhook.id) is None:
            await asyncio.sleep(0.01)
    for key in store.accounts.keys(account.id):
        store.accounts.revoke_key(key.key_id, 1)
    now = store.callbacks.next_due(webhook.id)
    assert now is not None
    (call,) = store.callbacks.turn(webhook.id, "t", [], 1, now, now + 1_000)
    telling = store.news.read(call.callback_id, now)
    assert telling is not None
    with pytest.raises(LookupError):
        show_news(telling.event)
