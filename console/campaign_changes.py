"""Changes of an open campaign: what would follow is shown before they apply."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.failures import InstantOutOfRange
from campaign.instants import Instant
from campaign.rates import RATE_MAX, RATE_MIN
from campaign.refusals import Refused
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from console import campaign_words, words
from console.handling import PREFIX, Console, redirect
from console.times import Unreadable, read_hours, read_local_time, read_number
from dialects.http.auth import Permission
from dialects.http.conditional import version_of
from service.changes import Change
from store.clock import wall_clock

# The states in which something of a campaign can change.
CHANGEABLE = (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED)
KEEP, NOW, AT = "keep", "now", "at"


@dataclass(frozen=True, slots=True)
class Preview:
    """A change that somebody wants, and when the campaign ends without and with it."""

    change: Change
    ends_at: Instant | None
    would_end_at: Instant | None


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes that change one campaign."""
    service = console.api.service

    async def campaign(request: Request, id: str) -> CampaignView:
        session = await console.enter(request, Permission.CONTROL, in_sandbox=True)
        return await console.own_campaign(request, session, id, Permission.CONTROL)

    def page(
        request: Request,
        view: CampaignView,
        fields: Mapping[str, str],
        fault: str | None = None,
        preview: Preview | None = None,
        status: int = 400,
    ) -> Response:
        return console.page(
            request,
            "change.html",
            status if fault else 200,
            view=view,
            fields={**fields_of(view), **fields},
            fault=fault,
            preview=preview,
            seen=version(view),
            has_begun=view.started_at is not None,
            is_changeable=view.status in CHANGEABLE and words.waiting(view.tally) > 0,
        )

    @router.get("/campaigns/{id}/change")
    async def show(request: Request, id: str) -> Response:
        """What can be changed of the campaign."""
        return page(request, await campaign(request, id), {})

    @router.post("/campaigns/{id}/change")
    async def change(request: Request, id: str) -> Response:
        """Show what would follow from a change; with ``apply``, make it.

        It is made only if the campaign is as the page showed it, so that of two people who change
        it at once the second is asked again.
        """
        session = await console.enter(request, Permission.CONTROL, in_sandbox=True)
        fields = await console.read_form(request, session.id)
        view = await console.own_campaign(request, session, id, Permission.CONTROL)
        if fields.pop("seen", "") != version(view):
            return page(request, view, {}, campaign_words.CHANGED_MEANWHILE, status=409)
        is_final = fields.pop("apply", "") == "yes"
        try:
            wanted = read_change(fields, view)
            if is_final:
                await service.change(view, wanted)
                return redirect(f"{PREFIX}/campaigns/{view.id}")
            preview = await preview_of(view, wanted)
        except Unreadable as fault:
            return page(request, view, fields, str(fault))
        except Refused as refused:
            faults = (campaign_words.change_fault(one) for one in refused.refusals)
            return page(request, view, fields, " ".join(faults))
        except InstantOutOfRange:
            return page(request, view, fields, words.BAD_TIME)
        return page(request, view, fields, preview=preview)

    async def preview_of(view: CampaignView, wanted: Change) -> Preview:
        preview = await service.preview_change(view, wanted)
        if preview.refusals:
            raise Refused(*preview.refusals)
        return Preview(wanted, await service.planned_end(view.id), preview.prospect.end)


def fields_of(view: CampaignView) -> dict[str, str]:
    """The fields of the form as the campaign stands."""
    return {
        "when": KEEP,
        "at": "",
        "zone": "UTC",
        "hours": f"{view.spread_hours:g}" if view.spread_hours else "",
        "rate": campaign_words.per_minute(view.facts.rate),
    }


def read_change(fields: Mapping[str, str], view: CampaignView) -> Change:
    """The change that a form asks for: what differs from the campaign; raises Unreadable."""
    shown = fields_of(view)
    start = hours = rate = None
    if fields.get("when") == NOW:
        start = wall_clock()
    elif fields.get("when") == AT:
        start = read_local_time(fields.get("at", ""), fields.get("zone", ""))
    if fields.get("hours", shown["hours"]).strip() != shown["hours"]:
        hours = read_hours(fields) or 0.0
    has_rate = fields.get("rate", shown["rate"]).strip() != shown["rate"]
    if has_rate:
        per_minute = read_number(fields["rate"], 60 * RATE_MAX, campaign_words.BAD_RATE)
        if per_minute is not None and per_minute / 60 < RATE_MIN:
            raise Unreadable(campaign_words.BAD_RATE)
        rate = None if per_minute is None else per_minute / 60
    if start is None and hours is None and not has_rate:
        raise Unreadable(campaign_words.NOTHING_CHANGED)
    return Change(start, hours, has_rate, rate)


def version(view: CampaignView) -> str:
    """What a form must send back, so that it changes nothing that its page did not show."""
    shown = (view.status, view.started_at, view.base_at, view.spread_hours, view.facts.rate)
    return version_of(repr(shown).encode())
