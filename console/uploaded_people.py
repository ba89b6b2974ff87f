"""People in a file or in a pasted list, read as the recipients of a campaign are."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from campaign.expanding import Member
from console import drafts, words
from console.draft_routes import country_of
from console.handling import Console
from console.sessions import Session
from console.uploads import Upload, read_upload
from spreadsheets.people import TO, Fault, find_columns, read_people
from spreadsheets.table import BadTable


@dataclass(frozen=True, slots=True)
class UploadedPeople:
    """The people of a list, and the faults of the rows that are left out."""

    name: str
    members: Sequence[Member]
    faults: Sequence[Fault]
    notes: Sequence[str] = ()

    @property
    def bad(self) -> int:
        """How many rows have a fault."""
        return len({fault.line for fault in self.faults})


async def read_people_form(
    console: Console, request: Request, session: Session
) -> tuple[dict[str, str], UploadedPeople | str]:
    """The fields of a form with a list, and its people; or why the list cannot be read.

    Raises as :meth:`console.handling.Console.checked` and ``read_upload`` do.
    """
    form = await read_upload(request)
    fields = console.checked(request, form.fields, session.id)
    try:
        return fields, await asyncio.to_thread(_read, form)
    except BadTable as bad:
        return fields, words.sentence(str(bad))


def _read(form: Upload) -> UploadedPeople:
    """The people of a form; raises BadTable."""
    pasted = form.fields.get("pasted", "")
    if not form.content and not pasted.strip():
        raise BadTable(words.NO_FILE)
    table = drafts.table_of(form.content, drafts.table_in_columns(pasted))
    column = " ".join(form.fields.get("column", "").split())
    columns = find_columns(table, (), {TO: column} if column else {})
    found = read_people(table, columns, country_of(form.fields) or None)
    members = [Member(one.number, one.fields) for one in found.people]
    return UploadedPeople(form.file_name or words.PASTED, members, found.faults, table.notes)
