"""Characters: no controls, bidi overrides, private use or lone surrogates in a text."""

from collections.abc import Iterator
from itertools import islice

from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.text import bad_character


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse texts with invalid characters (33016)."""
    yield from islice(_faults(composed), SHOWN_MAX)


def _faults(composed: ComposedCampaign) -> Iterator[Refusal]:
    for message in composed.messages:
        character = bad_character(message.text)
        if character is not None:
            yield Refusal(
                RefusalCode.CHARACTERS_INVALID,
                f"the text has the character {character}, which is not allowed",
                f"recipients[{message.position}].text",
            )
