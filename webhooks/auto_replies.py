"""Answers to STOP and HELP, sent as texts (docs/decisions/0038-keywords.md).

Each is a delivery of the outbox, and so is tried again until it is admitted or refused.
"""

import asyncio
from contextlib import suppress

from campaign.credits import CreditKind, MessageKind, Price
from campaign.deliveries import DeliveryOutcome, DeliverySender, DeliveryVerdict
from campaign.events import NATIVE
from campaign.failures import ServiceUnavailable
from campaign.instants import Instant
from campaign.keywords import Keyword
from campaign.model import Draft, DraftRecipient, Policy
from campaign.phone import OfflineLookup
from campaign.prices import PriceList
from campaign.refusals import Refused
from campaign.text import clean, segment
from store.database.engine import StoreError
from store.shared.auto_replies import AutoReplyView
from store.store import Store
from webhooks.reply_forwarding import Admitting

POLICY = Policy(literal=True)


class AutoReplier:
    """A :class:`campaign.deliveries.DeliverySender` of answers; all else it leaves to another.

    ``timeout_seconds`` bounds a try. An answer is a campaign of one recipient under the key of its
    delivery, so a second try sends no second text.
    """

    def __init__(
        self,
        store: Store,
        service: Admitting,
        others: DeliverySender,
        timeout_seconds: float,
        prices: PriceList,
    ) -> None:
        self._store = store
        self._service = service
        self._others = others
        self._timeout_seconds = timeout_seconds
        self._prices = prices

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        """Send one answer; see :class:`campaign.deliveries.DeliverySender`."""
        answer = await asyncio.to_thread(self._store.auto_replies.read, callback_id)
        if answer is None:
            return await self._others.deliver(callback_id, now)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._send(answer, callback_id, now)
        except TimeoutError:
            return DeliveryOutcome(DeliveryVerdict.FAILED, "timeout")

    async def _send(self, answer: AutoReplyView, callback_id: str, now: Instant) -> DeliveryOutcome:
        if not answer.text:
            return DeliveryOutcome(DeliveryVerdict.GONE, "not_wanted")
        price = self._price_of(answer.number, answer.text)
        if not answer.paid:
            # The account gets the credits that the text will cost, once for each answer.
            await self._grant(answer, price, f"auto_reply:{callback_id}", now)
        draft = Draft(
            account_id=answer.account_id,
            dialect=NATIVE,
            recipients=[DraftRecipient(to=answer.number, text=answer.text, sender=answer.address)],
            policy=POLICY,
            name=f"Answer to {answer.kind.value.upper()}",
            key=f"auto:{callback_id}",
            # Only the confirmation of the STOP itself may follow it.
            exclude_opt_outs=answer.kind is not Keyword.STOP,
            is_answer=True,
        )
        try:
            await self._service.admit(draft)
        except ServiceUnavailable:
            return DeliveryOutcome(DeliveryVerdict.FAILED, "service_unavailable")
        except Refused as refused:
            if not answer.paid:
                with suppress(StoreError):
                    await self._grant(answer, price * -1, f"auto_reply:{callback_id}:back", now)
            return DeliveryOutcome(DeliveryVerdict.GONE, refused.refusals[0].code.value)
        return DeliveryOutcome(DeliveryVerdict.DELIVERED, "texted")

    def _price_of(self, number: str, text: str) -> Price:
        country = OfflineLookup().look_up(number).country
        return self._prices.price_of(MessageKind.SMS, country, segment(clean(text)).count)

    async def _grant(
        self, answer: AutoReplyView, price: Price, reference: str, now: Instant
    ) -> None:
        grant = self._store.accounts.grant
        for kind in CreditKind:
            if amount := price.of(kind):
                await asyncio.to_thread(grant, answer.account_id, kind, amount, reference, now)
