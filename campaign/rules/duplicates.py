"""Duplicates: a repeated number is refused, skipped or allowed, by policy."""

from collections.abc import Callable, Hashable, Iterator, Sequence

from campaign.model import ComposedCampaign, Duplicates, Message
from campaign.refusals import Refusal, RefusalCode
from campaign.states import MessageStatus


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse repeated numbers if the policy does (33024 of 001_e4b73310653b3e59.txt)."""
    if composed.draft.policy.duplicates is not Duplicates.REFUSE:
        return
    repeats = [message.position for message in _repeats(composed.messages, _by_number)]
    if repeats:
        yield Refusal(
            RefusalCode.DUPLICATE_RECIPIENTS,
            "recipients must not contain duplicate phone numbers",
            f"recipients[{repeats[0]}].to",
            {"count": len(repeats)},
        )


def skip_repeats(messages: Sequence[Message], policy: Duplicates = Duplicates.SKIP) -> None:
    """Skip all but the first message to each number.

    Under ``SKIP_EQUAL`` only messages with the same number and reference are repeats.
    """
    identity = _by_number_and_reference if policy is Duplicates.SKIP_EQUAL else _by_number
    for message in _repeats(messages, identity):
        message.status = MessageStatus.SKIPPED
        message.reason = "duplicate"


def _by_number(message: Message) -> Hashable:
    return message.to


def _by_number_and_reference(message: Message) -> Hashable:
    return message.to, message.reference


def _repeats(
    messages: Sequence[Message], identity: Callable[[Message], Hashable]
) -> Iterator[Message]:
    seen: set[Hashable] = set()
    for message in messages:
        if identity(message) in seen:
            yield message
        seen.add(identity(message))
