"""Fone Dynamics: replies and receipts on their whole way, to wherever a message asked for them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from campaign.handoffs import Inbound, Receipt
from campaign.instants import iso
from campaign.states import MessageStatus
from dialects.fonedynamics.responses import message_id_of
from service.inbound import keep_inbound
from tests.conftest import Story
from tests.dialects.fonedynamics.calls import SENDER, Body, Client, leased, message
from tests.receiving import Receiver, Taken, receive
from tests.serving import serve_api
from tests.webhooks.mail_server import MailServer, mail_server
from tests.webhooks.peers import egress_client
from webhooks.dispatcher import WebhookDispatcher
from worker import build_delivery_sender, build_webhook_worker

MAIL_FROM = "no-reply@godwit.example"
OWNER, SHOP = "owner@customer.example", "shop@customer.example"
MOBILE = "+61499333222"
WAIT_SECONDS = 30.0


@asynccontextmanager
async def at_work(story: Story, smtp_url: str = "") -> AsyncIterator[Client]:
    """A client of an installation that delivers webhooks, to loopback as well."""
    changes = {"allow_private_urls": True, "smtp_url": SecretStr(smtp_url), "smtp_from": MAIL_FROM}
    settings = story.settings.model_copy(update=changes)
    async with (
        serve_api(story, settings) as api,
        egress_client() as egress,
    ):
        delivery_sender = build_delivery_sender(story.client, settings, story.store, egress)
        dispatcher = WebhookDispatcher(story.client, settings.task_queue)
        async with (
            build_webhook_worker(story.client, settings, story.store, delivery_sender),
            dispatcher.serving(story.store.outbox),
        ):
            client = Client(api)
            client.fill_pool()
            yield client


async def sent(client: Client, wanted: Body) -> Body:
    """Send a message and wait for its end; its item."""
    answer = await client.post({"Messages": [wanted]})
    items: list[Body] = answer.json()
    assert "MessageSid" in items[0], items
    await client.api.finished(answer.headers["godwit-campaign"])
    return items[0]


async def say(client: Client, item: Body, body: str) -> None:
    """The recipient of a message answers, and the carrier brings that twice."""
    at = iso(await client.api.story.now())
    inbound = {"from": item["To"], "to": item["From"], "body": body, "at": at}
    for _ in range(2):
        answer = await client.api.http.post("/carriers/pretend/inbound", json=inbound)
        assert answer.status_code == 202, answer.text


async def result(receiver: Receiver, count: int = 1) -> Sequence[Taken]:
    """Wait for callbacks."""
    async with asyncio.timeout(WAIT_SECONDS):
        return await receiver.until(lambda taken: len(taken) >= count)


async def texts(client: Client, to: str, count: int = 1) -> list[dict[str, object]]:
    """Wait for what the carrier took for a number, and find what else is about it."""
    carrier = client.api.story.carrier
    async with asyncio.timeout(WAIT_SECONDS):
        while sum(row["to"] == to for row in carrier.log) < count:
            await asyncio.sleep(0.02)
    return [row for row in carrier.log if row["to"] == to]


def text_of(client: Client, row: dict[str, object]) -> str:
    """What a row of the carrier's log said."""
    story = client.api.story
    found = story.store.replies.message(story.account.id, str(row["reference"]))
    assert found is not None
    return found.message.text


async def check_mail(office: MailServer, from_: str, writer: str, body: str) -> None:
    """Hold the only e-mail that came against what it has to be."""
    (mail,) = await office.come(1)
    assert (mail["From"], mail["To"], mail["Subject"]) == (from_, OWNER, f"SMS from {writer}")
    assert mail.get_content().rstrip("\r\n") == body
    (envelope,) = office.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (MAIL_FROM, [OWNER])


async def test_a_reply_arrives_at_the_webhook_by_mail_and_as_a_text_as_asked(
    real_story: Story,
) -> None:
    async with (
        mail_server() as office,
        receive() as receiver,
        at_work(real_story, office.url) as client,
    ):
        api_context = {"ForwardToSms": MOBILE, "ForwardFromSms": "GODWIT", "ForwardToEmail": OWNER}
        api_context |= {
            "ForwardFromEmail": SHOP,
            "WebhookUri": receiver.url,
            "WebhookMethod": "Post",
        }
        item = await sent(client, leased(ExternalId="order-7", **api_context))
        await say(client, item, "Yes, please 🙂")
        (taken,) = await result(receiver)
        (row,) = await texts(client, MOBILE)
        await check_mail(office, SHOP, item["To"], "Yes, please 🙂")
        assert row["from"] == "GODWIT"
        assert text_of(client, row) == f"{item['To']}: Yes, please 🙂"
        assert (taken.method, taken.headers["content-type"]) == ("POST", "application/json")
        shown = json.loads(taken.body)
        wanted = {"From": item["To"], "To": item["From"], "Text": "Yes, please 🙂"}
        wanted |= {"Status": "Received", "Direction": "Receive", "ExternalId": "order-7"}
        wanted |= {"ResponseToMessageSid": item["MessageSid"], "PropertySid": item["PropertySid"]}
        assert shown.items() >= wanted.items() and shown["Received"] == shown["Created"]
        shown["AccountSid"] = client.pair.key_id
        assert await client.get(shown["MessageSid"]) == shown
        assert len(receiver.taken) == len(office.envelopes) == 1


