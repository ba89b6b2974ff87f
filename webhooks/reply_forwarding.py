"""Replies on their ways: as a text, as an e-mail, or to a webhook (003_9fb2bf36535a4962.txt).

Delivery workflows send them like all events: each is tried again until it arrives or expires.
"""

import asyncio
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Protocol

from campaign.deliveries import DeliveryOutcome, DeliverySender, DeliveryVerdict
from campaign.failures import ServiceUnavailable
from campaign.inbound import forwarded_text
from campaign.instants import Instant, moment_of
from campaign.leases import LEASE_FOR, LeaseRequest, NoLease
from campaign.mail import is_mailable
from campaign.model import Draft, DraftRecipient, Policy
from campaign.phone import OfflineLookup
from campaign.refusals import Refused
from campaign.replies import ReplyChannel
from store.replies.replies import Forward
from store.store import Store
from webhooks.smtp import Mail, MailRefused, MailUnavailable

POLICY = Policy(literal=True)
# A person who gets forwarded replies may write back; such an answer goes nowhere.
FORWARD_PURPOSE = "forward"


class Admitting(Protocol):
    """What this needs of the campaign service."""

    async def admit(self, draft: Draft) -> object:
        """Take a draft in (see service/campaigns.py)."""
        ...


class ReplyForwarder:
    """A :class:`campaign.deliveries.DeliverySender` that knows replies' ways; all else it leaves to
    another.

    ``timeout_seconds`` bounds a call. A text is a campaign of its own under the reply's key, an
    e-mail has the reply's Message-ID: tried again, the one is not sent twice and the other can be
    told.
    """

    def __init__(
        self,
        store: Store,
        service: Admitting,
        mail: Mail,
        mail_sender: str,
        others: DeliverySender,
        timeout_seconds: float,
    ) -> None:
        self._store = store
        self._service = service
        self._mail = mail
        self._mail_sender = mail_sender
        self._others = others
        self._timeout_seconds = timeout_seconds
        self._lookup = OfflineLookup()

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        """Take a reply one way, once; see :class:`campaign.deliveries.DeliverySender`."""
        forward = await asyncio.to_thread(self._store.replies.forward, callback_id)
        if forward is None or forward.channel is ReplyChannel.WEBHOOK:
            return await self._others.deliver(callback_id, now)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                if forward.channel is ReplyChannel.NUMBER:
                    return await self._text(forward, now)
                return await self._write(forward)
        except TimeoutError:
            return DeliveryOutcome(DeliveryVerdict.FAILED, "timeout")

    async def _text(self, forward: Forward, now: Instant) -> DeliveryOutcome:
        reply, options = forward.reply, forward.options
        assert options.to_number is not None
        sender = options.from_sender
        if sender is None:
            found = await asyncio.to_thread(self._sender, forward, now)
            if isinstance(found, NoLease):
                return DeliveryOutcome(DeliveryVerdict.FAILED, found.value)
            sender = found
        draft = Draft(
            account_id=reply.account_id,
            dialect=forward.dialect,
            recipients=[
                DraftRecipient(
                    to=options.to_number,
                    text=forwarded_text(reply, POLICY.text_length_max),
                    sender=sender,
                )
            ],
            policy=POLICY,
            key=f"reply:{reply.id}",
            is_answer=True,
        )
        try:
            await self._service.admit(draft)
        except ServiceUnavailable:
            return DeliveryOutcome(DeliveryVerdict.FAILED, "service_unavailable")
        except Refused as refused:
            return DeliveryOutcome(DeliveryVerdict.GONE, refused.refusals[0].code.value)
        return DeliveryOutcome(DeliveryVerdict.DELIVERED, "texted")

    def _sender(self, forward: Forward, now: Instant) -> str | NoLease:
        """A sender of the account, else a leased number: nobody can send as the one who wrote."""
        account_id = forward.reply.account_id
        for sender in self._store.accounts.senders(account_id):
            if sender.active:
                return sender.address
        to = forward.options.to_number or ""
        country = self._lookup.look_up(to).country
        lease_request = LeaseRequest(to, FORWARD_PURPOSE, now + LEASE_FOR, country)
        return self._store.leases.claim(account_id, [lease_request], now)[0]

    async def _write(self, forward: Forward) -> DeliveryOutcome:
        to = forward.options.to_email or ""
        if not is_mailable(to):
            return DeliveryOutcome(DeliveryVerdict.GONE, "address_invalid")
        message = email_of(forward, self._mail_sender)
        try:
            await asyncio.to_thread(self._mail.send, message, to)
        except MailRefused as refused:
            return DeliveryOutcome(DeliveryVerdict.GONE, str(refused))
        except MailUnavailable as unavailable:
            return DeliveryOutcome(DeliveryVerdict.FAILED, str(unavailable), overloaded=True)
        return DeliveryOutcome(DeliveryVerdict.DELIVERED, "mailed")


def email_of(forward: Forward, sender: str) -> EmailMessage:
    """Write a reply as an e-mail; the same reply, the same mail."""
    reply, options = forward.reply, forward.options
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["From"] = (
        options.from_email if options.from_email and is_mailable(options.from_email) else sender
    )
    message["To"] = options.to_email
    message["Subject"] = f"SMS from {reply.writer}"
    message["Date"] = format_datetime(moment_of(reply.received_at))
    message["Message-ID"] = f"<{reply.id}@godwit>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(reply.text)
    return message
