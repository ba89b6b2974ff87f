"""Changes of an open campaign: what would follow is shown before they apply."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.failures import InstantOutOfRange
from campaign.instants import Instant
from campaign.refusals import Refused
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from console import campaign_words, draft_members, drafts, words
from console.change_forms import PLAN, SUBJECTS, TEXT, Changeable, fields_of, read_change
from console.draft_routes import TEXT_LENGTH_MAX, count_page
from console.handling import PREFIX, Console, redirect
from console.times import Unreadable
from dialects.http.auth import Permission
from service.changes import Change
from service.orders import StateConflict
from service.plan_previews import ChangePreview
from service.text_edits import NOTHING_UNSENT, TOO_OLD
from store.database.threads import read_in_thread

# The states in which something of a campaign can change.
CHANGEABLE = (CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED)
# Conflicts of the text alone: everything else of the campaign can still change.
TEXT_CONFLICTS = (TOO_OLD[0], NOTHING_UNSENT[0])


@dataclass(frozen=True, slots=True)
class Preview:
    """A change that somebody wants, what would follow, and when the campaign ends without it."""

    change: Change
    after: ChangePreview
    ends_at: Instant | None


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes that change one campaign."""
    store, service = console.api.store, console.api.service

    async def entered(request: Request, id: str) -> tuple[Changeable, dict[str, str]]:
        """The campaign, and the fields of a form; raises Leave unless both are right."""
        session = await console.enter(request, Permission.CONTROL, in_sandbox=True)
        is_form = request.method == "POST"
        fields = await console.read_form(request, session.id) if is_form else {}
        view = await console.own_campaign(request, session, id, Permission.CONTROL)
        template = await read_in_thread(store.text_edits.template, view.id)
        return Changeable(view, None if template is None else template.text), fields

    def page(
        request: Request,
        shown: Changeable,
        subject: str,
        fields: Mapping[str, str],
        fault: str | None = None,
        preview: Preview | None = None,
        status: int = 400,
    ) -> Response:
        view = shown.view
        fields = {**fields_of(shown, subject), **fields}
        return console.page(
            request,
            "change.html",
            status if fault else 200,
            view=view,
            text=shown.text,
            subject=subject,
            SUBJECTS=SUBJECTS,
            DAY_NAMES=draft_members.DAY_NAMES,
            TEXT_LENGTH_MAX=TEXT_LENGTH_MAX,
            fields=fields,
            count=drafts.count(fields["text"]) if subject == TEXT else None,
            fault=fault,
            preview=preview,
            seen=shown.version,
            has_begun=view.started_at is not None,
            is_changeable=view.status in CHANGEABLE and words.waiting(view.tally) > 0,
        )

    @router.get("/campaigns/{id}/change")
    async def show(request: Request, id: str, what: str = PLAN) -> Response:
        """What can be changed of the campaign: its plan, its text, or its limits."""
        shown, _ = await entered(request, id)
        return page(request, shown, what if what in SUBJECTS else PLAN, {})

    @router.post("/campaigns/{id}/count")
    async def count(request: Request, id: str) -> Response:
        """How long another text is; the script asks while somebody writes."""
        _, fields = await entered(request, id)
        return count_page(console, request, fields)

    @router.post("/campaigns/{id}/change")
    async def change(request: Request, id: str) -> Response:
        """Show what would follow from a change; with ``apply``, make it; with ``edit``, go back.

        It is made only if the campaign is as the page showed it, so that of two people who change
        it at once the second is asked again.
        """
        shown, fields = await entered(request, id)
        view, subject = shown.view, fields.pop("what", PLAN)
        if subject not in SUBJECTS:
            subject = PLAN
        if fields.pop("seen", "") != shown.version:
            return page(request, shown, subject, {}, campaign_words.CHANGED_MEANWHILE, status=409)
        is_final = fields.pop("apply", "") == "yes"
        if fields.pop("edit", ""):
            return page(request, shown, subject, fields)
        try:
            wanted = read_change(fields, shown, subject)
            if is_final:
                await service.change(view, wanted)
                return redirect(f"{PREFIX}/campaigns/{view.id}")
            preview = await preview_of(view, wanted)
        except Unreadable as fault:
            return page(request, shown, subject, fields, str(fault))
        except Refused as refused:
            faults = dict.fromkeys(map(campaign_words.change_fault, refused.refusals))
            return page(request, shown, subject, fields, " ".join(faults))
        except InstantOutOfRange:
            return page(request, shown, subject, fields, words.BAD_TIME)
        except StateConflict as conflict:
            if conflict.code not in TEXT_CONFLICTS:
                raise
            fault_of_text = words.CONFLICTS[conflict.code]
            return page(request, shown, subject, fields, fault_of_text, status=409)
        return page(request, shown, subject, fields, preview=preview)

    async def preview_of(view: CampaignView, wanted: Change) -> Preview:
        after = await service.preview_change(view, wanted)
        if after.refusals:
            raise Refused(*after.refusals)
        return Preview(wanted, after, await service.planned_end(view.id))
