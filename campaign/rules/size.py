"""Size: the number of recipients of a request, within the dialect's bounds."""

from collections.abc import Iterator

from campaign.model import ComposedCampaign
from campaign.refusals import Refusal, RefusalCode


def check(composed: ComposedCampaign) -> Iterator[Refusal]:
    """Refuse fewer recipients than the policy's minimum, or more than its maximum."""
    policy, count = composed.draft.policy, len(composed.draft.recipients)
    bounds = {"count": count, "min": policy.recipients_min, "max": policy.recipients_max}
    if count < policy.recipients_min:
        yield Refusal(
            RefusalCode.TOO_FEW_RECIPIENTS,
            f"at least {policy.recipients_min} recipients are needed, there are {count}",
            "recipients",
            bounds,
        )
    if count > policy.recipients_max:
        yield Refusal(
            RefusalCode.TOO_MANY_RECIPIENTS,
            f"at most {policy.recipients_max} recipients are allowed, there are {count}",
            "recipients",
            bounds,
        )
