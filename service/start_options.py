"""What the workflow of a campaign is started with, and why it is not started once more."""

from typing import Any

from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes

from activities.records import Verdict
from campaign.ports import PlanFacts, Tally
from campaign.settings import Settings
from campaign.states import CampaignStatus
from store.campaigns.retry import Retried
from store.shared.views import CampaignView
from workflows import visibility
from workflows.records import CampaignInput, CampaignState
from workflows.steps import NAMED_STEPS

SMALL_CAMPAIGN_MAX = 100
# Why a campaign is not retried: the code and the sentence of the answer.
NOT_AGAIN = {
    Retried.RUNS: (
        "campaign_runs",
        "the campaign has not ended; messages that were put off come again by themselves",
    ),
    Retried.NOTHING: ("nothing_failed", "no message failed for a reason that may pass"),
}


def campaign_input(
    view: CampaignView, settings: Settings, state: CampaignState | None = None
) -> CampaignInput:
    """The order to run a campaign; ``state`` says where it stands when it was under way before."""
    return CampaignInput(
        campaign_id=view.id,
        title=_title(view),
        total=view.total,
        dialect=view.dialect,
        receipts_grace_seconds=settings.receipts_grace_seconds,
        chunks_at_once=settings.chunks_at_once,
        revision=NAMED_STEPS,
        state=state,
    )


def start_options(view: CampaignView, settings: Settings) -> dict[str, Any]:
    """Queue, priority, and what the Web UI shows and searches; in the words of the client."""
    title = _title(view)
    attributes = {
        visibility.ACCOUNT: view.account_id,
        visibility.DIALECT: view.dialect,
        visibility.STATUS: view.status.value,
    }
    return {
        "task_queue": settings.task_queue,
        "static_summary": f"{view.dialect} · {title}",
        "memo": {"title": title, "total": view.total, "dialect": view.dialect},
        "search_attributes": TypedSearchAttributes(
            [SearchAttributePair(key, value) for key, value in attributes.items()]
        ),
        "priority": Priority(
            priority_key=2 if view.total <= SMALL_CAMPAIGN_MAX else 4,
            fairness_key=view.account_id,
        ),
    }


def _title(view: CampaignView) -> str:
    return f"{view.name or view.dialect} · {view.total:,} recipients"


def carried_on(tally: Tally, facts: PlanFacts) -> CampaignState:
    """The state of a campaign that runs in the store and has no workflow."""
    return CampaignState(
        status=CampaignStatus.RUNNING,
        verdict=Verdict(admitted=True),
        first_due_at=facts.first_due_at,
        last_due_at=facts.last_due_at,
        pauses=facts.pauses,
        waves=1,
        tally=tally,
    )
