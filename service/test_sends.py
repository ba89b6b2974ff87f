"""Test sends: what one recipient would get, to one's own numbers, as a campaign of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from campaign.model import Draft
from campaign.test_sends import test_of
from service.campaigns import Admission, CampaignService
from service.composition import CampaignComposer


async def send_test(
    service: CampaignService,
    composer: CampaignComposer,
    draft: Draft,
    recipient: int,
    numbers: Sequence[str],
    key: str | None = None,
    payload_hash: str = "",
) -> Admission:
    """Send what recipient number ``recipient`` of a draft would get to ``numbers``, at once.

    ``key`` is the idempotency key of the test, ``payload_hash`` the hash of its request. The test
    is admitted, paid for and sent as any campaign; see :func:`campaign.test_sends.test_of`. Raises
    as :meth:`service.campaigns.CampaignService.admit` does.
    """
    expanded = await asyncio.to_thread(composer.expanded, draft)
    test = test_of(expanded, recipient, numbers)
    return await service.admit(
        replace(test, key=key, strict_key=draft.strict_key, payload_hash=payload_hash)
    )
