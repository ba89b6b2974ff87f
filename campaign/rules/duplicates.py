"""Duplicates: a number twice in one request is refused, skipped or allowed, by dialect."""

from collections.abc import Iterator, Sequence

from campaign.model import Candidate, Duplicates, Message
from campaign.refusals import Refusal, RefusalCode
from campaign.states import MessageStatus


def check(candidate: Candidate) -> Iterator[Refusal]:
    """Refuse repeated numbers where the policy says so (33024 of 001_e4b73310653b3e59.txt)."""
    if candidate.draft.policy.duplicates is not Duplicates.REFUSE:
        return
    repeats = [message.position for message in _repeats(candidate.messages)]
    if repeats:
        yield Refusal(
            RefusalCode.DUPLICATE_RECIPIENTS,
            "recipients must not contain duplicate phone numbers",
            f"recipients[{repeats[0]}].to",
            {"count": len(repeats)},
        )


def skip_repeats(messages: Sequence[Message]) -> None:
    """Mark all but the first message to each number as skipped."""
    for message in _repeats(messages):
        message.status = MessageStatus.SKIPPED
        message.reason = "duplicate"


def _repeats(messages: Sequence[Message]) -> Iterator[Message]:
    seen: set[str] = set()
    for message in messages:
        if message.to in seen:
            yield message
        seen.add(message.to)
