"""Deliveries on real sockets: what is said, how it is signed, and what each answer means."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from campaign.deliveries import DeliveryOutcome, DeliveryVerdict
from campaign.events import SECRETS_OVERLAP
from campaign.instants import HOUR, SECOND, Instant, iso
from dialects.renderers import RENDERERS
from store.accounts.accounts import AccountView
from store.store import Store
from store.webhooks.events import WebhookEvent
from tests.receiving import Receiver, answer, flood, hang, receive
from tests.store.builders import StoreBuilder
from tests.webhooks.peers import egress_client
from webhooks.client import EgressClient
from webhooks.rendering import WebhookRequest
from webhooks.sender import WebhookSender, classify_answer


@dataclass
class Post:
    """A webhook with one callback about one message, and who calls."""

    builder: StoreBuilder
    egress: EgressClient
    callback: str = ""
    webhook: str = ""
    secret: str = ""

    def subscribe(self, url: str, dialect: str = "native") -> None:
        """Make the callback."""
        store = self.builder.store
        view, self.secret = store.endpoints.add(
            self.builder.account_id, url, ["message.*"], dialect, now()
        )
        self.webhook = view.id
        campaign = self.builder.admit(1, now=now())
        self.builder.execute("UPDATE message SET reference = 'row 1'")
        self.builder.send(campaign, now=now())
        self.callback = str(
            self.builder.value("SELECT id FROM callback WHERE destination = :d", d=view.id)
        )

    async def call(self, at: Instant | None = None) -> DeliveryOutcome:
        """Call once."""
        delivery_sender = WebhookSender(self.builder.store.events, self.egress, RENDERERS)
        return await delivery_sender.deliver(self.callback, at or now())


def now() -> Instant:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def post(store: Store, account: AccountView) -> AsyncIterator[Post]:
    async with egress_client(timeout_seconds=1.0) as egress_calls:
        yield Post(StoreBuilder(store, account.id), egress_calls)


async def test_an_event_names_recipient_ids_and_position_and_the_receivers_library_verifies_it(
    post: Post,
) -> None:
    async with receive() as receiver:
        post.subscribe(receiver.url)
        assert await post.call() == DeliveryOutcome(DeliveryVerdict.DELIVERED, "200")
        (taken,) = receiver.taken
    (message,) = post.builder.store.campaigns.messages("cmp_0")
    assert message.sent_at is not None
    assert taken.verified(post.secret) == {
        "type": "message.sent",
        "timestamp": iso(message.sent_at),
        "data": {
            "campaignId": "cmp_0",
            "sandbox": False,
            "messageId": message.id,
            "to": message.to,
            "position": 0,
            "reference": "row 1",
            "status": "sent",
            "reason": None,
        },
    }
    assert (taken.id, taken.method) == (post.callback, "POST")
    assert taken.headers["content-type"] == "application/json"
    assert message.text not in str(taken)


async def test_every_try_says_the_same_under_the_same_id_with_a_fresh_signature(
    post: Post,
) -> None:
    async with receive(answer(500), answer(200)) as receiver:
        post.subscribe(receiver.url)
        await post.call(now() - 2 * SECOND)
        post.builder.execute("UPDATE message SET status = 'delivered'")
        await post.call()
        first, second = receiver.taken
    assert (first.id, first.body) == (second.id, second.body)
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert first.verified(post.secret) == second.verified(post.secret)


@pytest.mark.parametrize("fault", ["body", "id", "time", "secret", "old"])
async def test_what_was_changed_on_its_way_is_not_verified(post: Post, fault: str) -> None:
    async with receive() as receiver:
        post.subscribe(receiver.url)
        await post.call(now() - HOUR if fault == "old" else None)
        (taken,) = receiver.taken
    headers = dict(taken.headers)
    body, secret = taken.body, post.secret
    if fault == "body":
        body = body.replace(b"sent", b"seen")
    elif fault == "id":
        headers["webhook-id"] = headers["webhook-id"] + "1"
    elif fault == "time":
        headers["webhook-timestamp"] = str(taken.sent_at + 1)
    elif fault == "secret":
        secret = "whsec_" + "A" * 43 + "="
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


async def test_two_secrets_sign_after_a_rotation_and_one_after_a_day(post: Post) -> None:
    async with receive() as receiver:
        post.subscribe(receiver.url)
        account = post.builder.account_id
        webhooks = post.builder.store.endpoints
        new = webhooks.rotate(account, post.webhook, now())
        assert new is not None
        await post.call()
        webhooks.rotate(account, post.webhook, now() - SECRETS_OVERLAP)
        newest = webhooks.rotate(account, post.webhook, now() - SECRETS_OVERLAP)
        assert newest is not None
        await post.call()
        both, alone = receiver.taken
    assert both.verified(new) == both.verified(post.secret)
    assert len(both.headers["webhook-signature"].split()) == 2
    assert alone.verified(newest)
    for old in (post.secret, new):
        with pytest.raises(WebhookVerificationError):
            alone.verified(old)


@pytest.mark.parametrize(
    ("said", "called"),
    [
        (answer(204), DeliveryOutcome(DeliveryVerdict.DELIVERED, "204")),
        (answer(301, location="http://127.0.0.1/"), DeliveryOutcome(DeliveryVerdict.FAILED, "301")),
        (answer(410), DeliveryOutcome(DeliveryVerdict.GONE, "410")),
        (answer(404), DeliveryOutcome(DeliveryVerdict.FAILED, "404")),
        (answer(500), DeliveryOutcome(DeliveryVerdict.FAILED, "500")),
        (answer(503), DeliveryOutcome(DeliveryVerdict.FAILED, "503", None, True)),
        (
            answer(429, retry_after="120"),
            DeliveryOutcome(DeliveryVerdict.FAILED, "429", 120.0, True),
        ),
        (
            answer(429, retry_after="soon"),
            DeliveryOutcome(DeliveryVerdict.FAILED, "429", None, True),
        ),
        (
            answer(400, retry_after="9" * 30),
            DeliveryOutcome(DeliveryVerdict.FAILED, "400", 86_400.0),
        ),
        (hang, DeliveryOutcome(DeliveryVerdict.FAILED, "timeout", None, True)),
        (b"SSH-2.0-hello\r\n", DeliveryOutcome(DeliveryVerdict.FAILED, "protocol", None, True)),
    ],
    ids=lambda said: getattr(said, "__name__", None),
)
async def test_each_answer_has_its_meaning(post: Post, said: Any, called: DeliveryOutcome) -> None:
    async with receive(said) as receiver:
        post.subscribe(receiver.url)
        assert await post.call() == called
        assert receiver.peer.hits == 1


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"


async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with a head, and then with a byte of the body now and again."""
    writer.write(HEAD + b"content-length: 1000\r\n\r\n")
    for _ in range(100):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "said",
    [
        flood,
        trickle,
        HEAD + b"content-length: 204800\r\n\r\n" + bytes(204_800),
        HEAD + b"content-encoding: gzip\r\ncontent-length: 20\r\n\r\n" + bytes(20),
        HEAD + b"content-encoding: br\r\n\r\n",
        HEAD + b"content-length: 1000\r\n\r\ncut short",
        HEAD + b"transfer-encoding: chunked\r\n\r\nno chunk",
        HEAD + b"transfer-encoding: chunked\r\n\r\n",
    ],
    ids=range(8),
)
async def test_whatever_the_body_of_an_answer_is_its_status_decides(post: Post, said: Any) -> None:
    async with receive(said) as receiver:
        post.subscribe(receiver.url)
        assert await post.call() == DeliveryOutcome(DeliveryVerdict.DELIVERED, "200")
        assert receiver.peer.hits == 1


