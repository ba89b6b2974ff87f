"""What a run begins with: a plan just made, or a campaign that was under way before it."""

from dataclasses import asdict
from typing import Any

from activities.orders import Plan, TallyRecord, Verdict
from campaign.ports import PlanFacts, Tally
from campaign.states import CampaignStatus
from workflows.orders import CampaignState


def admitted(total: int, plan: Plan, verdict: Verdict) -> dict[str, Any]:
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


def carried_on(tally: Tally, facts: PlanFacts) -> CampaignState:
    """The state of a campaign that runs in the store and has no workflow.

    It is neither judged nor paid for again, and sends what is waiting.
    """
    return CampaignState(
        status=CampaignStatus.RUNNING,
        verdict=Verdict(admitted=True),
        first_due_at=facts.first_due_at,
        last_due_at=facts.last_due_at,
        pauses=facts.pauses,
        waves=1,  # One has left for certain, so it can have no other start.
        tally=TallyRecord(**asdict(tally)),
    )
