"""The page of one campaign: how it stands, why, to whom, and what can be done."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from campaign.activity import ActivityFilter, ActivityView
from campaign.model import RECIPIENTS_MAX
from campaign.rates import campaign_scope
from campaign.retry import may_pass
from campaign.states import CAMPAIGN_ENDS, CampaignStatus, MessageStatus
from campaign.views import CampaignView, MessageView
from console import charts, words
from console.campaign_changes import CHANGEABLE
from console.campaign_retry import failed_by_reason
from console.campaigns_routes import stop_of
from console.handling import PREFIX, Console, redirect
from console.numbers import typed_number
from dialects.http.auth import Permission
from dialects.http.downloads import csv_download
from dialects.native.campaign_events import event_of, open_stream
from dialects.native.campaign_routes import report_csv
from store.campaigns.message_search import MessageFilter
from store.database.threads import read_in_thread
from store.store import Store

PAGE, ACTIONS_MAX = 50, 20
Act = Callable[[CampaignView], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages the table shows: of a state, to a number, after a position."""

    status: str = ""
    number: str = ""
    after: int | None = None

    @property
    def is_set(self) -> bool:
        """True if it leaves messages out."""
        return bool(self.status or self.number)


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about one campaign."""
    store, service = console.api.store, console.api.service
    acts: Mapping[str, Act] = {
        "pause": service.pause,
        "resume": service.resume,
        "cancel": service.cancel,
    }

    @router.get("/campaigns/{id}")
    async def show(
        request: Request,
        id: str,
        status: str = "",
        number: str = "",
        after: Annotated[int | None, Query(ge=0, lt=RECIPIENTS_MAX)] = None,
    ) -> Response:
        """The campaign, with a page of its messages."""
        session = await console.enter(request, Permission.READ)
        view = await console.own_campaign(request, session, id)
        chosen = Filter(status, number.strip(), after)
        messages = await read_in_thread(_messages, store, view, chosen)
        return console.page(
            request,
            "campaign.html",
            view=view,
            stop=await read_in_thread(stop_of, store, view.account_id),
            chart=charts.chart(await read_in_thread(store.timelines.read, view.id)),
            retryable=_retryable(view),
            has_failed=bool(failed_by_reason(view)),
            activities=await read_in_thread(_activities, store, view),
            version=event_of(view)[0],
            chosen=chosen,
            messages=messages[:PAGE],
            following=messages[PAGE - 1].position if len(messages) > PAGE else None,
            is_open=view.status not in CAMPAIGN_ENDS,
            is_changeable=view.status in CHANGEABLE and words.waiting(view.tally) > 0,
            MessageStatus=MessageStatus,
            CampaignStatus=CampaignStatus,
        )

    @router.get("/campaigns/{id}/events")
    async def events(request: Request, id: str, seen: str | None = None) -> Response:
        """The changes of the campaign since the one ``seen``, at which the page loads itself again.

        429 if too many pages watch already: those load themselves again at intervals.
        """
        session = await console.enter(request, Permission.READ)
        view = await console.own_campaign(request, session, id)
        last = request.headers.get("last-event-id", seen)
        return open_stream(console.api, view, last) or Response(status_code=429)

    @router.get("/campaigns/{id}/messages.csv")
    async def export(request: Request, id: str) -> Response:
        """Every message of the campaign, as a file for a spreadsheet."""
        session = await console.enter(request, Permission.READ)
        view = await console.own_campaign(request, session, id)
        return csv_download(report_csv(store, view.id), f"messages-{view.id}")

    @router.get("/campaigns/{id}/cancel")
    async def confirm_cancel(request: Request, id: str) -> Response:
        """What a cancellation would give up."""
        session = await console.enter(request, Permission.CONTROL, in_sandbox=True)
        view = await console.own_campaign(request, session, id, Permission.CONTROL)
        return console.page(request, "cancel.html", view=view, left=words.waiting(view.tally))

    def offer(action: str, act: Act) -> None:
        @router.post(f"/campaigns/{{id}}/{action}")
        async def carry_out(request: Request, id: str) -> Response:
            """Pause, resume or cancel the campaign."""
            session, _ = await console.submitted(request, Permission.CONTROL, in_sandbox=True)
            view = await console.own_campaign(request, session, id, Permission.CONTROL)
            await act(view)
            return redirect(f"{PREFIX}/campaigns/{view.id}")

    for action, act in acts.items():
        offer(action, act)


def _activities(store: Store, view: CampaignView) -> Sequence[ActivityView]:
    """What was done to a campaign and to its rate, newest first."""
    found = [
        one
        for subject in (view.id, campaign_scope(view.id))
        for one in store.activities.list(
            view.account_id, ActivityFilter(subject=subject), ACTIONS_MAX
        )
    ]
    return sorted(found, key=lambda one: (one.at, one.id), reverse=True)[:ACTIONS_MAX]


def _retryable(view: CampaignView) -> int:
    """How many messages a retry would send again if nothing is chosen."""
    return sum(count for reason, count in failed_by_reason(view).items() if may_pass(reason))


def _messages(store: Store, view: CampaignView, chosen: Filter) -> Sequence[MessageView]:
    """One message more than a page of those that the filter lets through."""
    state = MessageStatus(chosen.status) if chosen.status in set(MessageStatus) else None
    if not chosen.number:
        return store.campaigns.messages(view.id, state, chosen.after, PAGE + 1)
    number = typed_number(store, view.account_id, chosen.number)
    if number is None:
        return []
    wanted = MessageFilter(to=number, campaign_id=view.id, status=state)
    found = store.message_log.search(wanted, view.account_id, PAGE + 1)
    return [one.message for one in found]
