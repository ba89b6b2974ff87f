"""What the workflow of a campaign is started with."""

from dataclasses import replace
from typing import Any

from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes

from activities.records import Verdict
from campaign.names import escape_markdown, one_line
from campaign.ports import PlanFacts
from campaign.settings import Settings
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from workflows import visibility
from workflows.records import CampaignInput, CampaignState
from workflows.steps import LAST_CHUNKS

SMALL_CAMPAIGN_MAX = 100


def campaign_input(
    view: CampaignView,
    settings: Settings,
    state: CampaignState | None = None,
    prepares: bool = False,
) -> CampaignInput:
    """The input of a campaign's workflow; with a ``state`` it goes on from there."""
    return CampaignInput(
        campaign_id=view.id,
        title=_title(view),
        total=_total(view),
        dialect=view.dialect,
        receipts_grace_seconds=settings.receipts_grace_seconds,
        chunks_at_once=settings.chunks_at_once,
        revision=LAST_CHUNKS,
        state=state,
        prepares=prepares,
    )


def revived_state(view: CampaignView, facts: PlanFacts) -> CampaignState:
    """The state of an open campaign whose workflow was lost: paused, and as the store has it.

    It is neither judged nor paid for again. It has begun when anything of it left or may have
    left, so that one of which nothing did may still get another start. The store says that it is
    paused before a workflow is started from this.
    """
    assert facts.paused_at is not None
    return replace(
        _admitted_state(view, facts),
        status=CampaignStatus.PAUSED,
        paused_at=facts.paused_at,
        waves=1 if facts.sent_any else 0,
        revived=True,
        # An order that is still to be carried out is signalled, and has to be new to the run.
        order=(view.ordered_at or 0) - (view.ordered is not None),
    )


def retried_state(view: CampaignView, facts: PlanFacts) -> CampaignState:
    """The state of a retried campaign: paid for, begun, and with messages to send at once."""
    return _admitted_state(view, facts)


def _admitted_state(view: CampaignView, facts: PlanFacts) -> CampaignState:
    return CampaignState(
        status=CampaignStatus.RUNNING,
        verdict=Verdict(admitted=True),
        first_due_at=facts.first_due_at,
        last_due_at=facts.last_due_at,
        pauses=facts.pauses,
        waves=1,
        tally=view.tally,
        order=view.ordered_at or 0,
    )


def start_options(view: CampaignView, settings: Settings) -> dict[str, Any]:
    """Task queue, priority, and what the Web UI shows and searches, as arguments of the client."""
    title = _title(view)
    attributes = {
        visibility.ACCOUNT: view.account_id,
        visibility.DIALECT: view.dialect,
        visibility.STATUS: view.status.value,
    }
    # A plugin's codec, which encrypts title and memo, cannot encrypt what is searched.
    if view.name and not settings.temporal_plugin:
        attributes[visibility.NAME] = one_line(view.name)
    return {
        "task_queue": settings.task_queue,
        "static_summary": f"{view.dialect} · {escape_markdown(title)}",
        "memo": {"title": title, "total": _total(view), "dialect": view.dialect},
        "search_attributes": TypedSearchAttributes(
            [SearchAttributePair(key, value) for key, value in attributes.items()]
        ),
        "priority": Priority(
            priority_key=2 if _total(view) <= SMALL_CAMPAIGN_MAX else 4,
            fairness_key=view.account_id,
        ),
    }


def _title(view: CampaignView) -> str:
    name = one_line(view.name or "") or view.dialect
    return f"{name} · {_total(view):,} recipients"


def _total(view: CampaignView) -> int:
    """How many recipients a campaign has, or is expected to have once it is prepared."""
    is_preparing = view.status is CampaignStatus.PREPARING
    return view.expected_total or view.total if is_preparing else view.total
