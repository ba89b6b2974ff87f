"""How a campaign is admitted: in one step, or in the three of earlier revisions."""

from collections.abc import Callable
from typing import Any, cast

from activities.admission import Admission
from activities.lifecycle import Lifecycle
from activities.options import preparing_options
from activities.preparing import Preparing
from activities.records import AdmitCampaignResult, CampaignRef, Verdict
from campaign.ports import Tally
from workflows.steps import NAMED_STEPS, Steps


async def prepare(steps: Steps, ref: CampaignRef) -> AdmitCampaignResult:
    """Write a large campaign page by page, and admit it; the verdict with counts and plan."""
    label = "write and validate in pages, hold credits, plan"
    step = cast(Callable[[Any, CampaignRef], AdmitCampaignResult], Preparing.prepare_campaign)
    return await steps.run_in_order(step, ref, label, preparing_options)


async def admit(steps: Steps, ref: CampaignRef, revision: int, total: int) -> AdmitCampaignResult:
    """Validate a campaign, hold its credits and plan it; the verdict with counts and plan."""
    if revision >= NAMED_STEPS:
        label = "validate, hold credits, plan"
        return await steps.run(Admission.admit_campaign, ref, label)
    verdict = await steps.run(Admission.validate_campaign, ref, "validate by the rules")
    if verdict.admitted:
        verdict = await steps.run(Admission.hold_credits, ref, "hold the credits")
    if not verdict.admitted:
        tally = await steps.run(Lifecycle.count_messages, ref, "count")
        return AdmitCampaignResult(verdict=verdict, tally=tally)
    plan = await steps.run(Admission.plan_campaign, ref, "fix when each message is due")
    if plan.withdrawn:
        refused = Verdict(admitted=False, refusals=plan.withdrawn)
        return AdmitCampaignResult(verdict=refused, tally=Tally(total=total))
    skipped = total - plan.to_send - plan.failed
    tally = Tally(total=total, queued=plan.to_send, skipped=skipped, failed=plan.failed)
    return AdmitCampaignResult(verdict=verdict, tally=tally, plan=plan)
