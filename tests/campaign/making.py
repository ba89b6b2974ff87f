"""Drafts, messages and candidates for the tests of the rules, made in few words."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from campaign.composing import compose
from campaign.credits import MessageKind
from campaign.instants import DAY, SECOND, Instant
from campaign.model import ComposedCampaign, Draft, DraftRecipient, Evidence, Message
from campaign.phone import OfflineLookup
from campaign.refusals import Refusal, RefusalCode
from campaign.states import MessageStatus
from campaign.views import MessageView

NOW: Instant = 20_000 * DAY
SENDER = "+18005559876"


def number(index: int) -> str:
    """An ordinary number that can exist."""
    return f"+1415555{index:04d}"


def recipients(amount: int, **members: Any) -> list[DraftRecipient]:
    """So many people, all with the same members besides their numbers."""
    return [DraftRecipient(number(index), **members) for index in range(amount)]


def draft(people: Iterable[DraftRecipient] | int = 1, **members: Any) -> Draft:
    """A draft that is fine, but for what ``members`` say."""
    chosen = recipients(people) if isinstance(people, int) else list(people)
    members = {"sender": SENDER, "text": "Your order has shipped", **members}
    return Draft(account_id="acc_1", dialect="native", recipients=chosen, **members)


def ids() -> Callable[[], str]:
    """Message ids that count up."""
    numbers = count()
    return lambda: f"msg_{next(numbers)}"


def composed(drafted: Draft, received_at: Instant = NOW) -> ComposedCampaign:
    """A draft composed with an offline lookup; raises Refused where it is refused."""
    return compose(drafted, received_at, None, OfflineLookup(), ids())


def unchecked(drafted: Draft) -> ComposedCampaign:
    """What one rule of shape looks at: a draft with its messages, held against no rule yet."""
    messages = [
        Message(
            position=position,
            id=f"msg_{position}",
            to=recipient.to,
            text=recipient.text if recipient.text is not None else drafted.text or "",
            media_url=recipient.media_url,
            sender=recipient.sender or drafted.sender or SENDER,
            kind=MessageKind.MMS if recipient.media_url else MessageKind.SMS,
            segments=1,
            due_at=NOW,
            scheduled_at=recipient.scheduled_at,
            key=recipient.key,
        )
        for position, recipient in enumerate(drafted.recipients)
    ]
    return ComposedCampaign(drafted, messages, NOW)


def result(refusals: Iterable[Refusal]) -> list[tuple[RefusalCode, str]]:
    """What was refused and where."""
    return [(refusal.code, refusal.place) for refusal in refusals]


def evidence(
    texts: Mapping[str, int] | None = None,
    senders: Mapping[str, int] | None = None,
    owned: Iterable[str] = (SENDER,),
    to_send: int = 1,
    quota: int | None = None,
    used_today: int = 0,
) -> Evidence:
    """Facts that no rule of judgement minds, but for those named."""
    return Evidence(
        texts=texts or {"Your order has shipped": 0},
        senders=senders or {SENDER: 0},
        owned_senders=frozenset(owned),
        to_send=to_send,
        quota=quota,
        used_today=used_today,
    )


def message_view(**members: Any) -> MessageView:
    """A delivered SMS as a store shows it, or one with other members."""
    delivered = MessageView(
        id="msg_1",
        position=0,
        to="+14155550100",
        text="We open at nine",
        media_url=None,
        sender=SENDER,
        kind=MessageKind.SMS,
        segments=1,
        status=MessageStatus.DELIVERED,
        reason=None,
        attempts=1,
        due_at=NOW,
        scheduled_at=None,
        sent_at=NOW + SECOND,
        final_at=NOW + 2 * SECOND,
        key=None,
        reference=None,
        error=None,
        carrier_id="c-1",
        country="US",
        line_type=None,
        network=None,
        duplicate_of=None,
    )
    return replace(delivered, **members)