def test_a_wish_for_a_date_is_counted_from_now() -> None:
    moment = 1_800_000_000 * SECOND
    dated = httpx.Response(503, headers={"retry-after": "Fri, 15 Jan 2027 08:01:40 GMT"})
    assert classify_answer(dated, moment).retry_after == 100.0


async def test_a_receiver_that_is_not_there_is_tired(post: Post) -> None:
    async with receive() as receiver:
        url = receiver.url
    post.subscribe(url)
    assert await post.call() == DeliveryOutcome(DeliveryVerdict.FAILED, "connection", None, True)


async def test_an_address_wants_its_method_and_keeps_its_own_query(post: Post) -> None:
    async with receive() as receiver:
        post.subscribe(receiver.url)
        post.builder.execute(
            "UPDATE message SET callback_url = :url, callback_method = 'GET'",
            url=f"{receiver.url}?run=7&x=%20#top",
        )
        post.builder.execute("UPDATE callback SET destination = 'dst_1'")
        assert (await post.call()).verdict is DeliveryVerdict.DELIVERED
        (taken,) = receiver.taken
    assert (taken.method, taken.body) == ("GET", b"")
    assert taken.target.startswith(f"/hooks?run=7&x=%20&id={post.callback}&type=message.sent&")
    assert "reference=row+1" in taken.target
    assert "webhook-signature" not in taken.headers and taken.id == post.callback


