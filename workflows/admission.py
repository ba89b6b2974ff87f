"""What a run begins with: a plan just made, or a campaign that was under way before it."""

from collections.abc import Awaitable, Callable
from typing import Any

from activities.ledger import Ledger
from activities.planning import Planning
from activities.records import PlanCampaignResult, TallyRecord, Verdict
from activities.reporting import Reporting
from activities.vetting import Vetting
from campaign.states import CampaignStatus

# Runs an activity that asks for the campaign alone, under a label for the Web UI.
Book = Callable[[Any, str], Awaitable[Any]]


async def admission(book: Book, total: int) -> dict[str, Any]:
    """Judge, hold and plan a campaign; the changes of state that the verdict comes to."""
    verdict = await book(Vetting.vet, "judge by the rules")
    if verdict.admitted:
        verdict = await book(Ledger.hold_credits, "hold the price of everything")
    if not verdict.admitted:
        tally = await book(Reporting.count, "count")
        return {"verdict": verdict, "status": CampaignStatus.REFUSED, "tally": tally}
    plan = await book(Planning.plan, "fix when each message is due")
    if plan.withdrawn:
        verdict = Verdict(admitted=False, refusals=plan.withdrawn)
        return {"verdict": verdict, "status": CampaignStatus.REFUSED}
    return admitted(total, plan, verdict)


def admitted(total: int, plan: PlanCampaignResult, verdict: Verdict) -> dict[str, Any]:
    """The changes that an admission makes to the state."""
    tally = TallyRecord(
        total=total,
        queued=plan.to_send,
        skipped=total - plan.to_send - plan.failed,
        failed=plan.failed,
    )
    return {
        "verdict": verdict,
        "status": CampaignStatus.SCHEDULED,
        "first_due_at": plan.first_due_at,
        "last_due_at": plan.last_due_at,
        "pauses": plan.pauses,
        "tally": tally,
    }
