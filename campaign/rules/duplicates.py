"""Duplicates: a number twice in one request is refused, skipped or allowed, by dialect."""

from collections.abc import Callable, Hashable, Iterator, Sequence

from campaign.model import ComposedCampaign, Duplicates, Message
from campaign.refusals import Refusal, RefusalCode
from campaign.states import MessageStatus


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse repeated numbers where the policy says so (33024 of 001_e4b73310653b3e59.txt)."""
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
    """Mark all but the first message to each number as skipped.

    Under ``SKIP_EQUAL`` only those whose reference is the same too are repeats.
    """
    mark = _by_number_and_reference if policy is Duplicates.SKIP_EQUAL else _by_number
    for message in _repeats(messages, mark):
        message.status = MessageStatus.SKIPPED
        message.reason = "duplicate"


def _by_number(message: Message) -> Hashable:
    return message.to


def _by_number_and_reference(message: Message) -> Hashable:
    return message.to, message.reference


def _repeats(messages: Sequence[Message], mark: Callable[[Message], Hashable]) -> Iterator[Message]:
    seen: set[Hashable] = set()
    for message in messages:
        if mark(message) in seen:
            yield message
        seen.add(mark(message))
