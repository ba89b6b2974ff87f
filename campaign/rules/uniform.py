"""Uniform: SMS and MMS may be mixed, unless the account has chosen otherwise."""

from collections.abc import Iterator

from campaign.model import ComposedCampaign
from campaign.refusals import Refusal, RefusalCode


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse mixed kinds where the policy is uniform (seeds 000 and 001 disagree)."""
    if not composed.draft.policy.uniform:
        return
    kinds = {message.kind for message in composed.messages}
    if len(kinds) > 1:
        yield Refusal(
            RefusalCode.MIXED_KINDS,
            "this account sends SMS and MMS in separate batches: all recipients must have "
            "mediaUrl, or none",
            "recipients",
        )