async def test_a_dialect_speaks_in_its_own_words_or_not_at_all(post: Post) -> None:
    def show(webhook_event: WebhookEvent) -> WebhookRequest | None:
        if webhook_event.message is not None and webhook_event.message.reference is None:
            return None
        return WebhookRequest(headers={"X-Own": "1"}, body=b"naked", query=[("a", "b c")])

    async with receive() as receiver:
        post.subscribe(receiver.url)
        post.builder.execute("UPDATE callback SET dialect = 'semaphore'")
        delivery_sender = WebhookSender(
            post.builder.store.events, post.egress, {**RENDERERS, "semaphore": show}
        )
        assert (
            await delivery_sender.deliver(post.callback, now())
        ).verdict is DeliveryVerdict.DELIVERED
        (taken,) = receiver.taken
        post.builder.execute("UPDATE message SET reference = NULL")
        assert (
            await delivery_sender.deliver(post.callback, now())
        ).verdict is DeliveryVerdict.NOTHING
        assert receiver.peer.hits == 1
    assert (taken.body, taken.headers["x-own"]) == (b"naked", "1")
    assert taken.target == "/hooks?a=b+c"
    Webhook(post.secret).verify(taken.body, dict(taken.headers), json_parse=False)


async def test_a_dialect_that_stumbles_fails_its_callback_alone(
    post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumble(webhook_event: WebhookEvent) -> WebhookRequest:
        raise ValueError("over +14155550123")

    post.subscribe("http://127.0.0.1:9/")
    delivery_sender = WebhookSender(post.builder.store.events, post.egress, {"native": stumble})
    assert await delivery_sender.deliver(post.callback, now()) == DeliveryOutcome(
        DeliveryVerdict.FAILED, "not_rendered"
    )
    said = "".join(capsys.readouterr())
    assert "ValueError" in said and "4155550123" not in said


async def test_news_of_something_that_is_gone_is_dropped(post: Post) -> None:
    post.subscribe("http://127.0.0.1:9/")
    post.callback = "cbk_gone"
    assert (await post.call()).verdict is DeliveryVerdict.NOTHING


async def test_a_body_stays_below_twenty_kilobytes(post: Post) -> None:
    async with receive() as receiver:
        post.subscribe(receiver.url)
        post.builder.execute("UPDATE message SET reference = :long", long="ä" * 200)
        await post.call()
        (taken,) = receiver.taken
    assert len(taken.body) < 2_000 and json.loads(taken.body)["data"]["reference"] == "ä" * 200


async def test_an_address_inside_is_never_called(post: Post, receiver_inside: Receiver) -> None:
    post.subscribe(receiver_inside.url)
    async with egress_client(allow_private=False) as strict:
        post.egress = strict
        called = await post.call()
    assert (called.verdict, receiver_inside.peer.hits) == (DeliveryVerdict.FAILED, 0)


@pytest.fixture
async def receiver_inside() -> AsyncIterator[Receiver]:
    async with receive() as receiver:
        yield receiver
