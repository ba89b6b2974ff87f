"""Writing a campaign: the list of drafts, the text, and the people."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.names import is_one_line
from campaign.sending_windows import Purpose
from campaign.states import CampaignStatus
from console import draft_members, drafts, words
from console.handling import PREFIX, Console, Leave, redirect
from console.sessions import Session
from console.times import Unreadable
from console.uploads import read_upload
from dialects.http.auth import Permission
from dialects.http.downloads import csv_download
from service.composition import CampaignComposer
from spreadsheets.table import BadTable
from store.campaigns.drafts import SavedDraft
from store.clock import wall_clock
from store.database.threads import read_in_thread

NAME_LENGTH_MAX, TEXT_LENGTH_MAX, LISTS_MAX = 200, 6_400, 500


async def enter_draft(console: Console, request: Request, id: str) -> tuple[Session, SavedDraft]:
    """The session and its draft; raises Leave, to the campaign of a draft that was sent."""
    session = await console.enter(request, Permission.SEND)
    account_id, key_id = session.principal.account_id, session.principal.key_id
    store = console.api.store
    draft = await read_in_thread(store.drafts.get, id, account_id, key_id)
    if draft is None:
        raise Leave(console.problem(request, 404, words.NO_DRAFT))
    if draft.campaign_id is None:
        return session, draft
    view = await read_in_thread(store.campaigns.get, draft.campaign_id, account_id)
    if view is not None and view.status is not CampaignStatus.REFUSED:
        raise Leave(redirect(f"{PREFIX}/campaigns/{view.id}"))
    # It was refused, or never got so far: it can be mended and sent.
    await asyncio.to_thread(store.drafts.release, id, draft.campaign_id)
    return await enter_draft(console, request, id)


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about the first two steps of a new campaign."""
    store = console.api.store
    composer = CampaignComposer(store, console.api.settings)

    @router.get("/new")
    async def list_drafts(request: Request) -> Response:
        """The drafts of the key, and the way to a new one."""
        session = await console.enter(request, Permission.SEND)
        principal = session.principal
        found = await read_in_thread(store.drafts.list, principal.account_id, principal.key_id)
        return console.page(request, "drafts.html", drafts=found)

    @router.post("/new")
    async def create(request: Request) -> Response:
        """Begin a draft."""
        session, _ = await console.submitted(request, Permission.SEND)
        principal = session.principal
        id = await asyncio.to_thread(
            store.drafts.create, principal.account_id, principal.key_id, wall_clock()
        )
        return redirect(f"{PREFIX}/new/{id}/write")

    @router.post("/new/{id}/discard")
    async def discard(request: Request, id: str) -> Response:
        """Remove a draft and its table."""
        session, draft = await enter_draft(console, request, id)
        await console.read_form(request, session.id)
        await asyncio.to_thread(store.drafts.discard, draft.id)
        return redirect(f"{PREFIX}/new")

    async def write_page(request: Request, draft: SavedDraft, fault: str | None = None) -> Response:
        senders = await read_in_thread(store.accounts.senders, draft.account_id)
        default, _ = await read_in_thread(store.accounts.timing, draft.account_id)
        names = drafts.field_names(draft)
        if list_id := draft.choices.get("list"):
            names = await read_in_thread(drafts.list_fields, store, list_id)
        return console.page(
            request,
            "write.html",
            400 if fault else 200,
            draft=draft,
            fault=fault,
            senders=[sender for sender in senders if sender.active],
            count=drafts.count(draft.text),
            fields=names,
            purpose=draft.choices.get("purpose") or default or Purpose.TRANSACTIONAL,
            DAY_NAMES=draft_members.DAY_NAMES,
        )

    @router.get("/new/{id}/write")
    async def write(request: Request, id: str) -> Response:
        """The sender and the text."""
        _, draft = await enter_draft(console, request, id)
        return await write_page(request, draft)

    @router.post("/new/{id}/write")
    async def save(request: Request, id: str) -> Response:
        """Save the text, and go on to the people; or count it, or make it plain, and stay."""
        session, draft = await enter_draft(console, request, id)
        fields = await console.read_form(request, session.id)
        text = fields.get("text", "")[:TEXT_LENGTH_MAX].replace("\r\n", "\n")
        if "plain" in fields:
            text = drafts.count(text).plain
        values: dict[str, Any] = {
            "name": fields.get("name", "").strip()[:NAME_LENGTH_MAX],
            "text": text,
            "sender": fields.get("sender", "")[:64],
            "choices": drafts.unchecked(draft.choices, **draft_members.read_choices(fields)),
        }
        await asyncio.to_thread(store.drafts.save, draft.id, wall_clock(), **values)
        if "plain" in fields or "count" in fields:
            return redirect(f"{PREFIX}/new/{draft.id}/write")
        _, draft = await enter_draft(console, request, id)
        if (fault := fault_of(draft)) is not None:
            return await write_page(request, draft, fault)
        return redirect(f"{PREFIX}/new/{draft.id}/recipients")

    @router.post("/new/{id}/count")
    async def count(request: Request, id: str) -> Response:
        """How long a text is, without saving it; the script asks while somebody writes."""
        session, _ = await enter_draft(console, request, id)
        fields = await console.read_form(request, session.id)
        return count_page(console, request, fields)

    async def people_page(
        request: Request, draft: SavedDraft, session: Session, fault: str | None = None
    ) -> Response:
        if fault_of(draft) is not None:
            return redirect(f"{PREFIX}/new/{draft.id}/write")
        people = await asyncio.to_thread(
            drafts.people_of, store, composer, draft, session.principal
        )
        lists = await read_in_thread(store.lists.list, draft.account_id, LISTS_MAX)
        list_id = draft.choices.get("list")
        # Without one it was removed, and another has to be chosen.
        chosen = await read_in_thread(store.lists.get, draft.account_id, list_id or "")
        sender = draft.sender or await read_in_thread(
            drafts.default_sender, store, draft.account_id
        )
        country = draft.choices.get("country")
        return console.page(
            request,
            "recipients.html",
            400 if fault else 200,
            draft=draft,
            people=None if list_id else people,
            chosen=chosen,
            lists=lists,
            fault=fault,
            countries=drafts.countries(),
            country=drafts.likely_country(sender) if country is None else country,
            FAULTS_SHOWN=drafts.FAULTS_SHOWN,
            PREVIEW_ROWS=drafts.PREVIEW_ROWS,
        )

    @router.get("/new/{id}/recipients")
    async def recipients(request: Request, id: str) -> Response:
        """The table of people, with every fault in it."""
        session, draft = await enter_draft(console, request, id)
        return await people_page(request, draft, session)

    @router.post("/new/{id}/recipients")
    async def upload(request: Request, id: str) -> Response:
        """Replace the table by a file, or by what was pasted."""
        session, draft = await enter_draft(console, request, id)
        form = await read_upload(request)
        fields = console.checked(request, form.fields, session.id)
        pasted = drafts.table_in_columns(fields.get("pasted", ""))
        if not form.content and not fields.get("pasted", "").strip():
            return await people_page(request, draft, session, words.NO_FILE)
        choices = drafts.unchecked(draft.choices, country=country_of(fields), column="", list="")
        try:
            table = await asyncio.to_thread(drafts.table_of, form.content, pasted)
        except BadTable as bad:
            return await people_page(request, draft, session, words.sentence(str(bad)))
        rows = await asyncio.to_thread(drafts.saved_rows, table, choices)
        header = drafts.saved_header(table, form.file_name or words.PASTED)
        await asyncio.to_thread(
            store.drafts.save_table, draft.id, header, rows, choices, wall_clock()
        )
        return redirect(f"{PREFIX}/new/{draft.id}/recipients")

    @router.post("/new/{id}/list")
    async def choose_list(request: Request, id: str) -> Response:
        """Send to a mailing list instead of a table."""
        session, draft = await enter_draft(console, request, id)
        fields = await console.read_form(request, session.id)
        chosen = await read_in_thread(store.lists.get, draft.account_id, fields.get("list", ""))
        if chosen is None:
            return await people_page(request, draft, session, words.NO_FILE)
        choices = drafts.unchecked(draft.choices, list=chosen.id)
        await asyncio.to_thread(store.drafts.save_table, draft.id, None, (), choices, wall_clock())
        return redirect(f"{PREFIX}/new/{draft.id}/recipients")

    @router.post("/new/{id}/columns")
    async def choose(request: Request, id: str) -> Response:
        """Say which column has the numbers, and of which country they are."""
        session, draft = await enter_draft(console, request, id)
        fields = await console.read_form(request, session.id)
        found = await read_in_thread(store.drafts.rows, draft.id)
        table = drafts.read_saved(draft, found)
        if table is None:
            return redirect(f"{PREFIX}/new/{draft.id}/recipients")
        column = fields.get("column", "")
        choices = drafts.unchecked(
            draft.choices,
            country=country_of(fields),
            column=column if column in table.header.cells else "",
        )
        rows = await asyncio.to_thread(drafts.saved_rows, table, choices)
        assert draft.header is not None
        await asyncio.to_thread(
            store.drafts.save_table, draft.id, draft.header, rows, choices, wall_clock()
        )
        return redirect(f"{PREFIX}/new/{draft.id}/recipients")

    @router.get("/new/{id}/rejects.csv")
    async def rejected(request: Request, id: str) -> Response:
        """The rows that would be left out, to mend them."""
        session, draft = await enter_draft(console, request, id)
        people = None
        if fault_of(draft) is None:
            people = await asyncio.to_thread(
                drafts.people_of, store, composer, draft, session.principal
            )
        if people is None:
            return redirect(f"{PREFIX}/new/{draft.id}/recipients")
        return csv_download([drafts.rejects(people)], "left-out")


def count_page(console: Console, request: Request, fields: dict[str, str]) -> Response:
    """How long the text of a form is, as the server counts it; not a whole page."""
    counted = drafts.count(fields.get("text", "")[:TEXT_LENGTH_MAX].replace("\r\n", "\n"))
    return console.page(request, "count.html", count=counted)


def fault_of(draft: SavedDraft) -> str | None:
    """What is wrong with the first step of a draft, or None."""
    if not is_one_line(draft.name):
        return words.BAD_NAME
    if not draft.text.strip():
        return words.NO_TEXT
    try:
        draft_members.members_of(draft)
    except Unreadable as fault:
        return str(fault)
    return None


def country_of(fields: dict[str, str]) -> str:
    """The country that was chosen in a form; empty for none."""
    country = fields.get("country", "")
    return country if country in drafts.countries() else ""
