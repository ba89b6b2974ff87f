"""The numbers that are opted out: listed, taken from a file and given as one, and undone."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import account_words, drafts
from console.account_words import Question
from console.handling import PREFIX, Console, Leave, redirect
from console.people_words import number_path
from console.sessions import Session
from console.uploaded_people import UploadedPeople, read_people_form
from dialects.http.auth import Permission
from dialects.http.downloads import csv_download
from dialects.native.opt_outs import opt_outs_csv
from store.clock import wall_clock
from store.database.threads import read_in_thread

PAGE = 50
FAULTS_SHOWN = 300
FILE_SOURCE = "file"


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about opt-outs."""
    store = console.api.store
    opt_outs = store.opt_outs

    async def opt_outs_page(
        request: Request,
        session: Session,
        after: str = "",
        fault: str = "",
        uploaded: UploadedPeople | None = None,
        added: int = 0,
    ) -> Response:
        account_id = session.principal.account_id
        found = await read_in_thread(opt_outs.list, account_id, PAGE + 1, after or None)
        sender = await read_in_thread(drafts.default_sender, store, account_id)
        return console.page(
            request,
            "opt_outs.html",
            400 if fault else 200,
            opt_outs=found[:PAGE],
            following=found[PAGE - 1].number if len(found) > PAGE else None,
            is_first=not after,
            fault=fault,
            uploaded=uploaded,
            added=added,
            countries=drafts.countries(),
            country=drafts.likely_country(sender),
            FAULTS_SHOWN=FAULTS_SHOWN,
        )

    @router.get("/opt-outs")
    async def list_opt_outs(request: Request, after: str = "") -> Response:
        """A page of numbers in ascending order."""
        session = await console.enter(request, Permission.READ)
        return await opt_outs_page(request, session, after)

    @router.get("/opt-outs.csv")
    async def download(request: Request) -> Response:
        """All numbers with their evidence; the file can be read in again."""
        session = await console.enter(request, Permission.READ)
        return csv_download(opt_outs_csv(opt_outs, session.principal.account_id), "opt-outs")

    @router.post("/opt-outs")
    async def upload(request: Request) -> Response:
        """Opt out the numbers of a file or of what was pasted; a second run changes nothing."""
        session = await console.enter(request, Permission.CONTROL)
        _, read = await read_people_form(console, request, session)
        if isinstance(read, str):
            return await opt_outs_page(request, session, fault=read)
        numbers = [member.number for member in read.members]
        account_id = session.principal.account_id
        added = await asyncio.to_thread(
            opt_outs.add_all, account_id, numbers, FILE_SOURCE, wall_clock()
        )
        return await opt_outs_page(request, session, uploaded=read, added=added)

    @router.get("/opt-outs/undo")
    async def confirm_undo(request: Request, number: str = "") -> Response:
        """What undoing an opt-out means."""
        session = await console.enter(request, Permission.CONTROL)
        if not await read_in_thread(opt_outs.contains, session.principal.account_id, number):
            raise Leave(console.problem(request, 404, account_words.NOT_OPTED_OUT))
        ask = Question(
            f"Text {number} again?",
            (
                "Do this only if the person asked for it. Who is texted after a STOP may complain, "
                "and in many countries it is against the law.",
            ),
            "They asked for it: text them again",
            f"{PREFIX}/opt-outs/undo",
            number_path(number),
            {"number": number},
        )
        return console.page(request, "confirm.html", ask=ask)

    @router.post("/opt-outs/undo")
    async def undo(request: Request) -> Response:
        """Opt a number in again."""
        session, fields = await console.submitted(request, Permission.CONTROL)
        number = fields.get("number", "")
        await asyncio.to_thread(opt_outs.remove, session.principal.account_id, number)
        return redirect(number_path(number))
