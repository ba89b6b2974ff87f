"""Content: every message has a text or media, and texts within the dialect's limit."""

from collections.abc import Iterator
from itertools import islice

from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.text import is_blank


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse messages of nothing visible and too long texts; the length is in code points."""
    yield from islice(_faults(composed), SHOWN_MAX)


def _faults(composed: ComposedCampaign) -> Iterator[Refusal]:
    longest = composed.draft.policy.text_length_max
    for message in composed.messages:
        place = f"recipients[{message.position}].text"
        length = composed.lengths.get(message.position, len(message.text))
        if message.media_url is None and is_blank(message.text):
            yield Refusal(
                RefusalCode.CONTENT_MISSING, "the message has neither text nor media", place
            )
        elif length > longest:
            yield Refusal(
                RefusalCode.CONTENT_TOO_LONG,
                f"the text has {length} characters, at most {longest} are allowed",
                place,
            )
