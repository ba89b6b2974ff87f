"""Content: every message has a text or media, and no text is longer than the dialect allows."""

from collections.abc import Iterator
from itertools import islice

from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse empty messages and over-long texts; length is counted in code points."""
    yield from islice(_faults(composed), SHOWN_MAX)


def _faults(composed: ComposedCampaign) -> Iterator[Refusal]:
    longest = composed.draft.policy.text_length_max
    for message in composed.messages:
        place = f"recipients[{message.position}].text"
        if not message.text and message.media_url is None:
            yield Refusal(RefusalCode.CONTENT_MISSING, "neither text nor media", place)
        elif len(message.text) > longest:
            yield Refusal(
                RefusalCode.CONTENT_TOO_LONG,
                f"{len(message.text)} characters, at most {longest} are allowed",
                place,
            )
