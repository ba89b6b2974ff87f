"""Sending a campaign that was written: the check, the time, and the send itself."""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.forecast import Forecast
from campaign.ids import CAMPAIGN_PREFIX, ID_BYTES, make_id
from campaign.instants import Instant
from campaign.model import Draft
from campaign.refusals import Refused
from campaign.sending_windows import stored_window
from campaign.states import MessageStatus
from campaign.test_sends import TO_MAX
from campaign.views import CampaignView, MessageView
from console import charts, draft_members, drafts, people_words, words
from console.canary_form import DEFAULTS, read_canary
from console.draft_routes import enter_draft, fault_of
from console.handling import PREFIX, Console, Leave, new_once, once_of, redirect
from console.sessions import Session
from console.times import Unreadable, read_hours, read_local_time
from service.composition import CampaignComposer
from service.dry_run import DryRun
from service.test_sends import send_test
from spreadsheets.people import number_of
from store.campaigns.drafts import SavedDraft
from store.clock import wall_clock
from store.database.threads import read_in_thread
from store.store import Store


@dataclass(frozen=True, slots=True)
class Test:
    """The form for a test: the numbers in it, what is wrong with them, and what was sent."""

    numbers: str = ""
    fault: str | None = None
    sent: CampaignView | None = None
    messages: Sequence[MessageView] = ()


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about the last two steps of a new campaign."""
    store, service = console.api.store, console.api.service
    composer = CampaignComposer(store, console.api.settings)

    async def draft_to_send(
        request: Request, session: Session, draft: SavedDraft
    ) -> tuple[Draft, drafts.People]:
        """What would be sent; raises Leave to the step that is not done yet."""
        path = f"{PREFIX}/new/{draft.id}"
        if fault_of(draft) is not None:
            raise Leave(redirect(f"{path}/write"))
        people = await asyncio.to_thread(
            drafts.people_of, store, composer, draft, session.principal
        )
        if people is None or people.found is None or not people.found.recipients:
            raise Leave(redirect(f"{path}/recipients"))
        return await asyncio.to_thread(drafts.draft_of, people.found, session.principal), people

    async def preview_of(draft: Draft) -> tuple[DryRun | None, tuple[str, ...]]:
        """The dry run of a draft, and why it would be refused."""
        try:
            preview = await service.dry_run(draft)
        except Refused as refused:
            return None, tuple(dict.fromkeys(words.refused(refused.refusals).items))
        return preview, words.refused(preview.refusals).items

    async def check_page(
        request: Request, session: Session, draft: SavedDraft, test: Test
    ) -> Response:
        to_send, people = await draft_to_send(request, session, draft)
        preview, faults = await preview_of(to_send)
        is_good = preview is not None and preview.to_send > 0 and not faults
        if is_good and preview is not None:
            choices = {**draft.choices, "checked": preview.to_send}
            save = store.drafts.save
            if not await asyncio.to_thread(save, draft.id, wall_clock(), draft, choices=choices):
                # It was changed meanwhile: what was checked is not what would be sent.
                return redirect(f"{PREFIX}/new/{draft.id}/check")
        return console.page(
            request,
            "check.html",
            400 if test.fault else 200,
            draft=draft,
            people=people,
            preview=preview,
            curve=charts.curve(preview.forecast if preview else None),
            faults=faults,
            is_good=is_good,
            test=test,
            once=new_once(),
            TESTS_MAX=TO_MAX,
            MessageStatus=MessageStatus,
        )

    @router.get("/new/{id}/check")
    async def check(request: Request, id: str, test: str | None = None) -> Response:
        """What would be sent to whom, what it costs, and when it leaves; and what a test sent."""
        session, draft = await enter_draft(console, request, id)
        shown = Test()
        if test is not None:
            shown = await read_in_thread(_sent_test, store, test, session.principal.account_id)
        return await check_page(request, session, draft, shown)

    @router.post("/new/{id}/test")
    async def send_to_me(request: Request, id: str) -> Response:
        """Send what the first person would get to one's own numbers, once for each page."""
        session, draft = await enter_draft(console, request, id)
        fields = await console.read_form(request, session.id)
        written, once = fields.get("to", ""), once_of(fields)
        try:
            numbers = read_numbers(written, draft.choices.get("country") or None)
        except Unreadable as fault:
            return await check_page(request, session, draft, Test(written, str(fault)))
        to_send, _ = await draft_to_send(request, session, draft)
        key = f"{drafts.draft_key(draft.id)}:test:{once}"
        try:
            admission = await send_test(service, composer, to_send, 0, numbers, key)
        except Refused as refused:
            items = " ".join(words.refused(refused.refusals).items)
            return await check_page(request, session, draft, Test(written, items))
        return redirect(f"{PREFIX}/new/{draft.id}/check?test={admission.campaign.id}#test")

    def send_page(
        request: Request,
        draft: SavedDraft,
        fault: str | None = None,
        fields: Mapping[str, str] | None = None,
        forecast: Forecast | None = None,
    ) -> Response:
        window = draft_members.window_of(draft.choices)
        return console.page(
            request,
            "send.html",
            400 if fault else 200,
            forecast=forecast,
            curve=charts.curve(forecast),
            draft=draft,
            people=draft.choices["checked"],
            window=None if window is None else stored_window(window),
            fault=fault,
            fields=fields or DEFAULTS,
            TYPED_ABOVE=drafts.TYPED_ABOVE,
        )

    @router.get("/new/{id}/send")
    async def choose(request: Request, id: str) -> Response:
        """When to send, and the button that does it."""
        _, draft = await enter_draft(console, request, id)
        if "checked" not in draft.choices:
            return redirect(f"{PREFIX}/new/{draft.id}/check")
        return send_page(request, draft)

    @router.post("/new/{id}/send")
    async def send(request: Request, id: str) -> Response:
        """Send the campaign, once however often the button is pressed."""
        session, draft = await enter_draft(console, request, id)
        fields = await console.read_form(request, session.id)
        checked = draft.choices.get("checked")
        if checked is None:
            return redirect(f"{PREFIX}/new/{draft.id}/check")
        is_look = "look" in fields
        typed = fields.get("typed", "").strip().replace(",", "").replace(" ", "")
        if checked > drafts.TYPED_ABOVE and typed != str(checked) and not is_look:
            return send_page(request, draft, words.type_number(checked), fields)
        try:
            times, canary = read_times(fields), read_canary(fields)
        except Unreadable as fault:
            return send_page(request, draft, str(fault), fields)
        to_send, _ = await draft_to_send(request, session, draft)
        to_send = replace(to_send, scheduled_at=times[0], spread_hours=times[1], canary=canary)
        if is_look:
            preview, faults = await preview_of(to_send)
            forecast = preview.forecast if preview else None
            return send_page(request, draft, " ".join(faults) or None, fields, forecast)
        campaign_id = make_id(CAMPAIGN_PREFIX, secrets.token_bytes(ID_BYTES))
        if not await asyncio.to_thread(store.drafts.assign, id, campaign_id, wall_clock(), draft):
            # Another click was first, and is on its way, or the draft was changed meanwhile.
            session, draft = await enter_draft(console, request, id)
            return redirect(f"{PREFIX}/new/{draft.id}/send")
        try:
            admission = await service.admit(to_send, campaign_id=campaign_id)
        except Refused as refused:
            await asyncio.to_thread(store.drafts.release, id, campaign_id)
            items = " ".join(words.refused(refused.refusals).items)
            return send_page(request, draft, items, fields)
        await asyncio.to_thread(store.drafts.finish, id, admission.campaign.id)
        return redirect(f"{PREFIX}/campaigns/{admission.campaign.id}")


