"""Keys: idempotency keys have 2-100 of the allowed characters, at both levels."""

from collections.abc import Iterator
from itertools import islice

from campaign.keys import is_valid_key
from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode

_WHAT = "must have 2 to 100 of the characters A-Z a-z 0-9 : @ - _ ) ("


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse invalid keys (000_28acbc3c0a0643f4.txt)."""
    key = composed.draft.key
    if key is not None and not is_valid_key(key):
        yield Refusal(RefusalCode.KEY_INVALID, _WHAT, "idempotencyKey")
    faults = (
        Refusal(RefusalCode.KEY_INVALID, _WHAT, f"recipients[{message.position}].idempotencyKey")
        for message in composed.messages
        if message.key is not None and not is_valid_key(message.key)
    )
    yield from islice(faults, SHOWN_MAX)
