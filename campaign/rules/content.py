"""Content: every message has a text or media, and texts within the dialect's limit."""

from collections.abc import Iterator
from itertools import islice

from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse empty messages and too long texts; the length is in code points."""
    yield from islice(_faults(composed), SHOWN_MAX)


def _faults(composed: ComposedCampaign) -> Iterator[Refusal]:
    longest = composed.draft.policy.text_length_max
    for message in composed.messages:
        place = f"recipients[{message.position}].text"
        length = composed.lengths.get(message.position, len(message.text))
        if not message.text and message.media_url is None:
            yield Refusal(
                RefusalCode.CONTENT_MISSING, "the message has neither text nor media", place
            )
        elif length > longest:
            yield Refusal(
                RefusalCode.CONTENT_TOO_LONG,
                f"the text has {length} characters, at most {longest} are allowed",
                place,
            )
