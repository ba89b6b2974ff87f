"""Quota: the messages that an account may send on one UTC day."""

from collections.abc import Iterator

from campaign.model import Evidence
from campaign.refusals import Refusal, RefusalCode


def check(evidence: Evidence) -> Iterator[Refusal]:
    """Refuse campaigns above the quota (33012). Holding credits checks it again, atomically."""
    if evidence.quota is not None and evidence.used_today + evidence.to_send > evidence.quota:
        yield Refusal(RefusalCode.QUOTA_REACHED, "the daily messaging quota is reached")