def read_numbers(written: str, country: str | None) -> list[str]:
    """The numbers of a form, one a line, as E.164; raises Unreadable.

    One without a country code is of ``country``, as in the list of recipients.
    """
    lines = [line.strip() for line in re.split(r"[\r\n,;]+", written) if line.strip()]
    numbers = [number_of(line, country) for line in lines]
    for line, number in zip(lines, numbers, strict=True):
        if number is None:
            raise Unreadable(people_words.no_number(line))
    found = list(dict.fromkeys(filter(None, numbers)))
    if not 1 <= len(found) <= TO_MAX:
        raise Unreadable(people_words.HOW_MANY_TESTS)
    return found


def _sent_test(store: Store, id: str, account_id: str) -> Test:
    """A test that was sent from the page; an empty form for anything else."""
    view = store.campaigns.get(id, account_id)
    if view is None or not view.is_test:
        return Test()
    messages = store.campaigns.messages(view.id, limit=TO_MAX)
    return Test("\n".join(one.to for one in messages), None, view, messages)


def read_times(fields: Mapping[str, str]) -> tuple[Instant | None, float]:
    """The start, None for now, and the hours of spread of a form; raises Unreadable."""
    start = None
    if fields.get("when") == "at":
        start = read_local_time(fields.get("at", ""), fields.get("zone", ""))
    return start, read_hours(fields) or 0.0
