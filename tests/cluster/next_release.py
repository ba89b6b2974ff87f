"""A made-up next release of Godwit, whose campaigns may take one more step, and how it is run.

Its workers know the step, and campaigns take it that its API starts: by their revision, so that
the workers of today never meet a campaign that took it.
"""

import sys
from datetime import timedelta
from unittest.mock import patch

from temporalio import workflow

import worker
from campaign.schedule import Wave
from service import start_options
from starter.__main__ import main as godwit
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignInput, CampaignResult
from workflows.steps import LAST_CHUNKS

NEXT_STEPS = LAST_CHUNKS + 1
NEW_STEP = "take the new step"


@workflow.defn(name="Campaign")
class NextCampaign(CampaignWorkflow):
    """Campaigns that take the new step before each wave."""

    @workflow.init
    def __init__(self, input: CampaignInput) -> None:
        super().__init__(input)

    @workflow.run
    async def run(self, input: CampaignInput) -> CampaignResult:
        """See the class."""
        return await super().run(input)

    async def _send_wave(self, wave: Wave) -> None:
        if self.revision >= NEXT_STEPS:
            await workflow.sleep(timedelta(milliseconds=50), summary=NEW_STEP)
        await super()._send_wave(wave)


def main() -> None:
    """Run ``api`` or ``worker`` of this release."""
    if sys.argv[1:] == ["worker"]:
        with patch.object(worker, "CampaignWorkflow", NextCampaign):
            worker.main()
    else:
        with patch.object(start_options, "LAST_CHUNKS", NEXT_STEPS):
            godwit()


if __name__ == "__main__":
    main()