async def test_unless_asked_a_reply_comes_from_a_sender_of_the_account_and_from_no_reply(
    real_story: Story,
) -> None:
    async with mail_server() as office, at_work(real_story, office.url) as client:
        item = await sent(client, leased(ForwardToSms=MOBILE, ForwardToEmail=OWNER))
        await say(client, item, "Ack")
        (row,) = await texts(client, MOBILE)
        assert row["from"] in {SENDER, "72345", "GODWIT"}
        assert text_of(client, row) == f"{item['To']}: Ack"
        await check_mail(office, MAIL_FROM, item["To"], "Ack")


async def test_an_answer_of_one_carrier_id_is_one_text_however_often_it_comes(
    real_story: Story,
) -> None:
    async with at_work(real_story) as client:
        item = await sent(client, leased(ForwardToSms=MOBILE))
        story = client.api.story
        said = {"from": item["To"], "to": item["From"], "id": "in-1"}
        for body in ("Yes", "Yes", "Yes, again"):
            said |= {"body": body, "at": iso(await story.now())}
            answer = await client.api.http.post("/carriers/pretend/inbound", json=said)
            assert answer.status_code == 202
        await say(client, item, "Another")
        wanted = {f"{item['To']}: Yes", f"{item['To']}: Another"}
        forwarded: set[str] = set()
        async with asyncio.timeout(WAIT_SECONDS):
            while not forwarded >= wanted:
                forwarded = {text_of(client, row) for row in await texts(client, MOBILE)}
                await asyncio.sleep(0.1)
        with story.store.database.engine.connect() as connection:
            kept = connection.exec_driver_sql("SELECT count(*) FROM callback").scalar()
        assert (kept, forwarded) == (2, wanted)


async def test_a_picture_is_forwarded_as_its_address_and_an_empty_answer_is_not(
    real_story: Story,
) -> None:
    picture = "https://media.example/1.jpg"
    async with receive() as receiver, at_work(real_story) as client:
        hook = {"WebhookUri": receiver.url, "WebhookMethod": "Post"}
        item = await sent(client, leased(ForwardToSms=MOBILE, **hook))
        at = await real_story.now()
        for number, urls in enumerate([(), (picture,)]):
            text = Inbound(item["To"], item["From"], "", at + number, f"in-{number}", urls)
            await asyncio.to_thread(keep_inbound, real_story.store, text, "pretend", at + 1)
        (row,) = await texts(client, MOBILE)
        assert text_of(client, row) == f"{item['To']}: {picture}"
        shown = {json.loads(taken.body)["Text"] for taken in await result(receiver, 2)}
        assert shown == {"", picture}
        assert len(await texts(client, MOBILE)) == 1


async def test_stop_to_a_leased_number_is_obeyed_and_told_by_get(real_story: Story) -> None:
    async with receive() as receiver, at_work(real_story) as client:
        uri = f"{receiver.url}?run=7"
        item = await sent(client, leased(WebhookUri=uri, WebhookMethod="GET", ExternalId="a b"))
        await say(client, item, "STOP")
        (taken,) = await result(receiver)
        query = dict(parse_qsl(urlsplit(taken.target).query, keep_blank_values=True))
        assert (taken.method, taken.body, query["run"]) == ("GET", b"", "7")
        assert (query["Text"], query["Status"], query["ExternalId"]) == ("STOP", "Received", "a b")
        (again,) = await client.batch(leased(To=item["To"]))
        assert again["ErrorCode"] == "RECIPIENT_OPTED_OUT"


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_receipt_is_the_message_as_it_then_stands(real_story: Story, method: str) -> None:
    async with receive() as receiver, at_work(real_story) as client:
        hook = {
            "DeliveryReceiptWebhookUri": receiver.url,
            "DeliveryReceiptWebhookMethod": method.title(),
        }
        item = await sent(client, message(ExternalId="r", **hook))
        message_id = message_id_of(item["MessageSid"])
        assert message_id is not None
        receipt = Receipt(message_id, MessageStatus.DELIVERED, await real_story.now())
        await asyncio.to_thread(real_story.store.receipts.apply, [receipt])
        (taken,) = await result(receiver)
        shown = await client.get(item["MessageSid"])
        assert (shown["Status"], shown["ErrorCode"]) == ("Delivered", "")
        assert shown["Delivered"] == receipt.at // 1_000 >= shown["Submitted"]
        if method == "GET":
            found = dict(parse_qsl(urlsplit(taken.target).query, keep_blank_values=True))
            plain = {name: str(value) for name, value in shown.items()} | {
                "DeliveryReceipt": "true"
            }
            assert found == plain | {"AccountSid": found["AccountSid"]}
        else:
            assert json.loads(taken.body) | {"AccountSid": client.pair.key_id} == shown
        assert taken.method == method


async def test_a_message_that_fails_is_told_with_its_code_and_one_that_wants_nothing_is_not(
    real_story: Story,
) -> None:
    async with receive() as receiver, at_work(real_story) as client:
        hook = {"DeliveryReceiptWebhookUri": receiver.url}
        await sent(client, message(To="+61488010001", DeliveryReceipt=False, **hook))
        item = await sent(client, message(To="+61491570001", **hook))
        (taken,) = await result(receiver)
        shown = json.loads(taken.body)
        assert (shown["MessageSid"], shown["Status"]) == (item["MessageSid"], "Failed")
        assert shown["ErrorCode"] == "INVALID_NUMBER"
