"""Sender: every sender of a campaign is active and belongs to the account."""

from collections.abc import Iterator
from itertools import islice

from campaign.model import Evidence
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode


def check(evidence: Evidence) -> Iterator[Refusal]:
    """Refuse senders that the account does not own (33004)."""
    faults = (
        Refusal(
            RefusalCode.SENDER_NOT_OWNED,
            "the sender is not assigned to this account",
            f"recipients[{position}].sender",
        )
        for address, position in evidence.senders.items()
        if address not in evidence.owned_senders
    )
    yield from islice(faults, SHOWN_MAX)
