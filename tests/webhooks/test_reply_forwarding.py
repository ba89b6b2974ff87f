"""A reply is mailed to the very address that was asked for, or to nobody."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from campaign.deliveries import DeliveryOutcome, DeliveryVerdict
from campaign.inbound import InboundMessage
from campaign.replies import ReplyChannel, ReplyOptions
from store.replies.replies import Forward
from tests.webhooks.post_office import post_office
from webhooks.reply_forwarding import ReplyForwarder
from webhooks.smtp import SmtpMail

OURS = "no-reply@godwit.example"


def forwarder(url: str, **options: Any) -> ReplyForwarder:
    """What forwards one reply by mail, whatever is asked of it."""
    reply = InboundMessage("rpl_1", "acc_1", "+14155550123", "+18005559876", "Yes", 1_000, "msg_1")
    forward = Forward(reply, ReplyChannel.EMAIL, ReplyOptions(**options), "native")
    store = SimpleNamespace(replies=SimpleNamespace(forward=lambda callback_id: forward))
    nothing = cast(Any, None)
    return ReplyForwarder(cast(Any, store), nothing, SmtpMail(url, OURS), OURS, nothing, 10.0)


@pytest.mark.parametrize("address", ["=?utf-8?q??=@b.com", "=?utf-8?q?x?=@b.com"])
async def test_an_address_that_a_header_would_decode_is_given_up_at_once(address: str) -> None:
    async with post_office() as office:
        outcome = await forwarder(office.url, to_email=address).deliver("cbk_1", 1_000)
    assert outcome == DeliveryOutcome(DeliveryVerdict.GONE, "address_invalid")
    assert office.mails == [] and office.commands == []


async def test_a_sender_that_a_header_would_decode_is_replaced_by_ours() -> None:
    async with post_office() as office:
        sent = forwarder(office.url, to_email="a@b.com", from_email="=?utf-8?q?x?=@b.com")
        assert (await sent.deliver("cbk_1", 1_000)).verdict is DeliveryVerdict.DELIVERED
        (mail,) = office.mails
    assert (mail["From"], mail["To"]) == (OURS, "a@b.com")
    assert "rcpt TO:<a@b.com>" in office.commands
